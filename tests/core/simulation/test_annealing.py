"""Annealing: the counts stay exact, the fraction stays, the energy falls to another structure's correlation, seeds
repeat."""

import itertools
import re

import numpy as np
import pytest
import torch

from core.descriptors import two_phase
from core.simulation.annealing import Annealing


def correlation(labels, bins=33):
    return two_phase.s2_radial(torch.from_numpy(np.asarray(labels))[None].double())[0, :bins].numpy()


@pytest.fixture(scope="module")
def target(structures):
    return correlation(structures[0])


def counted(labels, bins):
    """S2 by brute force: every pair of phase-1 pixels, shortest periodic distance rounded, over all pairs."""
    h, w = labels.shape
    result, pairs = np.zeros(bins), np.zeros(bins)
    for (y, x), (v, u) in itertools.product(np.ndindex(h, w), repeat=2):
        dy, dx = min(abs(y - v), h - abs(y - v)), min(abs(x - u), w - abs(x - u))
        if (r := round(float(np.hypot(dy, dx)))) < bins:
            pairs[r] += 1
            result[r] += labels[y, x] * labels[v, u]
    return result / pairs


@pytest.mark.parametrize(("shape", "bins"), [((64, 64), 33), ((64, 96), 33), ((48, 34), 18), ((9, 12), 5)])
def test_the_running_correlation_is_the_recomputed_one(shape, bins):
    """Counts are whole numbers: equal to the last bit of the division (FFT of the descriptor: 1e-12)."""
    annealing = Annealing(np.linspace(0.4, 0.16, bins), shape, seed=1)
    list(annealing.run(goal=0, steps=300))
    fresh = Annealing(annealing.target, shape, start=annealing.labels)
    np.testing.assert_array_equal(annealing.curve, fresh.curve)
    np.testing.assert_allclose(annealing.curve, correlation(annealing.labels, bins), atol=1e-12)
    assert annealing.labels.sum() == round(0.4 * shape[0] * shape[1]) and annealing.steps == 300


def test_small_arrays_agree_with_counting_pairs():
    annealing = Annealing([0.3, 0.2, 0.1, 0.05], (8, 7), seed=2)
    list(annealing.run(goal=0, steps=50))
    np.testing.assert_allclose(annealing.curve, counted(annealing.labels, 4), atol=1e-12)


def test_another_structure_is_reached(structures, target):
    """From white noise to a mean error of .001 in 30,000 proposals, at the exact fraction."""
    annealing = Annealing(target, (64, 64), seed=0)
    began = annealing.energy
    stated = list(annealing.run(goal=1e-3, steps=30_000))
    assert annealing.error <= 1e-3 and annealing.steps < 30_000
    assert stated[-1] == (1.0, annealing.energy) and annealing.energy < 1e-3 * began
    assert annealing.labels.sum() == structures[0].sum() and not np.array_equal(annealing.labels, structures[0])
    shares = [share for share, _ in stated]
    assert shares == sorted(shares) and 0 < shares[0] < 0.01


def test_same_seed_same_labels(target):
    ends = []
    for seed in (3, 3, 4):
        annealing = Annealing(target, (64, 64), seed)
        list(annealing.run(steps=500))
        ends.append(annealing.labels)
    assert np.array_equal(ends[0], ends[1]) and not np.array_equal(ends[0], ends[2])


def test_a_start_is_kept_where_it_fits(structures, target):
    annealing = Annealing(target, (64, 64), start=structures[0])
    assert list(annealing.run()) == [(1.0, annealing.energy)] and np.array_equal(annealing.labels, structures[0])
    other = Annealing(target, (64, 64), start=structures[1])
    before = other.energy
    list(other.run(steps=2000))
    assert other.energy < before and other.labels.sum() == structures[1].sum()


def test_it_can_be_cancelled_and_limited_in_time(target):
    annealing = Annealing(target, (64, 64))
    running = annealing.run()
    next(running)
    running.close()
    assert annealing.steps < 100 and annealing.labels.sum() == round(target[0] * 4096)
    slow = Annealing(target, (64, 64))
    assert list(slow.run(seconds=0)) == [(1.0, slow.energy)] and slow.steps == 0


@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_one_phase_has_nothing_to_exchange(fraction):
    annealing = Annealing([fraction, 0.5], (8, 8))
    assert len(list(annealing.run())) == 1 and annealing.labels.mean() == fraction


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"target": np.zeros(34)}, "The curve must have 2 to 33 values on 64 x 64 pixels; got (34,)."),
        ({"target": 0.3}, "The curve must have 2 to 33 values"),
        ({"target": [1.3, 0.2]}, "begin with the volume fraction, 0 to 1; got 1.3."),
        ({"target": [0.3, float("nan")]}, "The curve must be finite"),
        ({"target": [0.3, 0.1], "start": np.zeros((8, 8))}, "The labels to begin from must be 64 x 64; got (8, 8)."),
    ],
)
def test_what_does_not_fit_is_refused(given, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        Annealing(shape=(64, 64), **given)
