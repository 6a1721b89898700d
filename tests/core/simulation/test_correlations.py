"""Requests for two-point correlations: possible ones are unchanged, the others become possible."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.descriptors import two_phase
from core.invariances.characteristic_length import CharacteristicLength
from core.invariances.two_point import TwoPointCorrelation
from core.simulation import correlations

LENGTHS, ORDERS = st.floats(4, 14), st.floats(0.5, 4)


def labels(seed, side=64, fraction=0.4):
    """A structure: smoothed noise, cut."""
    rng = torch.Generator().manual_seed(seed)
    spectrum = torch.fft.rfft2(torch.randn(1, side, side, generator=rng))
    ky, kx = torch.fft.fftfreq(side)[:, None], torch.fft.rfftfreq(side)[None]
    field = torch.fft.irfft2(spectrum * torch.exp(-60 * (ky**2 + kx**2)), s=(side, side))
    return (field > torch.quantile(field, 1 - fraction)).float()


def test_the_abscissa_is_that_of_the_measured_curve():
    for side, last in ((64, -1), (128, None), (256, None)):  # at 64 px the last annulus is cut by the frame
        result = TwoPointCorrelation(correlations.BINS).distances((side, side))
        torch.testing.assert_close(result[:last], correlations.distances()[:last])


def test_curves_and_covariances_are_inverse():
    curve = two_phase.s2_radial(labels(0))
    torch.testing.assert_close(correlations.curve_of(*correlations.normalised(curve)), curve)


@given(st.integers(0, 50), st.floats(0.2, 0.8))
def test_the_curve_of_a_structure_is_possible(seed, fraction):
    curve = two_phase.s2_radial(labels(seed, 128, fraction))[:, : correlations.BINS]
    assert float((correlations.nearest(curve) - curve).abs().mean()) < 5e-4


@given(st.floats(0.2, 0.8), LENGTHS, ORDERS)
def test_damped_bessel_curves_are_possible_and_have_their_length(fraction, length, order):
    p, size = torch.tensor([fraction]), torch.tensor([length])
    curve = correlations.damped_bessel(p, size, torch.tensor([order]))
    low, high = correlations.bounds(p)
    if bool((curve >= low).all()):
        assert float((correlations.nearest(curve) - curve).abs().mean()) < 1e-3
    assert float(curve[0, 0]) == pytest.approx(fraction) and bool((curve <= high + 1e-6).all())
    assert float(correlations.first_zero(curve)[0]) == pytest.approx(
        length, abs=0.2
    )  # straight lines between the distances


COVARIANCES = {"step": lambda r: (r < 8).float(), "line": lambda r: 1 - r / 20, "cosine": lambda r: torch.cos(r / 2)}


@pytest.mark.parametrize("covariance", COVARIANCES.values(), ids=COVARIANCES.keys())
def test_an_impossible_curve_is_moved_to_one_that_is_nearly_possible(covariance):
    p = torch.tensor([0.4])
    curve = correlations.curve_of(covariance(correlations.distances())[None].clone(), p)
    possible = correlations.nearest(curve)
    moved, again = (possible - curve).abs().mean(), (correlations.nearest(possible) - possible).abs().mean()
    low, high = correlations.bounds(p)
    assert float(moved) > 0.005 and float(again) < 0.3 * float(moved)
    assert float(possible[0, 0]) == pytest.approx(0.4) and bool(((possible >= low) & (possible <= high + 1e-6)).all())


def test_the_length_is_the_first_zero_and_agrees_with_the_descriptor():
    x = labels(3)
    length = CharacteristicLength().measure(x[:, None])
    torch.testing.assert_close(length, two_phase.characteristic_length(x))
    curve = two_phase.s2_radial(x)[:, : correlations.BINS]
    torch.testing.assert_close(correlations.first_zero(curve), length)


def test_the_residual_of_the_length_has_a_gradient_that_lowers_it():
    soft = torch.sigmoid(6 * (labels(4)[:, None] - 0.5)).requires_grad_(True)
    invariance, requested = CharacteristicLength(), {"length": torch.tensor([9.0])}
    before = invariance.residual(soft, requested)
    (gradient,) = torch.autograd.grad(before.sum(), soft)
    after = invariance.residual(soft - 0.002 * gradient / gradient.abs().max(), requested)
    assert 0 < after.item() < before.item()
