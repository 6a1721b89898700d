"""Statistics of two-phase arrays, by which a microstructure is judged: periodic, batched, of phase 1.

Every function takes `x` (n, H, W): labels 0/1 of any dtype or, where the docstring says "soft fields", probabilities of
phase 1 (the other functions threshold them at 1/2). Results are float32 unless `x` is float64. Lengths are in pixels.
An array with another number of axes raises `ValueError`.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor


def volume_fraction(x: Tensor) -> Tensor:
    """Volume fraction of phase 1 (soft fields too, differentiable): p1 = mean of x over the pixels.

    Shape (n,), no unit; exact for labels up to 2^24 pixels.
    """
    return _real(x).mean((1, 2))


def s2_map(x: Tensor) -> Tensor:
    """Two-point correlation of phase 1 for every displacement (soft fields too, differentiable).

    S2(d) = mean over pixels q of x(q) x(q + d), periodic, by FFT.

    Returns:
        S2 (n, H, W), entry [0, 0] is d = 0, no unit.

    Reference:
        Torquato, Random Heterogeneous Materials (2002), section 2.2.
    """
    real = _real(x)
    spectrum = torch.fft.rfft2(real)
    power = spectrum.real.square() + spectrum.imag.square()
    return torch.fft.irfft2(power, s=real.shape[-2:]) / (real.shape[-1] * real.shape[-2])


def radial_bins(shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The annuli of `s2_radial`: true mean distance (m,) in px and number of displacements (m,) of each.

    Bin r holds the displacements whose shortest periodic length rounds to r, r = 0 .. min(H, W) // 2. The mean distance
    is not r: rounding puts the diagonal neighbours (sqrt 2) into bin 1, whose mean is 1.207.
    """
    distances, counts, _ = _annuli(shape)
    return distances.clone(), counts.clone()


def s2_radial(x: Tensor) -> Tensor:
    """Two-point correlation of phase 1 averaged over the annuli of `radial_bins` (soft fields too, differentiable).

    Returns:
        S2(r) (n, m), the mean of S2(d) over the displacements of bin r, at `radial_bins(shape)[0]` px; S2(0) = p1.
    """
    plane = s2_map(x)
    _, counts, index = _annuli((plane.shape[1], plane.shape[2]))
    sums = plane.new_zeros(len(counts) + 1, len(plane)).index_add(0, index.to(plane.device), plane.flatten(1).T)
    return sums[:-1].T / counts.to(plane)


def s2_axes(x: Tensor) -> tuple[Tensor, Tensor]:
    """Two-point correlation along x and along y (soft fields too), at 0, 1, 2, .. px.

    Returns:
        Curves (n, W//2 + 1) along x and (n, H//2 + 1) along y.
    """
    plane = s2_map(x)
    return plane[:, 0, : plane.shape[2] // 2 + 1], plane[:, : plane.shape[1] // 2 + 1, 0]


def specific_surface(x: Tensor) -> Tensor:
    """Interface length per area, shape (n,), in 1/px.

    s = (pi / 4) F with F = pixel faces between the phases per pixel, along x and y together. In the isotropic mean this
    is unbiased: a line meets an interface of density s in 2 s / pi points per length, whatever its direction (Cauchy,
    Crofton), and F counts the crossings of two such families. Counting faces alone overestimates the length of a disc
    by 4 / pi. s also equals -pi S2'(0) with the slope over one pixel along the axes. A straight interface along an axis
    gives pi / 4 of its length.

    Reference:
        Debye, Anderson and Brumberger (1957); Torquato (2002), eq. 2.38 in two dimensions.
    """
    bits = _bits(x)
    faces = _count(bits ^ bits.roll(-1, 1)) + _count(bits ^ bits.roll(-1, 2))
    return _per_pixel(faces, x) * (math.pi / 4)


def euler_number(x: Tensor) -> Tensor:
    """Euler characteristic of phase 1 per 10^4 pixels, shape (n,).

    chi = V - E + F on the torus, with V the pixels of phase 1, E its pairs of face neighbours, F its full 2x2 blocks:
    phase 1 is 4-connected, phase 0 8-connected. In a plane piece chi = components of phase 1 - holes in it.
    """
    bits = _bits(x)
    right = bits & bits.roll(-1, 2)
    down = bits & bits.roll(-1, 1)
    cells = _count(bits) - _count(right) - _count(down) + _count(right & right.roll(-1, 1))
    return _per_pixel(cells, x) * 1e4


def lineal_path(x: Tensor, phase: int = 1, longest: int = 32) -> Tensor:
    """Lineal-path function: probability that a segment lies wholly in `phase`.

    L(r) = fraction of pixels from which r + 1 consecutive pixels along an axis are all of the phase, mean over x and y;
    L(0) is the volume fraction of the phase.

    Args:
        x: labels (n, H, W).
        phase: 0 or 1.
        longest: longest segment in px.

    Returns:
        L (n, longest + 1) at r = 0 .. longest px.

    Reference:
        Lu and Torquato, Phys. Rev. A 45, 922 (1992).
    """
    return _per_pixel(_clear_segments(x, phase, longest), x) / 2


def chord_lengths(x: Tensor, phase: int = 1, longest: int = 64) -> Tensor:
    """Chord-length distribution of `phase` along x and y together.

    A chord is a maximal periodic run of the phase on a pixel row or column. Lines wholly of the phase have no ends and
    hold no chord. With L of `lineal_path`, chords of length l per pixel are L(l-1) - 2 L(l) + L(l+1).

    Args:
        x: labels (n, H, W).
        phase: 0 or 1.
        longest: length in px from which chords share the last entry.

    Returns:
        Shares (n, longest) of the lengths 1 .. longest px, summing to 1; 0 without any chord.

    Reference:
        Torquato (2002), section 2.5.
    """
    segments = _clear_segments(x, phase, longest)
    ends = segments[:, :-1] - segments[:, 1:]
    chords = torch.cat([ends[:, :-1] - ends[:, 1:], ends[:, -1:]], 1)
    return chords.to(_dtype(x)) / ends[:, :1].clamp(min=1)


def mean_chord(x: Tensor, phase: int = 1) -> Tensor:
    """Mean chord length of `phase` along x and y together, shape (n,), in px.

    It is the number of pixels of the phase on lines that hold a chord, over the number of chords. Without any chord it
    is 0 where the phase is absent, else max(H, W).
    """
    mask = _chosen(x, phase)
    inside, chords = (
        _count(a) + _count(b)
        for a, b in (
            (mask & ~mask.all(1, keepdim=True), mask & ~mask.all(2, keepdim=True)),
            (mask & ~mask.roll(1, 1), mask & ~mask.roll(1, 2)),
        )
    )
    endless = float(max(x.shape[1:])) * mask.any(2).any(1)
    return torch.where(chords > 0, inside / chords.clamp(min=1), endless).to(_dtype(x))


def characteristic_length(x: Tensor) -> Tensor:
    """Distance at which the autocovariance S2(r) - p1^2 first vanishes, shape (n,), in px (soft fields too).

    Interpolated linearly between the annuli of `radial_bins`; the largest distance where there is no zero, and for an
    array of one phase.
    """
    curve = s2_radial(x)
    p1 = volume_fraction(x)[:, None]
    covariance = torch.where(p1 * (1 - p1) > 0, curve - p1.square(), torch.ones_like(curve))
    distances = radial_bins((x.shape[1], x.shape[2]))[0].to(curve)
    below = covariance <= 0
    after = below.int().argmax(1).clamp(min=1)
    left, right = (covariance.gather(1, i[:, None])[:, 0] for i in (after - 1, after))
    crossing = distances[after - 1] + (distances[after] - distances[after - 1]) * left / (left - right).clamp(min=1e-30)
    return torch.where(below.any(1), crossing, distances[-1])


@lru_cache(maxsize=16)
@torch.inference_mode(False)  # kept for all callers: an inference tensor could not enter a gradient later
def _annuli(shape: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
    """Mean distance (m,) and count (m,) of the annuli, and the bin (H W,) of every displacement; bin m holds the
    rest.
    """
    rows, columns = (torch.minimum(torch.arange(s), s - torch.arange(s)).double() for s in shape)
    distance = torch.hypot(rows[:, None], columns[None]).flatten()
    last = min(shape) // 2
    index = distance.round().long().clamp(max=last + 1)
    counts = torch.bincount(index, minlength=last + 2)
    sums = torch.zeros(last + 2, dtype=torch.double).index_add(0, index, distance)
    return (sums / counts.clamp(min=1))[:-1].float(), counts[:-1], index


def _check(x: Tensor) -> None:
    """`ValueError` unless x is (n, H, W)."""
    if x.ndim != 3:
        raise ValueError(f"Arrays must have shape (n, H, W); got {tuple(x.shape)}. Add or drop an axis.")


def _dtype(x: Tensor) -> torch.dtype:
    """float64 stays, everything else becomes float32."""
    return torch.float64 if x.dtype == torch.float64 else torch.float32


def _real(x: Tensor) -> Tensor:
    """x as a floating array (n, H, W)."""
    _check(x)
    return x.to(_dtype(x))


def _bits(x: Tensor) -> Tensor:
    """Labels as booleans (n, H, W): True for phase 1."""
    _check(x)
    return x if x.dtype == torch.bool else x > 0.5 if x.is_floating_point() else x > 0


def _chosen(x: Tensor, phase: int) -> Tensor:
    """Mask of the pixels of `phase`.

    Raises:
        ValueError: the phase is neither 0 nor 1.
    """
    if phase not in (0, 1):
        raise ValueError(f"phase must be 0 or 1; got {phase!r}.")
    return _bits(x) if phase else ~_bits(x)


def _count(bits: Tensor) -> Tensor:
    """Number of True pixels of each array, shape (n,), exact."""
    return bits.flatten(1).sum(1, dtype=torch.int32)


def _per_pixel(counts: Tensor, x: Tensor) -> Tensor:
    """Counts (n,) divided by the number of pixels."""
    return counts.to(_dtype(x)) / (x.shape[1] * x.shape[2])


def _clear_segments(x: Tensor, phase: int, longest: int) -> Tensor:
    """Number of segments of r + 1 pixels along x or y that lie wholly in `phase`, int32 (n, longest + 1), exact."""
    mask = _chosen(x, phase)
    across, down, counts = mask, mask, [2 * _count(mask)]
    for r in range(1, longest + 1):
        across, down = across & mask.roll(-r, 2), down & mask.roll(-r, 1)
        counts.append(_count(across) + _count(down))
    return torch.stack(counts, 1)
