"""Periodic Voronoi tessellations: where grain growth starts, and, with a greedy choice of orientations, the rival of
grown maps."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from core.simulation import orientations
from core.types import Array

GRAINS = (32, 150)
"""Fewest and most grains that maps of `AREA` px aim at; other sizes have the same densities."""
AREA = 128 * 128


def grain_number(rng: np.random.Generator, shape: tuple[int, int]) -> int:
    """How many grains a map should have: log-uniform in `GRAINS`, scaled by the map's area, at least one per
    orientation."""
    density = math.exp(rng.uniform(*np.log(GRAINS))) / AREA
    return max(round(density * shape[0] * shape[1]), orientations.COUNT)


def cells(points: Array, shape: tuple[int, int]) -> NDArray[np.intp]:
    """Index (H, W) of the nearest of the points (k, 2), in pixels as (y, x) from the first pixel's centre, periodic."""
    tree = cKDTree(np.mod(points, shape), boxsize=shape)
    pixels = np.indices(shape).reshape(2, -1).T
    return np.asarray(tree.query(pixels)[1], dtype=np.intp).reshape(shape)


def voronoi(fractions: Array, n: int, seed: int, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """n maps, uint8 (n, H, W), of Voronoi cells at uniform points, each given to the orientation that lacks most of its
    requested fraction (n, 5), largest first. The number of grains is distributed as in `core.simulation.grains`."""
    out = np.empty((n, *shape), np.uint8)
    for i, wanted in enumerate(np.broadcast_to(np.asarray(fractions, dtype=np.float64), (n, orientations.COUNT))):
        rng = np.random.default_rng([seed + i, 3])
        ids = cells(rng.random((grain_number(rng, shape), 2)) * shape, shape)
        out[i] = orientations.greedy(np.bincount(ids.ravel()) / ids.size, wanted)[ids]
    return out
