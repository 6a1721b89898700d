"""Refinement at inference: a delivered two-phase structure is moved to the requested two-point correlation.

    x = 1[f > c], c the cut that leaves the fraction;   S_r(x) = (1/N) sum_q x(q) (K_r * x)(q)
    K_r the mean over annulus r

Gauss-Newton on the field f with damping: where f is near its cut, at the interface, a change df flips w df pixels (w =
1[|f - c| < h] / 2h), so dS_r/df = J_r = 2 w (K_r * x) / N, minus its mean over the interface, since the cut moves
along. A step is the smooth field df = G J^T (J G J^T + damping)^-1 (S* - S), G a Gaussian: the interface moves by
fractions of a pixel, nothing else changes. The curve is that of the cut array itself, not of a soft one: the delivered
array converges. Pixel-swap annealing needs 1e5 swaps where this needs a few steps.

Reference:
    Levenberg (1944), Marquardt (1963); compared with Yeong and Torquato (1998).
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from core.invariances.two_point import TwoPointCorrelation
from core.projection import rank_threshold

STEPS = 24
"""Most steps; mean |S2 - S2*| at which a sample is accepted; share of the pixels that count as near the cut."""
TOLERANCE = 1e-4
INTERFACE = 0.25
"""Most steps; mean |S2 - S2*| at which a sample is left; share of the pixels that count as near the cut."""
SMOOTHING, REACH = 2.0, 4.0
"""Gaussian of a step in px; largest change of a step, in half widths h of the interface."""
DAMPING, LEAST, MOST = 1e-3, 1e-5, 1e4


def match_correlation(
    fields: Tensor,
    fraction: Tensor,
    curve: Tensor,
    weight: Tensor | None = None,
    steps: int = STEPS,
    tolerance: float = TOLERANCE,
) -> Tensor:
    """Fields whose cut has a requested two-point correlation.

    Each sample stops when the mean |S2 - S2*| over the bins is at most `tolerance`, when no damping improves it any
    more (a curve that no structure has, or none near this one), or after `steps`. The result is the best field, never
    worse than the start.

    Args:
        fields: fields (B, 1, H, W).
        fraction: volume fractions (B,) at which they are cut.
        curve: requested S2 (B, bins) at 0 .. bins - 1 px.
        weight: (B, bins); squares of the gap count by weight / mean weight.
        steps: most steps.
        tolerance: largest accepted error.

    Returns:
        Fields (B, 1, H, W).
    """
    scale = torch.ones_like(curve) if weight is None else (weight / weight.mean(1, keepdim=True)).sqrt()
    samples = zip(fields, fraction, curve, scale, strict=True)
    matched = [_match(f[0].float(), p, c, s, steps, tolerance) for f, p, c, s in samples]
    return torch.stack(matched)[:, None]


def _match(field: Tensor, fraction: Tensor, target: Tensor, scale: Tensor, steps: int, tolerance: float) -> Tensor:
    """One field (H, W); see `match_correlation`."""
    measure = TwoPointCorrelation(len(target))

    def cut(f: Tensor) -> Tensor:
        return rank_threshold(f[None, None], fraction[None])[0].to(f)

    def missing(x: Tensor) -> Tensor:
        return scale * (target - measure.measure(x[None, None])[0])

    labels = cut(field)
    gap, damping = missing(labels), DAMPING
    slopes = None
    for _ in range(steps):
        if float(gap.abs().mean()) <= tolerance or damping > MOST:
            break
        slopes = slopes or _slopes(field, labels, fraction, scale)
        trial = field + _step(*slopes, gap, damping)
        trial_labels = cut(trial)
        trial_gap = missing(trial_labels)
        if float(trial_gap.square().sum()) < float(gap.square().sum()):
            field, labels, gap, damping, slopes = trial, trial_labels, trial_gap, max(damping / 4, LEAST), None
        else:
            damping *= 8
    return field


def _slopes(field: Tensor, labels: Tensor, fraction: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, float]:
    """Linearisation at the current field.

    Returns:
        Spectra of the scaled J_r (bins, H, W // 2 + 1), the matrix J G J^T (bins, bins), and the half width h of the
        interface.
    """
    kernels, gaussian, twice = _operators((field.shape[0], field.shape[1]), len(scale))
    size = labels.numel()
    below = min(max(size - round(float(fraction) * size), 1), size)
    distance = (field - field.flatten().kthvalue(below)[0]).abs()
    half = float(distance.flatten().kthvalue(max(1, int(INTERFACE * size)))[0].clamp(min=1e-12))
    interface = (distance <= half).to(field)
    pull = torch.fft.irfft2(torch.fft.rfft2(labels) * kernels, s=field.shape) * interface
    pull = (pull - interface * (pull.sum((1, 2)) / interface.sum())[:, None, None]) * (
        scale[:, None, None] / (half * size)
    )
    spectra = torch.fft.rfft2(pull)
    flat = (spectra * (gaussian * twice).sqrt()).flatten(1)
    return spectra, (flat @ flat.conj().T).real / size, half


def _step(spectra: Tensor, matrix: Tensor, half: float, gap: Tensor, damping: float) -> Tensor:
    """The change of the field (H, W) that closes the gap (bins,) to first order, shortened to `REACH` half widths."""
    shape = (spectra.shape[1], 2 * (spectra.shape[2] - 1))
    size = matrix.diagonal().mean().clamp(min=1e-30)
    weights = torch.linalg.solve(matrix + damping * size * torch.eye(len(matrix), device=matrix.device), gap)
    change = torch.fft.irfft2(
        (weights.to(spectra)[:, None, None] * spectra).sum(0) * _operators(shape, len(gap))[1], s=shape
    )
    return change * min(1.0, REACH * half / float(change.abs().max().clamp(min=1e-30)))


@lru_cache(maxsize=8)
@torch.inference_mode(False)
def _operators(shape: tuple[int, int], bins: int) -> tuple[Tensor, Tensor, Tensor]:
    """Constant operators on the half spectrum.

    Returns:
        Spectra of the annulus means (bins, H, W // 2 + 1) and of the Gaussian (H, W // 2 + 1), and the multiplicity in
        the full spectrum of each mode of the half one.
    """
    index, average = TwoPointCorrelation(bins).annuli(shape)
    means = torch.zeros(bins, shape[0] * shape[1], dtype=torch.float64)
    means[:, index] = average.T
    ky, kx = torch.fft.fftfreq(shape[0]), torch.fft.rfftfreq(shape[1])
    gaussian = torch.exp(-2 * math.pi**2 * SMOOTHING**2 * (ky[:, None] ** 2 + kx[None] ** 2))
    twice = torch.full((shape[0], shape[1] // 2 + 1), 2.0)
    twice[:, 0] = twice[:, -1] = 1.0
    return torch.fft.rfft2(means.view(bins, *shape)).real.float(), gaussian, twice
