"""Burgers' equation as the paper writes it: the strong residual by Sobel filters on the image."""

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

    At both ends of the axis the paper's modifier, 4 g_0 - g_1, makes it the one-sided difference (-3 u_0 + 4 u_1 - u_2)
    / 2."""
    if axis == -2:
        return sobel(u.transpose(-1, -2), -1).transpose(-1, -2)
    g = F.conv2d(F.pad(u[:, None], (1, 1, 1, 1), mode="replicate"), SOBEL.to(u)[None, None])[:, 0]
    first, last = 4 * g[..., :1] - g[..., 1:2], 4 * g[..., -1:] - g[..., -2:-1]
    return torch.cat([first, g[..., 1:-1], last], dim=-1)


def smoothed_curvature(u: Tensor, sigma: float = 1.0, reach: int = 4) -> Tensor:
    """Second difference along rows of u (B, H, W) after a Gaussian blur of `sigma` px in both directions, per pixel
    squared.

    The blur is cut at `reach` px and reflects at the edges; the second difference replicates them.
    """
    at = torch.arange(-reach, reach + 1, dtype=torch.float64)
    kernel = torch.exp(-(at**2) / (2 * sigma**2)).to(u)
    kernel = kernel / kernel.sum()
    wide = F.pad(u[:, None], (reach,) * 4, mode="reflect")
    blurred = F.conv2d(F.conv2d(wide, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))
    around = F.pad(blurred, (0, 0, 1, 1), mode="replicate")[:, 0]
    return around[:, :-2] - 2 * around[:, 1:-1] + around[:, 2:]


class Sobel(PointwiseInvariance):
    """R = u_t + u u_x - nu u_xx with Sobel derivatives, scaled by 1 / dt along columns and 1 / dx along rows.

    u_xx is a Gaussian-smoothed Laplacian in x. The paper's formulation, kept for comparison: R does not conserve u, and
    at small nu wrong fields have a smaller R than the exact solution. `times` are the T' equally spaced levels of
    fields (B, 1, X, T'). Source: InvNet (2019), eq. 6 and 13 and its appendix on derivatives, after Zhu et al. (2019).
    """

    name = "sobel"
    pins = "viscosity"
    label = "Strong form by Sobel filters"
    unit = "1/time"
    tolerance = 2.0
    source = "InvNet, eq. 6 and 13, Sobel filters"

    def __init__(self, times: Sequence[float]) -> None:
        """Levels of the fields; `ValueError` unless they are 5 or more and increase from 0 by equal steps."""
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
        """The viscosity with which the fields satisfy R = 0 best (least squares over pixels); (B,)."""
        rest, spread = self.parts(fields)
        return (rest * spread).sum((1, 2)) / spread.square().sum((1, 2)).clamp_min(1e-12)

    def local(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """R pixel by pixel, (B, X, T')."""
        rest, spread = self.parts(fields)
        return rest - viscosity_of(conditions, rest) * spread

    def residual(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """Mean of R^2 over the pixels; `conditions`: "viscosity" (B,), 0 where absent; shape (B,)."""
        return self.local(fields, conditions).square().mean((1, 2))
