"""Two-point correlations as requests: which curves a structure can have, the nearest one that it can, and closed
families.

Curves S2(r) (n, BINS) lie on the distances of `descriptors.radial_bins`, bins 0 .. BINS - 1; the normalised
autocovariance is c(r) = (S2(r) - p1^2) / (p1 (1 - p1)), c(0) = 1, c(inf) = 0."""

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
"""Number of distances of a curve (0 to 32 px); side of the grid for spectra; px in which a curve falls by e beyond its
end."""
ROUNDS, OVER, SLACK = 60, 1.7, 2e-3
"""Alternating projections, their over-relaxation, and the mean |change| of c below which a curve is possible as it
is."""


@lru_cache(maxsize=1)
@torch.inference_mode(False)
def distances() -> Tensor:
    """Mean distance (BINS,) in px of each bin: the abscissa of a curve, the same for every field of 64 px or more."""
    return two_phase.radial_bins((GRID, GRID))[0][:BINS]


def normalised(curve: Tensor) -> tuple[Tensor, Tensor]:
    """(c (n, BINS), p1 (n,)) of curves S2 (n, BINS), p1 = S2(0)."""
    p = curve[:, 0]
    return (curve - p[:, None] ** 2) / (p * (1 - p)).clamp(min=1e-6)[:, None], p


def curve_of(covariance: Tensor, p: Tensor) -> Tensor:
    """S2 = p1^2 + p1 (1 - p1) c, the inverse of `normalised`: c (n, BINS), p1 (n,) to (n, BINS)."""
    return p[:, None] ** 2 + (p * (1 - p))[:, None] * covariance


def first_zero(curve: Tensor) -> Tensor:
    """Distance (n,) in px at which S2 - p1^2 first vanishes, linear between the bins; the largest where it does not."""
    covariance, at = normalised(curve)[0], distances().to(curve)
    below = covariance <= 0
    after = below.int().argmax(1).clamp(min=1)
    left, right = (covariance.gather(1, i[:, None])[:, 0] for i in (after - 1, after))
    crossing = at[after - 1] + (at[after] - at[after - 1]) * left / (left - right).clamp(min=1e-30)
    return torch.where(below.any(1), crossing, at[-1])


def bounds(p: Tensor) -> tuple[Tensor, Tensor]:
    """Least and largest S2 (n, 1) at any distance: max(0, 2 p1 - 1) and p1."""
    return (2 * p - 1).clamp(min=0)[:, None], p[:, None]


def nearest(curve: Tensor) -> Tensor:
    """The nearest curves (n, BINS) that satisfy the two necessary conditions on a correlation in the plane: no value
    outside `bounds`, and with some continuation beyond the last distance no negative power at any wavelength (Bochner).

    Alternating projections (von Neumann; Boyle and Dykstra 1986) of the map over all displacements; a curve that comes
    within `SLACK` of a possible one comes back unchanged."""
    index, average, place = _rings()
    asked, p = normalised(curve)
    low, high = ((b - p[:, None] ** 2) / (p * (1 - p)).clamp(min=1e-6)[:, None] for b in bounds(p))
    asked = asked.clamp(low, high)
    plane = continued(asked).view(-1, GRID, GRID)
    for _ in range(ROUNDS):
        power = torch.fft.rfft2(plane)
        plane = torch.fft.irfft2(power.real.clamp(min=0).to(power), s=(GRID, GRID))
        found = plane.flatten(1)[:, index] @ average
        gap = asked - found
        if float(gap.abs().mean(1).max()) < SLACK:
            break
        plane.view(len(plane), -1)[:, index] += OVER * gap[:, place[index]]
    moved = (gap.abs().mean(1) >= SLACK)[:, None]
    return curve_of(torch.where(moved, (found / found[:, :1]).clamp(low, high), asked), p)


def read(covariance: Tensor, radius: Tensor) -> Tensor:
    """c (n, BINS) at radii (n, m) in px: linear between the distances, an exponential fall to 0 beyond the last."""
    at = distances().to(covariance).expand(len(covariance), -1)
    return interpolate(radius, at, covariance) * torch.exp(-(radius - at[:, -1:]).clamp(min=0) / TAIL)


def continued(covariance: Tensor) -> Tensor:
    """c (n, BINS) at every displacement of the grid, flat (n, GRID^2); see `read`."""
    y, x = offsets((GRID, GRID))
    return read(covariance, torch.hypot(x, y).flatten().expand(len(covariance), -1))


@lru_cache(maxsize=1)
@torch.inference_mode(False)
def _rings() -> tuple[Tensor, Tensor, Tensor]:
    """Flat indices (k,) of the displacements in the bins, the matrix (k, BINS) of means over each, and the bin
    (GRID^2,) of every displacement, the last one for all beyond."""
    y, x = offsets((GRID, GRID))
    bins = torch.hypot(x.double(), y.double()).round().long().flatten()
    index = (bins < BINS).nonzero()[:, 0]
    member = torch.nn.functional.one_hot(bins[index], BINS).double()
    return index, (member / member.sum(0)).float(), bins.clamp(max=BINS - 1)


def damped_bessel(p: Tensor, length: Tensor, order: Tensor) -> Tensor:
    """S2 (n, BINS) with c(r) = exp(-r / xi) J0(q r), q = first zero of J0 / length (px): a family for requests without
    data.

    `order` xi / length from about .5 (a disordered structure) to 4 (nearly periodic). Its spectrum is never negative:
    J0 is a ring in the plane, the exponential a positive blur of it (the planar kin of Teubner and Strey 1987)."""
    at = distances()[None].double().numpy()
    zero, scale, reach = (np.asarray(v, dtype=np.float64) for v in (jn_zeros(0, 1)[0], length[:, None], order[:, None]))
    c: Array = np.exp(-at / (reach * scale)) * j0(zero * at / scale)
    return curve_of(torch.from_numpy(c).to(p), p)
