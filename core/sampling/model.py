"""From (checkpoint, conditions, seeds) to a Sample: a pure function, the same arrays whatever the batch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core import discovery, folders
from core.fields import as_soft, harden, soft_field
from core.keys import key
from core.sampling.batch import CHUNK, BatchRequest, Draw, low_discrepancy, measure, select_best, spans
from core.sampling.positions import position
from core.sampling.validation import range_warning, validate
from core.training.game import invariance_loss
from core.types import Array, Checkpoint, Conditions, Field, Invariance, Quantity, Sample

MOST_TRIED = 64
"""Most draws of a sample among which the best is selected."""


class Model:
    """A loaded checkpoint that samples. `conditions` and `latents` are the quantities a person can dial; `film` holds
    samples that were kept along its training, step -> uint8 (n, H, W, 1 or 3)."""

    def __init__(self, checkpoint: Checkpoint, device: str = "cpu") -> None:
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

    def reconcile_request(
        self, conditions: Mapping[str, Any] | None, n: int
    ) -> tuple[dict[str, Array], tuple[str, ...]]:
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
        refinement: see `request_loss` and `Sample.tried`. Raises `ValueError` for a value of the wrong name, shape or
        range, a condition given together with what it replaces, or conditions that the problem refuses together."""
        if not 1 <= int(n) <= 1_000_000:
            raise ValueError(f"n must be 1 to 1000000; got {n}.")
        shape = self.shape(size)
        self.refuse_best_of(best_of)
        requested, notes = self.reconcile_request(conditions, n)
        latents = self.request(latent, n, self.latents, fill=False)
        values = requested | latents
        warnings = [range_warning(q, values[q.name]) for q in self.conditions + self.latents if q.name in values]
        options = {"seed": seed, "shape": shape, "project": project, "stages": stages, "best_of": best_of}
        with torch.inference_mode():
            parts = [
                self._sample_batch(self._batch(requested, latents, first, *span, options))
                for span in spans(n, self.chunk)
            ]
        joined = {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}
        discrete = self.field.kind != "continuous"

        def under(prefix: str) -> dict[str, Array]:
            return {k.removeprefix(prefix): v for k, v in joined.items() if k.startswith(prefix)}

        return Sample(
            labels=joined["delivered"] if discrete else None,
            field=None if discrete else joined["delivered"],
            soft=joined["soft"],
            requested=requested | under("implied."),
            measured=under("measured."),
            raw=under("raw."),
            latent=under("latent."),
            seeds=np.full(n, seed, np.int64),
            warnings=(*notes, *(w for w in warnings if w)),
            coords=self.problem.frame.coords(shape) if self.problem.frame.coords else {},
            tried=joined.get("tried"),
        )

    def _batch(
        self,
        requested: Mapping[str, Array],
        latents: Mapping[str, Array],
        first: int,
        start: int,
        stop: int,
        options: Mapping[str, Any],
    ) -> BatchRequest:
        """The request of samples start..stop-1 of those from `first` on, padded to exactly `chunk` samples."""
        rows = [min(i, stop - 1) for i in range(start, start + self.chunk)]

        def tensors(values: Mapping[str, Array]) -> dict[str, Tensor]:
            return {k: torch.from_numpy(v[rows]).to(self.device) for k, v in values.items()}

        conditions = tensors(requested)
        implied = self.generator.implied(conditions)
        indices = tuple(first + i for i in rows)
        return BatchRequest(conditions, tensors(latents), implied, indices, stop - start, **options)

    def _sample_batch(self, batch: BatchRequest) -> dict[str, Array]:
        """The arrays of one network call by name, such as `measured.volume_fraction`, without the padding."""
        draws = [self._draw(batch, attempt) for attempt in range(batch.best_of)]
        arrays: dict[str, Array] = {}
        draw = draws[0]
        if batch.best_of > 1:
            fields = [as_soft(self._deliver(batch, d.logits, d.latent), self.field) for d in draws]
            losses = torch.stack([self.request_loss(f, batch.targets) for f in fields], 1)
            draw = select_best(draws, losses)
            arrays["tried"] = losses.cpu().numpy()
        delivered = self._deliver(batch, self._refine(batch, draw.logits), draw.latent)
        arrays |= self._measure(batch, draw, delivered)
        return {k: v[: batch.count] for k, v in arrays.items()}

    def _draw(self, batch: BatchRequest, attempt: int) -> Draw:
        """Draw number `attempt` of every sample of a batch."""
        keys = [key(batch.seed, i, attempt) if attempt else key(batch.seed, i) for i in batch.indices]
        noise = {k: v.to(self.device) for k, v in self.generator.noise(keys, batch.shape).items()}
        if "uniform" in noise:
            uniform = [low_discrepancy(batch.seed, i) for i in batch.indices]
            noise["uniform"] = torch.tensor(uniform, device=self.device)
        latent = {**self.generator.draw_latent(noise, batch.conditions), **batch.latents}
        flags = {k: v for k, v in batch.stages.items() if k != "refine"}
        return Draw(self.generator(noise, batch.conditions, latent, **flags).float(), latent)

    def _refine(self, batch: BatchRequest, logits: Tensor) -> Tensor:
        """The logits after the problem's refinement, where there is one and it is switched on."""
        refine = self.problem.projection.refine if batch.project and batch.stages.get("refine", True) else None
        return refine(logits, batch.targets) if refine else logits

    def _deliver(self, batch: BatchRequest, logits: Tensor, latent: Conditions) -> Tensor:
        """The array (B, H, W) that logits become: projected, or the network's own labels or values."""
        apply = self.problem.projection.apply
        if batch.project and apply:
            return apply(logits, {**latent, **batch.conditions})
        return harden(soft_field(logits, self.field), self.field)

    def _measure(self, batch: BatchRequest, draw: Draw, delivered: Tensor) -> dict[str, Array]:
        """The arrays of a sample: measured values before and after the projection, latents, and both fields."""
        soft = soft_field(draw.logits, self.field)
        hard = harden(soft, self.field)
        to_lab = self.problem.frame.to_lab or (lambda fields: fields)
        raw_in_lab = to_lab(hard)
        raw = measure(self.problem, as_soft(hard, self.field))
        measured = measure(self.problem, as_soft(delivered, self.field)) if batch.project else raw
        soft_in_lab = soft if self.problem.frame.to_lab is None else raw_in_lab[:, None]
        return {
            **{f"raw.{k}": v for k, v in raw.items()},
            **{f"measured.{k}": v for k, v in measured.items()},
            **{f"latent.{k}": v.cpu().numpy() for k, v in draw.latent.items()},
            **{f"implied.{k}": v.cpu().numpy() for k, v in batch.implied.items()},
            "delivered": (to_lab(delivered) if batch.project else raw_in_lab).cpu().numpy(),
            "soft": soft_in_lab.cpu().numpy(),
        }

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

    def request_loss(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """L_I = sum_i w_i I_i of soft fields (B, C, H, W) over the `pinned` invariances, w_i as in training; (B,)."""
        return invariance_loss(self.pinned, self.preset.config.weights, fields, conditions)

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
