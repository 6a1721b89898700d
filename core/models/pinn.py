"""A physics-informed network: one instance of a PDE as a pointwise function, kept as a baseline.

    u_t + u u_x = nu u_xx on [-1, 1],   u(x, 0) = -sin(pi x),   u(+-1, t) = 0,   0 <= t <= 1,   nu = .01 / pi

Reference:
    Raissi et al. (2019).
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

STANDARD_VISCOSITY = 0.01 / math.pi


class Pinn(nn.Module):
    """Network from points (x, t) (B, 2) to u (B,): `depth` hidden layers of `width` tanh units.

    Xavier weights, zero biases.
    """

    def __init__(self, depth: int = 8, width: int = 20) -> None:
        super().__init__()
        sizes = [2, *[width] * depth, 1]
        linear = [nn.Linear(a, b) for a, b in pairwise(sizes)]
        self.layers = nn.ModuleList(linear)
        for layer in linear:
            nn.init.xavier_normal_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, points: Tensor) -> Tensor:
        """See the class."""
        x = points
        for layer in self.layers[:-1]:
            x = torch.tanh(layer(x))
        value: Tensor = self.layers[-1](x)
        return value[:, 0]

    def residual(self, points: Tensor, viscosity: float) -> Tensor:
        """u_t + u u_x - nu u_xx (B,) at points (B, 2), by differentiating the network."""
        at = points.detach().requires_grad_()
        u = self(at)
        (slope,) = torch.autograd.grad(u.sum(), at, create_graph=True)
        (bend,) = torch.autograd.grad(slope[:, 0].sum(), at, create_graph=True)
        return slope[:, 1] + u * slope[:, 0] - viscosity * bend[:, 0]


def standard_edges(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Random points (count, 2) on the start and both ends of the standard case, and the values (count,) there;
    float64.
    """
    rng = torch.Generator().manual_seed(seed)
    where, at = (torch.rand(count, generator=rng, dtype=torch.float64) for _ in range(2))
    side = torch.arange(count) % 4
    x = torch.where(side < 2, 2 * at - 1, torch.where(side == 2, -1.0, 1.0))
    t = torch.where(side < 2, 0.0, where)
    return torch.stack([x, t], 1), torch.where(side < 2, -torch.sin(math.pi * x), 0.0)
