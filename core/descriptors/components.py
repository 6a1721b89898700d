"""Connected components of label maps on the torus: the definition of a grain on an orientation map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from core.types import Array

SPECK = 5
"""Fewest pixels of a grain; smaller components are speckle."""


def components(labels: Array) -> NDArray[np.int32]:
    """Connected components of equal labels of a periodic map, 4-connected.

    All labels are 4-connected alike: of two diagonal contacts that cross, both cannot connect.

    Args:
        labels: label map (H, W).

    Returns:
        Number 0 .. N-1 of the component of each pixel, int32 (H, W).
    """
    pixels = np.arange(labels.size, dtype=np.int32).reshape(labels.shape)
    equal = [labels == np.roll(labels, -1, axis) for axis in (0, 1)]
    first = np.concatenate([pixels[same] for same in equal])
    second = np.concatenate([np.roll(pixels, -1, axis)[same] for axis, same in enumerate(equal)])
    graph = coo_matrix((np.ones(len(first), np.int8), (first, second)), (labels.size, labels.size))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int32).reshape(labels.shape)


def areas(labels: Array) -> NDArray[np.intp]:
    """Pixels of each connected component of a map (H, W), speckle included, in the order of `components`."""
    return np.bincount(components(labels).ravel())
