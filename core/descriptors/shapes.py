"""What a shape is: area, centre, moments, perimeter, circularity, components and kind, measured on its pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from core.types import Array

KINDS = ("circle", "square", "neither")
REACH = 0.6
"""How far in the plane of the two features a shape may lie from a kind's exact place; the kinds are 1.41 apart."""


@dataclass(frozen=True)
class Moments:
    """Area A in px, centroid in px, `spread` = 2 pi I / A^2 with I the polar second moment (1: a disc, pi / 3: a
    square) and `fourth` = 60 |sum (dx + i dy)^4| / A^3 (0: a disc, 1: a square however it is turned). An empty mask has
    zeros."""

    area: float
    x: float
    y: float
    spread: float
    fourth: float


def moments(mask: Array) -> Moments:
    """Of a mask (H, W); every pixel counts as a unit square (whose own second moment is 1/6)."""
    rows, columns = np.nonzero(mask)
    area = len(rows)
    if not area:
        return Moments(0.0, 0.0, 0.0, 0.0, 0.0)
    offset = (columns - columns.mean()) + 1j * (rows - rows.mean())
    spread = 2 * math.pi * (np.sum(abs(offset) ** 2) + area / 6) / area**2
    fourth = 60 * abs(np.sum(offset**4)) / area**3
    return Moments(float(area), float(columns.mean()), float(rows.mean()), float(spread), float(fourth))


def perimeter(mask: Array) -> float:
    """Length of the outline in px by the Cauchy-Crofton formula over 4 directions: exact on average over all
    directions."""
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
    """Number of connected pieces (over edges, not corners)."""
    return int(ndimage.label(mask)[1])


def kind(mask: Array) -> str:
    """`circle` or `square` (turned or not) by spread and fourth moment, `neither` for what is far from both."""
    found = moments(mask)
    if not found.area:
        return "neither"
    across = (found.spread - 1) / (math.pi / 3 - 1)
    far = {"circle": math.hypot(across, found.fourth), "square": math.hypot(across - 1, found.fourth - 1)}
    nearest = min(far, key=lambda name: far[name])
    return nearest if far[nearest] < REACH else "neither"
