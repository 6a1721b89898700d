"""Burgers' equation in integral form: the residuals of the finite-volume scheme, accumulated by the heat flow."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from core.invariances.finite_volume import FiniteVolume, initial_of, rows, viscosity_of
from core.types import Conditions


class _Scan(torch.autograd.Function):
    """Linear recurrence E_n = d_n E_{n-1} + h_n along dimension 1.

    With `reverse` it runs from the last level down, with d_{n+1}. A loop of fused in-place products; its adjoint is the
    same scan in the opposite direction. d gets no gradient.
    """

    @staticmethod
    def forward(ctx: Any, h: Tensor, d: Tensor, reverse: bool) -> Tensor:
        ctx.save_for_backward(d)
        ctx.reverse = reverse
        out, last = h.clone(), h.shape[1] - 1
        for n in range(1, last + 1):
            target, source, factor = (last - n, last - n + 1, last - n + 1) if reverse else (n, n - 1, n)
            out[:, target].addcmul_(d[:, factor], out[:, source])
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (d,) = ctx.saved_tensors
        scanned: Tensor = _Scan.apply(gradients[0], d, not ctx.reverse)
        return scanned, None, None


def accumulate(spectrum: Tensor, decay: Tensor) -> Tensor:
    """Solution of E_{n+1} = decay_n E_n + spectrum_n with E_0 = 0, for n = 0 .. T - 1.

    Differentiable in the spectrum to any order; the decay is a constant. The loop is 60 times faster than a batched
    triangular product at B = 16, T = 64, K = 97 on one core.

    Args:
        spectrum: complex increments (B, T, K).
        decay: factors (B, T, K).

    Returns:
        E at the levels 1 .. T, complex (B, T, K).
    """
    scanned: Tensor = _Scan.apply(spectrum, decay.detach().to(spectrum), False)
    return scanned


def energy(spectrum: Tensor, cells: int) -> Tensor:
    """Mean square over `cells` cells of the real field with this half spectrum, by Parseval's identity.

    Args:
        spectrum: complex half spectrum (..., K).
        cells: number of cells of the real field.

    Returns:
        Mean squares (...).
    """
    square = torch.view_as_real(spectrum).square().sum(-1)
    edges = square[..., 0] + (square[..., -1] if cells % 2 == 0 else 0)
    return (2 * square.sum(-1) - edges) / cells**2


class Duhamel(FiniteVolume):
    """Residuals r_n = dt_n R_n of `FiniteVolume`, accumulated by diffusion in each Fourier mode k.

        E_{n+1} = exp(-nu k^2 dt_n) E_n + r_n,   E_0 = 0

    E has the units of u and vanishes exactly where the residuals of `FiniteVolume` do. It is the error that the
    residuals would leave at each level if only diffusion acted on them (Duhamel's principle). The stiff linear part is
    inverted and the sum is causal, which makes the loss trainable. In the laboratory frame the modes also travel with
    the mean m: exp(-(nu k^2 + i k m) dt_n). The loss is the mean of E^2 over cells and levels, divided by the variance
    of the initial condition.

    Reference:
        InvNet, eq. 13, in the integral form of Duhamel's principle.
    """

    name = "duhamel"
    pins = ""
    label = "Conservation law, integrated"
    unit = ""
    tolerance = 0.02
    source = "InvNet, eq. 13, in the integral form of Duhamel's principle"
    least_variance = 1e-4
    """Least variance of u that the loss divides by, for flat initial conditions."""

    def waves(self, cells: int, like: Tensor) -> Tensor:
        """Wave numbers k >= 0 (K,) of the half spectrum, in rad per unit length."""
        return 2 * math.pi * torch.arange(cells // 2 + 1, dtype=like.dtype, device=like.device)

    def smoothing(self, u: Tensor, conditions: Conditions) -> Tensor:
        """Viscosity (B, 1, 1) that accumulates the residuals: that of the equation."""
        return viscosity_of(conditions, u)

    def travel(self, u: Tensor, conditions: Conditions, sign: float) -> Tensor | None:
        """exp(i sign k m t) (B, T, K) at the levels after the first: into (+1) or out of (-1) the frame of the mean.

        None where the fields are already in that frame.
        """
        if self.comoving:
            return None
        at = torch.tensor(self.times[1:], dtype=torch.float64)[:, None].to(u)
        angle = sign * self.mean(u, conditions) * at * self.waves(u.shape[-1], u)
        return torch.polar(torch.ones_like(angle), angle)

    def accumulated(self, u: Tensor, conditions: Conditions) -> Tensor:
        """Half spectra of E in the frame of the mean, (B, T, K), from u (B, T', X)."""
        spectrum = torch.fft.rfft(self.integrated(u, conditions))
        phase = self.travel(u, conditions, 1.0)
        rate = self.smoothing(u, conditions) * self.waves(u.shape[-1], u).square()
        return accumulate(spectrum if phase is None else spectrum * phase, torch.exp(-rate * self.steps(u)[0]))

    def local(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """E of each cell at the levels after the first, (B, X, T' - 1), in units of u."""
        u = rows(fields, len(self.times))
        spectrum, phase = self.accumulated(u, conditions), self.travel(u, conditions, -1.0)
        return torch.fft.irfft(spectrum if phase is None else spectrum * phase, n=u.shape[-1]).transpose(1, 2)

    def residual(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """Mean of E^2 over cells and levels, divided by the variance of the initial condition.

        Args:
            fields: fields (B, 1, X, T').
            conditions: "viscosity" (B,), 0 where absent, and "initial" (B, X), the first column where absent. The
                accumulation passes no gradient to the viscosity.

        Returns:
            Relative squared errors (B,).
        """
        u = rows(fields, len(self.times))
        variance = initial_of(conditions, u).var(1, correction=0).clamp_min(self.least_variance)
        return energy(self.accumulated(u, conditions), u.shape[-1]).mean(1) / variance
