"""The game of points: the players, losses and penalties of `core.training.game` on (x, M(x)) drawn afresh for every
gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.keys import key
from core.losses import ADVERSARIAL, zero_centred_penalty
from core.models.inverse import LATENT
from core.training.distributed import average, share
from core.training.game import Game

RAMP = (0.5, 0.75)
"""Shares of the training between which the projection comes in and branches come to be drawn by their shares."""
POOL = 8
"""Draws of the prior for each point of a batch."""


class PointGame(Game):
    """Real samples are points of a uniform prior on the generator's box, each with the level that it lies on.

    Draws are keyed by (run seed, number): a whole batch at once, of which each process takes its share.
    """

    def drawn(self, number: int, name: str, shape: tuple[int, ...], normal: bool) -> Tensor:
        """Standard normal or uniform numbers of this draw."""
        rng = np.random.Generator(np.random.Philox(key(self.config.seed, number, name)))
        return torch.from_numpy((rng.standard_normal if normal else rng.random)(shape)).to(self.device, self.dtype)

    def mine(self, rows: Tensor) -> Tensor:
        """This process's share of a whole batch."""
        part = share(len(rows))
        return rows[part.start : part.stop]

    def real_batch(self, number: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Points (B, 1, 1, 2) of the prior and their levels.

        Of `POOL` times as many draws those are selected whose levels are nearest to levels evenly spread in their root
        over the trained range: rare levels are learnt too, and the prior conditional on the level stays the same.
        """
        generator: Any = self.generator
        shares = self.drawn(number, "points", (POOL * self.config.batch, 2), False)
        points = generator.low + (generator.high - generator.low) * shares
        (invariance,) = self.problem.invariances
        (quantity,) = self.preset.conditions
        roots, order = invariance.measure(points[:, None, None]).sqrt().sort()
        low, high = (v**0.5 for v in quantity.trained or (quantity.low, quantity.high))
        wanted = low + (high - low) * self.drawn(number, "levels", (self.config.batch,), False)
        at = torch.searchsorted(roots, wanted).clamp(max=len(roots) - 1)
        fields = self.mine(points[order[at]])[:, None, None]
        return fields, {invariance.name: invariance.measure(fields)}

    def requested(self, number: int) -> tuple[Tensor | None, dict[str, Tensor]]:
        """As `real_batch`: levels are those of the data."""
        return self.real_batch(number)

    def _penalty(self, number: int, real: Tensor, fake: Tensor) -> Tensor:
        """R1 + R2 of the points alone: across a level the critic must be steep, and a penalty on that is one on seeing
        it."""
        if self.config.loss == "wgan_gp":
            return super()._penalty(number, real, fake)
        if number % self.config.lazy:
            return torch.zeros((), device=self.device)
        both = torch.cat([real, fake])
        levels = both[:, 1:]
        values = zero_centred_penalty(lambda x: self.score(torch.cat([x, levels], 1)), both[:, :1])
        return self.config.lazy * self.config.gamma * values.mean()

    def projection_loss(self, number: int, only: str = "") -> tuple[Tensor, dict[str, float]]:
        """L_I, with a weight that rises over `RAMP` of the training: a level has several branches, and points that are
        held on one of them before the critic has spread them over all stay there."""
        loss, logs = super().projection_loss(number, only)
        return self.late * loss, logs

    def generator_loss(self, number: int) -> tuple[Tensor, dict[str, float]]:
        """The adversarial loss of points whose branches are drawn evenly at first, so that all of them learn, and by
        their shares at last; the shares follow it by the score function (Williams 1992), with weights for how the
        branches were drawn."""
        fields, conditions = self.real_batch(number)
        generator: Any = self.generator
        z, (level,) = self.latents(number), conditions.values()
        shares = generator.shares(level)
        odds = torch.lerp(torch.full_like(shares, 1 / shares.shape[1]), shares.detach(), self.late)
        branch = generator.branch(z, odds)
        made = generator.branch_points(z, level, branch)[:, None, None]
        with torch.no_grad():
            real = self.score(self.real_critic_input(number, fields, conditions))
        losses = ADVERSARIAL[self.config.loss][1](real, self.score(self.critic_input(made, conditions)))
        weight, odd = (v.gather(1, branch[:, None])[:, 0] for v in (shares, odds))
        (usual,) = average([losses.mean().detach()])
        return losses.mean() + (weight / odd * (losses.detach() - usual)).mean(), {
            "loss": float(losses.mean().detach())
        }

    @property
    def late(self) -> float:
        """0 before `RAMP`, 1 after it."""
        return min(1.0, max(0.0, (self.progress_share - RAMP[0]) / (RAMP[1] - RAMP[0])))

    def latents(self, number: int) -> Tensor:
        """z of this draw, (B, 4)."""
        return self.mine(self.drawn(number, "noise", (self.config.batch, LATENT), True))

    def generate(self, number: int, fields: Tensor | None, conditions: Mapping[str, Tensor]) -> Tensor:
        """Generated points (B, 1, 1, 2) at the levels."""
        return self.generator({"z": self.latents(number)}, conditions, {}).to(self.dtype)
