"""One network call: what a batch of samples is computed from, and one draw of it by the generator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from core.keys import key
from core.types import Array, Conditions, Problem

CHUNK = {"cpu": 1, "cuda": 64}
"""Samples per network call, padded to exactly this: a sample never depends on how many are requested."""


@dataclass(frozen=True)
class BatchRequest:
    """Everything that fixes the samples of one network call, padded to a constant batch size B."""

    conditions: Conditions
    """Condition name -> (B, ...)."""
    latents: Conditions
    """Requested latents by name, (B,); all others are drawn."""
    implied: Conditions
    """What the generator derives from the conditions."""
    indices: tuple[int, ...]
    """Index of each sample within its seed, (B,); the last one repeats as padding."""
    count: int
    """Samples that are kept; the rest of the batch is padding."""
    seed: int
    shape: tuple[int, int]
    project: bool
    stages: Mapping[str, bool]
    best_of: int

    @cached_property
    def targets(self) -> dict[str, Tensor]:
        """All values that the samples should have: implied ones, and conditions, which take precedence."""
        return {**self.implied, **self.conditions}


@dataclass(frozen=True)
class Draw:
    """What the generator made in one call: logits (B, C, H, W) and the latents, (B,) by name, it made them from."""

    logits: Tensor
    latent: dict[str, Tensor]


def spans(n: int, size: int) -> Iterator[tuple[int, int]]:
    """(start, stop) of every batch of at most `size` among n samples."""
    return ((start, min(start + size, n)) for start in range(0, n, size))


def select_best(draws: Sequence[Draw], losses: Tensor) -> Draw:
    """For each sample the draw with the smallest of its losses (B, len(draws)); the first one among equals."""
    choice = losses.argmin(1), torch.arange(len(losses))

    def select(parts: list[Tensor]) -> Tensor:
        return torch.stack(parts)[choice]

    latent = {name: select([d.latent[name] for d in draws]) for name in draws[0].latent}
    return Draw(select([d.logits for d in draws]), latent)


def measure(problem: Problem, soft: Tensor) -> dict[str, Array]:
    """Measured values of every condition that an invariance pins, by the condition's name, on a soft field."""
    pinned = [(i.pins, i) for i in problem.invariances]
    return {name: i.measure(soft).cpu().numpy() for name, i in pinned if name}


def low_discrepancy(seed: int, index: int) -> float:
    """Uniform in 0..1, evenly over the indices of one seed: term `index` of a golden-ratio sequence from a keyed start.

    An ensemble's random latents so cover the distribution of the data with less noise than independent draws, at any
    n."""
    return (key(seed, "spread") / 2**63 + index * 0.6180339887498949) % 1.0
