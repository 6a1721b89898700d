"""The rows of quality of showers: by hand on images of two cells, and on the simulation against itself."""

import numpy as np
import pytest

from core.metrics import showers as metrics
from core.simulation.showers import HELD_OUT_ENERGIES, Showers, response
from core.types import HELD_OUT

SHAPE = (24, 24)
SHOWERS = Showers()


def pair(first, second):
    """One image of 2 x 2 cells, two of them with these energies in the first row."""
    return np.array([[[first, second], [0, 0]]], np.float32)


def test_the_rows_by_hand():
    """Two images of 10 GeV, one cell and two cells lit of four, against two that are half lit: W1 = 12.5 %."""
    found = {10.0: np.concatenate([pair(8, 0), pair(5, 5)])}
    data = {10.0: np.concatenate([pair(5, 5), pair(5, 5)])}
    with np.errstate(divide="ignore"):  # occupancies of one kind have no spread
        rows = metrics.rows(found, data | {10.0: np.concatenate([pair(4, 5), pair(5, 6)])}, 0.9, 0.05)
    assert rows[metrics.W1] == pytest.approx(12.5) and rows[metrics.OCCUPANCY] == pytest.approx(37.5)
    assert rows[metrics.RESPONSE] == pytest.approx(0.0, abs=1e-4)  # (8 + 10) / 2 / .9 = 10
    assert rows[metrics.RESOLUTION] == pytest.approx((1 / 9) / (1 / 10))
    assert rows[metrics.DEPTH] == 0
    across = abs(13 / 18 - 9 / 20) + abs(5 / 18 - 11 / 20)
    assert rows[metrics.ACROSS] == pytest.approx(100 * across)


def test_what_lies_below_the_cut_counts_in_one_row_alone():
    data = {10.0: np.concatenate([pair(4, 5), pair(5, 6)])}
    dusty = {10.0: data[10.0] + np.float32(0.01)}
    with np.errstate(divide="ignore", invalid="ignore"):
        rows = metrics.rows(dusty, data, 0.9, 0.05)
    assert rows[metrics.W1] == pytest.approx(50) and rows[metrics.CUT] == 0


def test_the_simulation_is_its_own_best_likeness():
    """Other held-out showers: within the sampling error of the distances, far from showers of half the energy."""

    def draw(shift):
        return metrics.simulated(SHOWERS, HELD_OUT_ENERGIES, 64, shift, SHAPE)

    data, again = draw(0), draw(10_000)
    gain = response(SHOWERS, SHAPE)
    same = metrics.rows(again, data, gain, SHOWERS.cut)
    assert same[metrics.W1] < 0.6 and same[metrics.RESPONSE] < 4 * same[metrics.RESPONSE_ERROR]
    weak = {e: SHOWERS.at(np.full(64, e / 2), range(HELD_OUT, HELD_OUT + 64), SHAPE) for e in HELD_OUT_ENERGIES}
    other = metrics.rows(weak, data, gain, SHOWERS.cut)
    assert other[metrics.W1] > 5 * same[metrics.W1] and other[metrics.RESPONSE] > 45
