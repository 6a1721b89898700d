"""Exact solutions of Burgers' equation on the periodic unit interval, as cell averages.

    u_t + (u^2 / 2)_x = nu u_xx,   u(x, 0) = u0(x),   nu >= 0, time and length without unit

Viscous solution (Hopf 1950; Cole 1951), with Phi the antiderivative of u0:

    theta(x, t) = int exp(-[(x - y)^2 / (2 t) + Phi(y)] / (2 nu)) dy,   u = -2 nu (ln theta)_x

Inviscid entropy solution (Lax 1957; Oleinik 1957):

    u = V_x,  V(x, t) = min_y (x - y)^2 / (2 t) + Phi(y)

Both are x-derivatives, so averages over cells are differences between faces: exact, shocks included. Because the
equation is Galilean invariant, u(x, t) = m + v(x - m t, t) with m the mean and v the solution from u0 - m, whose Phi is
periodic: everything is computed for v (the co-moving trick). `comoving=True` returns u(x + m t, t), in which the
pattern stands still on average.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.simulation.burgers.initial import Initial, Reals
from core.simulation.burgers.schemes import (
    checked_levels,
    checked_viscosity,
)

END = 0.5
"""Final time T."""
_GAUSS = np.polynomial.legendre.leggauss(3)
_NODES, _WEIGHTS = (_GAUSS[0] + 1) / 2, _GAUSS[1] / 2
_TAIL = 9.0  # standard deviations of the heat kernel that are kept: exp(-81 / 2) = 3e-18
_RANGE = 1e-10  # smallest min / max of theta that the FFT resolves, to 6 digits


def levels(count: int, end: float = END, power: float = 1.25) -> Reals:
    """Time levels t_n = end (n / count)^power, n = 0 .. count, denser where the solution is young; shape (count + 1,).

    Raises:
        ValueError: `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"There must be at least one level after the initial one; got {count}.")
    return end * (np.arange(count + 1) / count) ** power


def translate(cells: Reals, distance: ArrayLike) -> Reals:
    """Cell averages (..., n) moved right by `distance` (...), in periods, by the Fourier shift.

    Exact for resolved fields; the last mode of an even grid keeps its real part. From the co-moving to the laboratory
    frame: translate(field, mean * times).
    """
    k = 2 * math.pi * np.arange(cells.shape[-1] // 2 + 1)
    phase = np.exp(-1j * np.asarray(distance, dtype=np.float64)[..., None] * k)
    return np.fft.irfft(np.fft.rfft(cells) * phase, n=cells.shape[-1])


def _panels(initial: Initial, at_least: float) -> int:
    """The smallest multiple of the smooth pieces that is at least `at_least`."""
    return initial.pieces * math.ceil(at_least / initial.pieces)


def _window(initial: Initial, faces: Reals, left: float, right: float, panels: int) -> tuple[Reals, int]:
    """First panel end (faces, 1) and number of panels that cover [face - left, face + right], aligned with the
    pieces."""
    first = np.floor((faces - left - initial.origin) * panels)
    return first[:, None], math.ceil((left + right) * panels) + 2


def _log_theta(initial: Initial, viscosity: float, t: float, faces: Reals, points: int) -> Reals:
    """ln theta at `faces` for the initial condition minus its mean: 3-point Gauss panels, summed as exponents."""
    mean = initial.mean
    sigma = math.sqrt(2 * viscosity * t)
    panels = _panels(initial, max(points, 2 / sigma))
    low, high = initial.bounds
    first, count = _window(initial, faces, (high - mean) * t + _TAIL * sigma, (mean - low) * t + _TAIL * sigma, panels)
    grid = (np.arange(first.min(), first.max() + count)[:, None] + _NODES).ravel() / panels + initial.origin
    potential = initial.primitive(grid) - mean * grid
    index = 3 * (first - first.min()).astype(np.int64) + np.arange(3 * count)
    exponent = -((faces[:, None] - grid[index]) ** 2 / (2 * t) + potential[index]) / (2 * viscosity)
    peak = exponent.max(1, keepdims=True)
    return peak[:, 0] + np.log(np.exp(exponent - peak) @ np.tile(_WEIGHTS, count))


def _each_level(
    initial: Initial, times: Reals, cells: int, comoving: bool, level: Callable[[float, Reals], Reals]
) -> Reals:
    """Cell averages at every level from values at the faces.

    Rows m + cells diff(level(t, faces)), with the faces in the frame that moves with the mean m; averages of u0 at t =
    0.
    """
    out = np.empty((len(times), cells))
    for row, t in zip(out, times, strict=True):
        faces = np.arange(cells + 1) / cells - (0.0 if comoving else initial.mean * t)
        row[:] = initial.cells(cells) if t == 0 else initial.mean + cells * np.diff(level(float(t), faces))
    return out


def cole_hopf(
    initial: Initial, viscosity: float, times: ArrayLike, cells: int, points: int = 1024, comoving: bool = False
) -> Reals:
    """The exact viscous solution, by sums of exponents that never underflow.

    Args:
        initial: initial condition.
        viscosity: viscosity above 0.
        times: levels, none negative.
        cells: number of cells.
        points: least number of Gauss panels per unit length (more where the heat kernel is narrow, 2 per standard
            deviation).
        comoving: return the solution in the frame of the mean.

    Returns:
        Cell averages float64 (len(times), cells).

    Raises:
        ValueError: the viscosity is not above 0, or times are negative or not finite.

    Reference:
        Hopf (1950).
    """
    nu, at = checked_viscosity(viscosity), checked_levels(times, cells, increasing=False)
    return _each_level(
        initial, at, cells, comoving, lambda t, faces: -2 * nu * _log_theta(initial, nu, t, faces, points)
    )


def cole_hopf_fft(
    initial: Initial, viscosity: float, times: ArrayLike, cells: int, points: int = 1024, comoving: bool = False
) -> Reals:
    """`cole_hopf` in milliseconds: theta is periodic for the co-moving solution, so heat flow is a product in Fourier
    space.

    Same arguments, result and errors as `cole_hopf`. The coefficients of theta(x, 0) are 3-point Gauss sums over at
    least `points` panels (a multiple M of `cells` and of the smooth pieces), each a shifted FFT. Rounding limits the
    method: theta is known to 1e-16 of its maximum. A level therefore counts as safe only if min theta >= 1e-10 max
    theta, which fails at small t for (max Phi - min Phi) / (2 nu) > 23, that is for c < 1.75 or so at nu = .002; and if
    exp(-nu (pi M)^2 t) < 1e-9, so that the truncated spectrum has decayed. The other levels are computed by
    `cole_hopf`.
    """
    nu, at = checked_viscosity(viscosity), checked_levels(times, cells, increasing=False)
    panels = math.lcm(cells, initial.pieces)
    panels *= math.ceil(points / panels)
    wave = 2 * math.pi * np.arange(panels // 2 + 1)
    shift = 0.0 if comoving else initial.mean * at[:, None]
    factor = np.exp(-nu * wave**2 * at[:, None] - 1j * wave * (shift + 0 * at[:, None]))
    theta = np.fft.irfft(_spectrum(initial, nu, panels) * factor, n=panels)[:, :: panels // cells]
    safe = (theta.min(1) >= _RANGE * theta.max(1)) & (nu * (math.pi * panels) ** 2 * at > -math.log(1e-9))
    logs = np.log(np.where(safe[:, None], theta, 1.0))
    out = initial.mean - 2 * nu * cells * (np.roll(logs, -1, 1) - logs)
    if not safe.all():
        out[~safe] = cole_hopf(initial, nu, at[~safe], cells, points, comoving)
    return out


def _spectrum(initial: Initial, viscosity: float, panels: int) -> NDArray[np.complex128]:
    """Fourier coefficients, up to a factor, of exp(-Phi / (2 nu)), Phi that of the initial condition minus its mean."""
    wave = 2 * math.pi * np.arange(panels // 2 + 1)
    start = np.arange(panels) / panels + initial.origin
    total = np.zeros(len(wave), dtype=np.complex128)
    nodes = [start + node / panels for node in _NODES]
    potential = [initial.primitive(y) - initial.mean * y for y in nodes]
    lowest = min(float(p.min()) for p in potential)
    for node, weight, p in zip(_NODES, _WEIGHTS, potential, strict=True):
        away = np.exp(-1j * wave * (initial.origin + node / panels))
        total += weight * away * np.fft.rfft(np.exp((lowest - p) / (2 * viscosity)))
    return total


def lax_oleinik(initial: Initial, times: ArrayLike, cells: int, points: int = 2048, comoving: bool = False) -> Reals:
    """The exact inviscid entropy solution; viscosity 0.

    On each panel Phi is a parabola through its ends and middle (exact for `Steps`, error of order points^-3 elsewhere);
    the smallest of the panels' minima is V.

    Args:
        initial: initial condition.
        times: levels, none negative.
        cells: number of cells.
        points: least number of panels.
        comoving: return the solution in the frame of the mean.

    Returns:
        Cell averages float64 (len(times), cells).

    Raises:
        ValueError: times are negative or not finite.

    Reference:
        Lax (1957).
    """
    at = checked_levels(times, cells, increasing=False)
    panels = _panels(initial, points)
    low, high = initial.bounds
    mean = initial.mean

    def lowest(t: float, faces: Reals) -> Reals:
        first, count = _window(initial, faces, (high - mean) * t, (mean - low) * t, panels)
        grid = np.arange(2 * first.min(), 2 * (first.max() + count) + 1) / (2 * panels) + initial.origin
        index = 2 * (first - first.min()).astype(np.int64) + np.arange(2 * count + 1)
        action = (faces[:, None] - grid[index]) ** 2 / (2 * t) + (initial.primitive(grid) - mean * grid)[index]
        return _least(action[:, :-1:2], action[:, 1::2], action[:, 2::2])

    return _each_level(initial, at, cells, comoving, lowest)


def _least(left: Reals, middle: Reals, right: Reals) -> Reals:
    """Least value over the panels of the parabolas through three points (faces, panels) each, at or between their
    ends.
    """
    slope, bend = (right - left) / 2, (left + right) / 2 - middle
    convex = bend > np.abs(slope) / 2
    inside = middle - np.divide(slope**2, 4 * bend, where=convex, out=np.zeros_like(bend))
    return np.where(convex, inside, np.minimum(left, right)).min(1)
