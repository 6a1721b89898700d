"""The Rosenbrock function as a model of two parameters, and the exact solution of its stochastic inverse problem.

    M(x) = 100 (x2 - x1^2)^2 + (1 - x1)^2

For a prior q_X and a target P_Y of the observed quantity, the solution is the prior, weighted so that its push-forward
becomes the target:

    P_X(x) = q_X(x) P_Y(M(x)) / q_Y(M(x)),    q_Y the push-forward density of q_X:
    q_Y(y) = integral over x1 of the sum over both x2 with M(x1, x2) = y of q_X(x1, x2) / |dM/dx2|,
    |dM/dx2| = 20 sqrt(y - (1 - x1)^2).

Of all distributions with push-forward P_Y it is the one that keeps the prior along every level of M. Points are (...,
2).

Reference:
    Butler et al. (2018); Parikh et al. (2020).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import qmc

from core.types import Array

LOW, HIGH = np.array([-2.0, -1.0]), np.array([2.0, 3.0])
"""The box on which every prior is defined."""
LARGEST = 2509.0
"""M at (-2, -1), its largest value on the box: beyond it no prior on the box has a solution."""
COLUMNS, LEVELS = 256, 384
"""Quadrature points over x1, and levels of y at which a push-forward density is stored."""
POOL = 2**17
"""Points of the box, drawn once, from which the oracle accepts."""


def rosenbrock(x: Any) -> Any:
    """M(x) (...) of points (..., 2), numpy or torch."""
    return 100 * (x[..., 1] - x[..., 0] ** 2) ** 2 + (1 - x[..., 0]) ** 2


def gradient(x: Array) -> Array:
    """grad M (..., 2) at points (..., 2)."""
    bend = 200 * (x[..., 1] - x[..., 0] ** 2)
    return np.stack([-2 * x[..., 0] * bend - 2 * (1 - x[..., 0]), bend], -1)


def inside(x: Array) -> Array:
    """Whether points (..., 2) are in the box."""
    return np.asarray(((x >= LOW) & (x <= HIGH)).all(-1))


@dataclass(frozen=True)
class Target:
    """P_Y: a normal distribution of `mean` and `sd`, truncated to `low..high`.

    Raises:
        ValueError: the bounds or the width are not valid, or almost no probability lies within the bounds.
    """

    mean: float = 350.0
    sd: float = 50.0
    low: float = 200.0
    high: float = 500.0

    def __post_init__(self) -> None:
        """Checks that the numbers define a distribution."""
        if not (self.sd > 0 and self.low < self.high):
            values = f"{self.low:g} to {self.high:g}, sd {self.sd:g}"
            raise ValueError(f"The bounds must be in order and the width positive; got {values}.")
        if self.mass < 1e-6:
            raise ValueError(
                f"Almost nothing of a normal distribution of mean {self.mean:g} and sd {self.sd:g} lies from "
                f"{self.low:g} to {self.high:g}. Move the bounds nearer to the mean."
            )

    def _ends(self) -> Array:
        return ndtr((np.array([self.low, self.high]) - self.mean) / self.sd)

    @property
    def mass(self) -> float:
        """Share of the normal distribution within the bounds."""
        a, b = self._ends()
        return float(b - a)

    def density(self, y: Array) -> Array:
        """P_Y at levels y."""
        bell = np.exp(-(((y - self.mean) / self.sd) ** 2) / 2) / (self.sd * np.sqrt(2 * np.pi) * self.mass)
        return np.where((y >= self.low) & (y <= self.high), bell, 0.0)

    def cdf(self, y: Array) -> Array:
        """Distribution function at y."""
        a, b = self._ends()
        return ((ndtr((y - self.mean) / self.sd) - a) / (b - a)).clip(0, 1)

    def quantile(self, u: Array) -> Array:
        """The inverse of `cdf`."""
        a, b = self._ends()
        return (self.mean + self.sd * ndtri(a + (b - a) * u)).clip(self.low, self.high)

    @cached_property
    def spread(self) -> float:
        """Standard deviation of P_Y itself; the bounds make it smaller than `sd`."""
        return float(self.quantile((np.arange(20_000) + 0.5) / 20_000).std())

    def draw(self, n: int, seed: int, stratified: bool = True) -> Array:
        """Levels (n,): one from each of n equal shares of P_Y if `stratified`, else independent."""
        u = np.random.default_rng((seed, 1)).random(n)
        return self.quantile((np.arange(n) + u) / n if stratified else u)


@dataclass(frozen=True)
class Prior:
    """q_X on the box: uniform for infinite `sd`, else an isotropic normal distribution about `centre`, truncated to the
    box.
    """

    centre: tuple[float, float] = (0.0, 1.0)
    sd: float = np.inf

    def density(self, x: Array) -> Array:
        """q_X at points (..., 2)."""
        if np.isinf(self.sd):
            return inside(x) / float(np.prod(HIGH - LOW))
        edges = ndtr((np.stack([LOW, HIGH]) - self.centre) / self.sd)
        bell = np.exp(-(((x - np.array(self.centre)) / self.sd) ** 2).sum(-1) / 2) / (2 * np.pi * self.sd**2)
        return np.where(inside(x), bell, 0.0) / np.prod(edges[1] - edges[0])

    def draw(self, n: int, seed: int) -> Array:
        """Independent points (n, 2); point i does not depend on n."""
        u = np.random.default_rng((seed, 2)).random((n, 2))
        if np.isinf(self.sd):
            return LOW + (HIGH - LOW) * u
        edges = ndtr((np.stack([LOW, HIGH]) - self.centre) / self.sd)
        return np.array(self.centre) + self.sd * ndtri(edges[0] + (edges[1] - edges[0]) * u)


@lru_cache(maxsize=64)
def pushforward(prior: Prior) -> Callable[[Array], Array]:
    """q_Y of a prior, as a function of y.

    The integral of the module's docstring by the midpoint rule in an angle that removes the singularity at its ends (1
    - x1 = sqrt(y) sin t), stored at `LEVELS` levels equidistant in sqrt(y) and interpolated between.
    """
    roots = (np.arange(LEVELS) + 0.5) / LEVELS * np.sqrt(LARGEST)
    reach = np.arcsin(((1 - np.array([HIGH[0], LOW[0]]))[:, None] / roots).clip(-1, 1))
    width = (reach[1] - reach[0]) / COLUMNS
    t = reach[0][:, None] + (np.arange(COLUMNS) + 0.5) * width[:, None]
    x1, offset = 1 - roots[:, None] * np.sin(t), roots[:, None] * np.cos(t) / 10
    sides = sum(prior.density(np.stack([x1, x1**2 + side * offset], -1)) for side in (-1, 1))
    values = np.asarray(sides).sum(1) * width / 20
    return lambda y: np.where((y >= 0) & (y <= LARGEST), np.interp(np.sqrt(np.maximum(y, 0)), roots, values), 0.0)


@lru_cache(maxsize=1)
def pool() -> tuple[Array, Array]:
    """`POOL` evenly spread points of the box (scrambled Sobol sequence), and M there."""
    x = LOW + (HIGH - LOW) * qmc.Sobol(2, rng=np.random.default_rng(4)).random(POOL)
    return x, rosenbrock(x)


def oracle(target: Target, prior: Prior, seed: int = 0) -> Array:
    """Points (k, 2) of the exact P_X by rejection from `pool()`.

    Points are accepted where their density exceeds a uniform share of the largest one. k = 0 where the prior does not
    contain any level of the target.
    """
    x, y = pool()
    candidates = np.flatnonzero((y >= target.low) & (y <= target.high))
    prior_density = pushforward(prior)(y[candidates])
    weight = np.divide(
        prior.density(x[candidates]) * target.density(y[candidates]),
        prior_density,
        out=np.zeros(len(candidates)),
        where=prior_density > 0,
    )
    if not weight.any():
        return np.empty((0, 2))
    u = np.random.default_rng((seed, 3)).random(len(candidates))
    return x[candidates[u * weight.max() < weight]]
