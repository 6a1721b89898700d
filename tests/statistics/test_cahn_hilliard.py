"""The Cahn-Hilliard source as a distribution: its laws with standard errors, and its promise that a seed fixes the
array."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from core.descriptors import two_phase as d
from core.simulation import cahn_hilliard as ch
from core.types import HELD_OUT

SOURCE = ch.CahnHilliard()


@pytest.fixture(scope="module")
def drawn(structures):
    """256 structures of 64 x 64 pixels."""
    return structures


def standard_error(values):
    return np.std(values, ddof=1) / math.sqrt(len(values))


@pytest.mark.parametrize("schedule", [ch.Schedule(), ch.Schedule(0.1, 1.02, 1.5)], ids=["of the source", "fine"])
def test_structures_coarsen_with_the_cube_root_of_time(schedule):
    """L ~ t^(1/3) (Lifshitz, Slyozov 1961; Wagner 1961) between t = 400 and 3200, 12 quenches of 128 x 128 at equal
    fractions.

    Tolerance: 3 standard errors (.01 each) + .025 for the slow approach (Huse 1986) and the finite box. Diffusion along
    the interface (1/4) and growth without conservation (1/2) are excluded by 4 standard errors."""
    times = np.array([400.0, 800.0, 1600.0, 3200.0])
    start = torch.from_numpy(np.stack([SOURCE.initial(0.0, np.random.default_rng(i), (128, 128)) for i in range(12)]))
    ends = ch.simulate(start.repeat(len(times), 1, 1), torch.from_numpy(times.repeat(12)).float(), schedule) > 0
    for length in (1 / d.specific_surface(ends), d.characteristic_length(ends)):
        curves = np.log(length.numpy()).reshape(len(times), 12)
        slopes = np.polyfit(np.log(times), curves, 1)[0]
        exponent, error = slopes.mean(), standard_error(slopes)
        assert abs(exponent - 1 / 3) < 3 * error + 0.025
        assert 1 / 4 + 4 * error < exponent < 1 / 2 - 4 * error


def test_a_seed_fixes_the_array_whatever_the_batch(drawn):
    """Bit for bit: alone, reversed, in other company, across the boundary of the inner batches."""
    assert drawn.dtype == np.uint8 and set(np.unique(drawn)) == {0, 1}
    for seeds in ([37], [255, 3, 100], range(20, 60), range(40)[::-1]):
        np.testing.assert_array_equal(SOURCE.draw(seeds, (64, 64)), drawn[list(seeds)])
    assert len({a.tobytes() for a in drawn}) == 256


@pytest.mark.parametrize("shape", [(8, 8), (16, 16), (32, 32), (24, 40), (32, 64), (128, 128)])
def test_fields_too_are_the_same_bits_in_any_batch(shape):
    runs = [SOURCE.parameters(seed) for seed in range(5)]
    together = SOURCE.quench(runs, shape)
    for seed in range(5):
        assert torch.equal(SOURCE.quench([SOURCE.parameters(seed)], shape)[0], together[seed])


def test_held_out_seeds_are_other_arrays(drawn):
    held = SOURCE.draw(range(HELD_OUT, HELD_OUT + 2), (64, 64))
    assert not {a.tobytes() for a in held} & {a.tobytes() for a in drawn}


def test_volume_fractions_fill_the_range_evenly(drawn):
    """Within 0.2 .. 0.8 by construction; uniform there up to the residual of the composition fit
    (Kolmogorov-Smirnov)."""
    fraction = drawn.mean((1, 2), dtype=np.float64)
    assert fraction.min() >= 0.2 and fraction.max() <= 0.8
    assert stats.kstest(fraction, stats.uniform(0.2, 0.6).cdf).pvalue > 1e-3


def test_the_intended_fraction_is_met_within_the_residual_of_its_fit():
    """`composition` inverts the Gibbs-Thomson shift: rms error below .009, no lean beyond 4 standard errors + .002."""
    runs = [SOURCE.parameters(seed) for seed in range(128)]
    intended = np.array([run[0] for run in runs])
    error = (SOURCE.quench(runs, (64, 64)) > 0).double().mean((1, 2)).numpy() - intended
    assert np.sqrt((error**2).mean()) < 0.009
    assert abs((error * np.sign(intended - 0.5)).mean()) < 4 * standard_error(error) + 0.002


def test_times_are_log_uniform_and_the_noise_starts_at_the_intended_mean():
    times = [SOURCE.parameters(seed)[1] for seed in range(400)]
    assert min(times) >= 80 and max(times) <= 1800
    assert stats.kstest(np.log(times), stats.uniform(math.log(80), math.log(1800 / 80)).cdf).pvalue > 1e-3
    start = SOURCE.initial(-0.4, np.random.default_rng(0), (64, 64)).astype(np.float64)
    assert start.mean() == pytest.approx(-0.4, abs=1e-6)  # the sample mean, not only the expected one
    assert start.std() == pytest.approx(0.5, rel=4.5 / math.sqrt(2 * 4096))


def test_the_phases_can_be_swapped(drawn):
    """The equation is odd: -u evolves to minus the end of u, bit for bit; the source's law is the same for both
    phases."""
    u = torch.randn(3, 32, 32, generator=torch.Generator().manual_seed(0)) / 2
    end = ch.propagate(u, 0.7, 30)
    assert end.isfinite().all() and torch.equal(ch.propagate(-u, 0.7, 30), -end)
    centred = drawn.mean((1, 2), dtype=np.float64) - 0.5
    for odd in (centred, centred**3):
        assert abs(odd.mean()) < 4.5 * standard_error(odd)
    x = torch.from_numpy(drawn)
    few, many = x[centred < -0.1], x[centred > 0.1]  # drops of phase 1, drops of phase 0
    for of_drops, of_holes in (
        (d.mean_chord(few, 1), d.mean_chord(many, 0)),
        (d.specific_surface(few), d.specific_surface(many)),
        (d.characteristic_length(few), d.characteristic_length(many)),
        (d.euler_number(few), d.euler_number(1 - many)),
    ):
        gap = of_drops.mean() - of_holes.mean()
        assert abs(gap) < 4.5 * math.hypot(standard_error(of_drops.numpy()), standard_error(of_holes.numpy()))


def test_structures_are_isotropic(drawn):
    """S2 along x and along y agree in the mean, every distance within 4.5 standard errors of the paired difference."""
    along_x, along_y = d.s2_axes(torch.from_numpy(drawn))
    gap = (along_x - along_y).numpy()[:, 1:]
    assert (np.abs(gap.mean(0)) < 4.5 * gap.std(0) / math.sqrt(len(gap))).all()


def test_later_structures_are_coarser():
    """The same quench at four times of the source's range: the length never falls."""
    runs = [(0.5, time, np.random.default_rng(7)) for time in (80.0, 250.0, 700.0, 1800.0)]
    length = d.characteristic_length(SOURCE.quench(runs, (64, 64)) > 0)
    assert (length.diff() > 0).all() and length[-1] > 1.8 * length[0]


def test_at_delivers_the_exact_fraction_and_the_same_arrays_again():
    wanted = [0.2, 0.35, 0.5, 0.651, 0.8]
    structures = SOURCE.at(wanted, 3, (64, 64))
    assert structures.sum((1, 2)).tolist() == [round(p * 4096) for p in wanted]
    np.testing.assert_array_equal(SOURCE.at(wanted[1:2], 4, (64, 64))[0], structures[1])  # sample i is of seed + i


def test_a_range_that_no_simulation_meets_is_said_so():
    with pytest.raises(RuntimeError, match="use a larger grid"):
        ch.CahnHilliard(fractions=(0.5, 0.5)).draw([0], (7, 9))  # 63 pixels have no half


def test_the_identity_names_every_parameter():
    assert SOURCE.identity() == {
        "source": "cahn_hilliard",
        "version": 1,
        "fractions": (0.2, 0.8),
        "times": (80.0, 1800.0),
        "noise": 0.5,
    }
    assert ch.CahnHilliard(noise=0.4).identity() != SOURCE.identity()
