"""Periodic Voronoi tessellations: the start of grain growth and, with a greedy choice of orientations, a baseline."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from core.simulation import orientations
from core.types import Array

GRAINS = (32, 150)
"""Fewest and most grains of maps of `AREA` px; other sizes have the same densities."""
AREA = 128 * 128


def grain_number(rng: np.random.Generator, shape: tuple[int, int]) -> int:
    """Intended number of grains of a map: log-uniform in `GRAINS`, scaled by the map's area, at least one per
    orientation.
    """
    density = math.exp(rng.uniform(*np.log(GRAINS))) / AREA
    return max(round(density * shape[0] * shape[1]), orientations.COUNT)


def cells(points: Array, shape: tuple[int, int]) -> NDArray[np.intp]:
    """Index (H, W) of the nearest of the points (k, 2), in px as (y, x) from the first pixel's centre, periodic."""
    tree = cKDTree(np.mod(points, shape), boxsize=shape)
    pixels = np.indices(shape).reshape(2, -1).T
    return np.asarray(tree.query(pixels)[1], dtype=np.intp).reshape(shape)


def voronoi(fractions: Array, n: int, seed: int, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Maps of Voronoi cells at uniform points.

    Each cell gets the orientation that lacks most of its requested fraction, largest cells first. The number of grains
    is distributed as in `core.simulation.grains`.

    Args:
        fractions: requested fractions (n, 5).
        n: number of maps.
        seed: seed of the first map, consecutive for the others.
        shape: rows and columns.

    Returns:
        Maps uint8 (n, H, W).
    """
    out = np.empty((n, *shape), np.uint8)
    for i, target in enumerate(np.broadcast_to(np.asarray(fractions, dtype=np.float64), (n, orientations.COUNT))):
        rng = np.random.default_rng([seed + i, 3])
        ids = cells(rng.random((grain_number(rng, shape), 2)) * shape, shape)
        out[i] = orientations.greedy(np.bincount(ids.ravel()) / ids.size, target)[ids]
    return out
