"""The game of points: the players, losses and penalties of `core.training.game` on (x, M(x)) drawn afresh for every gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.data import key
from core.training.distributed import share
from core.training.game import Game


class PointGame(Game):
    """Real samples are points of a uniform prior on the generator's box, each beside the level that it lies on.

    Draws are keyed by (run seed, number): a whole batch at once, of which each process takes its share.
    """

    def drawn(self, number: int, name: str, width: int, normal: bool) -> Tensor:
        """Standard normal or uniform numbers (B, width) of this draw."""
        rng = np.random.Generator(np.random.Philox(key(self.config.seed, number, name)))
        rows = (rng.standard_normal if normal else rng.random)((self.config.batch, width))
        mine = np.array(list(share(self.config.batch)))
        return torch.from_numpy(rows[mine]).to(self.device, self.dtype)

    def real(self, number: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Points (B, 1, 1, 2) of the prior and their levels."""
        generator: Any = self.generator
        low, high = generator.low, generator.high
        fields = (low + (high - low) * self.drawn(number, "points", 2, False))[:, None, None]
        return fields, {i.name: i.measure(fields) for i in self.problem.invariances}

    def requested(self, number: int) -> tuple[Tensor | None, dict[str, Tensor]]:
        """As `real`: levels are those of the data."""
        return self.real(number)

    def fake(self, number: int, fields: Tensor | None, conditions: Mapping[str, Tensor]) -> Tensor:
        """Generated points (B, 1, 1, 2) at the levels."""
        noise = {"z": self.drawn(number, "noise", 4, True)}
        return self.generator(noise, conditions, {}).to(self.dtype)
