"""The request-shaped seed: a periodic Gaussian field whose level cut has the requested fraction and correlation.

Cahn-Hilliard structures obey dynamic scaling: at one volume fraction the autocovariance is one curve of r / L, with L
the characteristic length (first zero of S2 - p1^2). `RequestSeed.fit` estimates that master curve and the distribution
of L from data; `forward` turns (p1, L, style) into a field. Everything is symmetric under exchange of the phases.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from core.descriptors import two_phase
from core.simulation.cahn_hilliard import wavenumbers_squared
from core.simulation.correlations import read
from core.simulation.random_field import (
    colour,
    field_correlation,
    interpolate,
    level,
    offsets,
    sample_curve,
    spectral_amplitude,
)

FRACTIONS = 7
SCALED = 49
REACH = 3.0
LEVELS = 33
SPACING = 0.5
RADII = 128
FEWEST = 16
"""Knots of the minority fraction (.2 to .5), of r / L (0 to 3), of the length quantiles; spacing and number of radii,
px; fewest images to estimate statistics from.
"""
TAPER = 2.25
"""r / L from which the master curve is tapered smoothly to 0 at its end.

A jump there is a ring that no field can have: truncated together with the negative power, it would leave white noise in
the field, and the field would jump while the length is changed.
"""


class RequestSeed(nn.Module):
    """Gaussian field y (B, H, W) of unit variance minus its cut level: phase 1 where y > 0."""

    curves: Tensor
    quantiles: Tensor
    knots: Tensor
    levels: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("curves", torch.zeros(FRACTIONS, SCALED))
        self.register_buffer("quantiles", torch.zeros(FRACTIONS, LEVELS))
        self.register_buffer("knots", torch.linspace(0.2, 0.5, FRACTIONS), persistent=False)
        self.register_buffer("levels", torch.linspace(0, 1, LEVELS), persistent=False)

    @torch.no_grad()
    def fit(self, labels: Tensor) -> None:
        """Estimates the master curve and the length quantiles from labels (n, H, W).

        A few hundred images over the range of fractions are best. Knots without at least two images (as with windows of
        a single micrograph) take the statistics of the nearest knot that has them.

        Raises:
            ValueError: there are fewer than `FEWEST` images.
        """
        if len(labels) < FEWEST:
            raise ValueError(f"The statistics need {FEWEST} images or more; got {len(labels)}.")
        p, length, curve = statistics(labels)
        radius = two_phase.radial_bins((labels.shape[1], labels.shape[2]))[0]
        scaled = interpolate(
            torch.linspace(0, REACH, SCALED)[None] * length[:, None], radius.expand(len(length), -1), curve
        )
        knots = self.knots.cpu()
        weight = hat(torch.minimum(p, 1 - p), knots)
        filled = ((weight > 0).sum(0) > 1).nonzero()[:, 0]
        weight = weight[:, filled[(knots[:, None] - knots[filled]).abs().argmin(1)]]
        self.curves.copy_(weight.T @ scaled / weight.sum(0)[:, None] * taper(torch.linspace(0, REACH, SCALED)))
        for k in range(FRACTIONS):
            order = length.argsort()
            order = order[weight[order, k] > 0]
            mass = weight[order, k].cumsum(0) - weight[order, k] / 2
            self.quantiles[k] = interpolate(self.levels.cpu()[None] * mass[-1], mass[None], length[order][None])[0]

    def between(self, table: Tensor, p: Tensor) -> Tensor:
        """Rows (B, m) of a table (FRACTIONS, m) at volume fractions p (B,), linear in the minority fraction,
        clamped.
        """
        return hat(torch.minimum(p, 1 - p), self.knots) @ table

    def quantile(self, uniform: Tensor, p: Tensor) -> Tensor:
        """Characteristic length (B,) in px at quantile `uniform` (B,) of the data's distribution at fraction p (B,)."""
        return interpolate(uniform[:, None], self.levels.expand(len(p), -1), self.between(self.quantiles, p))[:, 0]

    def covariance(self, p: Tensor, length: Tensor, radius: Tensor) -> Tensor:
        """Normalised autocovariance (B, m) of the master curve at radii (B, m) in px; 0 from `REACH` lengths on."""
        scaled = radius / length[:, None] / REACH * (SCALED - 1)
        return sample_curve(self.between(self.curves, p), 1.0, scaled[:, None])[:, 0]

    def forward(
        self,
        white: Tensor,
        p: Tensor,
        length: Tensor,
        style: Mapping[str, Tensor] | None = None,
        contraction: float = 1.0,
        smoothing: float = 0.0,
        requested: Tensor | None = None,
    ) -> Tensor:
        """Seed fields of a request.

        Args:
            white: white noise (B, H, W).
            p: volume fractions (B,).
            length: characteristic lengths (B,) in px.
            style: each (B,), 0 for none: `order` (log2 of the exponent on the spectrum), `stretch` and `diagonal` (half
                the log aspect ratio along the axes and the diagonals), `gradient_x` and `gradient_y` (amplitude of a
                one-period modulation of the local fraction).
            contraction: factor by which the correlation is shrunk, so that a physics layer has room to coarsen to the
                request.
            smoothing: blur (px) of a field that is cut without a physics layer.
            requested: normalised autocovariance (B, BINS) on `core.simulation.correlations.distances`; it replaces the
                master curve at that length.

        Returns:
            Fields (B, H, W); phase 1 where they are positive.
        """
        style = style or {}
        radius = torch.arange(RADII, device=p.device, dtype=p.dtype) * SPACING * contraction
        curve = (
            self.covariance(p, length, radius.expand(len(p), -1))
            if requested is None
            else read(requested, radius.expand(len(p), -1))
        )
        correlation = field_correlation(curve, p)
        correlation[:, 0] = 1
        amplitude = spectral_amplitude(sample_curve(correlation, SPACING, distance(white.shape, style, p)))
        if "order" in style:
            amplitude = amplitude ** (2 ** style["order"])[:, None, None]
        if smoothing:
            k2 = wavenumbers_squared((white.shape[1], white.shape[2]), white)
            amplitude = amplitude * torch.exp(-(smoothing**2) * k2 / 2)
        field = colour(white, amplitude) - level(p)[:, None, None]
        return field + modulation(white.shape, style, p)


def statistics(labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Statistics of labels (n, H, W).

    Returns:
        p1 (n,), characteristic length (n,) in px, and autocovariance / (p1 (1 - p1)) (n, m) on the radial bins.
    """
    parts = []
    for x in labels.split(256):
        p, s2 = two_phase.volume_fraction(x), two_phase.s2_radial(x)
        covariance = (s2 - p[:, None] ** 2) / (p * (1 - p)).clamp(min=1e-6)[:, None]
        parts.append((p, two_phase.characteristic_length(x), covariance))
    p, length, covariance = (torch.cat(t) for t in zip(*parts, strict=True))
    return p, length, covariance


def taper(scaled: Tensor) -> Tensor:
    """1 up to `TAPER`, then half a cosine to 0 at `REACH`; shape of r / L."""
    share = ((scaled - TAPER) / (REACH - TAPER)).clamp(0, 1)
    return (1 + torch.cos(torch.pi * share)) / 2


def hat(x: Tensor, knots: Tensor) -> Tensor:
    """Linear interpolation weights (B, K) of x (B,) on equidistant knots (K,), clamped at the ends."""
    position = ((x - knots[0]) / (knots[1] - knots[0])).clamp(0, len(knots) - 1)
    return (1 - (position[:, None] - torch.arange(len(knots), device=x.device)).abs()).clamp(min=0)


def distance(shape: tuple[int, ...], style: Mapping[str, Tensor], like: Tensor) -> Tensor:
    """Periodic distance maps (B, H, W) in px, in the metric exp([[s, d], [d, -s]]) of the stretch s and diagonal d
    (B,).
    """
    y, x = offsets((shape[-2], shape[-1]), like.device)
    if not {"stretch", "diagonal"} & set(style):
        return torch.hypot(x, y).expand(len(like), -1, -1)
    zero = torch.zeros_like(like)
    s, d = style.get("stretch", zero), style.get("diagonal", zero)
    size = torch.hypot(s, d).clamp(min=1e-9)
    even, odd = torch.cosh(2 * size), torch.sinh(2 * size) / size
    xx, yy, xy = (t[:, None, None] for t in (even - odd * s, even + odd * s, -odd * d))
    return (xx * x * x + yy * y * y + 2 * xy * x * y).clamp(min=0).sqrt()


def modulation(shape: tuple[int, ...], style: Mapping[str, Tensor], like: Tensor) -> Tensor:
    """One-period cosine (B, H, W) along x and y with the amplitudes `gradient_x`, `gradient_y` (B,), or 0."""
    total = torch.zeros(len(like), 1, 1, device=like.device)
    for name, axis in (("gradient_y", -2), ("gradient_x", -1)):
        if name in style:
            wave = -torch.cos(2 * torch.pi * (torch.arange(shape[axis], device=like.device) + 0.5) / shape[axis])
            total = total + style[name][:, None, None] * (wave[:, None] if axis == -2 else wave[None])
    return total
