"""Layers against the plain expressions they replace, derivatives included; the network commutes with periodic
shifts."""

import pytest
import torch
import torch.nn.functional as F

from core.models.critic import Critic
from core.models.layers import Conv, FilmConv, _Film, pad, smooth, up
from core.models.unet import UNet


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).requires_grad_()


def derivatives(function, x):
    """Value, gradient and a Hessian-vector product of a nonlinear functional of function(x)."""
    value = function(x)
    weight = torch.linspace(-1, 2, value.numel(), dtype=value.dtype).view_as(value)
    (gradient,) = torch.autograd.grad((weight * value**3).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad((gradient * normal(*x.shape, seed=5).detach()).sum(), x)
    return value, gradient, second


@pytest.mark.parametrize("p", [1, 2, 3])
def test_pad_is_circular_padding_with_its_derivatives(p):
    x = normal(2, 3, 4, 5)
    ours, plain = derivatives(lambda t: pad(t, p), x), derivatives(lambda t: F.pad(t, (p,) * 4, mode="circular"), x)
    for a, b in zip(ours, plain, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    assert torch.autograd.gradcheck(lambda t: pad(t, p), x) and torch.autograd.gradgradcheck(lambda t: pad(t, p), x)


def test_pad_without_gradients_is_the_same():
    x = normal(1, 2, 6, 4)
    with torch.no_grad():
        assert torch.equal(pad(x, 2), F.pad(x, (2,) * 4, mode="circular"))


def test_film_is_scale_and_shift_with_their_derivatives():
    y, scale, shift = normal(2, 3, 4, 5), normal(2, 3, seed=1), normal(2, 3, seed=2)
    plain = y * scale[:, :, None, None] + shift[:, :, None, None]
    torch.testing.assert_close(_Film.apply(y, scale, shift), plain, rtol=1e-14, atol=1e-14)
    assert torch.autograd.gradcheck(_Film.apply, (y, scale, shift))
    assert torch.autograd.gradgradcheck(_Film.apply, (y, scale, shift))


def test_film_convolution_needs_no_gradients_to_give_its_value():
    layer = FilmConv(3, 4, 5).double()
    x, w = normal(2, 3, 6, 6), normal(2, 5, seed=1)
    with torch.no_grad():
        alone = layer(x, w)
    torch.testing.assert_close(layer(x, w), alone, rtol=1e-14, atol=1e-14)
    scale, shift = layer.affine(w).chunk(2, 1)
    by_hand = layer.conv(x) * (1 + scale)[:, :, None, None] + shift[:, :, None, None]
    torch.testing.assert_close(by_hand, alone, rtol=1e-13, atol=1e-13)


def test_up_is_nearest_interpolation_with_its_derivatives():
    x = normal(2, 3, 4, 5)
    ours, plain = derivatives(up, x), derivatives(lambda t: F.interpolate(t, scale_factor=2, mode="nearest"), x)
    for a, b in zip(ours, plain, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    assert torch.autograd.gradcheck(up, x) and torch.autograd.gradgradcheck(up, x)
    with torch.no_grad():
        assert torch.equal(up(x), plain[0])


@pytest.mark.parametrize("k", [1, 3, 5])
def test_convolution_is_periodic(k):
    layer, x = Conv(2, 3, k).double(), normal(1, 2, 8, 6).detach()
    torch.testing.assert_close(layer(x.roll((3, -2), (2, 3))), layer(x).roll((3, -2), (2, 3)), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("sigma", [0.7, 1.2, 2.0])
def test_smooth_keeps_the_mean_is_periodic_and_has_the_width_it_says(sigma):
    x = normal(2, 1, 24, 16).detach()
    y = smooth(x, sigma)
    torch.testing.assert_close(y.mean((2, 3)), x.mean((2, 3)), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(smooth(x.roll((5, -7), (2, 3)), sigma), y.roll((5, -7), (2, 3)), rtol=1e-12, atol=1e-12)
    point = torch.zeros(1, 1, 33, 33, dtype=torch.float64)
    point[..., 16, 16] = 1
    at = torch.arange(-16, 17, dtype=torch.float64)
    kernel = smooth(point, sigma)[0, 0]
    for axis in (0, 1):
        assert float((kernel.sum(axis) * at**2).sum()) == pytest.approx(sigma**2, rel=0.06)  # cut at 3 sigma
    assert torch.equal(kernel, kernel.flip(0, 1))


def test_smooth_of_nothing_changes_nothing():
    x = normal(1, 1, 8, 8)
    assert smooth(x, 0.0) is x


def network():
    """A UNet in float64 whose last layer does something."""
    torch.manual_seed(0)
    net = UNet(3, 1, 2, (8, 12, 16), width=8).double()
    torch.nn.init.normal_(net.leave.weight, std=0.1)
    return net


@pytest.mark.parametrize("shift", [(8, 0), (0, 16), (-8, 24)])
def test_network_commutes_with_shifts_by_its_stride(shift):
    net, x, w = network(), normal(1, 3, 32, 40).detach(), normal(1, 2, seed=1).detach()
    y = net(x, w)
    assert y.std() > 1e-2
    torch.testing.assert_close(net(x.roll(shift, (2, 3)), w), y.roll(shift, (2, 3)), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("shape", [(8, 8), (16, 40), (72, 24)])
def test_network_works_at_any_size_divisible_by_8(shape):
    assert network()(normal(2, 3, *shape), normal(2, 2)).shape == (2, 1, *shape)


def test_network_listens_to_its_condition_and_starts_from_no_residual():
    net, x = network(), normal(1, 3, 16, 16)
    assert (net(x, normal(1, 2)) - net(x, normal(1, 2, seed=9))).abs().max() > 1e-3
    assert not UNet(3, 1, 2).double()(x, normal(1, 2)).any()


def test_critic_scores_each_image_by_itself_and_sees_pixels():
    torch.manual_seed(0)
    critic, x = Critic(1, (8, 8, 8)).double(), normal(4, 1, 32, 32).sigmoid()
    scores = critic(x)
    assert scores.shape == (4,) and len(set(scores.tolist())) == 4
    torch.testing.assert_close(torch.cat([critic(x[i : i + 1]) for i in range(4)]), scores, rtol=1e-12, atol=1e-12)
