"""Initial conditions of Burgers' equation, and what its solvers refuse."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from core.simulation import burgers
from core.simulation.burgers import Fourier, RaisedCosine, Steps, random_initial


def extended(frequency, shift):
    """The periodic extension of the paper's raised cosine, point by point."""
    return lambda x: (1 - math.cos(2 * math.pi * frequency * ((x - shift) % 1))) / 2


@given(frequency=st.floats(0.3, 8), shift=st.floats(-2, 2), a=st.floats(-2, 2), width=st.floats(0.01, 1))
def test_the_primitive_of_a_raised_cosine_is_its_integral(frequency, shift, a, width):
    initial = RaisedCosine(frequency, shift)
    jumps = [shift + k for k in range(-6, 7) if a < shift + k < a + width]
    area = quad(extended(frequency, shift), a, a + width, points=jumps or None, limit=200)[0]
    assert initial.primitive(a + width) - initial.primitive(a) == pytest.approx(area, abs=1e-7)


def test_a_raised_cosine_that_does_not_close_jumps_at_the_wrap():
    cells = RaisedCosine(5.5).cells(1024)
    assert cells[0] < 1e-3
    assert cells[-1] > 0.999
    assert abs(RaisedCosine(6.0).cells(1024)[-1]) < 1e-3


def test_a_fourier_series_is_the_sum_of_its_waves():
    initial, x = Fourier((0.2, 0.0), (0.1, -0.3), 0.5), np.linspace(-1.3, 1.7, 7)
    wave = 0.5 + 0.2 * np.cos(2 * np.pi * x) + 0.1 * np.sin(2 * np.pi * x) - 0.3 * np.sin(4 * np.pi * x)
    slope = (initial.primitive(x + 1e-5) - initial.primitive(x - 1e-5)) / 2e-5
    assert np.abs(slope - wave).max() < 1e-8
    assert initial.bounds[0] <= wave.min()
    assert wave.max() <= initial.bounds[1]


def test_steps_are_their_own_cell_averages():
    values = np.random.default_rng(0).random(24)
    initial = Steps(values)
    assert np.abs(initial.cells(24) - values).max() < 1e-13
    assert np.abs(initial.cells(12) - values.reshape(12, 2).mean(1)).max() < 1e-13
    assert initial.primitive(1.5) - initial.primitive(0.5) == pytest.approx(values.mean(), abs=1e-14)


@pytest.mark.parametrize("seed", range(40))
def test_random_initial_conditions_are_consistent_and_within_bounds(seed):
    initial = random_initial(seed)
    cells = initial.cells(192)
    assert (cells == random_initial(seed).cells(192)).all()
    assert np.abs(cells.reshape(48, 4).mean(1) - initial.cells(48)).max() < 1e-12
    assert cells.mean() == pytest.approx(initial.mean, abs=1e-13)
    assert initial.primitive(0.0) == 0
    assert cells.min() > -0.01
    assert cells.max() < 1.01
    assert cells.std() > 0.01


def test_random_initial_conditions_are_of_all_kinds():
    kinds = [type(random_initial(s)).__name__ for s in range(400)]
    share = {k: kinds.count(k) / 400 for k in ("RaisedCosine", "Fourier", "Steps")}
    assert share == pytest.approx({"RaisedCosine": 0.5, "Fourier": 0.35, "Steps": 0.15}, abs=0.07)


def test_levels_are_graded_and_end_at_the_end():
    t = burgers.levels(64)
    assert (t[0], t[-1], len(t)) == (0, 0.5, 65)
    assert (np.diff(t, 2) > 0).all()


B, T = RaisedCosine(2.0), [0.0, 0.1]
REFUSED = [
    (lambda: RaisedCosine(0.0), "frequency"),
    (lambda: RaisedCosine(math.nan), "frequency"),
    (lambda: Fourier((1.0,), ()), "cosines"),
    (lambda: Steps((1.0, math.inf)), "finite"),
    (lambda: Steps(()), "finite"),
    (lambda: B.cells(0), "cells"),
    (lambda: burgers.cole_hopf(B, 0.0, T, 64), "viscosity"),
    (lambda: burgers.cole_hopf_fft(B, math.nan, T, 64), "viscosity"),
    (lambda: burgers.cole_hopf(B, 0.01, [-1.0], 64), "times"),
    (lambda: burgers.lax_oleinik(B, [math.inf], 64), "times"),
    (lambda: burgers.lax_oleinik(B, [], 64), "times"),
    (lambda: burgers.lax_oleinik(B, T, 1), "cells"),
    (lambda: burgers.muscl(B, [0.1, 0.2], 64), "begin with 0"),
    (lambda: burgers.godunov(B, [0.0, 0.2, 0.2], 64), "increase"),
    (lambda: burgers.explicit_euler(B, 0.01, T, padding="reflect"), "padding"),
    (lambda: burgers.explicit_euler(B, -1.0, T), "viscosity"),
    (lambda: burgers.heat([1.0, math.nan] * 8, 0.01, T), "cells"),
    (lambda: burgers.march(np.zeros(6), 0.01, T), "7 or more"),
    (lambda: burgers.march(np.full(16, math.nan), 0.01, T), "finite"),
    (lambda: burgers.march(np.zeros(16), 0.0, T), "viscosity"),
    (lambda: burgers.march(np.zeros(16), 0.01, [0.0, -0.1]), "times"),
    (lambda: burgers.newton_sweep(np.zeros((3, 16)), 0.01, T), "field"),
    (lambda: burgers.newton_sweep(np.zeros((2, 16)), 0.01, [0.1, 0.2]), "begin with 0"),
    (lambda: burgers.levels(0), "level"),
]


@pytest.mark.parametrize(("call", "word"), REFUSED)
def test_what_cannot_be_is_refused_in_a_sentence(call, word):
    with pytest.raises(ValueError, match=word) as refusal:
        call()
    assert str(refusal.value).endswith(".")


@pytest.mark.parametrize("n", [7, 8, 13, 30])
def test_the_folded_band_solves_the_ring(n):
    """The cyclic heptadiagonal system against a dense solve."""
    from core.simulation.burgers.schemes import _solve

    rng = np.random.default_rng(n)
    entries, right = rng.normal(size=(7, n)), rng.normal(size=n)
    entries[3] += 9
    dense = np.zeros((n, n))
    for k in range(7):
        dense[np.arange(n), (np.arange(n) + k - 3) % n] += entries[k]
    assert np.abs(_solve(entries, right) - np.linalg.solve(dense, right)).max() < 1e-12


def test_a_uniform_field_stays_uniform():
    flat = Steps((0.3,))
    result = (burgers.march(np.full(16, 0.3), 0.01, T), burgers.muscl(flat, T, 16), burgers.lax_oleinik(flat, T, 16))
    assert max(np.abs(u - 0.3).max() for u in result) < 1e-13
