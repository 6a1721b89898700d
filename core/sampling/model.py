"""From (checkpoint, conditions, seeds) to a Sample: a pure function, the same arrays whatever the batch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core import checkpoint as checkpoints
from core import discovery, folders, sampling
from core.fields import as_soft, harden, soft_field
from core.keys import key
from core.sampling.validation import outside, validate
from core.training.game import misfit
from core.types import Array, Conditions, Field, Invariance, Problem, Quantity, Sample

CHUNK = {"cpu": 1, "cuda": 64}
"""Samples per network call, padded to exactly this: a sample never depends on how many are asked for."""
MOST_TRIED = 64
"""Most draws of a sample among which the best is taken."""


def spread(seed: int, index: int) -> float:
    """Uniform in 0..1, evenly over the indices of one seed (golden-ratio sequence from a keyed start): an ensemble's
    random latents cover the data's distribution with less noise than independent draws, at any n."""
    return (key(seed, "spread") / 2**63 + index * 0.6180339887498949) % 1.0


def measure(problem: Problem, soft: Tensor) -> dict[str, Array]:
    """Measured values of every condition that an invariance pins, by the condition's name, on a soft field."""
    pinned = [(i.pins, i) for i in problem.invariances]
    return {name: i.measure(soft).cpu().numpy() for name, i in pinned if name}


def position(problem: Problem, conditions: Sequence[Quantity], asked: Mapping[str, Array]) -> Array:
    """The position (n,) of requests: the problem's own measure, else the first condition."""
    return problem.requests.ordering.of(asked) if problem.requests.ordering else asked[conditions[0].name]


def representative(problem: Problem, conditions: Sequence[Quantity], place: float, n: int) -> dict[str, Array]:
    """The representative request at a position, n times."""
    one = problem.requests.ordering.at(place) if problem.requests.ordering else {conditions[0].name: np.asarray(place)}
    return {k: np.broadcast_to(v, (n, *np.shape(v))) for k, v in one.items()}


def places(problem: Problem, conditions: Sequence[Quantity]) -> tuple[float, float]:
    """The lowest and highest position that training saw."""
    if problem.requests.ordering:
        return problem.requests.ordering.low, problem.requests.ordering.high
    return conditions[0].trained or (conditions[0].low, conditions[0].high)


class Model:
    """A loaded checkpoint that samples. `conditions` and `latents` are the quantities a person can dial; `film` holds
    samples that were kept along its training, step -> uint8 (n, H, W, 1 or 3)."""

    def __init__(self, checkpoint: checkpoints.Checkpoint, device: str = "cpu") -> None:
        manifest = checkpoint.manifest
        self.problem, self.preset = discovery.split(f"{manifest['problem']}/{manifest['preset']}")
        self.name = f"{self.problem.name}/{self.preset.name}"
        self.manifest, self.digest, self.device = manifest, checkpoint.digest, device
        self.chunk = CHUNK[torch.device(device).type]

        def part(p: str) -> dict[str, Tensor]:
            return {k.removeprefix(p): v for k, v in checkpoint.tensors.items() if k.startswith(p)}

        weights = part("generator.")
        self.generator: Any = self.preset.generator()
        try:
            self.generator.load_state_dict(weights)
        except RuntimeError:
            raise ValueError(
                f"This checkpoint does not fit the networks of {self.name} as they are now. "
                f"Make it again: {folders.command('train')} {self.name}"
            ) from None
        self.generator.to(device=device, memory_format=torch.channels_last).eval().requires_grad_(False)  # type: ignore[call-overload]
        self.references = {k: v.numpy() for k, v in part("reference.").items()}
        self.film = {int(k): v.numpy() for k, v in part("film.").items()}

    @property
    def field(self) -> Field:
        """What one generated array is."""
        return self.problem.field

    @property
    def conditions(self) -> tuple[Quantity, ...]:
        """What can be asked for, in order."""
        return self.preset.conditions

    @property
    def latents(self) -> tuple[Quantity, ...]:
        """The latent directions a person can dial."""
        return self.preset.latents

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of what can be switched off: the stages of the generator, and the refinement."""
        flags: tuple[str, ...] = self.generator.stages
        return (*flags, "refine") if self.problem.projection.refine else flags

    def shape(self, size: int | None) -> tuple[int, int]:
        """(rows, columns) for a requested size; `ValueError` says which sizes work."""
        if size is None:
            return self.field.shape
        if not self.field.sizes and size != self.field.shape[0]:
            raise ValueError(f"size {size} is not available; {self.name} makes {self.field.shape[0]} pixels.")
        if not 0 < size <= 4096 or size % self.field.divisor:
            raise ValueError(f"size must be a multiple of {self.field.divisor} up to 4096; got {size}.")
        return (size, size)

    def request(
        self, conditions: Mapping[str, Any] | None, n: int, quantities: Sequence[Quantity], fill: bool
    ) -> dict[str, Array]:
        """Validated values by name, broadcast to n samples; `fill` adds the defaults of what is missing and not
        replaced."""
        given = dict(conditions or {})
        known = {q.name: q for q in quantities}
        for name in given:
            if name not in known:
                raise ValueError(f"{self.name} has no {name!r}. It has: {', '.join(known) or 'none'}.")
        replaced = {known[name].replaces: name for name in given if known[name].replaces}
        for name in replaced.keys() & given.keys():
            raise ValueError(f"{replaced[name]} takes the place of {name}; give one of the two, not both.")
        wanted = [q for q in quantities if q.name in given or (fill and not q.optional and q.name not in replaced)]
        return {q.name: validate(q, given.get(q.name, q.default), n) for q in wanted}

    def settled(self, conditions: Mapping[str, Any] | None, n: int) -> tuple[dict[str, Array], tuple[str, ...]]:
        """All conditions of n samples, made to agree, and a sentence for each change; `ValueError` for what the problem
        refuses."""
        asked = self.request(conditions, n, self.conditions, fill=True)
        notes: tuple[str, ...] = ()
        if self.problem.requests.reconcile:
            asked, notes = self.problem.requests.reconcile(asked, frozenset(conditions or {}))
        if self.problem.requests.infeasible and (why := self.problem.requests.infeasible(asked)):
            raise ValueError(why)
        return asked, notes

    def sample(
        self,
        conditions: Mapping[str, Any] | None = None,
        n: int = 1,
        seed: int = 0,
        project: bool = True,
        latent: Mapping[str, Any] | None = None,
        size: int | None = None,
        first: int = 0,
        best_of: int = 1,
        **stages: bool,
    ) -> Sample:
        """`n` samples at `conditions` (missing ones take their defaults); latents not given are drawn per sample.

        Sample i is a function of (checkpoint, conditions_i, latent_i, seed, i) alone, i = `first` .. `first + n - 1`
        (conditions and latents given for each sample are those of these n). `project=False` delivers the raw network's
        labels. `stages` switches parts off, e.g. `network=False`, or `refine=False` where the problem refines. Of
        `best_of` draws of each sample, the first as without it, that with the smallest L_I is taken, before any
        refinement: see `missed` and `Sample.tried`. Raises `ValueError` for a value of the wrong name, shape or range,
        a condition given together with what it replaces, or conditions that the problem refuses together."""
        if not 1 <= int(n) <= 1_000_000:
            raise ValueError(f"n must be 1 to 1000000; got {n}.")
        shape = self.shape(size)
        self.refuse_best_of(best_of)
        asked, notes = self.settled(conditions, n)
        dialled = self.request(latent, n, self.latents, fill=False)
        given = asked | dialled
        warnings = [outside(q, given[q.name]) for q in self.conditions + self.latents if q.name in given]
        chunk = self.chunk
        spans = [(i, min(i + chunk, n)) for i in range(0, n, chunk)]
        parts = [
            self._chunk(asked, dialled, seed, first, *span, chunk, shape, project, stages, best_of) for span in spans
        ]
        joined = {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}
        discrete = self.field.kind != "continuous"

        def pick(prefix: str) -> dict[str, Array]:
            return {k.removeprefix(prefix): v for k, v in joined.items() if k.startswith(prefix)}

        return Sample(
            labels=joined["delivered"] if discrete else None,
            field=None if discrete else joined["delivered"],
            soft=joined["soft"],
            requested=asked | pick("implied."),
            measured=pick("measured."),
            raw=pick("raw."),
            latent=pick("latent."),
            seeds=np.full(n, seed, np.int64),
            warnings=(*notes, *(w for w in warnings if w)),
            coords=self.problem.frame.coords(shape) if self.problem.frame.coords else {},
            tried=joined.get("tried"),
        )

    @torch.inference_mode()
    def _chunk(
        self,
        asked: dict[str, Array],
        dialled: dict[str, Array],
        seed: int,
        first: int,
        start: int,
        stop: int,
        chunk: int,
        shape: tuple[int, int],
        project: bool,
        stages: Mapping[str, bool],
        best_of: int,
    ) -> dict[str, Array]:
        """Samples start..stop-1 of those from `first` on, computed in one padded call of exactly `chunk` samples."""
        index = [min(i, stop - 1) for i in range(start, start + chunk)]

        def tensors(values: Mapping[str, Array]) -> dict[str, Tensor]:
            return {k: torch.from_numpy(v[index]).to(self.device) for k, v in values.items()}

        conditions, dials, out = tensors(asked), tensors(dialled), dict[str, Array]()
        apply = self.problem.projection.apply
        implied = self.generator.implied(conditions)

        def cut(x: Tensor) -> Tensor:
            return harden(soft_field(x, self.field), self.field)

        def deliver(x: Tensor, z: Conditions) -> Tensor:
            return apply(x, {**z, **conditions}) if project and apply else cut(x)

        draws = [
            self._draw(conditions, dials, seed, [first + i for i in index], k, shape, stages) for k in range(best_of)
        ]
        logits, latent = draws[0]
        if best_of > 1:
            fields = [as_soft(deliver(*draw), self.field) for draw in draws]
            tried = torch.stack([self.missed(f, {**implied, **conditions}) for f in fields], 1)

            def best(parts: list[Tensor]) -> Tensor:
                return torch.stack(parts)[tried.argmin(1), torch.arange(len(tried))]

            logits, latent = best([x for x, _ in draws]), {k: best([z[k] for _, z in draws]) for k in latent}
            out["tried"] = tried.cpu().numpy()
        soft = soft_field(logits, self.field)
        hard, refine = (
            harden(soft, self.field),
            self.problem.projection.refine if project and stages.get("refine", True) else None,
        )
        delivered = deliver(refine(logits, {**implied, **conditions}) if refine else logits, latent)
        seen = self.problem.frame.to_lab or (lambda fields: fields)
        raw_seen = seen(hard)
        raw = measure(self.problem, as_soft(hard, self.field))
        out |= {f"raw.{k}": v for k, v in raw.items()}
        out |= {
            f"measured.{k}": v
            for k, v in (measure(self.problem, as_soft(delivered, self.field)) if project else raw).items()
        }
        out |= {
            f"{kind}.{k}": v.cpu().numpy()
            for kind, d in (("latent", latent), ("implied", implied))
            for k, v in d.items()
        }
        shown = soft if self.problem.frame.to_lab is None else raw_seen[:, None]
        out |= {"delivered": (seen(delivered) if project else raw_seen).cpu().numpy(), "soft": shown.cpu().numpy()}
        return {k: v[: stop - start] for k, v in out.items()}

    def _draw(
        self,
        conditions: Conditions,
        dials: Conditions,
        seed: int,
        index: Sequence[int],
        attempt: int,
        shape: tuple[int, int],
        stages: Mapping[str, bool],
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits and latents of the samples `index`; `attempt` counts the draws of each."""
        keys = [key(seed, i, attempt) if attempt else key(seed, i) for i in index]
        noise = {k: v.to(self.device) for k, v in self.generator.noise(keys, shape).items()}
        if "uniform" in noise:
            noise["uniform"] = torch.tensor([spread(seed, i) for i in index], device=self.device)
        latent = {**self.generator.draw_latent(noise, conditions), **dials}
        flags = {k: v for k, v in stages.items() if k != "refine"}
        return self.generator(noise, conditions, latent, **flags).float(), latent

    @property
    def pinned(self) -> tuple[Invariance, ...]:
        """The invariances whose value is a condition of this preset, those left out of its training (weight 0)
        aside."""
        weights, asked = self.preset.config.weights, {q.name for q in self.conditions}
        return tuple(i for i in self.problem.invariances if i.name in asked and weights.get(i.name, 1.0))

    def refuse_best_of(self, count: Any) -> None:
        """`ValueError` for a number of draws among which the best cannot be taken."""
        most = MOST_TRIED if self.pinned else 1
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or not 1 <= count <= most:
            alone = f"1: no condition of {self.name} is an invariance to choose by"
            raise ValueError(
                f"best_of must be {f'a whole number from 1 to {most}' if self.pinned else alone}; got {count!r}."
            )

    def missed(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """L_I = sum_i w_i I_i of soft fields (B, C, H, W) over the `pinned` invariances, w_i as in training; (B,)."""
        return misfit(self.pinned, self.preset.config.weights, fields, conditions)

    def position(self, conditions: Mapping[str, Any] | None = None) -> float:
        """Where these conditions lie among all that can be asked; see `core.types.Position`."""
        return float(
            position(self.problem, self.conditions, self.request(conditions, 1, self.conditions, fill=True))[0]
        )

    def reference(self, conditions: Mapping[str, Any] | None = None) -> dict[str, tuple[Array, Array]]:
        """Descriptor name -> (mean, standard deviation) of the held-out data at these conditions, interpolated between
        the places (see `position`) that the checkpoint carries; empty when the problem has no data."""
        if "at" not in self.references or (
            self.conditions[0].kind != "scalar" and self.problem.requests.ordering is None
        ):
            return {}
        value, at = self.position(conditions), self.references["at"]
        place = float(np.clip(np.interp(value, at, np.arange(len(at))), 0, len(at) - 1))
        low = min(math.floor(place), len(at) - 2)

        def blend(table: Array) -> Array:
            return (low + 1 - place) * table[low] + (place - low) * table[low + 1]

        stems = [k.removesuffix(".mean") for k in self.references if k.endswith(".mean")]
        return {s: (blend(self.references[f"{s}.mean"]), blend(self.references[f"{s}.sd"])) for s in stems}


def path_of(name: str) -> Path:
    """Where the checkpoint of `problem/preset` (or the default of `problem`) lies."""
    problem, preset = discovery.split(name)
    return sampling.CHECKPOINTS / problem.name / f"{preset.name}.safetensors"


def load(name: str | Path, device: str = "cpu") -> Model:
    """See `core.load`."""
    path = Path(name) if isinstance(name, Path) or str(name).endswith(".safetensors") else path_of(str(name))
    if not path.exists():
        made = f"{path.parent.name}/{path.stem}"
        raise FileNotFoundError(
            f"There is no checkpoint {path.name} for {made} yet. Make one with: {folders.command('train')} {made}"
        )
    return Model(checkpoints.load(path), device)


def draw(problem: str | Problem, n: int, seed: int, size: int | None = None) -> Sample:
    """See `core.draw`; a `Problem` may have another source than the one of that name."""
    found = discovery.split(problem)[0] if isinstance(problem, str) else problem
    if found.source is None:
        raise ValueError(f"{found.name} is data-free: it has no data source to draw from.")
    if not 1 <= int(n) <= 1_000_000 or int(seed) < 0:
        raise ValueError(f"n must be at least 1 and seed at least 0; got n = {n}, seed = {seed}.")
    shape = (size, size) if size else found.field.shape
    array = found.source.draw(range(seed, seed + n), shape)
    soft = as_soft(torch.from_numpy(array), found.field)
    measured = measure(found, soft)
    names = {q.name for p in found.presets for q in p.conditions}
    known = found.source.known_conditions(range(seed, seed + n))
    discrete = found.field.kind != "continuous"
    return Sample(
        labels=array if discrete else None,
        field=None if discrete else array,
        soft=soft.numpy(),
        requested={k: v for k, v in (measured | known).items() if k in names},
        measured=measured,
        raw=measured,
        seeds=np.arange(seed, seed + n, dtype=np.int64),
    )
