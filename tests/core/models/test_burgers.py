"""The generator of a family of PDEs: what holds by construction, whatever the weights, and the frames it lives in."""

import numpy as np
import pytest
import torch

from core.models.burgers import DilatedBlock, FamilyGenerator, raised_cosine
from core.models.frames import change_frame, moved, remapped
from core.simulation import burgers

TIMES = [float(t) for t in burgers.levels(8)]
CELLS = 48


def rough(n=3, cells=CELLS, seed=0):
    """Random initial conditions (n, cells), float64."""
    return torch.rand(n, cells, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture(scope="module")
def generator():
    """Untrained, but with FiLM and output layers large enough that the network matters."""
    torch.manual_seed(0)
    made = FamilyGenerator(TIMES, CELLS, width=16, embedding=16).double().eval().requires_grad_(False)
    torch.nn.init.normal_(made.film.weight, std=0.3)
    torch.nn.init.normal_(made.leave.weight, std=0.3)
    return made


def make(generator, initial, viscosity=0.004):
    nu = torch.full((len(initial),), viscosity, dtype=initial.dtype)
    return generator(
        generator.noise(range(len(initial)), (CELLS, len(TIMES))), {"initial": initial, "viscosity": nu}, {}
    )[:, 0]


def test_the_first_column_is_the_initial_condition_and_the_network_acts_after_it(generator):
    u0 = rough()
    field = make(generator, u0)
    assert field.shape == (3, CELLS, len(TIMES))
    torch.testing.assert_close(field[:, :, 0], u0, atol=1e-14, rtol=0)
    heat = (
        generator.heat(u0 - u0.mean(1, keepdim=True), torch.full((3,), 0.004, dtype=u0.dtype))
        + u0.mean(1)[:, None, None]
    )
    assert (field - heat)[:, :, 1:].abs().amax((0, 1)).min() > 1e-3


def test_every_level_keeps_the_mean_of_the_initial_condition(generator):
    u0 = rough()
    torch.testing.assert_close(
        make(generator, u0).mean(1), u0.mean(1)[:, None].expand(3, len(TIMES)), atol=1e-14, rtol=0
    )


def test_a_shifted_initial_condition_gives_the_shifted_field(generator):
    u0 = rough()
    whole = make(generator, u0)
    for shift in (1, 17):
        torch.testing.assert_close(make(generator, u0.roll(shift, 1)), whole.roll(shift, 1), atol=1e-12, rtol=0)


def test_a_constant_added_only_lifts_the_field_in_its_own_frame(generator):
    """Galilean invariance: the pattern in the frame of the mean does not know the mean."""
    u0 = rough()
    torch.testing.assert_close(make(generator, u0 + 0.7), make(generator, u0) + 0.7, atol=1e-12, rtol=0)


def test_samples_do_not_see_each_other(generator):
    u0 = rough()
    torch.testing.assert_close(make(generator, u0)[1:2], make(generator, u0[1:2]), atol=1e-12, rtol=0)


def test_viscosity_matters_and_its_absence_means_a_small_one(generator):
    u0 = rough()
    assert (make(generator, u0, 0.002) - make(generator, u0, 0.03)).abs().max() > 0.1
    absent = generator(generator.noise(range(3), (CELLS, 9)), {"initial": u0}, {})[:, 0]
    torch.testing.assert_close(absent, make(generator, u0, 0.002), atol=1e-12, rtol=0)


def test_a_frequency_means_its_raised_cosine(generator):
    c = torch.tensor([2.0, 5.5], dtype=torch.float64)
    requested = {"frequency": c, "viscosity": torch.full((2,), 0.004, dtype=torch.float64)}
    field = generator(generator.noise(range(2), (CELLS, 9)), requested, {})[:, 0]
    torch.testing.assert_close(field, make(generator, raised_cosine(c, CELLS)), atol=1e-12, rtol=0)


def test_the_output_is_differentiable_in_the_initial_condition_and_the_viscosity(generator):
    """Against finite differences: what an optimiser of the initial condition needs."""
    u0 = rough(1).requires_grad_()
    nu = torch.tensor([0.004], dtype=torch.float64, requires_grad=True)

    def call(initial, viscosity):
        return generator({}, {"initial": initial, "viscosity": viscosity}, {})[:, 0, :, 1:].square().mean()

    assert torch.autograd.gradcheck(call, (u0, nu), eps=1e-7, atol=1e-6, fast_mode=True)
    assert all(g.abs().max() > 0 for g in torch.autograd.grad(call(u0, nu), (u0, nu)))


@pytest.mark.parametrize("dilation", [1, 4])
def test_a_block_sees_itself_and_both_neighbours_at_its_distance(dilation):
    torch.manual_seed(0)
    block, zero = DilatedBlock(6, dilation), torch.zeros(1, 1, 6)
    x = torch.randn(1, 20, 6)
    bumped = x.clone()
    bumped[0, 0] += 1.0
    changed = (block(bumped, zero, zero) - block(x, zero, zero)).abs().amax((0, 2)) > 1e-4
    assert set(changed.nonzero()[:, 0].tolist()) == {0, dilation, 20 - dilation}


def test_the_soft_ablation_makes_all_levels_by_itself():
    made = FamilyGenerator(TIMES, CELLS, width=16, embedding=16, hard=False).double()
    field = make(made, rough())
    assert field.shape == (3, CELLS, len(TIMES)) and made.leave.out_features == len(TIMES)
    assert (field[:, :, 0] - rough()).abs().max() > 0.1


# --- against the simulation, which shares no code ---------------------------------------------------------------------


@pytest.mark.parametrize("c", [1.0, 2.0, 3.3, 5.5, 6.6])
def test_raised_cosines_are_those_of_the_simulation(c):
    ours = raised_cosine(torch.tensor([c], dtype=torch.float64), 192)[0].numpy()
    np.testing.assert_allclose(ours, burgers.RaisedCosine(c).cells(192), atol=1e-12)


def test_heat_is_that_of_the_simulation(generator):
    u0 = rough(1) - 0.5
    ours = generator.heat(u0, torch.tensor([0.01], dtype=torch.float64))[0].T.numpy()
    np.testing.assert_allclose(ours, burgers.heat(u0[0].numpy(), 0.01, generator.times.double().numpy()), atol=1e-12)


@pytest.mark.parametrize("cells", [47, 48])
def test_moved_is_the_translation_of_the_simulation(cells):
    field, times = (
        rough(2, cells)[:, :, None] * torch.linspace(1, 2, 5, dtype=torch.float64),
        torch.linspace(0, 0.5, 5).double(),
    )
    speed = torch.tensor([0.37, -1.2], dtype=torch.float64)
    result = moved(field, speed, times)
    for got, inputs, m in zip(result, field, speed, strict=True):
        np.testing.assert_allclose(
            got.T.numpy(), burgers.translate(inputs.T.numpy(), float(m) * times.numpy()), atol=1e-12
        )


def test_remapped_by_whole_cells_is_a_roll():
    field, times = rough(1, 48)[:, :, None].expand(1, 48, 5), torch.arange(5, dtype=torch.float64) / 48
    for speed in (1.0, -2.0):
        result = remapped(field, torch.tensor([speed], dtype=torch.float64), times)
        for level in range(5):
            assert torch.equal(result[0, :, level], field[0, :, level].roll(int(speed) * level))


def test_remapped_by_parts_of_cells_keeps_mass_and_range_and_approaches_the_shift():
    """A step: no new extrema, the same mass; a wave: error of almost third order in the cell
    (the upwind remap without slopes would be of second)."""
    times, speed = torch.tensor([0.0, (4 + 1 / 3) / 48]).double(), torch.tensor([1.0]).double()
    step = (torch.arange(48) < 20).double()[None, :, None].expand(1, 48, 2)
    result = remapped(step, speed, times)
    assert result.min() >= 0 and result.max() <= 1
    torch.testing.assert_close(result.mean(1), step.mean(1), atol=1e-14, rtol=0)

    def error(cells):
        x = (torch.arange(cells).double() + 0.5) / cells
        wave = torch.sin(2 * torch.pi * x)[None, :, None].expand(1, cells, 2)
        return float((remapped(wave, speed, times) - moved(wave, speed, times)).abs().mean())

    assert error(96) < error(48) / 5


@pytest.mark.parametrize(("move", "tolerance"), [(moved, 1e-12), (remapped, 0.05)])
def test_to_the_laboratory_and_back(move, tolerance):
    x = torch.arange(96).double() / 96
    field = (0.3 + torch.sin(2 * torch.pi * x))[None, :, None].expand(1, 96, len(TIMES))
    there = change_frame(field, TIMES, move=move)
    assert (there - field).abs().max() > 0.5
    torch.testing.assert_close(change_frame(there, TIMES, sign=-1.0, move=move), field, atol=tolerance, rtol=0)
