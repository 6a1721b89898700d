"""Showers: the simulation's response and fluctuations, soft sparsity right and as printed, the read-out, statistics of
groups."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import core
from core.invariances.sparsity import Occupancy, occupancy, printed_sparsity, soft_sparsity
from core.invariances.visible_energy import VisibleEnergy
from core.models.showers import closeness, deviations
from core.projection import read_out
from core.simulation.showers import HELD_OUT_ENERGIES, TRAINED, Showers, response, simulate

SHAPE = (24, 24)
SHOWERS = Showers()


def totals(energy, n=400, showers=SHOWERS):
    return showers.at(np.full(n, energy), range(n), SHAPE).sum((1, 2), dtype=np.float64)


# --- the simulation ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("energy", [TRAINED[0], *HELD_OUT_ENERGIES, TRAINED[-1]])
def test_the_response_is_linear_in_the_mean(energy):
    """Within 1 % and three standard errors, leakage and noise cut included."""
    seen = totals(energy) / (response(SHOWERS, SHAPE) * energy)
    assert abs(seen.mean() - 1) < 0.01 + 3 * seen.std() / 20


def test_sampling_fluctuations_are_those_of_poisson_spots():
    """sd / mean = sqrt((1 + 1 / shape) / (spots E)) where nothing leaves the block and nothing is cut; standard error
    3.5 %."""
    wide = Showers(cut=0.0, layer=4.0, cell=10.0)
    seen = totals(50.0, 400, wide)
    expected = math.sqrt((1 + 1 / wide.shape_of_spots) / (wide.spots * 50))
    assert seen.std() / seen.mean() == pytest.approx(expected, rel=4 / math.sqrt(800))
    assert seen.mean() == pytest.approx(50.0, rel=0.015)  # the widest spots miss even this block


def test_the_depth_of_the_maximum_grows_with_the_logarithm_of_the_energy():
    """T = ln y - .812 radiation lengths for the mean profile."""
    for energy in (10.0, 100.0):
        alpha, beta = SHOWERS.profile(energy)
        assert (alpha - 1) / beta == pytest.approx(math.log(energy / SHOWERS.critical) - 0.812)


def test_an_image_is_sparse_cut_and_a_function_of_its_seed():
    one = SHOWERS.draw([5, 6, 7], SHAPE)
    assert one.dtype == np.float32 and (one > 0).mean() < 0.3
    assert one[one > 0].min() >= np.float32(SHOWERS.cut)
    np.testing.assert_array_equal(SHOWERS.draw([7, 5], SHAPE), one[[2, 0]])
    assert set(SHOWERS.known_conditions(range(200))["energy"].tolist()) == set(TRAINED)
    assert not set(TRAINED) & set(HELD_OUT_ENERGIES)
    same = simulate({"energy": np.array([40.0])}, 2, 3, SHAPE, SHOWERS)
    np.testing.assert_array_equal(same, SHOWERS.at(np.array([40.0, 40.0]), [3, 4], SHAPE))


def test_energies_below_the_formulas_are_refused():
    with pytest.raises(ValueError, match=r"at least 1 GeV; got 0\.5"):
        SHOWERS.at(np.array([0.5]), [0], SHAPE)


# --- soft sparsity ----------------------------------------------------------------------------------------------------


def test_soft_sparsity_is_an_indicator_and_the_printed_formula_is_not():
    """Values by hand at 0, 1 and 3: s = 0, 2, 3^6 + 3^(1/1.2); as printed s = inf, 2, 3^6 + 3^-1.2."""
    x = torch.tensor([0.0, 1.0, 3.0, -3.0], dtype=torch.float64)
    high, printed = 3**6 + 3 ** (1 / 1.2), 3**6 + 3**-1.2
    right = [0.0, 2 / 3, high / (1 + high), high / (1 + high)]
    torch.testing.assert_close(soft_sparsity(x), torch.tensor(right, dtype=torch.float64))
    wrong = [1.0, 2 / 3, printed / (1 + printed), printed / (1 + printed)]
    torch.testing.assert_close(printed_sparsity(x), torch.tensor(wrong, dtype=torch.float64))


@pytest.mark.parametrize("soft", [soft_sparsity, printed_sparsity])
def test_soft_sparsity_has_a_finite_gradient_everywhere(soft):
    x = torch.tensor([0.0, 1e-12, 1e-6, 0.3, 1.0, 50.0, 1e3], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(soft(x).sum(), x)
    assert slope.isfinite().all() and slope[0] == 0
    at = torch.tensor([0.05, 0.3, 1.0, 5.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(soft, at)


def test_the_soft_occupancy_of_showers_is_their_occupancy():
    """To .2 % of itself in a third of the noise cut; as printed it is 1 whatever the image."""
    images = torch.from_numpy(SHOWERS.draw(range(64), SHAPE))
    true, unit = occupancy(images), SHOWERS.cut / 3
    torch.testing.assert_close(Occupancy(unit).measure(images[:, None]), true, rtol=2e-3, atol=0)
    assert (Occupancy(unit, printed=True).measure(images[:, None]) > 0.995).all() and true.std() > 0.03


# --- the energy and the read-out --------------------------------------------------------------------------------------


def test_the_visible_energy_is_the_sum_over_the_response():
    fields = torch.full((2, 1, 3, 3), 2.0)
    torch.testing.assert_close(VisibleEnergy(0.9).measure(fields), torch.full((2,), 20.0))
    residual = VisibleEnergy(0.9).residual(fields, {"energy": torch.tensor([20.0, 17.0])})
    torch.testing.assert_close(residual, torch.tensor([0.0, 9.0 / 17.0]))


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 10**6), total=st.floats(1, 150), share=st.floats(0.01, 1))
def test_the_read_out_has_the_energy_exactly_and_nothing_below_the_cut(seed, total, share):
    rng = torch.Generator().manual_seed(seed)
    fields = torch.rand(2, 1, 8, 8, generator=rng) ** 4 * (torch.rand(2, 1, 8, 8, generator=rng) < share)
    made = read_out(fields, torch.full((2,), total), 0.05)
    torch.testing.assert_close(made.sum((1, 2)), torch.full((2,), total), rtol=1e-5, atol=0)
    assert ((made == 0) | (made >= 0.05 * (1 - 1e-6))).all()
    lit = fields.flatten(1).any(1)
    assert ((made > 0) <= (fields[:, 0] > 0))[lit].all()


def test_the_read_out_is_exact_at_its_own_result_and_for_nothing_at_all():
    images = torch.from_numpy(SHOWERS.draw(range(4), SHAPE))[:, None]
    once = read_out(images, torch.full((4,), 30.0), 0.05)
    torch.testing.assert_close(read_out(once[:, None], torch.full((4,), 30.0), 0.05), once)
    blank = read_out(torch.zeros(1, 1, 4, 4), torch.tensor([8.0]), 0.05)
    torch.testing.assert_close(blank, torch.full((1, 4, 4), 0.5))


# --- statistics of groups ---------------------------------------------------------------------------------------------


def test_deviations_of_groups_by_hand():
    """Groups (0, 2) and (5, 5) of one feature: standard deviations 1 and 0."""
    result = deviations(torch.tensor([[0.0], [2.0], [5.0], [5.0]]), 2)
    torch.testing.assert_close(result, torch.tensor([[1.0], [1.0], [1e-4], [1e-4]]))


def test_closeness_of_groups_by_hand():
    """tanh of exp(-|x_i - x_j|_1): 3 apart and 0 apart, kernels of two features each; no group knows of another."""
    x = torch.tensor([[0.0, 0.0, 1.0, 1.0], [1.0, 2.0, 1.0, 1.0], [9.0, 9.0, 9.0, 9.0], [9.0, 9.0, 9.0, 9.0]])
    result = closeness(x, 2, 2)
    want = [[math.tanh(math.exp(-3)), math.tanh(1)]] * 2 + [[math.tanh(1)] * 2] * 2
    torch.testing.assert_close(result, torch.tensor(want))


def test_batches_of_no_whole_groups_are_refused():
    with pytest.raises(ValueError, match="a batch of 12 must be a multiple of 8"):
        deviations(torch.zeros(12, 3))


def test_what_the_source_knows_is_the_request():
    sample = core.draw("showers", 6, 3)
    np.testing.assert_array_equal(sample.requested["energy"], SHOWERS.known_conditions(range(3, 9))["energy"])
    assert (sample.measured["energy"] != sample.requested["energy"]).all()


@pytest.mark.parametrize("energy", [0.5, float("nan"), float("inf")])
def test_energies_that_are_none_are_refused(energy):
    with pytest.raises(ValueError, match="finite energies of at least 1 GeV; got"):
        SHOWERS.at(np.array([10.0, energy]), [0, 1], (24, 24))
