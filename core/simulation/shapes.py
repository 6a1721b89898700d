"""Shapes on a plain background: exact rasters of two circles, or of a circle and a square, and their data source.

Coordinates are in px from the centre of the top left pixel, x to the right and y down: a frame of n pixels spans -.5 ..
n - .5. A pixel belongs to a shape when its centre lies in it. Shapes neither overlap nor leave the frame.

Reference:
    InvNet, section 4.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from core.types import Array, Source

Placed = list[tuple[Any, Any, Any]]
SLACK = 0.05
"""Tolerated overlap in px: the uncertainty of conditions measured on pixels."""


def placed(conditions: Mapping[str, Any]) -> Placed:
    """(x, y, area) of both shapes from their conditions, arrays or tensors of any shape.

    area = pi r^2 where a radius is requested.
    """

    def area(k: int) -> Any:
        return conditions[f"area{k}"] if f"area{k}" in conditions else math.pi * conditions[f"r{k}"] ** 2

    return [(conditions[f"x{k}"], conditions[f"y{k}"], area(k)) for k in (1, 2)]


def extent(area: Any, outline: str) -> Any:
    """Half the width in px of a shape with this area: its radius, or half its side."""
    return (area / math.pi) ** 0.5 if outline == "circle" else area**0.5 / 2


def paint(shapes: Placed, outlines: Sequence[str], shape: tuple[int, int]) -> Array:
    """Labels of shapes: 0 background, k where the k-th shape covers the pixel.

    Args:
        shapes: (x, y, area) of each shape, each (n,).
        outlines: "circle" or "square" for each shape.
        shape: rows and columns.

    Returns:
        Labels uint8 (n, H, W).
    """
    rows, columns = np.arange(shape[0])[None, :, None], np.arange(shape[1])[None, None]
    labels = np.zeros((len(np.atleast_1d(shapes[0][0])), *shape), np.uint8)
    for label, ((x, y, area), outline) in enumerate(zip(shapes, outlines, strict=True), 1):
        dx, dy = (at - np.reshape(c, (-1, 1, 1)).astype(np.float64) for at, c in ((columns, x), (rows, y)))
        half = np.reshape(extent(np.asarray(area, np.float64), outline), (-1, 1, 1)) + 1e-6
        inside = dx**2 + dy**2 <= half**2 if outline == "circle" else np.maximum(abs(dx), abs(dy)) <= half
        labels[inside] = label
    return labels


def overlap(shapes: Placed, outlines: Sequence[str]) -> Array:
    """Overlap in px (n,) of the first shape, a circle, with the second; negative values are the gap between them."""
    (x, y, area), (u, v, other) = (tuple(np.asarray(c, np.float64) for c in s) for s in shapes)
    radius, half, dx, dy = extent(area, "circle"), extent(other, outlines[1]), abs(x - u), abs(y - v)
    if outlines[1] == "circle":
        return radius + half - np.hypot(dx, dy)
    outside = np.hypot(np.maximum(dx - half, 0), np.maximum(dy - half, 0))
    return radius - outside - np.minimum(np.maximum(dx, dy) - half, 0)


def beyond(shapes: Placed, outlines: Sequence[str], shape: tuple[int, int]) -> Array:
    """Distance in px (2, n) by which each shape leaves the frame; negative values are its distance from the nearest
    side.
    """
    distances = []
    for (x, y, area), outline in zip(shapes, outlines, strict=True):
        half, (height, width) = extent(np.asarray(area, np.float64), outline), shape
        distances.append(half + np.max([-0.5 - x, x - width + 0.5, -0.5 - y, y - height + 0.5], 0))
    return np.asarray(distances)


def refusal(conditions: Mapping[str, Array], outlines: Sequence[str], shape: tuple[int, int]) -> str:
    """Sentence on why the requested shapes cannot be placed, with the pixels of overlap; empty where they can."""
    shapes = placed(conditions)
    into, out = overlap(shapes, outlines), beyond(shapes, outlines, shape)
    names = ["circle 1", "circle 2"] if outlines[1] == "circle" else ["the circle", "the square"]
    which = f" (request {int(into.argmax()) + 1} of {into.size})" if into.size > 1 else ""
    if into.max() > SLACK:
        return (
            f"{names[0].capitalize()} and {names[1]} overlap by {into.max():.1f} px{which}. Move them apart or "
            f"make one smaller."
        )
    if out.max() > SLACK:
        worst, where = np.unravel_index(out.argmax(), (2, into.size))
        which = f" (request {int(where) + 1} of {into.size})" if into.size > 1 else ""
        return (
            f"{names[worst].capitalize()} leaves the frame by {out.max():.1f} px{which}. Move it inwards or make "
            f"it smaller."
        )
    return ""


@dataclass(frozen=True)
class Shapes(Source):
    """Data source of two shapes with radii (or sides) and centres uniform in their ranges.

    By default radii, sides and centres are whole numbers; with `whole=False` they are real. Shapes that overlap or
    leave the frame are drawn again. A square with an even side is centred half a pixel further right and down.
    """

    outlines: tuple[str, str] = ("circle", "circle")
    radii: tuple[int, int] = (14, 32)
    sides: tuple[int, int] = (25, 56)
    centres: tuple[int, int] = (30, 96)
    whole: bool = True

    def parameters(self, seeds: Sequence[int], shape: tuple[int, int] = (128, 128)) -> Placed:
        """(x, y, area) of both shapes, each (n,), one draw per seed."""
        drawn = np.stack([self._one(int(seed), shape) for seed in seeds])
        return [(drawn[:, k, 0], drawn[:, k, 1], drawn[:, k, 2]) for k in (0, 1)]

    def draw(self, seeds: Sequence[int], shape: tuple[int, int]) -> Array:
        """See `core.types.Source`: uint8 labels."""
        return paint(self.parameters(seeds, shape), self.outlines, shape)

    def identity(self) -> dict[str, Any]:
        """See `core.types.Source`."""
        return {"name": "shapes", **{k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}}

    def _one(self, seed: int, shape: tuple[int, int]) -> Array:
        """(x, y, area) of both shapes (2, 3) for one seed.

        Raises:
            ValueError: the frame has no room for them.
        """
        rng = np.random.default_rng(seed)
        for _ in range(1000):
            drawn = np.array([self._shape(rng, outline) for outline in self.outlines])
            shapes = [(s[0], s[1], s[2]) for s in drawn]
            if overlap(shapes, self.outlines) <= 0 and beyond(shapes, self.outlines, shape).max() <= 0:
                return drawn
        raise ValueError(
            f"Two shapes of {self.radii} px around {self.centres} px do not fit into {shape[0]} x {shape[1]} pixels."
        )

    def _shape(self, rng: np.random.Generator, outline: str) -> tuple[float, float, float]:
        """(x, y, area) of one shape."""
        low, high = self.radii if outline == "circle" else self.sides
        if not self.whole:
            size, x, y = rng.uniform(low, high), *rng.uniform(*self.centres, 2)
            return x, y, math.pi * size**2 if outline == "circle" else size**2
        size, (x, y) = int(rng.integers(low, high + 1)), rng.integers(self.centres[0], self.centres[1] + 1, 2)
        shift = 0.0 if outline == "circle" or size % 2 else 0.5
        return x + shift, y + shift, math.pi * size**2 if outline == "circle" else float(size**2)
