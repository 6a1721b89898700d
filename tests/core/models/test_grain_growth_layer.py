"""Threshold dynamics: known motions, kept shares, exact gradients."""

import math

import numpy as np
import pytest
import torch

from core.descriptors import grains
from core.models.grain_growth_layer import ThresholdDynamics, balanced, blurred, gaussian, pooled


def grid(n):
    return torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij")


def deviation(value, n=1):
    return torch.full((n, 2), value)


def test_the_blur_is_the_periodic_gaussian():
    """A point: second moments s^2 along each axis, the sum kept; on a finer grid the same values at every second
    pixel."""
    point = torch.zeros(1, 1, 32, 32, dtype=torch.float64)
    point[..., 16, 16] = 1
    spread = blurred(point, gaussian((32, 32), torch.tensor([[2.0, 3.0]], dtype=torch.float64)))
    y, x = grid(32)
    assert float(spread.sum()) == pytest.approx(1)
    assert float((spread * (y - 16) ** 2).sum()) == pytest.approx(4, rel=1e-4)
    assert float((spread * (x - 16) ** 2).sum()) == pytest.approx(9, rel=1e-4)
    transfer = gaussian((32, 32), torch.tensor([[2.0, 3.0]], dtype=torch.float64))
    fine = blurred(point, transfer, (64, 64))
    torch.testing.assert_close(fine[..., ::2, ::2], blurred(point, transfer), atol=1e-9, rtol=0)


def test_channels_are_summed_by_their_owner():
    channels, owner = torch.rand(2, 3, 4, 4), torch.tensor([[0, 2, 0], [1, 1, 2]])
    result = pooled(channels, owner, 4)
    torch.testing.assert_close(result[0, 0], channels[0, 0] + channels[0, 2])
    torch.testing.assert_close(result[1, 1], channels[1, 0] + channels[1, 1])
    assert result[0, 1].sum() == result[1, 0].sum() == result[:, 3].sum() == 0


def discs(n=64, radius=9.0, shift=0.0):
    """Two discs of orientation 1 in channels of their own, within orientation 0: u (1, 3, n, n), owner (1, 3)."""
    y, x = grid(n)
    one, two = (
        torch.sigmoid(2 * (radius - torch.hypot(y - n / 2, x - c))) for c in (n / 2 - 10 - shift, n / 2 + 10 + shift)
    )
    return torch.stack([1 - one - two, one, two])[None], torch.tensor([[0, 1, 1]])


def test_shares_stay_the_requested_ones():
    u, owner = discs()
    for share in (0.05, 0.12, 0.3):
        requested = torch.tensor([[1 - share, share]])
        logits = ThresholdDynamics(6, 3)(u, owner, requested, deviation(4.0))
        assert logits.shape == (1, 2, 128, 128)
        torch.testing.assert_close(torch.softmax(logits, 1).mean((2, 3)), requested, atol=2e-3, rtol=0)
        assert abs(float((logits[:, 1] > logits[:, 0]).float().mean()) - share) < 0.004


def test_a_square_becomes_round():
    y, x = grid(64)
    square = ((y - 32).abs().clamp(min=(x - 32).abs()) < 12).float()
    u, requested = torch.stack([1 - square, square])[None], torch.tensor([[0.86, 0.14]])
    grown = ThresholdDynamics(30, 3)(u, torch.tensor([[0, 1]]), requested, deviation(5.0))[0].argmax(0)
    rows, columns = (grown == 1).nonzero(as_tuple=True)
    radius = torch.hypot(rows - 64.0, columns - 64.0).max()
    assert float(radius) == pytest.approx(math.sqrt(0.14 * 128 * 128 / math.pi), rel=0.04)


def test_junctions_turn_to_120_degrees():
    """Three bands that meet at right angles (a T) on the torus: the angles approach 120."""
    y, x = grid(64)
    upper = (y >= 16) & (y < 48)
    labels = torch.where(upper, torch.where(x < 32, 0, 1), torch.where((x >= 16) & (x < 48), 2, 3))
    u = torch.nn.functional.one_hot(labels, 4).permute(2, 0, 1)[None].float()
    requested, owner = torch.full((1, 4), 0.25), torch.arange(4)[None]

    def angles(steps):
        grown = ThresholdDynamics(steps, 3)(u, owner, requested, deviation(5.0)).argmax(1)
        return np.concatenate(grains.junction_angles(grown)).ravel()

    before, after = (np.abs(angles(steps) - 120) for steps in (1, 25))  # degrees from 120
    assert len(after) >= 12 and after.mean() < 6 < before.mean()


def test_grains_of_one_orientation_in_their_own_channels_do_not_pull_each_other():
    """Against one channel for both: near discs keep their shape instead of merging."""
    u, owner = discs(shift=0.5)
    requested, layer = torch.tensor([[0.87, 0.13]]), ThresholdDynamics(8, 3)
    apart = layer(u, owner, requested, deviation(5.0))[0].argmax(0)
    merged = torch.stack([u[:, 0], u[:, 1] + u[:, 2]], 1)
    together = layer(merged, torch.tensor([[0, 1]]), requested, deviation(5.0))[0].argmax(0)
    middle = slice(60, 68)
    assert int((together[:, middle] == 1).sum()) > int((apart[:, middle] == 1).sum())


def test_gradients_to_the_channels():
    """Against finite differences, in double precision: four steps on 8 x 8, weights found on all pixels."""
    u = torch.softmax(
        torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64), 1
    ).requires_grad_()
    owner, requested = torch.tensor([[0, 1, 1, 2]]), torch.tensor([[0.5, 0.3, 0.2]], dtype=torch.float64)
    layer, width = ThresholdDynamics(2, 3), torch.full((1, 2), 3.0, dtype=torch.float64)
    probe = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def value(x):
        return (torch.softmax(layer(x, owner, requested, width), 1) * probe).sum()

    (gradient,) = torch.autograd.grad(value(u), u)
    direction = torch.randn(u.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    step = 1e-5
    change = (value(u + step * direction) - value(u - step * direction)) / (2 * step)
    assert float((gradient * direction).sum()) == pytest.approx(float(change.detach()), rel=2e-2)


def test_balanced_shares_of_a_skewed_request():
    logits = 3 * torch.randn(2, 5, 16, 16, generator=torch.Generator().manual_seed(0))
    requested = torch.tensor([[0.9, 0.025, 0.025, 0.025, 0.025], [0.6, 0.4, 0, 0, 0]])
    offsets = balanced(logits, requested, torch.where(requested > 0, 0, -torch.inf), 12)
    torch.testing.assert_close(
        torch.softmax(logits + offsets[..., None, None], 1).mean((2, 3)), requested, atol=1e-4, rtol=0
    )
