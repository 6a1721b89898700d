"""Measurements of one shape on its pixels: area, centre, moments, perimeter, circularity, components and kind."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from core.types import Array

KINDS = ("circle", "square", "neither")
REACH = 0.6
"""Largest distance of a shape from a kind's exact place in the plane of the two features; the kinds are 1.41 apart."""


@dataclass(frozen=True)
class Moments:
    """Moments of a mask; an empty mask has zeros.

    Attributes:
        area: A in px.
        x, y: centroid in px.
        spread: 2 pi I / A^2 with I the polar second moment; 1 for a disc, pi / 3 for a square.
        fourth: 60 |sum (dx + i dy)^4| / A^3; 0 for a disc, 1 for a square at any angle.
    """

    area: float
    x: float
    y: float
    spread: float
    fourth: float


def moments(mask: Array) -> Moments:
    """Moments of a mask (H, W); every pixel counts as a unit square, whose own second moment is 1/6."""
    rows, columns = np.nonzero(mask)
    area = len(rows)
    if not area:
        return Moments(0.0, 0.0, 0.0, 0.0, 0.0)
    offset = (columns - columns.mean()) + 1j * (rows - rows.mean())
    spread = 2 * math.pi * (np.sum(abs(offset) ** 2) + area / 6) / area**2
    fourth = 60 * abs(np.sum(offset**4)) / area**3
    return Moments(float(area), float(columns.mean()), float(rows.mean()), float(spread), float(fourth))


def perimeter(mask: Array) -> float:
    """Length of the outline of a mask in px, by the Cauchy-Crofton formula over 4 directions.

    Exact on average over all directions.
    """
    padded = np.pad(np.asarray(mask, bool), 1)

    def crossings(a: Array, b: Array) -> float:
        return float(np.count_nonzero(a != b))

    straight = crossings(padded[1:], padded[:-1]) + crossings(padded[:, 1:], padded[:, :-1])
    slanted = crossings(padded[1:, 1:], padded[:-1, :-1]) + crossings(padded[1:, :-1], padded[:-1, 1:])
    return math.pi / 8 * (straight + slanted / math.sqrt(2))


def circularity(mask: Array) -> float:
    """4 pi A / P^2: 1 for a disc, less for anything else; 0 for an empty mask."""
    length = perimeter(mask)
    return 4 * math.pi * float(np.count_nonzero(mask)) / length**2 if length else 0.0


def components(mask: Array) -> int:
    """Number of connected components of a mask, connected over edges, not corners."""
    return int(ndimage.label(mask)[1])


def kind(mask: Array) -> str:
    """Kind of shape by spread and fourth moment: `circle`, `square` (at any angle), or `neither` for what is far from
    both.
    """
    measured = moments(mask)
    if not measured.area:
        return "neither"
    squareness = (measured.spread - 1) / (math.pi / 3 - 1)
    distances = {
        "circle": math.hypot(squareness, measured.fourth),
        "square": math.hypot(squareness - 1, measured.fourth - 1),
    }
    nearest = min(distances, key=lambda name: distances[name])
    return nearest if distances[nearest] < REACH else "neither"
