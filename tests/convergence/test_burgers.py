"""Burgers' equation: exact solutions against each other and against paper and pencil, schemes against the exact
solutions.

Errors are relative, over all cells and all levels after the first, in the norm named.
"""

import math
from itertools import pairwise

import numpy as np
import pytest

from core.simulation import burgers
from core.simulation.burgers import Fourier, RaisedCosine, Steps, cole_hopf, cole_hopf_fft, lax_oleinik, levels
from core.simulation.burgers import exact as exact_solutions

SMOOTH = Fourier((0.1, 0.05), (0.2, -0.1), 0.4)
LEVELS = np.linspace(0, 0.5, 9)


def l1(found, exact):
    return np.abs(found - exact)[1:].sum() / np.abs(exact[1:]).sum()


def l2(found, exact):
    return np.linalg.norm((found - exact)[1:]) / np.linalg.norm(exact[1:])


def orders(errors):
    return [math.log2(coarse / fine) for coarse, fine in pairwise(errors)]


def coarsened(field, cells):
    return field.reshape(*field.shape[:-1], cells, -1).mean(-1)


# --- exact solutions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "initial", [RaisedCosine(5.5), RaisedCosine(2.0, 0.3), SMOOTH, Steps((1.0, 0.0, 0.6))], ids=str
)
@pytest.mark.parametrize("viscosity", [0.004, 0.03])
def test_cole_hopf_is_the_integral_of_the_papers(initial, viscosity):
    """u at a face by brute force, u = <(x - y) / t> under the weight exp(-G / 2 nu), in the lab frame, by 80,000
    rectangles."""
    t, n, x = 0.2, 4096, np.arange(8) / 8
    y = (np.arange(80_000) + 0.5) / 20_000 - 2
    action = (x[:, None] - y) ** 2 / (2 * t) + initial.primitive(y)
    weight = np.exp(-(action - action.min(1, keepdims=True)) / (2 * viscosity))
    by_force = ((x[:, None] - y) / t * weight).sum(1) / weight.sum(1)
    cells = cole_hopf(initial, viscosity, [t], n)[0]
    at_faces = (cells + np.roll(cells, 1))[:: n // 8] / 2
    assert np.abs(at_faces - by_force).max() < 2e-5


CASES = [(2.0, 0.0, 0.002), (4.0, 0.0, 0.006), (5.5, 0.0, 0.002), (5.5, 0.3, 0.03), (6.0, -0.4, 0.02)]


@pytest.mark.parametrize(("frequency", "shift", "viscosity"), CASES)
@pytest.mark.parametrize("comoving", [False, True])
def test_the_fast_cole_hopf_agrees_with_the_slow_one(frequency, shift, viscosity, comoving):
    initial, times = RaisedCosine(frequency, shift), levels(64)[[0, 1, 8, 64]]
    slow = cole_hopf(initial, viscosity, times, 192, points=4096, comoving=comoving)
    fast = cole_hopf_fft(initial, viscosity, times, 192, comoving=comoving)
    assert np.abs(fast - slow).max() < 2e-7
    assert np.abs(cole_hopf(initial, viscosity, times, 192, comoving=comoving) - slow).max() < 2e-9


@pytest.mark.parametrize("frequency", [1.0, 1.3])
def test_the_fast_cole_hopf_falls_back_where_it_would_underflow(frequency, monkeypatch):
    """theta spans more than 1e10 at small t here: those levels, and only those, are summed as exponents."""
    initial, times, asked = RaisedCosine(frequency), levels(8), []
    exact = cole_hopf(initial, 0.002, times, 64)
    monkeypatch.setattr(exact_solutions, "cole_hopf", lambda *a: asked.append(a[2]) or cole_hopf(*a))
    assert np.abs(cole_hopf_fft(initial, 0.002, times, 64) - exact).max() < 2e-6
    assert 1 < len(asked[0]) <= len(times)
    monkeypatch.setattr(exact_solutions, "_RANGE", -math.inf)
    with np.errstate(all="ignore"):
        assert not np.abs(cole_hopf_fft(initial, 0.002, times, 64) - exact).max() < 2e-6


def test_very_young_solutions_are_taken_from_the_slow_formula_too():
    times = np.array([1e-9, 1e-6, 1e-4])
    exact = cole_hopf(RaisedCosine(4.0), 0.002, times, 64)
    assert np.abs(cole_hopf_fft(RaisedCosine(4.0), 0.002, times, 64) - exact).max() < 1e-9
    assert np.abs(exact[0] - RaisedCosine(4.0).cells(64)).max() < 1e-6


@pytest.mark.parametrize("initial", [RaisedCosine(2.0), RaisedCosine(3.0, 0.2), SMOOTH], ids=str)
def test_lax_oleinik_follows_the_characteristics_before_they_cross(initial):
    """Between faces that started at y: int u dx = [Phi(y) + t u0(y)^2 / 2], x = y + t u0(y), without any minimum."""
    n, t, h = 96, 0.05, 1e-5
    x = np.arange(n + 1) / n

    def speed(y):
        return (initial.primitive(y + h) - initial.primitive(y - h)) / (2 * h)

    low, high = x - 2 * t, x + 2 * t
    for _ in range(60):
        middle = (low + high) / 2
        ahead = middle + t * speed(middle) > x
        low, high = np.where(ahead, low, middle), np.where(ahead, middle, high)
    along = n * np.diff(initial.primitive(low) + t * speed(low) ** 2 / 2)
    assert np.abs(lax_oleinik(initial, [t], n)[0] - along).max() < 1e-6


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_lax_oleinik_of_a_step_is_a_fan_and_a_shock(quarters):
    """1 on [0, w), 0 on [w, 1): at t = .4 a fan x / t up to .4, then 1 up to the shock at w + t / 2."""
    w, x = quarters / 4, np.arange(101) / 100
    primitive = np.where(x < 0.4, x**2 / 0.8, np.minimum(x, w + 0.2) - 0.2)
    initial = Steps((1.0,) * quarters + (0.0,) * (4 - quarters))
    for comoving in (False, True):
        found = lax_oleinik(initial, [0.4], 100, comoving=comoving)[0]
        assert np.abs(np.roll(found, 10 * quarters if comoving else 0) - 100 * np.diff(primitive)).max() < 1e-10


@pytest.mark.parametrize("frequency", [2.0, 5.5])
def test_the_viscous_solution_tends_to_the_inviscid_one(frequency):
    """L1 distance of order nu: .016 and .038 at nu = .001, halved by each halving of nu."""
    inviscid = lax_oleinik(RaisedCosine(frequency), LEVELS, 96)
    errors = [l1(cole_hopf(RaisedCosine(frequency), nu, LEVELS, 96), inviscid) for nu in (1e-3, 5e-4, 2.5e-4)]
    assert errors[0] < 0.04
    assert all(0.9 < order < 1.3 for order in orders(errors))


@pytest.mark.parametrize("seed", range(6))
def test_exact_solutions_keep_the_mean_and_the_bounds(seed):
    initial = burgers.random_initial(seed)
    low, high = initial.bounds
    for field in (lax_oleinik(initial, LEVELS, 64), cole_hopf_fft(initial, 0.004, LEVELS, 64)):
        assert np.abs(field.mean(1) - initial.mean).max() < 1e-9
        assert field.min() > low - 1e-6
        assert field.max() < high + 1e-6


FRAMED = [lambda i, c: cole_hopf(i, 0.02, LEVELS, 96, comoving=c), lambda i, c: lax_oleinik(i, LEVELS, 96, comoving=c)]


@pytest.mark.parametrize("solve", FRAMED, ids=["cole_hopf", "lax_oleinik"])
def test_a_mean_only_carries_the_pattern(solve):
    """Galilean invariance: in the co-moving frame the mean is added and nothing else."""
    still, moving = SMOOTH, Fourier(SMOOTH.cosine, SMOOTH.sine, -0.7)
    assert np.abs(solve(still, True) - solve(moving, True) - 1.1).max() < 1e-7
    late = burgers.translate(solve(still, True), still.mean * LEVELS)
    assert np.abs(late - solve(still, False))[:2].max() < 1e-4


# --- explicit schemes -------------------------------------------------------------------------------------------------


def test_godunov_is_of_first_order():
    """c = 2: smooth at t = .05, shocks since t = .16 at .5; both L1 errors shrink as 1 / n."""
    early, initial = np.array([0.0, 0.05]), RaisedCosine(2.0)
    smooth = [l1(burgers.godunov(initial, early, n), lax_oleinik(initial, early, n)) for n in (96, 192, 384)]
    shocks = [l1(burgers.godunov(initial, LEVELS, n), lax_oleinik(initial, LEVELS, n)) for n in (96, 192, 384)]
    assert shocks[1] < 0.015
    assert all(0.9 < order < 1.15 for order in orders(smooth) + orders(shocks))


def test_muscl_is_of_second_order_before_breaking_and_beats_godunov_after():
    early, initial = np.array([0.0, 0.05]), RaisedCosine(2.0)
    errors = [l1(burgers.muscl(initial, early, n), lax_oleinik(initial, early, n, points=8192)) for n in (96, 192, 384)]
    assert all(1.85 < order < 2.2 for order in orders(errors))
    for frequency in (2.0, 5.5):
        exact = lax_oleinik(RaisedCosine(frequency), LEVELS, 192)
        muscl, godunov = (
            l1(scheme(RaisedCosine(frequency), LEVELS, 192), exact) for scheme in (burgers.muscl, burgers.godunov)
        )
        assert muscl < 0.6 * godunov


@pytest.mark.parametrize("frequency", [2.0, 5.5])
def test_muscl_in_the_moving_frame_is_the_sharper_one(frequency):
    """The same problem in another frame: second order where smooth, and half the L1 error once there are shocks."""
    initial = RaisedCosine(frequency)
    exact = lax_oleinik(initial, LEVELS, 192)
    moving = burgers.muscl(initial, LEVELS, 192, comoving=True)
    assert np.abs(moving.mean(1) - initial.mean).max() < 1e-12
    own = l1(moving, lax_oleinik(initial, LEVELS, 192, comoving=True))
    assert own < 0.6 * l1(burgers.muscl(initial, LEVELS, 192), exact)


@pytest.mark.parametrize("scheme", [burgers.godunov, burgers.muscl])
@pytest.mark.parametrize("seed", range(4))
def test_explicit_schemes_conserve_and_never_raise_the_variation(scheme, seed):
    initial = burgers.random_initial(seed)
    u = scheme(initial, np.linspace(0, 0.1, 33), 96)
    variation = np.abs(u - np.roll(u, 1, 1)).sum(1)
    assert np.abs(u.mean(1) - initial.mean).max() < 1e-12
    assert (np.diff(variation) <= 1e-12).all()
    assert variation[-1] < 0.999 * variation[0]


def test_a_step_through_zero_spreads_as_a_fan():
    """-1 beside 1: the entropy solution is a fan, which a central flux (at rest: both fluxes are 1/2) would miss."""
    initial, times = Steps((-1.0, 1.0)), np.array([0.0, 0.2])
    exact = lax_oleinik(initial, times, 100)
    for scheme, bound in ((burgers.godunov, 0.03), (burgers.muscl, 0.01)):
        assert l1(scheme(initial, times, 100), exact) < bound


@pytest.mark.parametrize(("viscosity", "low", "high"), [(0.002, 0.25, 0.31), (0.006, 0.03, 0.05), (0.03, 0.002, 0.003)])
@pytest.mark.parametrize("frequency", [2.0, 4.0, 5.5, 6.0])
def test_the_papers_scheme_is_a_third_off_at_small_viscosity(frequency, viscosity, low, high):
    """64 x 64, central and not conservative: L2 .26 to .29 at nu = .002 with values up to 2, .04 at .006, .002 at
    .03."""
    times = np.linspace(0, 0.5, 65)
    found = burgers.explicit_euler(RaisedCosine(frequency), viscosity, times)
    assert low < l2(found, cole_hopf_fft(RaisedCosine(frequency), viscosity, times, 64)) < high
    assert (found.max() > 1.3) == (viscosity == 0.002)


def test_replicated_boundaries_are_another_problem():
    """Two converging schemes part by .05 to .13 at nu = .03, where the periodic one is right to .003."""
    times = np.linspace(0, 0.5, 65)
    for initial in (RaisedCosine(2.0), RaisedCosine(6.0)):
        periodic, replicate = (
            burgers.explicit_euler(initial, 0.03, times, padding=p) for p in ("periodic", "replicate")
        )
        assert 0.04 < l2(replicate, periodic) < 0.15


def test_heat_flow_damps_each_wave_by_its_rate():
    cells, times = Fourier((0.3,), (0.0,), 0.2).cells(32), np.array([0.0, 0.1, 1.0])
    damped = 0.2 + (cells - 0.2) * np.exp(-0.01 * (2 * math.pi) ** 2 * times)[:, None]
    assert np.abs(burgers.heat(cells, 0.01, times) - damped).max() < 1e-14


# --- the implicit scheme ----------------------------------------------------------------------------------------------


def test_march_is_of_second_order_in_time():
    """c = 2, nu = .02: differences of successive halvings of graded steps at the final time shrink by 4."""
    cells = RaisedCosine(2.0).cells(48)
    ends = [burgers.march(cells, 0.02, levels(n))[-1] for n in (32, 64, 128, 256)]
    assert all(1.9 < order < 2.15 for order in orders([np.abs(a - b).max() for a, b in pairwise(ends)]))


def test_march_is_of_sixth_order_in_space():
    """Same levels on 24 to 384 cells, nu = .03: distance to the finest, averaged onto each."""
    fields = {n: burgers.march(SMOOTH.cells(n), 0.03, levels(16)) for n in (24, 48, 96, 384)}
    errors = [l2(fields[n], coarsened(fields[384], n)) for n in (24, 48, 96)]
    assert all(5.5 < order < 6.5 for order in orders(errors))


BOUNDS = [(2.0, 0.002, 2e-4), (6.0, 0.002, 4e-4), (5.5, 0.002, 3e-3), (4.0, 0.03, 4e-4), (5.5, 0.03, 3e-3)]


@pytest.mark.parametrize(("frequency", "viscosity", "bound"), BOUNDS)
def test_march_on_the_working_grid_is_near_the_exact_solution(frequency, viscosity, bound):
    """192 cells, 64 graded levels, co-moving frame: L2 below 3e-4 where u0 closes, .003 where it jumps (c = 5.5)."""
    initial = RaisedCosine(frequency)
    found = burgers.march(initial.cells(192) - initial.mean, viscosity, levels(64)) + initial.mean
    assert l2(found, cole_hopf_fft(initial, viscosity, levels(64), 192, comoving=True)) < bound
    assert np.abs(found.mean(1) - initial.mean).max() < 1e-13


@pytest.mark.parametrize(("frequency", "viscosity"), [(2.0, 0.002), (5.5, 0.002), (6.0, 0.03)])
def test_a_newton_sweep_squares_the_error(frequency, viscosity):
    """Errors of .03, .01, .003 towards the heat solution become e^2 times one number, within 20 %; the solution stays
    put."""
    initial, times = RaisedCosine(frequency), levels(64)
    cells = initial.cells(192) - initial.mean
    exact = burgers.march(cells, viscosity, times, iterations=8)
    away = burgers.heat(cells, viscosity, times) - exact
    away /= l2(away + exact, exact)
    assert l2(burgers.newton_sweep(exact, viscosity, times), exact) < 1e-11
    before = np.array([0.03, 0.01, 0.003])
    ratio = [l2(burgers.newton_sweep(exact + e * away, viscosity, times), exact) / e**2 for e in before]
    assert max(ratio) < 1.2 * min(ratio) < 12


def test_newton_sweeps_polish_any_start_onto_the_scheme():
    initial = Steps((0.0, 1.0, 0.2))
    cells, times = initial.cells(192) - initial.mean, levels(64)
    field, exact = burgers.heat(cells, 0.006, times), burgers.march(cells, 0.006, times, iterations=8)
    errors = [l2(field, exact)]
    for _ in range(6):
        field = burgers.newton_sweep(field, 0.006, times)
        errors.append(l2(field, exact))
    assert errors[0] > 0.1
    assert errors[-1] < 1e-9
    assert (field[0] == cells).all()
