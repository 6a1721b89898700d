"""Gaussian fields and the level cut: the transform against bivariate normal probabilities, round trips against sampled
fields."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

from core.descriptors import two_phase
from core.simulation import random_field as rf

SHAPE = (64, 48)
CORRELATIONS = [-0.9, -0.5, -0.1, 0.0, 0.3, 0.6, 0.9, 0.99]


def normalised(p, rho):
    """chi / (p (1 - p)) of the cut of a Gaussian field, from the probability that both points lie above the level."""
    both = multivariate_normal.cdf([norm.ppf(p)] * 2, mean=[0, 0], cov=[[1, rho], [rho, 1]])
    return (both - p * p) / (p * (1 - p))


def tabled(p, rho):
    """The same, read from the table."""
    knots, at, table = (t.double().numpy() for t in rf.level_cut_table())
    return np.interp(p, knots, [np.interp(rho, at, row) for row in table])


def gaussian(shape, width):
    """exp(-(r / width)^2) about the first pixel, (1, H, W): a correlation that a field can have."""
    y, x = rf.offsets(shape)
    return torch.exp(-(x * x + y * y) / width**2)[None]


def fields(n, shape=SHAPE, width=4.0, seed=0):
    white = torch.randn(n, *shape, generator=torch.Generator().manual_seed(seed))
    return rf.colour(white, rf.spectral_amplitude(gaussian(shape, width)))


@pytest.mark.parametrize("p", [0.05, 0.2, 0.35, 0.5, 0.7, 0.9])
def test_table_is_the_bivariate_normal_probability(p):
    for rho in CORRELATIONS:
        assert tabled(p, rho) == pytest.approx(normalised(p, rho), abs=1e-4)


@pytest.mark.parametrize(("p", "rho"), [(0.3, 0.7), (0.5, -0.4), (0.8, -0.7)])
def test_table_is_the_integral_of_its_docstring(p, rho):
    alpha = norm.ppf(1 - p)
    chi = quad(lambda t: np.exp(-(alpha**2) / (1 + np.sin(t))) / (2 * np.pi), 0, np.arcsin(rho))[0]
    assert tabled(p, rho) == pytest.approx(chi / (p * (1 - p)), abs=1e-4)


def test_at_equal_fractions_it_is_the_arc_sine_law():
    rho = np.linspace(-1, 1, 41)
    np.testing.assert_allclose([tabled(0.5, r) for r in rho], 2 / np.pi * np.arcsin(rho), atol=1e-4)


@pytest.mark.parametrize("p", [0.05, 0.2, 0.35, 0.5, 0.7, 0.9])
def test_inverse_recovers_the_field_correlation(p):
    rho = torch.tensor([[r for r in CORRELATIONS if r > -0.9]], dtype=torch.float64)
    chi = torch.tensor([[normalised(p, float(r)) for r in rho[0]]], dtype=torch.float64)
    torch.testing.assert_close(
        rf.field_correlation(chi, torch.tensor([p], dtype=torch.float64)), rho, rtol=0, atol=2e-4
    )


def test_inverse_clamps_what_no_field_reaches():
    got = rf.field_correlation(torch.tensor([[-1.0, 1.0, 1.5]]), torch.tensor([0.2]))
    assert got.tolist() == [[-1.0, 1.0, 1.0]]


def test_table_is_monotone_and_the_same_for_both_phases():
    p, rho, table = rf.level_cut_table()
    assert (table.diff(dim=1) >= 0).all() and (rho.diff() > 0).all() and (p.diff() > 0).all()
    torch.testing.assert_close(table, table.flip(0), rtol=0, atol=1e-6)
    torch.testing.assert_close(table[:, -1], torch.ones(len(p)), rtol=0, atol=2e-3)


def test_level_is_the_quantile_that_leaves_the_fraction():
    p = torch.tensor([0.05, 0.5, 0.9], dtype=torch.float64)
    torch.testing.assert_close(rf.level(p), torch.from_numpy(norm.ppf(1 - p.numpy())))
    assert torch.isfinite(rf.level(torch.tensor([0.0, 1.0]))).all()


def test_fields_have_the_requested_correlation():
    y = fields(400)
    torch.testing.assert_close(y.square().mean((1, 2)), torch.ones(400), rtol=1e-5, atol=1e-5)
    spectrum = torch.fft.rfft2(y)
    got = torch.fft.irfft2(spectrum * spectrum.conj(), s=SHAPE) / (SHAPE[0] * SHAPE[1])
    want = gaussian(SHAPE, 4.0)[0]
    want = (want - want.mean()) / (1 - want.mean())  # the mean of each field is removed
    error = got.std(0) / 20
    assert ((got.mean(0) - want).abs() < 5 * error + 2e-3).all()


@pytest.mark.parametrize("p", [0.25, 0.5, 0.8])
def test_round_trip_covariance_to_correlation_to_fields_to_covariance(p):
    """A two-phase covariance is inverted, fields are drawn and cut: their S2 is p^2 + the covariance, within standard
    errors."""
    n, shape = 600, (64, 64)
    chi = torch.tensor(
        [[tabled(p, float(r)) for r in torch.exp(-((torch.arange(60) * 0.5 / 4) ** 2))]], dtype=torch.float32
    )
    correlation = rf.field_correlation(chi, torch.tensor([p]))
    y = rf.offsets(shape)
    amplitude = rf.spectral_amplitude(rf.sample_curve(correlation, 0.5, torch.hypot(*y)[None]))
    white = torch.randn(n, *shape, generator=torch.Generator().manual_seed(int(100 * p)))
    cut = rf.colour(white, amplitude) > rf.level(torch.tensor(p))
    fraction = two_phase.volume_fraction(cut)
    assert float(fraction.mean()) == pytest.approx(p, abs=4 * float(fraction.std()) / n**0.5)
    along_x, along_y = two_phase.s2_axes(cut)
    for s2 in (along_x[:, :12], along_y[:, :12]):
        want = p * p + p * (1 - p) * chi[0, :24:2]
        assert ((s2.mean(0) - want).abs() < 4 * s2.std(0) / n**0.5 + 2e-3).all()


def test_interpolation_is_linear_and_clamped():
    knots, values = torch.tensor([[0.0, 1.0, 3.0], [0.0, 2.0, 4.0]]), torch.tensor([10.0, 20.0, 0.0])
    got = rf.interpolate(torch.tensor([[-1.0, 0.5, 2.0, 9.0], [1.0, 2.0, 3.0, 4.0]]), knots, values)
    assert got.tolist() == [[10.0, 15.0, 10.0, 0.0], [15.0, 20.0, 10.0, 0.0]]


def test_curves_are_read_linearly_and_end_at_0():
    curve = torch.tensor([[1.0, 0.5, 0.25]])
    got = rf.sample_curve(curve, 2.0, torch.tensor([[[0.0, 1.0, 2.0, 3.0, 4.0, 4.5]]]))
    assert got.tolist() == [[[1.0, 0.75, 0.5, 0.375, 0.25, 0.0]]]


def test_offsets_are_the_nearest_image():
    y, x = rf.offsets((4, 5))
    assert y[:, 0].tolist() == [0, 1, -2, -1] and x[0].tolist() == [0, 1, 2, -2, -1]


def test_what_no_field_can_have_is_dropped():
    """A correlation of -1 everywhere but at 0 has negative power: it is cut off, and the mean never gets power."""
    amplitude = rf.spectral_amplitude(-torch.ones(1, 8, 8) + 0.5 * gaussian((8, 8), 2.0))
    assert (amplitude >= 0).all() and amplitude[0, 0, 0] == 0 and torch.isfinite(amplitude).all()
    y = rf.colour(torch.randn(2, 8, 8), amplitude)
    torch.testing.assert_close(y.mean((1, 2)), torch.zeros(2), rtol=0, atol=1e-6)
