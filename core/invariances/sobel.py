"""Burgers' equation as in the paper: the strong form of the residual, by Sobel filters on the image."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from core.invariances.finite_volume import checked_times, rows, viscosity_of
from core.types import Conditions, PointwiseInvariance

SOBEL = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]], dtype=torch.float64) / 8
"""Derivative along columns per pixel; its transpose is that along rows."""


def sobel(u: Tensor, axis: int) -> Tensor:
    """Derivative of u (B, H, W) per pixel along `axis` (-1 columns, -2 rows): 3x3 Sobel / 8, replicate padding.

    At both ends of the axis the paper's modifier, 4 g_0 - g_1, turns it into the one-sided difference (-3 u_0 + 4 u_1 -
    u_2) / 2.
    """
    if axis == -2:
        return sobel(u.transpose(-1, -2), -1).transpose(-1, -2)
    g = F.conv2d(F.pad(u[:, None], (1, 1, 1, 1), mode="replicate"), SOBEL.to(u)[None, None])[:, 0]
    first, last = 4 * g[..., :1] - g[..., 1:2], 4 * g[..., -1:] - g[..., -2:-1]
    return torch.cat([first, g[..., 1:-1], last], dim=-1)


def smoothed_curvature(u: Tensor, sigma: float = 1.0, reach: int = 4) -> Tensor:
    """Second difference along the rows of u (B, H, W) after a Gaussian blur in both directions, per pixel squared.

    The blur has a standard deviation of `sigma` px, is cut at `reach` px and reflects at the edges; the second
    difference replicates the edges.
    """
    at = torch.arange(-reach, reach + 1, dtype=torch.float64)
    kernel = torch.exp(-(at**2) / (2 * sigma**2)).to(u)
    kernel = kernel / kernel.sum()
    wide = F.pad(u[:, None], (reach,) * 4, mode="reflect")
    blurred = F.conv2d(F.conv2d(wide, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))
    around = F.pad(blurred, (0, 0, 1, 1), mode="replicate")[:, 0]
    return around[:, :-2] - 2 * around[:, 1:-1] + around[:, 2:]


class Sobel(PointwiseInvariance):
    """Strong residual R = u_t + u u_x - nu u_xx with Sobel derivatives, scaled by 1 / dt along columns and 1 / dx along
    rows.

    u_xx is a Gaussian-smoothed Laplacian in x. This is the paper's formulation, kept for comparison: R does not
    conserve u, and at small nu wrong fields have a smaller R than the exact solution.

    Reference:
        InvNet (2019), eq. 6 and 13 and its appendix on derivatives, after Zhu et al. (2019).
    """

    name = "sobel"
    pins = "viscosity"
    label = "Strong form by Sobel filters"
    unit = "1/time"
    tolerance = 2.0
    source = "InvNet, eq. 6 and 13, Sobel filters"

    def __init__(self, times: Sequence[float]) -> None:
        """Residual for fields (B, 1, X, T') at the T' equally spaced levels `times`.

        Raises:
            ValueError: there are fewer than 5 levels, or they do not increase from 0 by equal steps.
        """
        self.times = checked_times(times)
        if len(self.times) < 5:
            raise ValueError(f"The smoothed Laplacian needs 5 levels or more; got {self.times}.")
        self.dt = self.times[-1] / (len(self.times) - 1)
        if not all(math.isclose(t, n * self.dt, rel_tol=1e-6) for n, t in enumerate(self.times)):
            raise ValueError(f"Sobel filters need equally spaced times; got {self.times}.")

    def parts(self, fields: Tensor) -> tuple[Tensor, Tensor]:
        """(u_t + u u_x, u_xx) of fields (B, 1, X, T'), both (B, X, T'); X >= 6."""
        u = rows(fields, len(self.times)).transpose(1, 2)
        n = u.shape[1]
        return sobel(u, -1) / self.dt + u * sobel(u, -2) * n, smoothed_curvature(u) * n**2

    def measure(self, fields: Tensor) -> Tensor:
        """Viscosity (B,) for which the fields satisfy R = 0 best, by least squares over the pixels."""
        inviscid, curvature = self.parts(fields)
        return (inviscid * curvature).sum((1, 2)) / curvature.square().sum((1, 2)).clamp_min(1e-12)

    def local(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """R of each pixel, (B, X, T')."""
        inviscid, curvature = self.parts(fields)
        return inviscid - viscosity_of(conditions, inviscid) * curvature

    def residual(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """Mean of R^2 over the pixels, (B,); the condition "viscosity" (B,) is 0 where absent."""
        return self.local(fields, conditions).square().mean((1, 2))
