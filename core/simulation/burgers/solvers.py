"""Solutions of Burgers' equation from conditions: the oracles and baselines of the problem.

A maker maps (conditions, n, seed, shape) to fields (n, cells, levels), float32. Conditions are `initial` (n, cells) or
`frequency` (n,), and `viscosity` (n,), 0 where absent. A solver maps (initial condition, viscosity, times, cells) to
(levels, cells).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.simulation.burgers import exact, interactive, schemes
from core.simulation.burgers.initial import Initial, RaisedCosine, Reals, Steps

Maker = Callable[[Mapping[str, NDArray[Any]], int, int, tuple[int, int]], NDArray[Any]]
Solver = Callable[[Initial, float, Reals, int], Reals]


def starts(conditions: Mapping[str, NDArray[Any]]) -> list[Initial]:
    """The requested initial conditions, one per sample: `initial` where present, else the raised cosine of
    `frequency`.
    """
    if "initial" in conditions:
        return [Steps(tuple(float(v) for v in row)) for row in np.asarray(conditions["initial"], dtype=np.float64)]
    return [RaisedCosine(float(c)) for c in conditions["frequency"]]


def maker(solve: Solver, power: float) -> Maker:
    """Maker that applies a solver at the levels t_n = T (n / N)^power; the shape has N + 1 columns."""

    def make(conditions: Mapping[str, NDArray[Any]], n: int, seed: int, shape: tuple[int, int]) -> NDArray[Any]:
        times = exact.levels(shape[1] - 1, power=power)
        nus = np.broadcast_to(conditions.get("viscosity", np.zeros(n)), n)
        pairs = zip(starts(conditions), nus, strict=True)
        return np.stack([solve(start, float(nu), times, shape[0]).T for start, nu in pairs]).astype(np.float32)

    return make


def cole_hopf(start: Initial, viscosity: float, times: Reals, cells: int) -> Reals:
    """The exact viscous solution."""
    return exact.cole_hopf_fft(start, viscosity, times, cells)


def entropy(start: Initial, viscosity: float, times: Reals, cells: int) -> Reals:
    """The exact inviscid entropy solution (Lax-Oleinik)."""
    return exact.lax_oleinik(start, times, cells)


def cole_hopf_live(start: Initial, viscosity: float, times: Reals, cells: int) -> Reals:
    """The exact viscous solution at display rate."""
    return interactive.cole_hopf_live(start, viscosity, times, cells)


def entropy_live(start: Initial, viscosity: float, times: Reals, cells: int) -> Reals:
    """The exact inviscid entropy solution at display rate."""
    return interactive.lax_oleinik_live(start, times, cells)


def frozen(start: Initial, viscosity: float, times: Reals, cells: int) -> Reals:
    """The initial condition at all times."""
    return np.tile(start.cells(cells), (len(times), 1))


def flat(start: Initial, viscosity: float, times: Reals, cells: int) -> Reals:
    """The mean of the initial condition everywhere."""
    return np.full((len(times), cells), start.cells(cells).mean())


def explicit_euler(start: Initial, viscosity: float, times: Reals, cells: int) -> Reals:
    """The reference scheme of the paper."""
    return schemes.explicit_euler(start, viscosity, times, cells)


def godunov(start: Initial, viscosity: float, times: Reals, cells: int) -> Reals:
    """First-order finite volumes."""
    return schemes.godunov(start, times, cells)


def muscl(start: Initial, viscosity: float, times: Reals, cells: int) -> Reals:
    """Second-order finite volumes."""
    return schemes.muscl(start, times, cells)


def muscl_comoving(start: Initial, viscosity: float, times: Reals, cells: int) -> Reals:
    """Second-order finite volumes in the frame of the mean; the field stays in that frame."""
    return schemes.muscl(start, times, cells, comoving=True)


def _moving(solve: Callable[[Reals, float, Reals], Reals]) -> Solver:
    """A solver from one for cells without mean; its field is brought to the laboratory frame."""

    def run(start: Initial, viscosity: float, times: Reals, cells: int) -> Reals:
        first = start.cells(cells)
        mean = first.mean()
        return exact.translate(solve(first - mean, viscosity, times) + mean, mean * times)

    return run


def _swept(cells: Reals, viscosity: float, times: Reals) -> Reals:
    """The heat solution after three Newton sweeps over all levels at once."""
    field = schemes.heat(cells, viscosity, times)
    for _ in range(3):
        field = schemes.newton_sweep(field, viscosity, times)
    return field


march, heat, heat_newton = _moving(schemes.march), _moving(schemes.heat), _moving(_swept)
"""Solvers in the frame of the mean: one implicit march, the heat equation alone, and that with three Newton sweeps."""
