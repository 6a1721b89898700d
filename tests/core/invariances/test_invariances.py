"""The residuals of two-phase fields: right against loops and against the independent descriptors, differentiable,
strict."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.descriptors import two_phase
from core.invariances.two_point import TwoPointCorrelation
from core.invariances.volume_fraction import VolumeFraction
from core.types import Invariance


def soft(n, shape, seed=0, dtype=torch.float32):
    return torch.rand(n, 1, *shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("invariance", [VolumeFraction(), TwoPointCorrelation(), TwoPointCorrelation(8)])
def test_keeps_the_protocol_and_cites(invariance):
    assert isinstance(invariance, Invariance)
    assert "eq. 8" in invariance.source and invariance.tolerance > 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(8, 20), st.integers(8, 20))
def test_both_roads_to_the_statistics_agree(seed, height, width):
    """The invariance and the descriptors share no code; they agree to float64 rounding."""
    fields = soft(2, (height, width), seed, torch.float64)
    curve = TwoPointCorrelation(5)
    torch.testing.assert_close(curve.measure(fields), two_phase.s2_radial(fields[:, 0])[:, :5], atol=1e-13, rtol=0)
    torch.testing.assert_close(curve.distances((height, width)), two_phase.radial_bins((height, width))[0][:5])
    torch.testing.assert_close(
        VolumeFraction().measure(fields), two_phase.volume_fraction(fields[:, 0]), atol=1e-15, rtol=0
    )


def test_both_roads_agree_at_full_size_in_single_precision():
    labels = (soft(4, (64, 128)) < 0.3).float()
    torch.testing.assert_close(
        TwoPointCorrelation().measure(labels), two_phase.s2_radial(labels[:, 0]), atol=5e-7, rtol=0
    )  # float32 rounding of a 64 x 128 transform


def test_the_curve_is_the_mean_of_products():
    fields = soft(1, (6, 8), dtype=torch.float64)
    image = fields[0, 0].numpy()
    products = {0: [], 1: [], 2: []}
    for dy in range(-2, 3):
        for dx in range(-2, 3):
            products.setdefault(round(np.hypot(dy, dx)), []).append((image * np.roll(image, (dy, dx), (0, 1))).mean())
    expected = [np.mean(products[r]) for r in range(3)]
    np.testing.assert_allclose(TwoPointCorrelation(3).measure(fields)[0], expected, rtol=1e-12)


def test_the_residual_is_zero_at_the_measured_value_and_one_value_per_sample():
    fields = soft(3, (16, 16))
    for invariance in (VolumeFraction(), TwoPointCorrelation(9)):
        own = invariance.measure(fields)
        assert invariance.residual(fields, {invariance.name: own}).tolist() == [0, 0, 0]
        off = invariance.residual(fields, {invariance.name: own + 0.1})
        torch.testing.assert_close(off, torch.full((3,), 0.01), atol=1e-6, rtol=0)
        alone = invariance.residual(fields[1:2], {invariance.name: own[1:2] + 0.1})
        torch.testing.assert_close(alone, off[1:2])


def test_weights_choose_the_stretch_that_counts():
    fields = soft(2, (16, 16))
    plain, weighted = TwoPointCorrelation(4), TwoPointCorrelation(4, (0.0, 2.0, 0.0, 0.0))
    target = plain.measure(fields) + torch.tensor([0.5, 0.1, 0.5, 0.5])
    torch.testing.assert_close(weighted.residual(fields, {"correlation": target}), torch.full((2,), 2 * 0.1**2 / 4))


@pytest.mark.parametrize("shape", [(6, 6), (7, 9)])
def test_gradients_are_exact(shape):
    fields = soft(2, shape, dtype=torch.float64).requires_grad_()
    curve, fraction = TwoPointCorrelation(4, (1.0, 2.0, 0.5, 0.0)), VolumeFraction()
    targets = {
        "correlation": torch.full((2, 4), 0.3, dtype=torch.float64),
        "volume_fraction": torch.tensor([0.2, 0.7], dtype=torch.float64),
    }
    for invariance in (curve, fraction):
        assert torch.autograd.gradcheck(invariance.measure, fields)
        assert torch.autograd.gradcheck(lambda f, i=invariance: i.residual(f, targets), fields)


def test_measuring_in_inference_mode_first_spoils_no_gradient_later():
    curve, shape = TwoPointCorrelation(4), (10, 14)  # used by no other test: its annuli are made here
    with torch.inference_mode():
        curve.measure(soft(1, shape))
    fields = soft(1, shape).requires_grad_()
    curve.residual(fields, {"correlation": torch.zeros(1, 4)}).sum().backward()
    assert fields.grad.abs().sum() > 0


def test_the_dtype_is_kept():
    for dtype in (torch.float32, torch.float64):
        assert TwoPointCorrelation(4).measure(soft(1, (8, 8), dtype=dtype)).dtype == dtype
        assert VolumeFraction().measure(soft(1, (8, 8), dtype=dtype)).dtype == dtype
    assert TwoPointCorrelation(4).measure(soft(1, (8, 8)).bfloat16()).dtype == torch.float32


@pytest.mark.parametrize("fields", [torch.zeros(2, 8, 8), torch.zeros(2, 3, 8, 8)])
def test_other_shapes_are_refused(fields):
    for invariance in (VolumeFraction(), TwoPointCorrelation(3)):
        with pytest.raises(ValueError, match=r"shape \(B, 1, H, W\)"):
            invariance.measure(fields)


def test_what_does_not_fit_is_refused_in_words():
    with pytest.raises(ValueError, match="33 distances need at least 64 pixels a side; got 32 x 64"):
        TwoPointCorrelation().measure(soft(1, (32, 64)))
    with pytest.raises(ValueError, match="bins must be at least 1; got 0"):
        TwoPointCorrelation(0)
    for weights in ((1.0, 2.0), (1.0, 1.0, -1.0)):
        with pytest.raises(ValueError, match="weights must be 3 numbers, none negative"):
            TwoPointCorrelation(3, weights)
