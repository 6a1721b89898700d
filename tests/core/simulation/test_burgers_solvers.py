"""Solutions from conditions: oracles and baselines agree with the solvers that they wrap."""

import numpy as np
import pytest

from core.simulation import burgers
from core.simulation.burgers import solvers as makers

SHAPE = (48, 9)
C, NU = np.array([2.0, 5.5]), np.array([0.01, 0.004])


def made(solve, conditions, power=1.25):
    return makers.maker(solve, power)(conditions, len(next(iter(conditions.values()))), 0, SHAPE)


@pytest.mark.parametrize(
    "name", ["cole_hopf", "entropy", "frozen", "flat", "explicit_euler", "godunov", "muscl", "march", "heat"]
)
def test_every_maker_begins_with_the_initial_condition_and_treats_samples_apart(name):
    solve = getattr(makers, name)
    both = made(solve, {"frequency": C, "viscosity": NU})
    assert both.shape == (2, *SHAPE) and both.dtype == np.float32
    np.testing.assert_array_equal(both[1:], made(solve, {"frequency": C[1:], "viscosity": NU[1:]}))
    if name != "flat":
        np.testing.assert_allclose(both[:, :, 0], [burgers.RaisedCosine(c).cells(48) for c in C], atol=1e-6)
    if name != "explicit_euler":  # the paper's scheme is not conservative
        np.testing.assert_allclose(both.mean(1), both[:, :, :1].mean(1).repeat(9, 1), atol=1e-6)


def test_levels_follow_the_power():
    for power in (1.0, 1.25):
        result = made(makers.cole_hopf, {"frequency": C[:1], "viscosity": NU[:1]}, power)
        exact = burgers.cole_hopf(burgers.RaisedCosine(2.0), 0.01, burgers.levels(8, power=power), 48)
        np.testing.assert_allclose(result[0], exact.T, atol=1e-6)


def test_an_array_takes_the_place_of_the_frequency_and_is_constant_in_each_cell():
    cells = np.random.default_rng(0).random((1, 24))
    result = made(makers.entropy, {"initial": cells})
    np.testing.assert_allclose(result[0, :, 0], cells[0].repeat(2), atol=1e-6)
    np.testing.assert_allclose(
        result[0].T, burgers.lax_oleinik(burgers.Steps(tuple(cells[0])), burgers.levels(8), 48), atol=1e-6
    )


def test_three_newton_sweeps_take_the_heat_solution_to_the_march():
    requested = {"frequency": C[:1], "viscosity": NU[:1]}
    march, heat, swept = (made(s, requested) for s in (makers.march, makers.heat, makers.heat_newton))
    assert np.abs(swept - march).max() < 0.02 * np.abs(heat - march).max()


def test_the_moving_frame_differs_by_its_motion_alone():
    moving = made(makers.muscl_comoving, {"frequency": C[:1]}, 1.0)
    mean = burgers.RaisedCosine(2.0).cells(48).mean()
    lab = burgers.translate(moving[0].T.astype(np.float64), mean * burgers.levels(8, power=1.0))
    exact = made(makers.entropy, {"frequency": C[:1]}, 1.0)[0].T
    assert np.abs(lab - exact).mean() < 0.03 < np.abs(moving[0].T - exact).mean()
