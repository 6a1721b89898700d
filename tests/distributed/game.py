"""A small WGAN-GP-like game in float64: double backward, invariance per sample, extragradient steps. Alone or as one of
several."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from core.keys import key
from core.training import distributed

BATCH, STEPS, RATE = 8, 20, 0.02


def networks():
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(4, 16), nn.SiLU(), nn.Linear(16, 6)).double()
    critic = nn.Sequential(nn.Linear(6, 16), nn.SiLU(), nn.Linear(16, 1)).double()
    return generator, critic


def normal(step, name, size):
    rows = []
    for i in distributed.share(BATCH):
        rows.append(torch.randn(size, generator=torch.Generator().manual_seed(key(step, name, i)), dtype=torch.float64))
    return torch.stack(rows)


def losses(generator, critic, step):
    fake, real = generator(normal(step, "z", 4)), 0.5 * normal(step, "x", 6) + 1
    mix = torch.rand(1, dtype=torch.float64, generator=torch.Generator().manual_seed(key(step, "mix")))
    between = (mix * real + (1 - mix) * fake).detach().requires_grad_()
    slope = torch.autograd.grad(critic(between).sum(), between, create_graph=True)[0]
    penalty = ((slope.norm(dim=1) - 1) ** 2).mean()
    gap = (critic(fake.detach()) - critic(real)).mean()
    invariance = ((fake.mean(1) - 1) ** 2).mean()
    return gap + 10 * penalty, -critic(fake).mean() + invariance


def field(generator, critic, step, average):
    first, second = losses(generator, critic, step)
    one = torch.autograd.grad(first, list(critic.parameters()), retain_graph=True)
    two = torch.autograd.grad(second, list(generator.parameters()))
    return average([*one, *two])


def play(average):
    generator, critic = networks()
    weights = [*critic.parameters(), *generator.parameters()]
    for step in range(STEPS):
        start = [w.detach().clone() for w in weights]
        for half in (0, 1):
            grads = field(generator, critic, 2 * step + half, average)
            with torch.no_grad():
                for weight, begin, grad in zip(weights, start, grads, strict=True):
                    weight.copy_(begin - RATE * grad)
    return {str(i): w.detach() for i, w in enumerate(weights)}


def write(out, naive=False):
    """Writes the final weights of this rank to OUT.<rank>.npy; with `naive`, gradients are not averaged."""
    weights = play((lambda grads: list(grads)) if naive else distributed.average)
    assert distributed.identical(weights) is not naive or distributed.world() == 1
    assert distributed.agree(distributed.rank() == 1) is (distributed.world() > 1)
    np.save(f"{out}.{distributed.rank()}.npy", torch.cat([w.reshape(-1) for w in weights.values()]).numpy())
