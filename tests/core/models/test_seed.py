"""The request-shaped seed: its statistics are those of the data, its fields those of the request."""

import itertools
import math

import pytest
import torch
from scipy.special import j0, jn_zeros

from core.descriptors import two_phase
from core.models.seed import REACH, SCALED, RequestSeed, hat, modulation, statistics
from core.simulation import random_field as rf

SIZE, LENGTHS = 96, (7.0, 10.0)


def population(n=160, seed=0):
    """Level cuts of fields of the correlation J0(k r) exp(-(r / a)^2), whose covariance vanishes at the first zero of
    J0: the characteristic length is known. Volume fractions .2 to .8; the lengths are uniform in `LENGTHS`."""
    rng = torch.Generator().manual_seed(seed)
    p = 0.2 + 0.6 * torch.rand(n, generator=rng)
    length = LENGTHS[0] + (LENGTHS[1] - LENGTHS[0]) * torch.rand(n, generator=rng)
    r = torch.hypot(*rf.offsets((SIZE, SIZE)))[None] / length[:, None, None]
    correlation = torch.from_numpy(j0(jn_zeros(0, 1)[0] * r.numpy())).float() * torch.exp(-((r / 2) ** 2))
    white = torch.randn(n, SIZE, SIZE, generator=rng)
    labels = rf.colour(white, rf.spectral_amplitude(correlation)) > rf.level(p)[:, None, None]
    return labels.to(torch.uint8), p, length


@pytest.fixture(scope="module")
def seed():
    """A seed fitted to the population; not to be changed."""
    fresh = RequestSeed()
    fresh.fit(population()[0])
    return fresh


def white(n, size=SIZE, key=1):
    return torch.randn(n, size, size, generator=torch.Generator().manual_seed(key))


def full(n, value):
    return torch.full((n,), value)


def test_statistics_of_a_population_are_those_it_was_made_with():
    labels, p, length = population()
    got_p, got_length, covariance = statistics(labels)
    assert float((got_p - p).abs().mean()) < 0.02 and float((got_length / length - 1).abs().mean()) < 0.05
    assert float((got_length / length).mean()) == pytest.approx(1, abs=0.02)
    torch.testing.assert_close(covariance[:, 0], torch.ones(len(p)), rtol=0, atol=1e-4)


def test_fit_recovers_the_lengths_and_the_first_zero(seed):
    low, middle, high = (seed.quantile(full(5, u), torch.linspace(0.25, 0.75, 5)) for u in (0.05, 0.5, 0.95))
    assert float(middle.mean()) == pytest.approx(sum(LENGTHS) / 2, rel=0.05)
    assert float(low.mean()) == pytest.approx(LENGTHS[0], rel=0.08) and float(high.mean()) == pytest.approx(
        LENGTHS[1], rel=0.08
    )
    at = torch.linspace(0, REACH, SCALED)
    curve = seed.between(seed.curves, full(1, 0.4))[0]
    crossing = at[int((curve <= 0).nonzero()[0])]
    assert float(crossing) == pytest.approx(1, abs=0.07) and float(curve[0]) == pytest.approx(1, abs=1e-3)


def test_lengths_at_a_fraction_are_those_of_images_near_it():
    """Long structures at one half, short ones elsewhere: neither distribution's ends see the other's lengths."""
    few, labels = RequestSeed(), population(240)[0]
    p, length, _ = statistics(labels)
    even = (p - 0.5).abs() < 0.06
    few.fit(labels[even & (length > 9) | ~even & (length < 8)])
    assert float(few.quantile(full(1, 0.0), full(1, 0.5))) > 9 and float(few.quantile(full(1, 1.0), full(1, 0.25))) < 8


def test_curves_come_to_an_end_without_a_jump(seed):
    assert float(seed.curves[:, -1].abs().max()) < 1e-6 and float(seed.curves.diff(dim=1).abs().max()) < 0.12


def test_lengths_rise_with_the_quantile(seed):
    u = torch.linspace(0, 1, 50)
    assert (seed.quantile(u, full(50, 0.37)).diff() >= 0).all()


@pytest.mark.parametrize("p", [0.25, 0.5, 0.7])
def test_cut_has_the_requested_fraction_length_and_curve(seed, p):
    n, length = 48, 8.5
    cut = seed(white(n), full(n, p), full(n, length)) > 0
    fraction, result = two_phase.volume_fraction(cut), two_phase.characteristic_length(cut)
    assert float(fraction.mean()) == pytest.approx(p, abs=4 * float(fraction.std()) / n**0.5)
    assert float(result.mean()) == pytest.approx(length, rel=0.04)
    covariance = (two_phase.s2_radial(cut).mean(0) - p * p) / (p * (1 - p))
    radius = two_phase.radial_bins((SIZE, SIZE))[0] / length
    want = rf.interpolate(radius[None], torch.linspace(0, REACH, SCALED)[None], seed.between(seed.curves, full(1, p)))[
        0
    ]
    assert float((covariance - want)[radius < 3].abs().mean()) < 0.02
    assert float((covariance - want)[1:3].abs().max()) < 0.06  # next to 0, where spurious white noise would show


def test_noise_white_variance_and_zero_mean_of_the_field(seed):
    y = seed(white(4), full(4, 0.3), full(4, 8.0)) + rf.level(torch.tensor(0.3))
    torch.testing.assert_close(y.square().mean((1, 2)), torch.ones(4), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(y.mean((1, 2)), torch.zeros(4), rtol=0, atol=1e-4)


@pytest.mark.parametrize("style", [{}, {"order": 0.4, "stretch": 0.3, "diagonal": -0.2}])
def test_phases_exchange_with_the_sign_of_the_noise(seed, style):
    style = {k: full(3, v) for k, v in style.items()}
    p, length = torch.tensor([0.2, 0.35, 0.5]), torch.tensor([6.0, 8.0, 11.0])
    y = seed(white(3), p, length, style)
    torch.testing.assert_close(seed(-white(3), 1 - p, length, style), -y, rtol=0, atol=2e-4)


def first_zero(curve, spacing=1.0):
    """Where a curve (m,) first vanishes, linear between its points."""
    i = int((curve <= 0).nonzero()[0])
    return spacing * (i - 1 + float(curve[i - 1] / (curve[i - 1] - curve[i])))


@pytest.mark.parametrize("s", [-0.3, 0.3])
def test_stretch_elongates_along_x_by_the_exponential_it_says(seed, s):
    n, p = 48, 0.5
    cut = seed(white(n), full(n, p), full(n, 8.0), {"stretch": full(n, s)}) > 0
    x, y = (first_zero(c.mean(0) - p * p) for c in two_phase.s2_axes(cut))
    assert math.log(x / y) / 2 == pytest.approx(s, abs=0.05)
    assert math.sqrt(x * y) == pytest.approx(8.0, rel=0.06)


@pytest.mark.parametrize("d", [-0.3, 0.3])
def test_diagonal_elongates_along_one_diagonal(seed, d):
    n, p = 48, 0.5
    cut = seed(white(n), full(n, p), full(n, 8.0), {"diagonal": full(n, d)}) > 0
    plane = two_phase.s2_map(cut).mean(0) - p * p
    at = torch.arange(SIZE // 2)
    falling, rising = first_zero(plane[at, at], 2**0.5), first_zero(plane[at, -at], 2**0.5)
    assert math.log(falling / rising) / 2 == pytest.approx(d, abs=0.06)
    x, y = (first_zero(c.mean(0) - p * p) for c in two_phase.s2_axes(cut))
    assert x == pytest.approx(y, rel=0.06)


def power(y):
    """Mean power spectrum, normalised to 1."""
    spectrum = torch.fft.rfft2(y).abs().square().mean(0)
    return spectrum / spectrum.sum()


def test_order_narrows_the_spectrum(seed):
    """Entropy of the power spectrum: regular spacing to the right, mixed sizes to the left."""
    n, entropy = 16, []
    for o in (-0.5, 0.0, 0.5, 1.0):
        share = power(seed(white(n), full(n, 0.5), full(n, 8.0), {"order": full(n, o)})).flatten()
        entropy.append(float(-(share * share.clamp(min=1e-12).log()).sum()))
    assert all(a > b + 0.1 for a, b in itertools.pairwise(entropy))


def test_order_is_log2_of_the_exponent_on_the_spectrum(seed):
    n = 256
    plain, sharp = (power(seed(white(n, 32), full(n, 0.5), full(n, 7.0), {"order": full(n, o)})) for o in (0.0, 1.0))
    strong = plain > 1e-2 * plain.max()
    slope = torch.log(sharp[strong] / sharp.max()) / torch.log(plain[strong] / plain.max()).clamp(max=-0.3)
    assert float(slope[plain[strong] < 0.5 * plain.max()].median()) == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize(("name", "axis"), [("gradient_x", 2), ("gradient_y", 1)])
def test_gradient_is_a_one_period_wave_with_more_phase_1_in_the_middle(seed, name, axis):
    n, size = 16, 64
    parts = [seed(white(n, size), full(n, 0.4), full(n, 8.0), {name: full(n, a)} if a else {}) for a in (0.0, 0.7)]
    wave = (parts[1] - parts[0]).mean(3 - axis)
    want = -0.7 * torch.cos(2 * torch.pi * (torch.arange(size) + 0.5) / size)
    torch.testing.assert_close(wave, want.expand(n, -1), rtol=0, atol=1e-5)
    profile = (parts[1] > 0).float().mean((0, 3 - axis))
    assert profile[24:40].mean() > profile[:8].mean() + 0.2 and profile[24:40].mean() > profile[-8:].mean() + 0.2
    alone = modulation((size, size), {name: full(n, 0.7)}, full(n, 0.0)).expand(n, size, size)
    torch.testing.assert_close(parts[1] - parts[0], alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("contraction", [1.0, 2.0])
@pytest.mark.parametrize("name", ["length", "p", "order", "stretch", "diagonal", "gradient_x", "gradient_y"])
def test_field_moves_smoothly_with_every_dial(seed, name, contraction):
    """Twenty small steps of a dial are alike: no jump hides between two of them."""
    at = {"length": 8.0, "p": 0.4, "order": 0.1, "stretch": 0.1, "diagonal": 0.1, "gradient_x": 0.1, "gradient_y": 0.1}
    n, span = 21, 10.0 if name == "length" else 1.0
    v = {k: x + (torch.linspace(0, 0.04 * span, n) if k == name else torch.zeros(n)) for k, x in at.items()}
    y = seed(white(1).expand(n, -1, -1), v.pop("p"), v.pop("length"), v, contraction)
    step = y.diff(dim=0).square().mean((1, 2)).sqrt()
    assert float(step.min()) > 0 and float(step.max()) < 2 * float(step.median()) < 0.1


def test_contraction_shrinks_the_structure(seed):
    n = 24
    cut = seed(white(n), full(n, 0.5), full(n, 10.0), contraction=1.5) > 0
    assert float(two_phase.characteristic_length(cut).mean()) == pytest.approx(10 / 1.5, rel=0.06)


def test_smoothing_is_a_gaussian_blur_of_the_spectrum(seed):
    p, length = full(8, 0.5), full(8, 8.0)
    plain, soft = power(seed(white(8), p, length)), power(seed(white(8), p, length, smoothing=2.0))
    k2 = torch.fft.fftfreq(SIZE)[:, None] ** 2 + torch.fft.rfftfreq(SIZE)[None] ** 2
    want = plain * torch.exp(-4 * (2 * torch.pi) ** 2 * k2)
    strong = plain > 1e-3 * plain.max()
    torch.testing.assert_close(soft[strong], (want / want.sum())[strong], rtol=0.1, atol=1e-6)


def test_hat_weights_interpolate_and_clamp():
    knots = torch.linspace(0.2, 0.5, 4)
    got = hat(torch.tensor([0.1, 0.2, 0.25, 0.5, 0.9]), knots)
    want = torch.tensor([[1, 0, 0, 0], [1, 0, 0, 0], [0.5, 0.5, 0, 0], [0, 0, 0, 1], [0, 0, 0, 1]])
    torch.testing.assert_close(got, want, rtol=0, atol=1e-5)
