"""Adversarial losses and gradient penalties, un-reduced: one value per sample. `real` and `fake` are critic scores
(B,)."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Critic = Callable[[Tensor], Tensor]


def relativistic_critic(real: Tensor, fake: Tensor) -> Tensor:
    """softplus(D(fake) - D(real)): the relativistic pairing loss (Jolicoeur-Martineau 2019; Huang et al. 2024, R3GAN).
    (B,)."""
    return F.softplus(fake - real)


def relativistic_generator(real: Tensor, fake: Tensor) -> Tensor:
    """softplus(D(real) - D(fake)), the critic's loss with the roles exchanged. (B,)."""
    return F.softplus(real - fake)


def wasserstein_critic(real: Tensor, fake: Tensor) -> Tensor:
    """D(fake) - D(real) (Arjovsky et al. 2017; the papers' eq. 1 with f(t) = t). (B,)."""
    return fake - real


def wasserstein_generator(real: Tensor, fake: Tensor) -> Tensor:
    """-D(fake). (B,)."""
    return -fake


def classic_critic(real: Tensor, fake: Tensor) -> Tensor:
    """-log s(D(real)) - log(1 - s(D(fake))), s the logistic function: -V of Goodfellow et al. 2014, eq. 1. (B,)."""
    return F.softplus(-real) + F.softplus(fake)


def minimax_generator(real: Tensor, fake: Tensor) -> Tensor:
    """log(1 - s(D(fake))): V's own term, with the slope s(D(fake)), 0 for a sure critic (Goodfellow et al. 2014).
    (B,)."""
    return -F.softplus(fake)


def non_saturating_generator(real: Tensor, fake: Tensor) -> Tensor:
    """-log s(D(fake)), with the slope 1 - s(D(fake)), 1 for a sure critic (Goodfellow et al. 2014, section 3). (B,)."""
    return F.softplus(-fake)


def _squared_gradient(critic: Critic, images: Tensor) -> Tensor:
    """|grad_x D(x)|^2 (B,) at images (B, C, H, W), differentiable in the critic's parameters."""
    at = images.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(at).sum(), at, create_graph=True)
    return gradient.to(torch.promote_types(gradient.dtype, torch.float32)).square().sum((1, 2, 3))


def zero_centred_penalty(critic: Critic, images: Tensor) -> Tensor:
    """|grad_x D(x)|^2 at the images: R1 on real ones, R2 on generated ones (Mescheder et al. 2018). (B,)."""
    return _squared_gradient(critic, images)


def gradient_penalty(critic: Critic, real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    """(|grad_x D(x)| - 1)^2 at x = mix real + (1 - mix) fake, mix (B,) in [0, 1] (Gulrajani et al. 2017). (B,)."""
    mix = mix.view(-1, 1, 1, 1)
    return (_squared_gradient(critic, mix * real + (1 - mix) * fake).clamp(min=1e-12).sqrt() - 1).square()


ADVERSARIAL = {
    "relativistic": (relativistic_critic, relativistic_generator),
    "wgan_gp": (wasserstein_critic, wasserstein_generator),
    "minimax": (classic_critic, minimax_generator),
    "non_saturating": (classic_critic, non_saturating_generator),
}
"""Loss name of the configuration -> (critic's loss, generator's loss)."""
