"""Dense networks for points in the plane, conditional on one level."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from core.models.plain import scaled
from core.types import Critic, Generator, Quantity

LATENT, GATE = 4, 64
"""Components of z, and width of the network of the shares."""
BRANCHES, CODE = 6, 8
"""Branches of the generator, and length of the code of each.

Each branch is continuous in z and in the level, and its share depends on the level: a level has one, two or three arcs
in the box, and a single continuous map would put points between them.
"""
SLOW = 0.03
"""Scale of the logits of the shares: shares that change faster than the critic follows would oscillate."""


def dense(inputs: int, width: int, outputs: int) -> nn.Sequential:
    """Three hidden layers of equal width with SiLU."""
    sizes = [inputs, width, width, width]
    hidden = [part for a, b in pairwise(sizes) for part in (nn.Linear(a, b), nn.SiLU())]
    return nn.Sequential(*hidden, nn.Linear(width, outputs))


def rooted(level: Tensor) -> Tensor:
    """A level scaled to -1..1 (B,) as two features (B, 2): the level and its root, which is even in x2."""
    return torch.stack([level, 2 * ((level + 1) / 2).clamp(min=0).add(1e-6).sqrt() - 1], 1)


class PointGenerator(Generator):
    """Mixture of branches: [z, code of a branch, level] -> point of the box `low..high`, as a field (B, 1, 1, 2).

    z ~ N(0, I) of 4; its first component only chooses the branch. With one branch it is a plain dense generator.
    """

    low: Tensor
    high: Tensor

    def __init__(
        self, quantity: Quantity, branches: int, low: Sequence[float], high: Sequence[float], width: int = 128
    ) -> None:
        """Generator conditional on one quantity.

        Args:
            quantity: the level.
            branches: number of branches.
            low, high: corners of the box.
            width: width of the hidden layers.
        """
        super().__init__()
        self.quantity, self.net = quantity, dense(LATENT + 1 + CODE, width, 2)
        self.codes, self.gate = nn.Embedding(branches, CODE), dense(2, GATE, branches)
        self.register_buffer("low", torch.tensor(low, dtype=torch.float32))
        self.register_buffer("high", torch.tensor(high, dtype=torch.float32))

    def noise(self, keys: Sequence[int], shape: tuple[int, int]) -> dict[str, Tensor]:
        """Latent vectors `z` (B, 4)."""
        rows = [np.random.Generator(np.random.Philox(key)).standard_normal(LATENT) for key in keys]
        return {"z": torch.from_numpy(np.stack(rows)).float()}

    def draw_latent(self, noise: Mapping[str, Tensor], conditions: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """No latents."""
        return {}

    def read_latent(self, fields: Tensor) -> dict[str, Tensor]:
        """No latents."""
        return {}

    def level_features(self, level: Tensor) -> Tensor:
        """Levels (B,) as inputs of the networks (B, 2)."""
        return rooted(scaled({self.quantity.name: level}, [self.quantity])[:, 0])

    def shares(self, level: Tensor) -> Tensor:
        """Probabilities (B, K) of the branches at levels (B,)."""
        return (SLOW * self.gate(self.level_features(level))).softmax(1)

    def branch_points(self, z: Tensor, level: Tensor, branch: Tensor) -> Tensor:
        """Points (B, 2) of the branches (B,) at z (B, 4) and levels (B,)."""
        out = self.net(torch.cat([z[:, 1:], self.codes(branch), self.level_features(level)], 1))
        return (self.low + self.high) / 2 + out * (self.high - self.low) / 2

    @staticmethod
    def branch(z: Tensor, shares: Tensor) -> Tensor:
        """Branches (B,): those in whose shares (B, K) the probability of z1 falls."""
        return (torch.special.ndtr(z[:, :1]) > shares.cumsum(1)[:, :-1]).sum(1)

    def points(self, z: Tensor, level: Tensor) -> Tensor:
        """Points (B, 2) at z (B, 4) and levels (B,)."""
        return self.branch_points(z, level, self.branch(z, self.shares(level)))

    def forward(
        self, noise: Mapping[str, Tensor], conditions: Mapping[str, Tensor], latent: Mapping[str, Tensor]
    ) -> Tensor:
        """Points (B, 1, 1, 2)."""
        return self.points(noise["z"], conditions[self.quantity.name])[:, None, None]


class PointCritic(Critic):
    """Scores (B,) of pairs (x, level) as (B, 2, 1, 2), the second channel constant and scaled to -1..1.

    x is also expanded in waves of `octaves` lengths, so that thin sets have sharp edges.

    Reference:
        Tancik et al. (2020).
    """

    low: Tensor
    high: Tensor

    def __init__(self, low: Sequence[float], high: Sequence[float], width: int = 128, octaves: int = 3) -> None:
        super().__init__()
        self.octaves, self.net = octaves, dense(4 + 4 * octaves, width, 1)
        self.register_buffer("low", torch.tensor(low, dtype=torch.float32))
        self.register_buffer("high", torch.tensor(high, dtype=torch.float32))

    def forward(self, pair: Tensor) -> Tensor:
        """Scores (B,)."""
        x, level = (2 * pair[:, 0, 0] - self.low - self.high) / (self.high - self.low), pair[:, 1, 0, 0]
        waves = [f(math.pi * 2**k * x) for k in range(self.octaves) for f in (torch.sin, torch.cos)]
        return self.net(torch.cat([x, *waves, rooted(level)], 1))[:, 0]
