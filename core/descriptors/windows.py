"""Statistics of a two-phase micrograph, a window of a larger structure: nothing is assumed to be periodic.

Every estimator takes one array (H, W) of phases, 0 or 1, counts what lies wholly inside and divides by the number of
possible positions. It is therefore unbiased for a stationary structure, whatever lies beyond the edges. Lengths are in
pixels. The periodic counterparts are in `core.descriptors.two_phase`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from core.types import Array

SMALLEST, LARGEST = 64, 2**22
"""Fewest pixels along a side and most pixels of a window."""
REACH = 320
"""Largest distance in px at which a correlation is measured."""
PART, PARTS = 64, 4
"""A window is divided into parts of at least PART px, at most PARTS along a side, to estimate the error of its mean."""


@dataclass(frozen=True)
class Statistics:
    """Statistics of a window.

    Attributes:
        p: volume fraction p1.
        at: mean distances (m,) in px.
        s2: two-point correlation (m,) at these distances.
        p_error: standard error of p1 over the parts of the window.
        s2_error: standard errors (m,) of S2 over the parts of the window.
        lineal_path: lineal-path function (k,) at 0, 1, 2, .. px.
        surface: interface length per area in 1/px.
        euler: Euler number per 10^4 px.
        length: first zero of S2 - p1^2 in px.
    """

    p: float
    at: Array
    s2: Array
    p_error: float
    s2_error: Array
    lineal_path: Array
    surface: float
    euler: float
    length: float


def statistics(phase: Array) -> Statistics:
    """All statistics of a window.

    Raises:
        ValueError: the window is too small, too large or of one phase.
    """
    rows, columns = phase.shape
    if min(rows, columns) < SMALLEST:
        raise ValueError(
            f"The window has {columns} x {rows} pixels; each side needs {SMALLEST} or more. Make it larger."
        )
    if rows * columns > LARGEST:
        raise ValueError(f"The window has {columns} x {rows} pixels; at most {LARGEST} are measured. Make it smaller.")
    p = float(phase.mean())
    if not 0 < p < 1:
        raise ValueError(
            f"The window is all of phase {p:.0f}: there is nothing to measure. Move the threshold or the window."
        )
    at, s2 = two_point(phase)
    p_error, s2_error = errors(phase, len(s2))
    lineal = lineal_path(phase, len(s2) - 1)
    return Statistics(
        p, at, s2, p_error, s2_error, lineal, specific_surface(phase), euler_number(phase), first_zero(at, s2, p)
    )


def pairs(phase: Array, reach: int) -> tuple[Array, Array]:
    """Numbers of pairs of pixels at each displacement: those with both ends in phase 1, and all.

    Exact: by FFT, padded so that nothing wraps around, rounded to the integer.

    Args:
        phase: phases (H, W).
        reach: largest displacement in px along each axis.

    Returns:
        Two arrays (2 reach + 1, reach + 1) for dy = -reach .. reach down and dx = 0 .. reach across.
    """
    rows, columns = phase.shape
    padded = [fft.next_fast_len(n + reach, real=True) for n in phase.shape]
    spectrum = fft.rfft2(phase.astype(np.float64), padded)
    both = fft.irfft2(spectrum.real**2 + spectrum.imag**2, padded)
    down, across = np.arange(-reach, reach + 1), np.arange(reach + 1)
    return np.rint(both[np.ix_(down, across)]), (rows - np.abs(down))[:, None] * (columns - across).astype(np.float64)


def two_point(phase: Array, reach: int | None = None) -> tuple[Array, Array]:
    """Two-point correlation averaged over annuli.

    S2(d) = pairs at displacement d that lie in phase 1 / all pairs at d; annulus r is the mean over the displacements
    whose length rounds to r, as in `core.descriptors.two_phase.radial_bins`.

    Args:
        phase: phases (H, W).
        reach: largest distance in px; half the window, at most `REACH`, by default.

    Returns:
        Mean distances (m,) in px and S2 (m,), m = reach + 1.
    """
    reach = min(min(phase.shape) // 2, REACH) if reach is None else reach
    inside, possible = pairs(phase, reach)
    length = np.hypot(np.arange(-reach, reach + 1)[:, None], np.arange(reach + 1))
    return annuli(length, inside / possible, reach, np.where(np.arange(reach + 1) > 0, 2.0, 1.0))


def annuli(length: Array, values: Array, reach: int, weights: Array | float = 1.0) -> tuple[Array, Array]:
    """Weighted means over the displacements whose length rounds to 0 .. reach.

    Args:
        length: lengths of the displacements in px.
        values: values at the displacements, of the same shape.
        reach: last annulus.
        weights: weights of the displacements.

    Returns:
        Mean lengths (reach + 1,) and mean values (reach + 1,).
    """
    index = np.rint(length).astype(int)
    within = index <= reach
    weight = np.broadcast_to(weights, length.shape)[within]
    sums = [
        np.bincount(index[within], weight * v, reach + 1)
        for v in (np.ones(within.sum()), length[within], values[within])
    ]
    return sums[1] / sums[0], sums[2] / sums[0]


def errors(phase: Array, bins: int) -> tuple[float, Array]:
    """Standard errors of p1 and of S2 (bins,): the deviation over the parts of the window / sqrt(number of parts).

    Beyond the distances that the parts cover, the last value is repeated.
    """
    n = int(np.clip(min(phase.shape) // PART, 2, PARTS))
    parts = [part for band in np.array_split(phase, n) for part in np.array_split(band, n, axis=1)]
    reach = min(bins, *(min(part.shape) for part in parts)) - 1
    curves = np.stack([two_point(part, reach)[1] for part in parts])
    spread = curves.std(0, ddof=1) / n
    return float(spread[0]), np.concatenate([spread, np.full(bins - len(spread), spread[-1])])


def lineal_path(phase: Array, longest: int) -> Array:
    """Lineal-path function of phase 1, (longest + 1,): share of segments of r + 1 px along x or y that lie wholly in
    it.

    Only segments that fit into the window are counted.

    Reference:
        Lu and Torquato, Phys. Rev. A 45, 922 (1992).
    """
    rows, columns = phase.shape
    shares = np.zeros(longest + 1)
    across = down = bits = phase.astype(bool)
    for r in range(min(longest, rows - 1, columns - 1) + 1):
        if r:
            across, down = across[:, :-1] & bits[:, r:], down[:-1] & bits[r:]
        clear = int(np.count_nonzero(across)) + int(np.count_nonzero(down))
        if not clear:
            break
        shares[r] = clear / (across.size + down.size)
    return shares


def specific_surface(phase: Array) -> float:
    """Interface length per area in 1/px: (pi / 4) (share of unlike neighbours along x + along y).

    See `core.descriptors.two_phase.specific_surface`.
    """
    return math.pi / 4 * float((phase[:, 1:] != phase[:, :-1]).mean() + (phase[1:] != phase[:-1]).mean())


def euler_number(phase: Array) -> float:
    """Euler characteristic of phase 1 per 10^4 px, 4-connected.

    Density of the pixels of phase 1, minus that of its pairs of face neighbours, plus that of its 2x2 blocks, each per
    possible position.
    """
    bits = phase.astype(bool)
    right, down = bits[:, 1:] & bits[:, :-1], bits[1:] & bits[:-1]
    return 1e4 * float(bits.mean() - right.mean() - down.mean() + (down[:, 1:] & down[:, :-1]).mean())


def first_zero(at: Array, s2: Array, p: float, share: float = 0.0) -> float:
    """Distance in px at which S2 - p^2 first falls to `share` of p (1 - p), by default to 0.

    Interpolated linearly between the distances; the largest distance where this never happens.
    """
    covariance = s2 - p * p - share * p * (1 - p)
    below = np.flatnonzero(covariance <= 0)
    if not len(below):
        return float(at[-1])
    after = max(int(below[0]), 1)
    left, right = covariance[after - 1], covariance[after]
    return float(at[after - 1] + (at[after] - at[after - 1]) * left / max(left - right, 1e-30))


def phases(values: Array, cut: float, bright: bool = True) -> NDArray[np.uint8]:
    """Phases uint8 from grey values: phase 1 above the threshold `cut` if `bright`, else at or below it."""
    return ((values > cut) == bright).astype(np.uint8)


def smoothed(values: Array, sigma: float) -> Array:
    """Grey values blurred by a Gaussian of `sigma` px to reduce noise; unchanged at 0."""
    return ndimage.gaussian_filter(values.astype(np.float32), sigma, mode="nearest") if sigma else values


def example(
    seed: int = 0, shape: tuple[int, int] = (384, 512), fraction: float = 0.42, radius: float = 7.0
) -> NDArray[np.uint8]:
    """A synthetic grey micrograph uint8 of overlapping bright discs: soft edges, uneven light, noise.

    Centres are a Poisson process, radii vary by a tenth; 1 - fraction = exp(-discs per area times pi radius^2).

    Args:
        seed: seed of the random numbers.
        shape: rows and columns.
        fraction: expected volume fraction of the discs.
        radius: mean radius in px.

    Reference:
        The Boolean model; Torquato (2002), chapter 5.
    """
    rng = np.random.default_rng(seed)
    margin = 2 * radius
    rows, columns = (n + 2 * margin for n in shape)
    count = rng.poisson(-math.log(1 - fraction) * rows * columns / (math.pi * radius**2))
    covered = np.zeros(shape, bool)
    y, x = np.ogrid[: shape[0], : shape[1]]
    radii = rng.normal(radius, radius / 10, count)
    for cy, cx, r in zip(rng.random(count) * rows, rng.random(count) * columns, radii, strict=True):
        top, left = (max(0, int(c - margin - r)) for c in (cy, cx))
        near = np.s_[top : top + int(2 * r) + 3, left : left + int(2 * r) + 3]
        covered[near] |= (y[near[0]] - cy + margin) ** 2 + (x[:, near[1]] - cx + margin) ** 2 <= r * r
    light = 8 * np.sin(y / shape[0] * 2) + 6 * np.cos(x / shape[1] * 3)
    grey = 78 + 96 * ndimage.gaussian_filter(covered.astype(float), 0.7) + light + rng.normal(0, 9, shape)
    return np.rint(grey).clip(0, 255).astype(np.uint8)
