"""What a large set of samples is: all that fixes every one of them, and how it is split into shards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from core.sampling.model import Model
from core.sampling.validation import brief, range_warning
from core.types import Array, Sample

BATCH, BATCH_PIXELS = 16, 2**15
"""Samples in one call on a CPU: at most `BATCH`, and no more than `BATCH_PIXELS` pixels, which fit its cache (one at
least)."""
PROBES = 256
"""Most samples of a sweep whose conditions are validated before anything is sampled."""


@dataclass(frozen=True)
class Sweep:
    """Values spread evenly over the samples of a set, from the first to the last."""

    low: float
    high: float

    def at(self, indices: Array, n: int) -> list[float]:
        """The values of samples `indices` of `n`."""
        return (self.low + (self.high - self.low) * indices / max(n - 1, 1)).tolist()


Setting = float | tuple[float, ...] | Sweep


@dataclass(frozen=True)
class Request:
    """A set of samples: all that fixes every one of them, whatever the split. `name` as in `core.load`.

    `off` names stages that are left out. `batch` samples are computed in one call (None: as many as are quick). On the
    same machine a sample does not depend on its neighbours in a call; between different batches the network rounds
    differently, and occasionally a pixel differs, a few where the refinement amplifies it."""

    name: str
    n: int
    seed: int = 0
    size: int | None = None
    project: bool = True
    conditions: Mapping[str, Setting] = field(default_factory=dict)
    latent: Mapping[str, Setting] = field(default_factory=dict)
    device: str = "cpu"
    batch: int | None = None
    off: tuple[str, ...] = ()
    """Stages that are switched off, such as `network`."""
    best_of: int = 1
    """Draws of each sample among which the best is kept."""

    def settings(self, indices: Array) -> tuple[dict[str, Any], dict[str, Any]]:
        """Conditions and latents of the samples `indices`: sweeps as lists, everything else as it is."""

        def at(v: Any) -> Any:
            return v.at(indices, self.n) if isinstance(v, Sweep) else v

        return {k: at(v) for k, v in self.conditions.items()}, {k: at(v) for k, v in self.latent.items()}

    def sample(self, model: Model, start: int, stop: int) -> Sample:
        """Samples start .. stop-1."""
        conditions, latent = self.settings(np.arange(start, stop))
        options: dict[str, Any] = {
            "n": stop - start,
            "first": start,
            "seed": self.seed,
            "project": self.project,
            "size": self.size,
        }
        options |= {"best_of": self.best_of}
        return model.sample(conditions, latent=latent, **options, **dict.fromkeys(self.off, False))


class Shard(NamedTuple):
    """Shard `k` of `m`, counted from 1: a run of consecutive samples."""

    k: int
    m: int

    def span(self, n: int) -> tuple[int, int]:
        """(first, last + 1) of the samples of this shard; `ValueError` for a shard that there is not."""
        if not 1 <= self.k <= self.m:
            raise ValueError(
                f"There is no shard {self.k}/{self.m}; allowed: 1/{self.m} to {self.m}/{self.m}, such as 3/16."
            )
        if n < self.m:
            raise ValueError(f"{n} samples cannot be split over {self.m} shards; use at most {n}.")
        return (self.k - 1) * n // self.m, self.k * n // self.m

    def file(self, out: Path) -> Path:
        """Where this shard of `out` is written: big.h5 itself when it is whole, else big.3of16.h5."""
        return out if self.m == 1 else out.with_name(f"{out.stem}.{self.k}of{self.m}{out.suffix}")


WHOLE = Shard(1, 1)


def validate(request: Request, model: Model) -> list[str]:
    """The warnings of a request; `ValueError` for whatever cannot be sampled. Of a sweep, `PROBES` values are looked
    at."""
    known = {q.name: q for q in model.conditions + model.latents}
    for name, value in (*request.conditions.items(), *request.latent.items()):
        if name in known and (known[name].kind == "scalar") == isinstance(value, tuple):
            wanted = (
                "one number, or a sweep low:high" if known[name].kind == "scalar" else f"{known[name].size} numbers"
            )
            raise ValueError(f"{name} must be {wanted}; got {brief(value)}.")
    if unknown := set(request.off) - set(model.stages):
        named, kept = ", ".join(sorted(unknown)), ", ".join(sorted(model.stages)) or "none"
        raise ValueError(f"{model.name} has no stage {named} to switch off. It has: {kept}.")
    model.refuse_best_of(request.best_of)
    at = np.unique(np.linspace(0, request.n - 1, min(request.n, PROBES)).astype(np.int64))
    conditions, latent = request.settings(at)
    requested, notes = model.reconcile_request(conditions, len(at))
    values = requested | model.request(latent, len(at), model.latents, fill=False)
    return [
        *notes,
        *(w for name, quantity in known.items() if name in values and (w := range_warning(quantity, values[name]))),
    ]
