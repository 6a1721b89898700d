"""How gradients become a step: the four update rules of the game, usable with any players and any torch optimiser.

With plain gradient descent (SGD) as optimiser they are the textbook rules; with a stateful optimiser the choices are:
- players that share an optimiser object share its state (the generator's adversarial and projection updates: with a
  state of
  its own, Adam with beta1 = 0 turns the projection's tiny gradient into full-size steps and the game collapses);
- rules that move all players at once add the gradients of players that share an optimiser, then step it once;
- extragradient (ExtraAdam): the look-ahead runs the optimiser's own update from a copy of its state, which is put back
  with
  the weights, so that the state advances once per step, by the look-ahead gradient alone. (Gidel et al. 2019 let both
  calls advance it; then the moments mix two points of the path, and Adam's bias correction counts steps twice.)
- optimistic: the optimiser receives 2 g_t - g_{t-1} (Daskalakis et al. 2018), g_{-1} = g_0.
A step that raises midway (a non-finite gradient) leaves the look-ahead undone.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from core.keys import key
from core.types import Player, Scheme, VectorField

Logs = dict[str, float]


def apply(player: Player, gradients: Sequence[Tensor]) -> None:
    """One step of the player's optimiser with these gradients on the player's parameters alone."""
    for parameter, gradient in zip(player.parameters, gradients, strict=True):
        parameter.grad = gradient
    player.optimiser.step()
    player.optimiser.zero_grad(set_to_none=True)


def apply_all(players: Sequence[Player], gradients: Sequence[Sequence[Tensor]]) -> None:
    """One step of every optimiser; gradients of players that share one are added where they share parameters."""
    for player, grads in zip(players, gradients, strict=True):
        for parameter, gradient in zip(player.parameters, grads, strict=True):
            parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient
    for optimiser in {id(p.optimiser): p.optimiser for p in players}.values():
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)


def collect(players: Sequence[Player], gradients: VectorField, step: int, phase: int, logs: Logs) -> list[list[Tensor]]:
    """Every player's gradient at the present point; draws are keyed by step, player and phase."""
    collected = []
    for player in players:
        grads, logged = gradients(player, key(step, player.name, 0, phase))
        logs.update(logged)
        collected.append(grads)
    return collected


class Alternating:
    """Algorithm 1: players move in turn, each `turns` times a step, each seeing the update of the one before."""

    name = "alternating"

    def step(self, players: Sequence[Player], gradients: VectorField, step: int) -> Logs:
        """See `core.types.Scheme`."""
        logs: Logs = {}
        for player in players:
            for turn in range(player.turns):
                grads, logged = gradients(player, key(step, player.name, turn, 0))
                logs.update(logged)
                apply(player, grads)
        return logs


class Simultaneous:
    """theta_{t+1} = theta_t - eta g(theta_t) for all players at once (one turn each)."""

    name = "simultaneous"

    def step(self, players: Sequence[Player], gradients: VectorField, step: int) -> Logs:
        """See `core.types.Scheme`."""
        logs: Logs = {}
        apply_all(players, collect(players, gradients, step, 0, logs))
        return logs


class Extragradient:
    """Eq. 11: look ahead with the gradient here, come back, step with the gradient there (Korpelevich 1976)."""

    name = "extragradient"

    def step(self, players: Sequence[Player], gradients: VectorField, step: int) -> Logs:
        """See `core.types.Scheme`."""
        logs: Logs = {}
        here = collect(players, gradients, step, 0, logs)
        parameters = [p for player in players for p in player.parameters]
        saved = [p.detach().clone() for p in parameters]
        states = [(player.optimiser, copy.deepcopy(player.optimiser.state_dict())) for player in players]
        apply_all(players, here)
        try:
            there = collect(players, gradients, step, 1, logs)
        finally:
            with torch.no_grad():
                for parameter, value in zip(parameters, saved, strict=True):
                    parameter.copy_(value)
            for optimiser, state in states:
                _restore(optimiser, state)
        apply_all(players, there)
        return logs


class Optimistic:
    """theta_{t+1} = theta_t - eta (2 g_t - g_{t-1}): one gradient a step, the last one remembered."""

    name = "optimistic"

    def __init__(self) -> None:
        """Nothing remembered yet."""
        self.memory: dict[str, list[Tensor]] = {}

    def step(self, players: Sequence[Player], gradients: VectorField, step: int) -> Logs:
        """See `core.types.Scheme`."""
        logs: Logs = {}
        here = collect(players, gradients, step, 0, logs)
        before = [self.memory.get(player.name, grads) for player, grads in zip(players, here, strict=True)]
        apply_all(
            players, [[2 * g - b for g, b in zip(gs, bs, strict=True)] for gs, bs in zip(here, before, strict=True)]
        )
        self.memory = {player.name: [g.clone() for g in grads] for player, grads in zip(players, here, strict=True)}
        return logs


def _restore(optimiser: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Put an optimiser's state back; one that had none yet loses what the look-ahead made."""
    optimiser.state.clear()
    if state["state"]:
        optimiser.load_state_dict(state)


SCHEMES: dict[str, type[Scheme]] = {s.name: s for s in (Alternating, Simultaneous, Extragradient, Optimistic)}
"""Scheme name of the configuration -> class."""
