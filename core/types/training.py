"""What the trainer speaks: players, the field of their gradients, schemes, progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Player:
    """A party of the game: whose parameters move, on which loss, with which optimiser, how many turns a step.

    `loss(key)` returns a scalar and a dict of logged values; `key` numbers the draw (same key, same randomness).
    Players that name the same `optimiser` object share its state (generator and projection step)."""

    name: str
    parameters: tuple[nn.Parameter, ...]
    loss: Callable[[int], tuple[Tensor, dict[str, float]]]
    optimiser: torch.optim.Optimizer
    turns: int = 1


VectorField = Callable[[Player, int], tuple[list[Tensor], dict[str, float]]]
"""(player, key) -> gradients of the player's loss with respect to its parameters, averaged over processes, and logs."""


class Scheme(Protocol):
    """How gradients become a step."""

    name: str

    def step(self, players: Sequence[Player], gradients: VectorField, step: int) -> dict[str, float]:
        """One step of the whole game, in place; returns the logged values."""
        ...


@dataclass(frozen=True)
class Progress:
    """What the training loop yields after each step. `state` is a callable: copying weights costs, asking is
    optional."""

    step: int
    steps: int
    losses: dict[str, float]
    residuals: dict[str, float]
    seconds: float
    images_per_second: float
    state: Callable[[], dict[str, Tensor]]
    finished: bool = False
    note: str = ""
