"""Adversarial losses against hand formulas, penalties against critics whose gradient is known."""

import math

import pytest
import torch

from core import losses

REAL, FAKE = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64), torch.tensor([0.5, 1.5, -3.0], dtype=torch.float64)
FORMULAS = {
    losses.relativistic_critic: lambda r, f: math.log(1 + math.exp(f - r)),
    losses.relativistic_generator: lambda r, f: math.log(1 + math.exp(r - f)),
    losses.wasserstein_critic: lambda r, f: f - r,
    losses.wasserstein_generator: lambda r, f: -f,
    losses.classic_critic: lambda r, f: -math.log(1 / (1 + math.exp(-r))) - math.log(1 - 1 / (1 + math.exp(-f))),
    losses.minimax_generator: lambda r, f: math.log(1 - 1 / (1 + math.exp(-f))),
    losses.non_saturating_generator: lambda r, f: -math.log(1 / (1 + math.exp(-f))),
}


@pytest.mark.parametrize("loss", FORMULAS, ids=lambda f: f.__name__)
def test_values_per_sample(loss):
    by_hand = [FORMULAS[loss](float(r), float(f)) for r, f in zip(REAL, FAKE, strict=True)]
    torch.testing.assert_close(loss(REAL, FAKE), torch.tensor(by_hand, dtype=torch.float64), rtol=1e-12, atol=1e-12)


def test_relativistic_losses_are_log_2_at_equality_and_opposed():
    even = torch.full((5,), 3.7, dtype=torch.float64)
    for loss in losses.ADVERSARIAL["relativistic"]:
        torch.testing.assert_close(loss(even, even), torch.full((5,), math.log(2), dtype=torch.float64))
    critic, generator = losses.ADVERSARIAL["relativistic"]
    torch.testing.assert_close(critic(REAL, FAKE), generator(FAKE, REAL))


@pytest.mark.parametrize(("name", "roles"), [(n, i) for n in losses.ADVERSARIAL for i in (0, 1)])
def test_every_loss_pushes_its_player_the_right_way(name, roles):
    """Down the critic's loss, real rises over fake; down the generator's, fake rises."""
    real, fake = REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
    slopes = torch.autograd.grad(losses.ADVERSARIAL[name][roles](real, fake).sum(), (real, fake), allow_unused=True)
    assert ((slopes[1] > 0) if roles == 0 else (slopes[1] < 0)).all()
    assert roles == 1 or (slopes[0] < 0).all()


class Linear(torch.nn.Module):
    """D(x) = <w, x>, whose gradient is w everywhere."""

    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.linspace(-1, 2, 12, dtype=torch.float64).view(1, 3, 4))

    def forward(self, x):
        return (self.w * x).sum((1, 2, 3))


def images(n=5, seed=0):
    return torch.randn(n, 1, 3, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_penalties_of_a_linear_critic():
    critic, squared = Linear(), float(torch.linspace(-1, 2, 12, dtype=torch.float64).square().sum())
    zero = losses.zero_centred_penalty(critic, images())
    torch.testing.assert_close(zero, torch.full((5,), squared, dtype=torch.float64))
    one = losses.gradient_penalty(critic, images(), images(seed=1), torch.rand(5, dtype=torch.float64))
    torch.testing.assert_close(one, torch.full((5,), (math.sqrt(squared) - 1) ** 2, dtype=torch.float64))


def test_penalties_train_the_critic():
    """d|w|^2/dw = 2 w, d(|w| - 1)^2/dw = 2 (|w| - 1) w / |w|."""
    critic = Linear()
    w, norm = critic.w.detach(), float(critic.w.detach().norm())
    (got,) = torch.autograd.grad(losses.zero_centred_penalty(critic, images()).mean(), critic.w)
    torch.testing.assert_close(got, 2 * w)
    penalty = losses.gradient_penalty(critic, images(), images(), torch.zeros(5, dtype=torch.float64))
    (got,) = torch.autograd.grad(penalty.mean(), critic.w)
    torch.testing.assert_close(got, 2 * (norm - 1) * w / norm)


def test_gradient_penalty_is_taken_between_real_and_fake():
    """D(x) = |x|^2 / 2 has the gradient x: the penalty shows where it was taken."""
    real, fake, mix = images(), images(seed=1), torch.tensor([0, 0.25, 0.5, 0.75, 1], dtype=torch.float64)
    got = losses.gradient_penalty(lambda x: x.square().sum((1, 2, 3)) / 2, real, fake, mix)
    at = mix[:, None, None, None] * real + (1 - mix)[:, None, None, None] * fake
    torch.testing.assert_close(got, (at.flatten(1).norm(dim=1) - 1).square())


def test_zero_centred_penalty_is_taken_at_the_images_one_value_each():
    x = images()
    got = losses.zero_centred_penalty(lambda x: x.square().sum((1, 2, 3)) / 2, x)
    torch.testing.assert_close(got, x.square().sum((1, 2, 3)))


def test_penalties_of_half_precision_images_come_in_single():
    got = losses.zero_centred_penalty(lambda x: x.sum((1, 2, 3)), torch.ones(2, 1, 64, 64, dtype=torch.bfloat16))
    assert got.dtype == torch.float32 and got.tolist() == [4096.0, 4096.0]


def test_a_flat_critic_has_a_finite_gradient_penalty():
    scale = torch.zeros((), dtype=torch.float64, requires_grad=True)
    got = losses.gradient_penalty(
        lambda x: scale * x.sum((1, 2, 3)), images(), images(), torch.zeros(5, dtype=torch.float64)
    )
    torch.testing.assert_close(got, torch.ones(5, dtype=torch.float64), rtol=1e-5, atol=1e-5)
    (slope,) = torch.autograd.grad(got.sum(), scale)
    assert torch.isfinite(slope)
