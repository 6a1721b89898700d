"""Two-point correlations as requests: which curves a structure can have, the nearest possible one, and closed families.

Curves S2(r) (n, BINS) lie on the distances of `core.descriptors.two_phase.radial_bins`, bins 0 .. BINS - 1. The
normalised autocovariance is c(r) = (S2(r) - p1^2) / (p1 (1 - p1)), c(0) = 1, c(inf) = 0.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from scipy.special import j0, jn_zeros
from torch import Tensor

from core.descriptors import two_phase
from core.simulation.random_field import interpolate, offsets
from core.types import Array

BINS, GRID, TAIL = 33, 128, 6.0
"""Number of distances of a curve (0 to 32 px); side of the grid for spectra; decay length in px of a curve beyond
its end.
"""
ROUNDS, OVER, SLACK = 60, 1.7, 2e-3
"""Alternating projections, their over-relaxation, and the mean |change| of c below which a curve counts as possible."""


@lru_cache(maxsize=1)
@torch.inference_mode(False)
def distances() -> Tensor:
    """Mean distance (BINS,) in px of each bin: the abscissa of a curve, the same for every field of 64 px or more."""
    return two_phase.radial_bins((GRID, GRID))[0][:BINS]


def normalised(curve: Tensor) -> tuple[Tensor, Tensor]:
    """Normalised autocovariance c (n, BINS) and p1 = S2(0) (n,) of curves S2 (n, BINS)."""
    p = curve[:, 0]
    return (curve - p[:, None] ** 2) / (p * (1 - p)).clamp(min=1e-6)[:, None], p


def curve_of(covariance: Tensor, p: Tensor) -> Tensor:
    """S2 = p1^2 + p1 (1 - p1) c, (n, BINS), from c (n, BINS) and p1 (n,): the inverse of `normalised`."""
    return p[:, None] ** 2 + (p * (1 - p))[:, None] * covariance


def first_zero(curve: Tensor) -> Tensor:
    """Distance (n,) in px at which S2 - p1^2 first vanishes, linear between the bins; the largest where there is no
    zero.
    """
    covariance, distance = normalised(curve)[0], distances().to(curve)
    below = covariance <= 0
    after = below.int().argmax(1).clamp(min=1)
    left, right = (covariance.gather(1, i[:, None])[:, 0] for i in (after - 1, after))
    crossing = distance[after - 1] + (distance[after] - distance[after - 1]) * left / (left - right).clamp(min=1e-30)
    return torch.where(below.any(1), crossing, distance[-1])


def bounds(p: Tensor) -> tuple[Tensor, Tensor]:
    """Least and largest S2 (n, 1) at any distance: max(0, 2 p1 - 1) and p1."""
    return (2 * p - 1).clamp(min=0)[:, None], p[:, None]


def nearest(curve: Tensor) -> Tensor:
    """The nearest curves that satisfy two necessary conditions on a correlation in the plane.

    No value lies outside `bounds`, and with some continuation beyond the last distance no wavelength has negative power
    (Bochner). Found by alternating projections of the map over all displacements; a curve within `SLACK` of a possible
    one is returned unchanged.

    Args:
        curve: curves S2 (n, BINS).

    Returns:
        Curves S2 (n, BINS).

    Reference:
        von Neumann; Boyle and Dykstra (1986).
    """
    index, average, bins = _rings()
    requested, p = normalised(curve)
    low, high = ((b - p[:, None] ** 2) / (p * (1 - p)).clamp(min=1e-6)[:, None] for b in bounds(p))
    requested = requested.clamp(low, high)
    plane = continued(requested).view(-1, GRID, GRID)
    for _ in range(ROUNDS):
        power = torch.fft.rfft2(plane)
        plane = torch.fft.irfft2(power.real.clamp(min=0).to(power), s=(GRID, GRID))
        current = plane.flatten(1)[:, index] @ average
        gap = requested - current
        if float(gap.abs().mean(1).max()) < SLACK:
            break
        plane.view(len(plane), -1)[:, index] += OVER * gap[:, bins[index]]
    changed = (gap.abs().mean(1) >= SLACK)[:, None]
    return curve_of(torch.where(changed, (current / current[:, :1]).clamp(low, high), requested), p)


def read(covariance: Tensor, radius: Tensor) -> Tensor:
    """c (n, BINS) at radii (n, m) in px: linear between the distances, an exponential decay to 0 beyond the last."""
    at = distances().to(covariance).expand(len(covariance), -1)
    return interpolate(radius, at, covariance) * torch.exp(-(radius - at[:, -1:]).clamp(min=0) / TAIL)


def continued(covariance: Tensor) -> Tensor:
    """c (n, BINS) at every displacement of the grid, flat (n, GRID^2); see `read`."""
    y, x = offsets((GRID, GRID))
    return read(covariance, torch.hypot(x, y).flatten().expand(len(covariance), -1))


@lru_cache(maxsize=1)
@torch.inference_mode(False)
def _rings() -> tuple[Tensor, Tensor, Tensor]:
    """Annuli on the grid of spectra.

    Flat indices (k,) of the displacements in the bins, the matrix (k, BINS) of means over each bin, and the bin
    (GRID^2,) of every displacement, the last one for all beyond.
    """
    y, x = offsets((GRID, GRID))
    bins = torch.hypot(x.double(), y.double()).round().long().flatten()
    index = (bins < BINS).nonzero()[:, 0]
    member = torch.nn.functional.one_hot(bins[index], BINS).double()
    return index, (member / member.sum(0)).float(), bins.clamp(max=BINS - 1)


def damped_bessel(p: Tensor, length: Tensor, order: Tensor) -> Tensor:
    """Curves with c(r) = exp(-r / xi) J0(q r), q = first zero of J0 / length: a family for requests without data.

    Its spectrum is never negative: J0 is a ring in the plane, the exponential a positive blur of it.

    Args:
        p: volume fractions (n,).
        length: characteristic lengths (n,) in px.
        order: xi / length (n,), from about .5 (a disordered structure) to 4 (nearly periodic).

    Returns:
        S2 (n, BINS).

    Reference:
        The planar relative of Teubner and Strey (1987).
    """
    at = distances()[None].double().numpy()
    zero, scale, reach = (np.asarray(v, dtype=np.float64) for v in (jn_zeros(0, 1)[0], length[:, None], order[:, None]))
    c: Array = np.exp(-at / (reach * scale)) * j0(zero * at / scale)
    return curve_of(torch.from_numpy(c).to(p), p)
