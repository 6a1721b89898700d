"""Reconstruction by simulated annealing: two-phase labels with a given two-point correlation, by exchanging pixels.

The curve is the full radial average on the periodic grid: the two axes alone would leave stripes. Only pixels at an
interface are exchanged, which prevents isolated pixels; the volume fraction never changes.

Reference:
    Yeong and Torquato, Phys. Rev. E 57, 495 (1998); Rozman and Utz, Phys. Rev. E 63, 066701 (2001).
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator

import numpy as np
from numpy.typing import ArrayLike, NDArray

Whole = NDArray[np.int64]
HOT, COLD = 0.03, 1e-4
"""First temperature over the mean change of the energy in the first proposed exchanges; last temperature over the
first.
"""
LEAST, MOST = 16, 256
"""Fewest and most exchanges proposed in one batch; they are judged one after the other, each on the current labels."""


class Annealing:
    """Labels (H, W) on their way to the curve `target`; the state consists of integer counts, so nothing drifts.

    With n_r(p) = phase-1 pixels in annulus r about pixel p and C_r = sum of n_r over the phase-1 pixels, S2(r) = C_r /
    (H W |r|) as in `core.descriptors.two_phase.s2_radial`. Exchanging a (1 -> 0) and b (0 -> 1) changes C_r by 2
    (n_r(b) - n_r(a)) - 2 [|b - a| in r].
    """

    def __init__(
        self, target: ArrayLike, shape: tuple[int, int], seed: int = 0, start: ArrayLike | None = None
    ) -> None:
        """Prepares the labels to start from.

        Args:
            target: S2 (m,) at annuli 0 .. m-1 px; `target[0]` is the volume fraction.
            shape: rows and columns of the grid.
            seed: seed of the random numbers.
            start: labels (H, W) to start from, whose own fraction is then kept; white noise by default.

        Raises:
            ValueError: the curve or the labels do not fit the grid.
        """
        self.target = np.asarray(target, dtype=np.float64)
        most = min(shape) // 2 + 1
        if self.target.ndim != 1 or not 2 <= len(self.target) <= most:
            raise ValueError(
                f"The curve must have 2 to {most} values on {shape[0]} x {shape[1]} pixels; got {self.target.shape}."
            )
        if not np.isfinite(self.target).all() or not 0 <= self.target[0] <= 1:
            raise ValueError(
                f"The curve must be finite and begin with the volume fraction, 0 to 1; got {self.target[0]}."
            )
        if start is not None and np.shape(start) != tuple(shape):
            raise ValueError(f"The labels to begin from must be {shape[0]} x {shape[1]}; got {np.shape(start)}.")
        self.shape, self.steps, self._rng = shape, 0, np.random.default_rng(seed)
        pixels = math.prod(shape)
        noise = self._rng.permutation(pixels) < round(float(self.target[0]) * pixels)
        self._flat: NDArray[np.bool_] = noise if start is None else np.asarray(start).ravel() > 0
        self._prepare()

    def _prepare(self) -> None:
        """Computes by FFT the annulus of every displacement (m beyond the curve), those within, and n_r of every
        pixel.
        """
        bins = len(self.target)
        rows, columns = (np.fft.fftfreq(s, 1 / s) for s in self.shape)
        ring = np.hypot(rows[:, None], columns).round().astype(np.int64).clip(max=bins)
        self._ring, within = ring.ravel(), np.nonzero(ring < bins)
        self._dy, self._dx, self._annulus = *within, ring[within]
        self._size = np.bincount(self._annulus) * ring.size
        spectrum = np.fft.rfft2(self.labels)
        near = [np.fft.irfft2(spectrum * np.fft.rfft2(ring == r), self.shape) for r in range(bins)]
        self._near: Whole = np.stack(near, -1).round().astype(np.int64).reshape(-1, bins)
        self._counts: Whole = self._near[self._flat].sum(0)

    @property
    def labels(self) -> NDArray[np.uint8]:
        """The current labels, uint8 (H, W)."""
        return self._flat.reshape(self.shape).astype(np.uint8)

    @property
    def curve(self) -> NDArray[np.float64]:
        """S2 (m,) of the current labels."""
        return self._counts / self._size

    @property
    def error(self) -> float:
        """Mean over the annuli of |S2 - target|."""
        return float(np.abs(self.curve - self.target).mean())

    @property
    def energy(self) -> float:
        """Sum over the annuli of (S2 - target)^2."""
        return float(np.square(self.curve - self.target).sum())

    def run(
        self, goal: float = 5e-4, steps: int = 100_000, seconds: float = math.inf
    ) -> Generator[tuple[float, float], None, None]:
        """Exchanges pixels until `error` is at most `goal`, or for `steps` proposals or `seconds`; geometric cooling.

        Stop iterating to cancel: `labels` are always consistent. Without a time limit the labels are a function of the
        arguments alone.

        Args:
            goal: largest accepted mean |S2 - target|.
            steps: most proposals.
            seconds: most seconds.

        Yields:
            (share of the steps, energy) every few proposals, at the end (1, energy).
        """
        begin, hot, batch = time.monotonic(), math.nan, LEAST
        while self.steps < steps and self.error > goal and time.monotonic() - begin < seconds:
            a, b = self._propose(min(batch, steps - self.steps))
            if not len(a):
                break
            if math.isnan(hot):
                hot = HOT * float(np.abs(self._rises(self._changes(a, b))).mean())
            self.steps += len(a)
            accepted = self._judge(a, b, hot * COLD ** (self.steps / steps))
            batch = int(np.clip(2 * len(a) // (accepted + 1), LEAST, MOST))
            yield min(self.steps / steps, 0.999), self.energy
        yield 1.0, self.energy

    def _propose(self, n: int) -> tuple[Whole, Whole]:
        """`n` pixels of phase 1 and `n` of phase 0 at interfaces; none when there is no interface."""
        x = self._flat.reshape(self.shape)
        edge = np.logical_or.reduce([x != np.roll(x, step, axis) for step in (1, -1) for axis in (0, 1)]).ravel()
        ones, zeros = np.flatnonzero(edge & self._flat), np.flatnonzero(edge & ~self._flat)
        return (self._rng.choice(ones, n), self._rng.choice(zeros, n)) if len(ones) else (ones, ones)

    def _changes(self, a: Whole, b: Whole) -> Whole:
        """Change of the counts (k, m) by each exchange on its own."""
        (ya, xa), (yb, xb) = (np.divmod(p, self.shape[1]) for p in (a, b))
        apart = self._ring[(yb - ya) % self.shape[0] * self.shape[1] + (xb - xa) % self.shape[1]]
        change = self._near[b] - self._near[a] - (apart[:, None] == np.arange(len(self.target)))
        change[:, 0] = 0
        return 2 * change

    def _rises(self, change: Whole) -> NDArray[np.float64]:
        """Change of the energy (k,) by changes of the counts (k, m)."""
        difference = change / self._size
        return difference @ (2 * (self.curve - self.target)) + np.square(difference).sum(1)

    def _judge(self, a: Whole, b: Whole, temperature: float) -> int:
        """Metropolis test of one exchange after the other; returns the number of accepted ones.

        Exchanges that share a pixel with an accepted one are dropped, since that pixel has changed its phase.
        """
        allowed = -temperature * np.log1p(-self._rng.random(len(a)))
        accepted = 0
        while len(a):
            change = self._changes(a, b)
            accepting = np.flatnonzero(self._rises(change) <= allowed)
            if not len(accepting):
                break
            first = accepting[0]
            self._exchange(int(a[first]), int(b[first]), change[first])
            accepted += 1
            remaining = (np.arange(len(a)) > first) & (a != a[first]) & (b != b[first])
            a, b, allowed = a[remaining], b[remaining], allowed[remaining]
        return accepted

    def _exchange(self, a: int, b: int, change: Whole) -> None:
        """Exchanges the phases of two pixels."""
        (rows, columns), near = self.shape, self._near.reshape(-1)
        for pixel, sign in ((a, -1), (b, 1)):
            y, x = divmod(pixel, columns)
            neighbours = (y + self._dy) % rows * columns + (x + self._dx) % columns
            near[neighbours * len(self.target) + self._annulus] += sign
            self._flat[pixel] = sign > 0
        self._counts += change
