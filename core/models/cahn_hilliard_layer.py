"""The physics layer: K differentiable Cahn-Hilliard steps that give a seed field the right topology.

    u_0 = tanh(sharpness y), blended towards the phase it lacks until mean(u_0) = the composition that leaves the
    requested fraction (so |u_0| <= 1, where the scheme is stable at any dt)
    u_K = K steps in STAGES stages of growing dt

Domains grow as t^(1/3), so the seed, finer than the request by the contraction, needs steps that grow by its cube: the
last stage takes steps of dt, the first of dt / GROWTH. Wide domains move faster with a wider interface (eps = L / 8 px,
within 1 to 1.6).

log dt and the composition's excess are smooth functions of the request (p1, L), calibrated so that the delivered length
and the raw volume fraction are the requested ones; the learned `correction` (trained by the invariances) is added to
both.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from core.descriptors import two_phase
from core.simulation.cahn_hilliard import propagate

FEATURES = 6
DT_RANGE = (1e-3, 400.0)
STAGES = 4
GROWTH = 16.0
EPS_RANGE = (1.0, 1.6)
DOMAIN = 8.0
"""Lengths per interface width, L / eps."""


def features(p: Tensor, length: Tensor) -> Tensor:
    """Regressors (B, 6) of a request: 1, l, l^2, q, q^2, q l.

    l = log(L / 10 px) and q = (p1 - 1/2)^2 / .09.
    """
    scaled, skew = torch.log(length / 10), (p - 0.5) ** 2 / 0.09
    return torch.stack([torch.ones_like(p), scaled, scaled**2, skew, skew**2, skew * scaled], 1)


class PhysicsLayer(nn.Module):
    """Seed field y (B, H, W), p1 (B,) and length (B,) in px to u (B, H, W), about -1 and +1.

    Raises:
        ValueError: `steps` is not a multiple of STAGES.
    """

    time: Tensor
    excess: Tensor

    def __init__(self, steps: int, sharpness: float) -> None:
        super().__init__()
        if steps < STAGES or steps % STAGES:
            raise ValueError(f"steps must be a multiple of {STAGES}; got {steps}.")
        self.steps, self.sharpness = steps, sharpness
        self.register_buffer("time", torch.zeros(FEATURES))
        self.register_buffer("excess", torch.zeros(FEATURES))
        self.correction = nn.Linear(FEATURES, 2, bias=False)
        nn.init.zeros_(self.correction.weight)

    def dt(self, p: Tensor, length: Tensor) -> Tensor:
        """Largest time step (B,) of a request, that of the last stage."""
        f = features(p, length)
        return torch.exp(f @ self.time + self.correction(f)[:, 0]).clamp(*DT_RANGE)

    def composition(self, p: Tensor, length: Tensor) -> Tensor:
        """Mean of u_0 (B,): (2 p1 - 1) (1 - excess), antisymmetric under exchange of the phases."""
        f = features(p, length)
        return (2 * p - 1) * (1 - f @ self.excess - self.correction(f)[:, 1])

    def forward(self, y: Tensor, p: Tensor, length: Tensor) -> Tensor:
        """See the class."""
        u = with_mean(torch.tanh(self.sharpness * y), self.composition(p, length).clamp(-0.99, 0.99))
        dt, eps = self.dt(p, length), (length / DOMAIN).clamp(*EPS_RANGE)
        for stage in range(STAGES):
            u = propagate(u, dt * GROWTH ** (stage / (STAGES - 1) - 1), self.steps // STAGES, eps)
        return u

    @torch.no_grad()
    def calibrate(self, make: Callable[[], Tensor], p: Tensor, length: Tensor, rounds: int = 8) -> dict[str, float]:
        """Fixed-point regression of log dt and the excess, such that u > 0 has the requested fraction and length.

        Args:
            make: runs the generator on a fixed set of requests and returns u (B, H, W).
            p: volume fractions (B,) of these requests.
            length: characteristic lengths (B,) of these requests, px.
            rounds: rounds of the regression.

        Returns:
            The remaining mean deviations.
        """
        self.time.copy_(start_time(self.steps, self.time))
        f = features(p, length)
        skewed = (2 * p - 1).abs() > 0.1
        for round_ in range(rounds + 1):
            labels = make() > 0
            measured_p, measured_length = two_phase.volume_fraction(labels), two_phase.characteristic_length(labels)
            log_ratio = torch.log(length / measured_length).clamp(-0.7, 0.7)
            excess_error = ((p - measured_p) / (2 * p - 1))[skewed].clamp(-0.2, 0.2)
            if round_ < rounds:
                self.time += fit(f, log_ratio) * (2.5 if round_ < 4 else 1.5)
                self.excess -= fit(f[skewed], excess_error) * 1.5
        return {"fraction": float((p - measured_p).abs().mean()), "log_length": float(log_ratio.mean().abs())}


def with_mean(u: Tensor, mean: Tensor) -> Tensor:
    """u (B, H, W) in -1..1 blended linearly towards +1 or -1 until its mean is `mean` (B,); it stays in -1..1."""
    current = u.mean((1, 2))
    gap = (mean - current)[:, None, None]
    room = torch.where(mean > current, 1 - current, 1 + current).clamp(min=1e-6)[:, None, None]
    return u + gap * torch.where(gap > 0, 1 - u, 1 + u) / room


def start_time(steps: int, coefficients: Tensor) -> Tensor:
    """Starting guess of the coefficients of log dt, total time about .1 L^3; unchanged when already calibrated."""
    if coefficients.abs().sum() > 0:
        return coefficients
    guess = torch.zeros_like(coefficients)
    guess[0], guess[1] = torch.log(torch.tensor(100.0 / steps)), 3.0
    return guess


def fit(regressors: Tensor, target: Tensor) -> Tensor:
    """Ridge least squares of target (B,) on regressors (B, F): coefficients (F,)."""
    gram = regressors.T @ regressors + 1e-3 * len(target) * torch.eye(regressors.shape[1])
    return torch.linalg.solve(gram, regressors.T @ target)
