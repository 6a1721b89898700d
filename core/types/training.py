"""Types of the trainer: players, the vector field of their gradients, schemes, progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Player:
    """A player of the game: its parameters, loss, optimiser, and number of turns per step.

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
    """The value that the training loop yields after each step; `state` is a callable, since copying weights is slow."""

    step: int
    steps: int
    losses: dict[str, float]
    residuals: dict[str, float]
    seconds: float
    images_per_second: float
    state: Callable[[], dict[str, Tensor]]
    finished: bool = False
    note: str = ""
