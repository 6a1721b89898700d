"""Results and their evaluation: samples, checkpoints, descriptors, baselines, rows, thresholds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from core.types.requests import Array


@dataclass(frozen=True)
class Sample:
    """A batch of generated (or drawn) arrays with requested and measured conditions.

    labels : uint8 (n, H, W) for discrete fields, else None.
    field : float32 (n, H, W) for continuous fields, else None.
    soft : float32 (n, C, H, W), probabilities before argmax or projection. requested, measured, raw : condition name ->
        array (n, ...): requested; measured on the delivered arrays; measured before projection.
    latent : latent name -> array (n,), the latent values used.
    coords : axis -> 1-D array in physical units, empty where pixels are the unit.
    tried : (n, best_of) L_I before refinement of the draws from which each sample was selected; None for one draw."""

    labels: NDArray[np.uint8] | None
    field: NDArray[np.float32] | None
    soft: NDArray[np.float32]
    requested: dict[str, Array]
    measured: dict[str, Array]
    raw: dict[str, Array]
    seeds: NDArray[np.int64]
    latent: dict[str, Array] = default(default_factory=dict)
    coords: dict[str, Array] = default(default_factory=dict)
    warnings: tuple[str, ...] = ()
    tried: Array | None = None

    @property
    def array(self) -> Array:
        """The delivered arrays (n, H, W): labels of discrete fields, else the field."""
        delivered = self.labels if self.labels is not None else self.field
        assert delivered is not None
        return delivered


@dataclass(frozen=True)
class Checkpoint:
    """Tensors plus a manifest (problem, preset, config, seeds, data digest, versions, metrics); `digest` covers
    both."""

    tensors: dict[str, Tensor]
    manifest: dict[str, Any]
    digest: str = ""


@dataclass(frozen=True)
class Descriptor:
    """A reported statistic of delivered arrays: `measure` maps labels or fields (n, H, W) to (n,) or a curve (n, m).

    `abscissa` gives the curve's positions for an array of the given shape (None for scalars); `live` curves are drawn
    while dragging, and every scalar that is not `slow`. Of a histogram, `samples` returns the values themselves, one
    row per array: ensembles are compared by the Wasserstein distance of the pooled values."""

    name: str
    label: str
    unit: str
    measure: Callable[[Tensor], Tensor]
    abscissa: Callable[[tuple[int, int]], Array] | None = None
    axis: str = ""
    """Title of a curve's positions, with their unit; empty: distances in the unit of the field."""
    live: bool = False
    help: str = ""
    slow: bool = False
    samples: Callable[[Tensor], Sequence[Array]] | None = None


@dataclass(frozen=True)
class Rival:
    """A baseline: an alternative to the network, `make(conditions, n, seed, shape) -> labels or fields (n, H, W)`.

    `role`: a `yardstick` is a converged numerical solution on the same cells, the scale for errors; `exact` is
    the reference itself, of interest for its time alone; a `single` one is slow or uses the whole request, and is
    compared sample by sample (`core.metrics.rivals`)."""

    name: str
    label: str
    make: Callable[[Mapping[str, Array], int, int, tuple[int, int]], Array]
    role: Literal["", "yardstick", "exact", "single"] = ""
    run: Callable[[Mapping[str, Array], int, tuple[int, int]], Iterator[tuple[float, Array]]] | None = None
    """The same step by step: (share done, labels so far (1, H, W)), the last one finished."""
    truth: bool = False
    """Whether it is a simulation of the whole request, the reference for the others."""


T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """A row of a table of quality: code and thresholds refer to its `id`; tables show its `label`.

    Traces and manifests hold values under the label; `former` are labels under which older files hold them."""

    id: str
    label: str
    former: tuple[str, ...] = ()

    def of(self, line: Mapping[str, T]) -> T | None:
        """The value of this row in a line of a file, by label; None where there is none."""
        return next((line[name] for name in (self.label, *self.former) if name in line), None)


@dataclass(frozen=True)
class Threshold:
    """Quality that a checkpoint must reach: the row of this id is at most, or at least, this value; `column` names
    the column where it is not the usual one."""

    row: str
    sign: Literal["<=", ">="]
    value: float
    column: str = ""

    @property
    def text(self) -> str:
        """The displayed text, such as `<= 0.01`."""
        return f"{self.sign} {self.value:g}"

    def met(self, value: float) -> bool:
        """Whether a measured value meets it; NaN does not."""
        return value <= self.value if self.sign == "<=" else value >= self.value
