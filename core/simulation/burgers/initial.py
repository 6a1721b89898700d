"""Initial conditions of Burgers' equation on the periodic unit interval: exact antiderivatives and cell averages.

Every unknown is a cell average, so an initial condition is defined by its antiderivative Phi(x) = int_0^x u0(y) dy:

    average over [a, b] = (Phi(b) - Phi(a)) / (b - a),   mean = Phi(1)

Jumps of u0 lie only at `origin` + j / `pieces`, where quadratures place the ends of their panels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Reals = NDArray[np.float64]
FREQUENCIES = (1.0, 6.6)
"""Range of frequencies c of the family b(x; c) of random initial conditions."""


class Initial(Protocol):
    """The periodic extension of a bounded function u0 on [0, 1)."""

    @property
    def origin(self) -> float:
        """Where the first panel begins."""
        ...

    @property
    def pieces(self) -> int:
        """Number of equal panels, starting at `origin`, inside which u0 is smooth."""
        ...

    @property
    def bounds(self) -> tuple[float, float]:
        """Lower and upper bound of u0, not always attained."""
        ...

    @property
    def mean(self) -> float:
        """Mean of u0 over the period, conserved by the equation."""
        ...

    def primitive(self, x: ArrayLike) -> Reals:
        """Phi(x) = int_0^x u0 for any real x, float64, same shape."""
        ...

    def cells(self, n: int) -> Reals:
        """Averages over the n cells [i/n, (i+1)/n], float64 (n,)."""
        ...


class _Cells:
    """Cell averages from the antiderivative."""

    def primitive(self, x: ArrayLike) -> Reals:
        """Phi(x); overridden by each initial condition."""
        raise TypeError(f"{type(self).__name__} has no antiderivative.")

    def cells(self, n: int) -> Reals:
        """Exact averages over n equal cells, float64 (n,).

        Raises:
            ValueError: n is below 1.
        """
        if n < 1:
            raise ValueError(f"The number of cells must be at least 1; got {n}.")
        return n * np.diff(self.primitive(np.arange(n + 1) / n))


@dataclass(frozen=True)
class RaisedCosine(_Cells):
    """b(x; c) = (1 - cos 2 pi c (x - s)) / 2 for x - s in [0, 1), extended periodically; c = `frequency`, s = `shift`.

    Where c is not an integer (for example 5.5), b does not close: it ends at (1 - cos 2 pi c) / 2 and begins at 0, so
    its periodic extension jumps down at x = s, and the solution has a shock there from the start.

    Raises:
        ValueError: the frequency is not a positive finite number, or the shift is not finite.

    Reference:
        InvNet (2019), eq. 5.
    """

    frequency: float
    shift: float = 0.0

    def __post_init__(self) -> None:
        """Checks the frequency and the shift."""
        if not (math.isfinite(self.frequency) and self.frequency > 0 and math.isfinite(self.shift)):
            raise ValueError(
                f"frequency must be a finite number above 0 and shift finite; got {self.frequency} and {self.shift}."
            )

    @property
    def origin(self) -> float:
        """Where the profile begins."""
        return self.shift

    @property
    def pieces(self) -> int:
        """One smooth panel per period."""
        return 1

    @property
    def bounds(self) -> tuple[float, float]:
        """0 and 1."""
        return 0.0, 1.0

    @property
    def mean(self) -> float:
        """(1 - sin(2 pi c) / (2 pi c)) / 2."""
        return float(self._within(np.array(1.0)))

    def _within(self, s: Reals) -> Reals:
        """int_0^s b for s in [0, 1]."""
        k = 2 * math.pi * self.frequency
        return 0.5 * (s - np.sin(k * s) / k)

    def _from_start(self, s: Reals) -> Reals:
        periods = np.floor(s)
        return periods * self.mean + self._within(s - periods)

    def primitive(self, x: ArrayLike) -> Reals:
        """Phi(x) for any real x, float64."""
        s = np.asarray(x, dtype=np.float64) - self.shift
        return self._from_start(s) - self._from_start(np.array(-self.shift))


@dataclass(frozen=True)
class Fourier(_Cells):
    """u0(x) = mean + sum_k cosine_k cos(2 pi k x) + sine_k sin(2 pi k x), k = 1, 2, ...; smooth.

    Raises:
        ValueError: coefficients are not finite, or there are not as many cosines as sines.
    """

    cosine: tuple[float, ...]
    sine: tuple[float, ...]
    mean: float = 0.0

    def __post_init__(self) -> None:
        """Checks the coefficients."""
        if len(self.cosine) != len(self.sine) or not np.isfinite([*self.cosine, *self.sine, self.mean]).all():
            raise ValueError(
                f"There must be as many finite cosines as sines and a finite mean; "
                f"got {self.cosine}, {self.sine}, {self.mean}."
            )

    @property
    def origin(self) -> float:
        """0."""
        return 0.0

    @property
    def pieces(self) -> int:
        """One smooth panel per period."""
        return 1

    @property
    def bounds(self) -> tuple[float, float]:
        """mean -+ the sum of the amplitudes."""
        reach = float(np.hypot(self.cosine, self.sine).sum())
        return self.mean - reach, self.mean + reach

    def primitive(self, x: ArrayLike) -> Reals:
        """Phi(x) for any real x, float64."""
        at = np.asarray(x, dtype=np.float64)
        k = 2 * math.pi * np.arange(1, len(self.cosine) + 1)
        angle = at[..., None] * k
        return (
            self.mean * at
            + np.sin(angle) @ (np.array(self.cosine) / k)
            + (1 - np.cos(angle)) @ (np.array(self.sine) / k)
        )


@dataclass(frozen=True)
class Steps(_Cells):
    """Piecewise constant function on len(values) equal cells: the meaning of an array as an initial condition.

    Raises:
        ValueError: there are no values, or not all are finite.
    """

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        """Checks `values` and converts them to a tuple of floats."""
        values = np.asarray(self.values, dtype=np.float64)
        if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
            raise ValueError(f"An initial condition must be a row of finite numbers; got {self.values!r}.")
        object.__setattr__(self, "values", tuple(values.tolist()))

    @property
    def origin(self) -> float:
        """0."""
        return 0.0

    @property
    def pieces(self) -> int:
        """The number of values."""
        return len(self.values)

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest value."""
        return min(self.values), max(self.values)

    @cached_property
    def mean(self) -> float:
        """Mean of the values."""
        return float(np.mean(self.values))

    def primitive(self, x: ArrayLike) -> Reals:
        """Phi(x) for any real x, float64: piecewise linear."""
        at = np.asarray(x, dtype=np.float64)
        n, periods = len(self.values), np.floor(at)
        knots = np.concatenate([[0.0], np.cumsum(self.values) / n])
        return periods * knots[-1] + np.interp(at - periods, np.arange(n + 1) / n, knots)


def random_initial(seed: int) -> Initial:
    """A random initial condition with values in [0, 1], a pure function of `seed`.

    50 % are raised cosines of uniform frequency and shift, 35 % Fourier series with a random decay, and 15 % rough:
    square waves and noise.
    """
    rng = np.random.default_rng(seed)
    kind = rng.random()
    if kind < 0.5:
        return RaisedCosine(float(rng.uniform(*FREQUENCIES)), float(rng.random()))
    return _random_fourier(rng) if kind < 0.85 else _random_steps(rng)


def _random_fourier(rng: np.random.Generator) -> Fourier:
    """1 to 12 waves of amplitude k^-p, p in [0, 2], scaled to a height of 0.4 to 1 somewhere inside [0, 1]."""
    k = np.arange(1, rng.integers(1, 13) + 1)
    cosine, sine = rng.normal(size=(2, len(k))) / k ** rng.uniform(0, 2)
    angle = 2 * math.pi * np.arange(512)[:, None] / 512 * k
    wave = np.cos(angle) @ cosine + np.sin(angle) @ sine
    height = rng.uniform(0.4, 1.0)
    scale = height / (wave.max() - wave.min())
    mean = rng.uniform(0, 1 - height) - wave.min() * scale
    return Fourier(tuple((cosine * scale).tolist()), tuple((sine * scale).tolist()), float(mean))


def _random_steps(rng: np.random.Generator) -> Steps:
    """A square wave of 2 to 8 plateaus with random ends, or 12 to 48 independent values."""
    if rng.random() < 0.5:
        return Steps(tuple(rng.random(rng.integers(12, 49)).tolist()))
    ends = np.sort(rng.choice(192, rng.integers(2, 9), replace=False))
    plateaus = rng.random(len(ends))
    return Steps(tuple(plateaus[np.searchsorted(ends, np.arange(192), side="right") % len(ends)].tolist()))
