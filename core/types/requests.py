"""Requests: quantities, curves drawn by hand, fields, order of requests, handles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]
Conditions = Mapping[str, Tensor]
VERSION = "0.2.0"
HELD_OUT = 1_000_000_000
"""Seeds from here on are for held-out checks: no training ever draws them."""
FREE = -1.0
"""Value of a motif (H, W), otherwise in 0..1, on pixels that it does not constrain."""


@dataclass(frozen=True)
class Stroke:
    """How a curve condition that is not periodic is drawn by hand: on the chart of the measured curve of the same name,
    or as bars `below` the chart of another.

    `at` are the positions of its ordinates. Control points at `knots` have values v in `low..high`; with the fixed
    first value `start` at `at[0]` they are joined smoothly, and the condition is zero + height v, (zero, height) =
    `scale(values of needs)`."""

    at: tuple[float, ...]
    knots: tuple[float, ...]
    scale: Callable[..., tuple[float, float]]
    needs: tuple[str, ...] = ()
    low: float = -1.0
    high: float = 1.0
    start: float = 1.0
    below: str = ""


@dataclass(frozen=True)
class Quantity:
    """A quantity that can be set: a condition or a latent direction.

    `low..high` is the hard range (outside: `ValueError`); `trained` the range seen in training (outside: a warning).
    `kind` is `scalar`, `simplex` (`size` fractions that sum to 1) or `curve` (`size` ordinates). An `optional` one has
    no default: it is used only when it is set, and then instead of the quantity that it `replaces`; setting both is an
    error. `heights` (curves whose level does not matter): largest less smallest value seen in training (above: a
    warning, whatever `trained` says) and allowed (above: `ValueError`)."""

    name: str
    label: str
    symbol: str
    unit: str
    low: float
    high: float
    default: float | tuple[float, ...]
    help: str = ""
    kind: Literal["scalar", "simplex", "curve"] = "scalar"
    size: int = 1
    trained: tuple[float, float] | None = None
    step: float = 0.01
    optional: bool = False
    replaces: str = ""
    heights: tuple[float, float] | None = None
    stroke: Stroke | None = None
    """How a curve is drawn by hand where it is not periodic."""


@dataclass(frozen=True)
class Field:
    """The kind and shape of one generated array.

    `kind`: `binary` (one channel, probability of phase 1, labels 0/1), `categorical` (one channel per label) or
    `continuous` (real values in `low..high`). `shape` is the default (rows, columns); any size divisible by `divisor`
    works when `sizes` lists more than one.
    """

    kind: Literal["binary", "categorical", "continuous"]
    shape: tuple[int, int]
    labels: tuple[str, ...] = ()
    channels: int = 1
    low: float = 0.0
    high: float = 1.0
    periodic: bool = True
    mirrored: bool = True
    """Whether mirror images and the transpose of an array follow the same distribution; for digits they do not."""
    divisor: int = 8
    sizes: tuple[int, ...] = ()
    axes: tuple[str, str] = ("y", "x")
    unit: str = "px"
    ramp: Literal["magma", "grey"] = "magma"
    """Colour scale of continuous values."""
    gamma: float = 1.0
    """A continuous value x has the colour at ((x - low) / (high - low))^gamma of the ramp; below 1: sparse fields."""


@dataclass(frozen=True)
class Position:
    """A number that orders requests without a scalar condition: tables are split in thirds along it, and a checkpoint
    stores its references at values of it.

    `of(conditions)` is the position (n,) of requests, `at(value)` a representative request, in `low..high`.
    """

    label: str
    low: float
    high: float
    of: Callable[[Mapping[str, Array]], Array]
    at: Callable[[float], Mapping[str, Array]]


@dataclass(frozen=True)
class Handle:
    """A shape that can be dragged on the picture: the names of the conditions that hold its centre (px from the centre
    of the top left pixel) and its size, which is a `radius` (px) or an `area` (px), and how its requested outline is
    drawn."""

    label: str
    x: str
    y: str
    size: str
    measure: Literal["radius", "area"] = "radius"
    outline: Literal["circle", "square"] = "circle"
