"""Connected pieces of label maps on the torus: what a grain is on a map of orientations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from core.types import Array

SPECK = 5
"""Fewest pixels of a grain; smaller pieces are speckle."""


def components(labels: Array) -> NDArray[np.int32]:
    """Number 0 .. N-1 of the connected piece of equal labels that each pixel of a periodic map (H, W) belongs to.

    4-connected, in every label alike: of two diagonal contacts that cross, both cannot connect.
    """
    pixels = np.arange(labels.size, dtype=np.int32).reshape(labels.shape)
    joined = [labels == np.roll(labels, -1, axis) for axis in (0, 1)]
    first = np.concatenate([pixels[same] for same in joined])
    second = np.concatenate([np.roll(pixels, -1, axis)[same] for axis, same in enumerate(joined)])
    graph = coo_matrix((np.ones(len(first), np.int8), (first, second)), (labels.size, labels.size))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int32).reshape(labels.shape)


def areas(labels: Array) -> NDArray[np.intp]:
    """Pixels of each connected piece of a map (H, W), speckle included, in the order of `components`."""
    return np.bincount(components(labels).ravel())
