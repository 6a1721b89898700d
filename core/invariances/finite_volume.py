"""Burgers' equation as a conservative finite-volume scheme: the residual of each cell and step.

    u_t + (u^2 / 2)_x = nu u_xx   on the periodic unit interval, cell averages, fields (B, 1, X, T') with rows x and
    columns t

The module also holds what the invariances of this equation share: levels, checks and fluxes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from core.types import Conditions, PointwiseInvariance

FACE = (1 / 60, -8 / 60, 37 / 60, 37 / 60, -8 / 60, 1 / 60)
"""Sixth-order value at the face between cells 0 and 1 from the averages of cells -2 .. 3."""
GRADIENT = (-2 / 180, 25 / 180, -245 / 180, 245 / 180, -25 / 180, 2 / 180)
"""Sixth-order derivative at that face, times the cell width."""


def checked_times(times: Sequence[float]) -> tuple[float, ...]:
    """Time levels as floats.

    Raises:
        ValueError: there are fewer than two levels, or they do not increase from 0.
    """
    at = tuple(float(t) for t in times)
    if len(at) < 2 or at[0] != 0 or not all(a < b < float("inf") for a, b in pairwise(at)):
        raise ValueError(f"times must be two levels or more that begin with 0 and increase; got {at}.")
    return at


def rows(fields: Tensor, levels: int) -> Tensor:
    """Fields (B, 1, X, T') as (B, T', X), in float32 at least.

    Raises:
        ValueError: another number of channels or levels, or X < 6.
    """
    if fields.ndim != 4 or fields.shape[1] != 1 or fields.shape[3] != levels or fields.shape[2] < 6:
        raise ValueError(f"Fields must have shape (B, 1, X, {levels}) with 6 cells or more; got {tuple(fields.shape)}.")
    u = fields[:, 0].transpose(1, 2)
    return u if u.dtype in (torch.float32, torch.float64) else u.float()


def viscosity_of(conditions: Conditions, u: Tensor) -> Tensor:
    """`conditions["viscosity"]` as (B, 1, 1), 0 where absent."""
    nu = conditions.get("viscosity")
    return u.new_zeros(len(u), 1, 1) if nu is None else nu.to(u).view(-1, 1, 1)


def initial_of(conditions: Conditions, u: Tensor) -> Tensor:
    """`conditions["initial"]` (B, X), or the first level of u (B, T', X) where it is absent.

    Raises:
        ValueError: the initial condition has another shape.
    """
    initial = conditions.get("initial")
    if initial is not None and initial.shape != u[:, 0].shape:
        raise ValueError(f"initial must have shape {tuple(u[:, 0].shape)}; got {tuple(initial.shape)}.")
    return u[:, 0] if initial is None else initial.to(u)


class _Ring(torch.autograd.Function):
    """Periodic stencil out_i = sum_k weights[k] u[i + first + k] over (..., X), -X <= first <= 0.

    Its adjoint is another such sum.
    """

    @staticmethod
    def forward(ctx: Any, u: Tensor, weights: tuple[float, ...], first: int) -> Tensor:
        ctx.weights, ctx.first = weights, first
        n, last = u.shape[-1], first + len(weights) - 1
        around = torch.cat([u[..., n + first :], u, u[..., :last]], dim=-1)
        out = around[..., :n] * weights[0]
        for k, weight in enumerate(weights[1:], 1):
            out.add_(around[..., k : k + n], alpha=weight)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        adjoint: Tensor = _Ring.apply(gradients[0], ctx.weights[::-1], 1 - ctx.first - len(ctx.weights))
        return adjoint, None, None


def at_faces(u: Tensor, weights: tuple[float, ...]) -> Tensor:
    """Values at the right face of each cell: sum_k weights[k] u[i - 2 + k], k = 0 .. 5, periodic; shape of u (...,
    X).
    """
    value: Tensor = _Ring.apply(u, weights, -2)
    return value


def outflow(flux: Tensor) -> Tensor:
    """(F_{i+1/2} - F_{i-1/2}) / dx from fluxes at right faces (..., X)."""
    return flux.shape[-1] * (flux - flux.roll(1, -1))


class FiniteVolume(PointwiseInvariance):
    """Residual of the conservative finite-volume scheme of Burgers' equation, in velocity per time.

        R = (u_{n+1} - u_n) / dt + w D(u_{n+1}) + (1 - w) D(u_n)
        D(u)_i = (F_{i+1/2} - F_{i-1/2}) / dx,   F = u^2 / 2 - nu u_x

    Face values are sixth-order central; w = 1 (backward Euler) in the first step, then 1/2 (Crank-Nicolson). R = 0
    defines a scheme that conserves the mean and places shocks correctly. With `comoving` the fields are u(x + m t, t),
    m the mean, and F = (u - m)^2 / 2 - nu u_x.

    Reference:
        InvNet (2019), eq. 13, in conservative form.
    """

    name = "finite_volume"
    pins = "viscosity"
    label = "Conservation law, cell by cell"
    unit = "1/time"
    tolerance = 2.0
    source = "InvNet, eq. 13, as a conservative finite-volume scheme"

    def __init__(self, times: Sequence[float], comoving: bool = False) -> None:
        """Scheme for the T' levels `times` of the fields, in the laboratory frame or that of the mean (`comoving`).

        Raises:
            ValueError: the levels do not increase from 0.
        """
        self.times, self.comoving = checked_times(times), comoving

    def steps(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Step lengths and weights of their new levels, both (T, 1), with the dtype and device of u."""
        times = torch.tensor(self.times, dtype=torch.float64)
        new = torch.full((len(times) - 1, 1), 0.5)
        new[0] = 1.0
        return times.diff()[:, None].to(u), new.to(u)

    def mean(self, u: Tensor, conditions: Conditions) -> Tensor:
        """The conserved mean of the initial condition, (B, 1, 1)."""
        return initial_of(conditions, u).mean(1).view(-1, 1, 1)

    def parts(self, u: Tensor, conditions: Conditions) -> tuple[Tensor, Tensor]:
        """The two parts a, b of the residual a - nu b integrated over each step, both (B, T, X), from u (B, T', X)."""
        dt, new = self.steps(u)
        v = u - self.mean(u, conditions) if self.comoving else u
        advection = outflow(at_faces(v, FACE).square() / 2)
        diffusion = outflow(u.shape[-1] * at_faces(u, GRADIENT))
        over_step = [dt * (new * f[:, 1:] + (1 - new) * f[:, :-1]) for f in (advection, diffusion)]
        return u[:, 1:] - u[:, :-1] + over_step[0], over_step[1]

    def integrated(self, u: Tensor, conditions: Conditions) -> Tensor:
        """dt R of u (B, T', X), shape (B, T, X)."""
        inviscid, diffusion = self.parts(u, conditions)
        return inviscid - viscosity_of(conditions, u) * diffusion

    def measure(self, fields: Tensor) -> Tensor:
        """Viscosity (B,) for which the fields (B, 1, X, T') satisfy the scheme best, by least squares over cells and
        steps.
        """
        inviscid, diffusion = self.parts(rows(fields, len(self.times)), {})
        return (inviscid * diffusion).sum((1, 2)) / diffusion.square().sum((1, 2)).clamp_min(1e-12)

    def local(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """R of each cell and step, (B, X, T' - 1)."""
        u = rows(fields, len(self.times))
        return (self.integrated(u, conditions) / self.steps(u)[0]).transpose(1, 2)

    def residual(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """Mean of R^2 over the interval and over time; steps weigh in proportion to their length.

        Args:
            fields: fields (B, 1, X, T').
            conditions: "viscosity" (B,), 0 where absent, and "initial" (B, X), the first column where absent.

        Returns:
            Mean squares (B,).
        """
        square = self.local(fields, conditions).square().mean(1)
        return (square * self.steps(square)[0][:, 0] / self.times[-1]).sum(1)
