"""Otsu's threshold: from grey values to two phases."""

from __future__ import annotations

import numpy as np

from core.types import Array

LEVELS = 256


def histogram(values: Array, low: float, high: float) -> Array:
    """How many of the values lie in each of `LEVELS` equal parts of low..high; int64 (LEVELS,)."""
    return np.histogram(values, LEVELS, (low, max(high, np.nextafter(low, np.inf))))[0]


def threshold(counts: Array, low: float, high: float) -> float:
    """The cut of a histogram over low..high with the greatest variance between the two classes, phase 1 above it.

    w0 w1 (m0 - m1)^2, w the shares and m the means of the classes; where several cuts are equal (nothing lies between them), their
    middle. Source: Otsu, IEEE Trans. SMC 9, 62 (1979).
    """
    edges = np.linspace(low, high, len(counts) + 1)
    centres, weight = (edges[1:] + edges[:-1]) / 2, counts.astype(np.float64)
    below, above = np.cumsum(weight)[:-1], weight.sum() - np.cumsum(weight)[:-1]
    sums = np.cumsum(weight * centres)
    gap = sums[:-1] / np.maximum(below, 1) - (sums[-1] - sums[:-1]) / np.maximum(above, 1)
    between = below * above * gap**2
    best = np.flatnonzero(between == between.max())
    return float(edges[1:-1][best].mean())


def otsu(values: Array) -> float:
    """Otsu's threshold of these values; `ValueError` where they are all the same."""
    low, high = float(values.min()), float(values.max())
    if not low < high:
        raise ValueError(f"All values are {low:g}: there are no two phases to tell apart. Choose another part of the picture.")
    return threshold(histogram(values, low, high), low, high)
