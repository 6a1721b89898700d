"""The exact solutions of Burgers' equation at display rate, also where `burgers.exact` takes seconds.

Viscous: ln theta is propagated from level to level. The heat kernel of one step is narrow and its sum has only positive
terms, so nothing cancels or underflows. Inviscid: all faces of a level have the same distances to the nodes of the
potential.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from core.simulation.burgers.exact import cole_hopf_fft
from core.simulation.burgers.initial import Initial, Reals
from core.simulation.burgers.schemes import checked_levels, checked_viscosity

_SAFE = 20.0  # range of Phi / (2 nu) that the FFT resolves
_TAIL, _BLOCK = 8.5, 24
_GAUSS = np.polynomial.legendre.leggauss(3)


def _potential(initial: Initial, points: Reals) -> Reals:
    """Phi of the initial condition minus its mean, which is periodic."""
    return initial.primitive(points) - initial.mean * points


def _convolve(logs: Reals, sigma: float, step: int, offsets: Reals, weights: Reals) -> Reals:
    """ln of the Gaussian mean of exp(logs) on a ring, evaluated at every `step`-th node.

    The len(logs) nodes lie `offsets` from the points of evaluation.
    """
    n = len(logs)
    half = math.ceil(_TAIL * sigma * n / step) * step
    width = _BLOCK * step + 2 * half
    around = np.take(logs, np.arange(-half, n + half), mode="wrap")
    windows = sliding_window_view(around, width)[:: _BLOCK * step]
    place = np.arange(width) // step / (n / step) + np.tile(offsets, width // step)
    target = (half // step + np.arange(_BLOCK)) / (n / step)
    kernel = np.exp(-((place[:, None] - target) ** 2) / (2 * sigma**2)) * np.tile(weights, width // step)[:, None]
    peak = windows.max(1, keepdims=True)
    return (peak + np.log(np.exp(windows - peak) @ kernel)).ravel()


def cole_hopf_live(initial: Initial, viscosity: float, times: ArrayLike, cells: int, points: int = 1024) -> Reals:
    """As `cole_hopf`, in milliseconds, at levels that increase from 0.

    Uses `cole_hopf_fft` where the FFT resolves the range of theta; otherwise theta after the first step is computed
    with 3-point Gauss panels, and after every other step by the trapezoidal rule, which is exact for what a step has
    smoothed.

    Args:
        initial: initial condition.
        viscosity: viscosity above 0.
        times: levels that increase from 0.
        cells: number of cells.
        points: least number of panels.

    Returns:
        Cell averages float64 (len(times), cells).

    Raises:
        ValueError: the viscosity or the times are not valid.
    """
    nu, at = checked_viscosity(viscosity), checked_levels(times, cells)
    panels = math.lcm(cells, initial.pieces, _BLOCK)
    panels *= math.ceil(points / panels)
    grid = np.arange(panels) / panels
    if np.ptp(_potential(initial, grid)) < 2 * nu * _SAFE or len(at) < 2:
        return cole_hopf_fft(initial, nu, at, cells, points)
    steps = np.sqrt(2 * nu * np.diff(at))
    nodes, weights = (_GAUSS[0] + 1) / 2, _GAUSS[1] / 2
    start = initial.origin + grid[:, None] + nodes / panels
    logs = np.empty((len(steps), panels))
    logs[0] = _convolve(-_potential(initial, start.ravel()) / (2 * nu), steps[0], 3, nodes / panels, weights)
    for n, sigma in enumerate(steps[1:]):
        logs[n + 1] = _convolve(logs[n], sigma, 1, np.zeros(1), np.ones(1))
    wave = 2 * math.pi * np.arange(panels // 2 + 1)
    shift = np.exp(-1j * wave * (initial.mean * at[1:, None] + initial.origin))
    faces = np.fft.irfft(np.fft.rfft(logs) * shift, n=panels)[:, :: panels // cells]
    later = initial.mean - 2 * nu * cells * (np.roll(faces, -1, 1) - faces)
    return np.concatenate([initial.cells(cells)[None], later])


def lax_oleinik_live(initial: Initial, times: ArrayLike, cells: int, points: int = 384) -> Reals:
    """As `lax_oleinik`, in milliseconds: exact for `Steps`, error of order points^-3 elsewhere.

    The least node of each face is searched among those within reach; the parabolas of the panels around it then give
    the minimum.

    Args:
        initial: initial condition.
        times: levels, none negative.
        cells: number of cells.
        points: least number of panels.

    Returns:
        Cell averages float64 (len(times), cells).

    Raises:
        ValueError: the times are not valid.
    """
    at = checked_levels(times, cells, increasing=False)
    panels = math.lcm(cells, initial.pieces)
    panels *= math.ceil(points / panels)
    potential = _potential(initial, initial.origin + np.arange(2 * panels) / (2 * panels))
    out = np.empty((len(at), cells))
    for row, t in zip(out, at, strict=True):
        if t == 0:
            row[:] = initial.cells(cells)
            continue
        least = _lowest(potential, initial, float(t), cells)
        row[:] = initial.mean + cells * (np.roll(least, -1) - least)
    return out


def _lowest(potential: Reals, initial: Initial, t: float, cells: int) -> Reals:
    """V at the left faces of the cells, in the frame of the mean."""
    nodes = len(potential)
    low, high = initial.bounds
    first = -initial.mean * t - initial.origin  # the first face
    begin = 2 * math.floor((first - (high - initial.mean) * t) * nodes / 2) - 4
    end = 2 * math.ceil((first + (initial.mean - low) * t) * nodes / 2) + 5
    bowl = (first - np.arange(begin, end) / nodes) ** 2 / (2 * t)
    around = np.take(potential, np.arange(begin, nodes + end), mode="wrap")
    action = sliding_window_view(around, end - begin)[: nodes : nodes // cells] + bowl
    best = np.clip(action.argmin(1) // 2 * 2, 4, end - begin - 7)
    near = np.take_along_axis(action, best[:, None] + np.arange(-4, 7), 1)
    left, middle, right = near[:, :-2:2], near[:, 1:-1:2], near[:, 2::2]
    slope, bend = (right - left) / 2, (left + right) / 2 - middle
    inside = middle - slope**2 / (4 * np.where(bend > 0, bend, 1.0))
    return np.where(bend > np.abs(slope) / 2, inside, np.minimum(left, right)).min(1)
