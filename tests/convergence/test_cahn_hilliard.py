"""Cahn-Hilliard against what is known on paper: conservation, decay, order, linear growth, equilibrium profiles.

All in float64, so that the tolerance beside each case is about the method and not about rounding.
"""

import math
from itertools import pairwise

import pytest
import torch

from core.simulation import cahn_hilliard as ch


def quenched(n, size, mean, seed, amplitude=0.5):
    noise = torch.randn(n, size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return mean + amplitude * (noise - noise.mean((1, 2), keepdim=True))


def smooth(size=32):
    y, x = torch.meshgrid(*[2 * math.pi * torch.arange(size, dtype=torch.float64) / size] * 2, indexing="ij")
    return (0.1 + 0.3 * torch.cos(y) + 0.2 * torch.sin(y + 2 * x))[None]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("dt", [0.01, 0.3, 1.0, 6.0, 100.0])
def test_mass_is_kept_and_free_energy_never_rises(dt, seed):
    """The k = 0 mode never moves; each step lowers the energy, whatever dt, until it is at rest (rounding: 1e-14)."""
    u = torch.cat([quenched(1, 32, mean, seed) for mean in (0.0, 0.3, -0.6)])
    mass, energy = u.mean((1, 2)), ch.free_energy(u)
    for _ in range(60):
        u = ch.propagate(u, dt, 1)
        after = ch.free_energy(u)
        assert (after <= energy + 1e-14).all()
        energy = after
    assert (u.mean((1, 2)) - mass).abs().max() < 1e-12
    assert not torch.allclose(u, quenched(1, 32, 0.0, seed))  # it did move


def test_the_free_energy_is_that_of_a_cosine_wave():
    """u = m + a cos(k x): <(u^2-1)^2>/4 + eps^2 k^2 a^2 / 4, with <u^2> = m^2 + a^2/2, <u^4> = m^4 + 3 m^2 a^2 + 3
    a^4/8."""
    m, a, k, eps = 0.2, 0.5, 2 * math.pi * 3 / 32, 1.3
    u = (m + a * torch.cos(k * torch.arange(32, dtype=torch.float64))).expand(1, 24, 32)
    quartic = m**4 + 3 * m**2 * a**2 + 3 * a**4 / 8 - 2 * (m**2 + a**2 / 2) + 1
    assert ch.free_energy(u, eps).item() == pytest.approx(quartic / 4 + eps**2 * k**2 * a**2 / 4, rel=1e-12)


@pytest.mark.parametrize("end", [4.0, 16.0])
def test_the_scheme_is_of_first_order_in_dt(end):
    """Richardson: differences of successive halvings of dt shrink by 2; observed order within [0.9, 1.1]."""
    ends = [ch.propagate(smooth(), end / n, n) for n in (128, 256, 512, 1024)]
    gaps = [(a - b).norm().item() for a, b in pairwise(ends)]
    for coarse, fine in pairwise(gaps):
        assert 0.9 < math.log2(coarse / fine) < 1.1


@pytest.mark.parametrize("mean", [0.0, 0.3, 0.7])
@pytest.mark.parametrize("waves", [1, 3, 5])
def test_a_small_wave_grows_at_the_rate_of_linear_theory(mean, waves):
    """u = m + 1e-6 cos(k x): rate -k^2 (3 m^2 - 1 + k^2), two halvings of dt extrapolated; 3e-4 relative is left of
    dt^2."""
    k = 2 * math.pi * waves / 32
    cosine = torch.cos(k * torch.arange(32, dtype=torch.float64)).expand(1, 8, 32)

    def rate(steps):
        wave = ch.propagate(mean + 1e-6 * cosine, 1 / steps, steps) - mean
        return math.log((wave * cosine).mean().item() / (1e-6 * (cosine**2).mean().item()))

    exact = -(k**2) * (3 * mean**2 - 1 + k**2)
    assert ch.growth_rate(k, mean) == pytest.approx(exact, rel=1e-12)
    assert 2 * rate(256) - rate(128) == pytest.approx(exact, rel=3e-4)


def test_no_wave_grows_outside_the_spinodal():
    """|m| > 1 / sqrt 3: every mode decays; just inside, the longest ones grow."""
    assert all(ch.growth_rate(k, 0.58) < 0 for k in (0.01, 0.1, 1.0))
    assert ch.growth_rate(0.01, 0.57) > 0


@pytest.mark.parametrize(("eps", "tolerance"), [(1.0, 2e-3), (1.5, 1e-4), (2.0, 1e-4)])
def test_a_flat_interface_relaxes_to_the_tanh_profile(eps, tolerance):
    """u = tanh(x / (sqrt 2 eps)), energy 2 sqrt 2 / 3 eps per length. At eps = 1 px the pixels themselves cost
    1.5e-3."""
    x = torch.arange(64, dtype=torch.float64) - 31.5
    step = torch.where(x.abs() < 16, 1.0, -1.0).double().expand(1, 4, 64)
    u = ch.propagate(step, 2.0, 3000, eps)
    exact = torch.tanh((16 - x.abs()) / (math.sqrt(2) * eps))
    assert (u[0] - exact).abs().max() < tolerance
    per_length = ch.free_energy(u, eps).item() * 64 / 2  # two interfaces in 64 px
    assert per_length == pytest.approx(2 * math.sqrt(2) / 3 * eps, rel=tolerance)


@pytest.mark.parametrize("radius", [12.0, 20.0])
def test_a_round_drop_is_at_rest_with_the_gibbs_thomson_potential(radius):
    """mu = u^3 - u - lap u is uniform (1e-12): sigma / (2 R) with sigma = 2 sqrt 2 / 3, within 2 % (order 1 / R^2)."""
    offset = torch.arange(64, dtype=torch.float64) - 31.5
    distance = torch.hypot(offset[:, None], offset[None])
    u = ch.propagate(torch.tanh((radius - distance) / math.sqrt(2))[None], 5.0, 4000)
    laplacian = torch.fft.irfft2(-ch.wavenumbers_squared((64, 64), u) * torch.fft.rfft2(u), s=(64, 64))
    potential = u**3 - u - laplacian
    matrix, drop = u[0, 0, 0], u[0, 32, 32]
    settled = math.sqrt(4096 / math.pi * ((u.mean() - matrix) / (drop - matrix)).item())  # radius by the lever rule
    assert settled == pytest.approx(radius, abs=0.6)
    assert potential.std() < 1e-12
    assert potential.mean().item() == pytest.approx(math.sqrt(2) / 3 / settled, rel=0.02)


def test_both_drivers_are_the_same_scheme_and_each_sample_stops_at_its_time():
    u = quenched(3, 16, 0.1, 0)
    out = ch.simulate(u, torch.tensor([2.0, 0.5, 5.0]), ch.Schedule(first=0.5, growth=1.0, largest=0.5))
    for i, steps in enumerate((4, 1, 10)):
        torch.testing.assert_close(out[i], ch.propagate(u, 0.5, steps)[i], atol=1e-13, rtol=0)


def test_the_steps_of_a_schedule_grow_to_the_largest():
    """first, first * growth, ... up to largest: 1, 2, 3, 3 for growth 2 and largest 3, so time 8.5 is passed in step
    4."""
    u = quenched(1, 16, 0.0, 1)
    expected = ch.propagate(ch.propagate(ch.propagate(u, 1.0, 1), 2.0, 1), 3.0, 2)
    out = ch.simulate(u, torch.tensor([8.5]), ch.Schedule(first=1.0, growth=2.0, largest=3.0))
    torch.testing.assert_close(out, expected, atol=1e-13, rtol=0)


def test_a_step_per_sample_is_the_step_of_each_sample():
    u = quenched(2, 16, 0.0, 2)
    both = ch.propagate(u, torch.tensor([0.5, 2.0], dtype=torch.float64), 3)
    for i, dt in enumerate((0.5, 2.0)):
        torch.testing.assert_close(both[i], ch.propagate(u, dt, 3)[i], atol=1e-13, rtol=0)


def test_gradients_through_the_steps_are_exact():
    u = quenched(2, 6, 0.1, 3).requires_grad_()
    dt = torch.tensor([0.4, 1.5], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a, b: ch.propagate(a, b, 3), (u, dt))


@pytest.mark.parametrize("shape", [(12, 20), (9, 15)])
def test_transposing_or_moving_the_start_does_so_to_the_end(shape):
    """The grid may be oblong and odd: no axis is special."""
    u = torch.randn(1, *shape, generator=torch.Generator().manual_seed(4), dtype=torch.float64) / 2
    end = ch.propagate(u, 0.5, 20)
    torch.testing.assert_close(ch.propagate(u.mT.contiguous(), 0.5, 20), end.mT, atol=1e-12, rtol=0)
    torch.testing.assert_close(
        ch.propagate(u.roll((3, 5), (1, 2)), 0.5, 20), end.roll((3, 5), (1, 2)), atol=1e-12, rtol=0
    )
