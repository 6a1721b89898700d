"""Areas, radii and centres of soft channels: exact on rasters, finite where a channel is empty."""

import math

import numpy as np
import pytest
import torch

from core.descriptors import shapes
from core.fields import as_soft
from core.invariances.area import Area, Radius, area
from core.invariances.centroid import Centroid
from core.simulation.shapes import Shapes
from core.types import Field

FIELD = Field("categorical", (128, 128), ("a", "b", "c"), channels=3)


def test_they_agree_with_counting_pixels():
    labels = Shapes(("circle", "square")).draw(range(20), (128, 128))
    soft = as_soft(torch.from_numpy(labels), FIELD, torch.float64)
    for k in (1, 2):
        result = [shapes.moments(image == k) for image in labels]
        for axis in ("x", "y"):
            np.testing.assert_allclose(Centroid(k, axis).measure(soft), [getattr(m, axis) for m in result], atol=1e-9)
        np.testing.assert_array_equal(Area(k).measure(soft), [m.area for m in result])
        np.testing.assert_allclose(Radius(k).measure(soft), [math.sqrt(m.area / math.pi) for m in result], rtol=1e-12)


def test_soft_channels_by_hand():
    """Two pixels of weights 1/4 and 3/4: mass 1, centre three quarters of the way."""
    soft = torch.zeros(1, 2, 8, 8, dtype=torch.float64)
    soft[0, 1, 2, 1], soft[0, 1, 2, 5] = 0.25, 0.75
    assert Centroid(1, "x").measure(soft).item() == pytest.approx(4.0)
    assert Centroid(1, "y").measure(soft).item() == pytest.approx(2.0)
    assert area(soft, 1).item() == 1.0
    assert Radius(1).residual(soft, {"r1": torch.tensor([1.0])}).item() == pytest.approx(
        (1 / math.sqrt(math.pi) - 1) ** 2
    )
    assert Centroid(1, "y").residual(soft, {"y1": torch.tensor([5.0])}).item() == pytest.approx(9.0)


@pytest.mark.parametrize("invariance", [Centroid(1, "x"), Centroid(1, "y"), Area(1), Radius(1)])
def test_an_empty_channel_has_finite_values_and_gradients(invariance):
    soft = torch.zeros(2, 3, 16, 16).requires_grad_()
    residual = invariance.residual(soft, {invariance.name: torch.tensor([3.0, 4.0])})
    (gradient,) = torch.autograd.grad(residual.sum(), soft)
    assert residual.isfinite().all() and gradient.isfinite().all()
    if isinstance(invariance, Centroid):
        assert invariance.measure(soft).tolist() == [7.5, 7.5]  # the middle of the frame


def test_a_missing_channel_is_named():
    with pytest.raises(ValueError, match=r"Fields with shape 2 must be \(B, 3 or more, H, W\); got \(1, 2, 8, 8\)"):
        Centroid(2, "x").measure(torch.zeros(1, 2, 8, 8))
