"""Periodic Gaussian random fields with a prescribed correlation, and the level-cut transform from field to indicator.

A standard Gaussian field cut at alpha = Phi^-1(1 - p) gives an indicator of volume fraction p whose autocovariance is

    chi(rho) = 1 / (2 pi) * integral_0^{asin rho} exp(-alpha^2 / (1 + sin t)) dt

with rho the field's correlation. Inverting it gives the field correlation that a requested two-point correlation needs:
the classical reconstruction of a two-phase structure, and here the random input of the generator. Lengths in pixels.

Reference:
    Berk (1987); Teubner (1991).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from scipy.stats import norm
from torch import Tensor

P_KNOTS = 91
RHO_KNOTS = 401


@lru_cache(maxsize=1)
def level_cut_table() -> tuple[Tensor, Tensor, Tensor]:
    """Table of the level-cut transform, float32, monotone in rho along each row.

    Returns:
        p knots (P,), rho knots (R,), and chi / (p (1 - p)) at both, (P, R).
    """
    p = np.linspace(0.04, 0.96, P_KNOTS)
    angle = np.linspace(-np.pi / 2, np.pi / 2, RHO_KNOTS)  # rho = sin(angle) removes the end-point singularity
    with np.errstate(divide="ignore", under="ignore", over="ignore"):
        integrand = np.exp(-(norm.ppf(1 - p)[:, None] ** 2) / np.maximum(1 + np.sin(angle)[None], 1e-12)) / (2 * np.pi)
    step = np.diff(angle)[None] * (integrand[:, 1:] + integrand[:, :-1]) / 2
    chi = np.concatenate([np.zeros((P_KNOTS, 1)), np.cumsum(step, 1)], 1)
    chi -= chi[:, RHO_KNOTS // 2 : RHO_KNOTS // 2 + 1]
    scaled = chi / (p * (1 - p))[:, None]
    with torch.inference_mode(False):  # cached for all callers: an inference tensor could not enter a gradient later
        tables = [torch.tensor(a, dtype=torch.float32) for a in (p, np.sin(angle), scaled)]
    return tables[0], tables[1], tables[2]


def interpolate(x: Tensor, knots: Tensor, values: Tensor) -> Tensor:
    """Row-wise linear interpolation, constant beyond the ends.

    Args:
        x: positions (B, n).
        knots: increasing knots (B, m).
        values: values (m,) or (B, m) at the knots.

    Returns:
        Values (B, n).
    """
    right = torch.searchsorted(knots.contiguous(), x.contiguous()).clamp(1, knots.shape[1] - 1)
    values = values.expand(len(knots), -1)
    x0, x1 = knots.gather(1, right - 1), knots.gather(1, right)
    y0, y1 = values.gather(1, right - 1), values.gather(1, right)
    return y0 + (y1 - y0) * ((x - x0) / (x1 - x0).clamp(min=1e-9)).clamp(0, 1)


def field_correlation(covariance: Tensor, p: Tensor) -> Tensor:
    """Correlation of the Gaussian field whose cut has a given autocovariance.

    Args:
        covariance: normalised autocovariance chi / (p (1 - p)) of the cut, (B, n); values below the reachable minimum
            are clamped to it.
        p: volume fractions (B,).

    Returns:
        Correlations (B, n).
    """
    knots, rho, table = (t.to(p) for t in level_cut_table())
    position = ((p - knots[0]) / (knots[1] - knots[0])).clamp(0, len(knots) - 1.001)
    low = position.long()
    weight = (position - low)[:, None]
    return interpolate(covariance, (1 - weight) * table[low] + weight * table[low + 1], rho)


def offsets(shape: tuple[int, int], device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """Signed periodic offsets (y (H, 1), x (1, W)) in pixels from the first pixel."""
    y, x = (torch.fft.fftfreq(n, d=1 / n, device=device) for n in shape)
    return y[:, None], x[None]


def sample_curve(curve: Tensor, spacing: float, distance: Tensor) -> Tensor:
    """Curves (B, m), sampled every `spacing`, at distances (B, H, W) by linear interpolation; 0 beyond the end."""
    position = distance / spacing
    low = position.long().clamp(max=curve.shape[1] - 2)
    flat = low.flatten(1)
    y0, y1 = curve.gather(1, flat).view_as(position), curve.gather(1, flat + 1).view_as(position)
    value = y0 + (y1 - y0) * (position - low)
    return torch.where(position <= curve.shape[1] - 1, value, torch.zeros_like(value))


def spectral_amplitude(correlation: Tensor) -> Tensor:
    """Square root of the spectrum of a correlation map (B, H, W) with its origin at the first pixel, (B, H, W // 2 +
    1).

    Negative parts, which no field can have, and the mean are dropped.
    """
    power = torch.fft.rfft2(correlation).real.clamp(min=0)
    power[:, 0, 0] = 0
    return power.sqrt()


def colour(white: Tensor, amplitude: Tensor) -> Tensor:
    """White noise (B, H, W) filtered with the amplitude and normalised to unit variance over each image."""
    spectrum = torch.view_as_complex(torch.view_as_real(torch.fft.rfft2(white)) * amplitude[..., None])
    field = torch.fft.irfft2(spectrum, s=white.shape[-2:])
    return field / field.square().mean((1, 2), keepdim=True).sqrt().clamp(min=1e-9)


def level(p: Tensor) -> Tensor:
    """Cut alpha = Phi^-1(1 - p) of a standard Gaussian field at volume fraction p, shape of p."""
    return torch.special.ndtri((1 - p).clamp(1e-6, 1 - 1e-6))
