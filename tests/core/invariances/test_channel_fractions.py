"""The channel fractions: equal to counting, differentiable, refused for what has no channels."""

import pytest
import torch

from core.fields import as_soft
from core.invariances.channel_fractions import ChannelFractions
from core.types import Field

FIELD = Field(kind="categorical", shape=(6, 8), labels=tuple("abcde"), channels=5)
PINNED = ChannelFractions()


def test_fractions_of_labels_are_their_counts():
    labels = torch.randint(0, 5, (3, 6, 8), generator=torch.Generator().manual_seed(0))
    counted = torch.stack([torch.bincount(one.flatten(), minlength=5) for one in labels]) / 48
    torch.testing.assert_close(PINNED.measure(as_soft(labels, FIELD)), counted)


def test_the_residual_is_the_squared_distance_and_its_gradient_uniform():
    fields = torch.softmax(torch.randn(2, 5, 6, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64), 1)
    fields.requires_grad_()
    requested = {"fractions": PINNED.measure(fields).detach()}
    assert PINNED.residual(fields, requested).tolist() == [0, 0]
    shifted = {"fractions": requested["fractions"] + torch.tensor([0.3, -0.3, 0, 0, 0])}
    result = PINNED.residual(fields, shifted)
    torch.testing.assert_close(result.detach(), torch.full((2,), 0.18, dtype=torch.float64))
    (gradient,) = torch.autograd.grad(result.sum(), fields)
    torch.testing.assert_close(gradient[:, 0], torch.full_like(gradient[:, 0], -2 * 0.3 / 48))


@pytest.mark.parametrize("shape", [(5, 6, 8), (2, 1, 6, 8)])
def test_what_has_no_channels_is_refused(shape):
    with pytest.raises(ValueError, match="C at least 2; got"):
        PINNED.measure(torch.zeros(shape))
