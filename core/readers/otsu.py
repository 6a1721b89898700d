"""Otsu's threshold: from grey values to two phases."""

from __future__ import annotations

import numpy as np

from core.types import Array

LEVELS, EXACT = 256, 2**16
"""Bins of a histogram that is drawn, and most bins, one per whole number, of one in which a threshold is searched."""
TAIL = 0.5
"""Percentage of pixels at each end that may be hot (or dead) pixels."""
SAMPLE = 4_000_000
"""Most pixels of which percentiles are computed."""


def edges(low: float, high: float, whole: bool = False, most: int = LEVELS) -> Array:
    """Edges of the bins of a histogram of values low .. high.

    One bin per whole number if the values are `whole` and there are at most `most` of them, else `LEVELS` equal bins.
    """
    if whole and high - low < most:
        return np.arange(low - 0.5, high + 1)
    return np.linspace(low, max(high, np.nextafter(low, np.inf)), LEVELS + 1)


def histogram(values: Array, bins: Array) -> Array:
    """Number of values in each of these equal bins; int64."""
    return np.histogram(values, len(bins) - 1, (bins[0], bins[-1]))[0]


def threshold(counts: Array, bins: Array) -> float:
    """The threshold of a histogram with the greatest variance between the two classes, phase 1 above it.

    w0 w1 (m0 - m1)^2, w the shares and m the means of the classes; where several thresholds are equal (nothing lies
    between them), their middle.

    Reference:
        Otsu, IEEE Trans. SMC 9, 62 (1979).
    """
    centres, weight = (bins[1:] + bins[:-1]) / 2, counts.astype(np.float64)
    below, above = np.cumsum(weight)[:-1], weight.sum() - np.cumsum(weight)[:-1]
    sums = np.cumsum(weight * centres)
    gap = sums[:-1] / np.maximum(below, 1) - (sums[-1] - sums[:-1]) / np.maximum(above, 1)
    between = below * above * gap**2
    best = np.flatnonzero(between == between.max())
    return float(bins[1:-1][best].mean())


def span(values: Array) -> tuple[float, float]:
    """Lowest and highest value without hot and dead pixels.

    An end of the range is the percentile of `TAIL` where a value lies beyond it by more than the range of the others;
    otherwise, and of 8-bit values, it is the lowest or highest value.
    """
    low, high = float(values.min()), float(values.max())
    if values.dtype.itemsize == 1:
        return low, high
    flat = values.ravel()
    first, last = (float(q) for q in np.percentile(flat[:: 1 + flat.size // SAMPLE], (TAIL, 100 - TAIL)))
    width = last - first
    if width > 0:
        low = first if low < first - width else low
        high = last if high > last + width else high
    return low, high


def whole(values: Array) -> bool:
    """Whether all values are whole numbers."""
    return values.dtype.kind in "biu" or bool((values == np.rint(values)).all())


def otsu(values: Array) -> float:
    """Otsu's threshold of these values, exact for whole numbers of up to 16 bits.

    Raises:
        ValueError: the values are all the same.
    """
    low, high = float(values.min()), float(values.max())
    if not low < high:
        raise ValueError(
            f"All values are {low:g}: there are no two phases to distinguish. Choose another part of the picture."
        )
    bins = edges(low, high, whole(values), EXACT)
    return threshold(histogram(values, bins), bins)
