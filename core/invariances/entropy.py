"""Inviscid Burgers' equation as an upwind finite-volume scheme whose zeros are entropy solutions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core.invariances.duhamel import Duhamel
from core.invariances.finite_volume import outflow, rows
from core.types import Conditions


def limited(u: Tensor) -> Tensor:
    """Slopes of u (..., X) across each cell by van Leer's limiter: the harmonic mean of both differences, 0 at extrema.

    s = 2 p (a + b) / (a + b)^2 with p = max(a b, 0), a and b the differences to the two neighbours. Sharper at shocks
    than van Albada's limiter (the zeros of the scheme have .85 times its L2 error) and smoother than the
    monotonised-central one.

    Reference:
        van Leer (1974).
    """
    ahead = u.roll(-1, -1) - u
    behind = ahead.roll(1, -1)
    both = ahead + behind
    tiny = torch.finfo(u.dtype).tiny ** 0.5
    return 2 * (ahead * behind).clamp_min(0) * both / (both.square() + tiny)


def upwind_flux(u: Tensor) -> Tensor:
    """Engquist-Osher flux of u^2 / 2 at right faces from limited linear reconstructions (MUSCL), shape of u (...,
    X).
    """
    half = limited(u) / 2
    left, right = u + half, (u - half).roll(-1, -1)
    return (left.clamp_min(0).square() + right.clamp_max(0).square()) / 2


class EntropyFiniteVolume(Duhamel):
    """As `Duhamel` for nu = 0, with the Engquist-Osher flux of limited face values.

        E_{n+1} = exp(-s k^2 dt_n) E_n + r_n
        r_n = u_{n+1} - u_n + dt_n [w D(u_{n+1}) + (1 - w) D(u_n)],   D = dF / dx upwind

    E = 0 exactly where r = 0, whatever the `smoothing` s: the heat flow that accumulates the residuals is only a
    preconditioner. Central fluxes would also allow expansion shocks; upwind fluxes dissipate, so zeros are entropy
    solutions up to the grid. w = `implicitness` after a first step with w = 1. The condition is "initial"; a viscosity
    is ignored.

    Reference:
        InvNet (2019), eq. 4; Engquist and Osher (1981).
    """

    name = "entropy"
    pins = ""
    label = "Conservation law without viscosity"
    unit = ""
    tolerance = 0.1
    source = "InvNet, eq. 4 and 13 with nu = 0, as an upwind finite-volume scheme"

    def __init__(
        self, times: Sequence[float], comoving: bool = False, smoothing: float = 0.002, implicitness: float = 0.5
    ) -> None:
        """Scheme for given levels, frame, preconditioner and weight of the new level.

        Args:
            times: the T' levels, increasing from 0.
            comoving: whether the fields are in the frame of the mean.
            smoothing: viscosity of the preconditioner, not negative.
            implicitness: weight w of the new level, within [0, 1].

        Raises:
            ValueError: a value is out of its range.
        """
        super().__init__(times, comoving)
        if not (0 <= smoothing < float("inf") and 0 <= implicitness <= 1):
            raise ValueError(
                f"smoothing must not be negative and implicitness within [0, 1]; got {smoothing} and {implicitness}."
            )
        self.precondition, self.implicitness = smoothing, implicitness

    def steps(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Step lengths and weights of their new levels, both (T, 1); with weight 0 the first step is explicit too."""
        dt, new = super().steps(u)
        return dt, new.where(new == 1, self.implicitness) if self.implicitness else torch.zeros_like(new)

    def smoothing(self, u: Tensor, conditions: Conditions) -> Tensor:
        """Viscosity (B, 1, 1) of the preconditioner."""
        return u.new_full((len(u), 1, 1), self.precondition)

    def parts(self, u: Tensor, conditions: Conditions) -> tuple[Tensor, Tensor]:
        """The residual integrated over each step, (B, T, X), and 0 for the viscous part."""
        dt, new = self.steps(u)
        divergence = outflow(upwind_flux(u - self.mean(u, conditions) if self.comoving else u))
        residual = u[:, 1:] - u[:, :-1] + dt * (new * divergence[:, 1:] + (1 - new) * divergence[:, :-1])
        return residual, torch.zeros_like(residual)

    def measure(self, fields: Tensor) -> Tensor:
        """Energy mean(u^2 / 2) at each level, (B, T'); an entropy solution never raises it."""
        return rows(fields, len(self.times)).square().mean(2) / 2
