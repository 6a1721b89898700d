"""Base classes that a problem implements: invariances, data sources, generators, critics."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from core.types.requests import Array, Conditions


class Invariance(ABC):
    """A differentiable statistic of soft fields (B, C, H, W) that must equal a condition, one value set per sample.

    `tolerance` (in `unit`) is the deviation that counts as satisfied, at least that of exact arrays on their grid;
    `source` cites the equation. `residual` is 0 exactly when `measure(fields)` equals the condition."""

    name: str
    label: str
    unit: str = ""
    tolerance: float
    source: str

    @property
    def pins(self) -> str:
        """Name of the condition that `measure` measures, its own by default; empty where it is none."""
        return self.name

    @abstractmethod
    def measure(self, fields: Tensor) -> Tensor:
        """Values of the statistic, shape (B, ...)."""

    @abstractmethod
    def residual(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """Squared deviation from `conditions[name]`, shape (B,)."""

    def free(self, conditions: Conditions) -> Tensor:
        """1 on the pixels that it leaves free, 0 where it fixes them: (B, 1, H, W), or 1 for all."""
        return torch.ones(())


class PointwiseInvariance(Invariance):
    """An invariance that holds point by point over the whole field, such as a differential equation."""

    @abstractmethod
    def local(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """The residual, not squared, at every point where it is defined; (B, rows, columns)."""


class Source(ABC):
    """A data source: arrays as a pure function of global sample indices (never of the batch split)."""

    @abstractmethod
    def draw(self, seeds: Sequence[int], shape: tuple[int, int]) -> Array:
        """uint8 labels or float32 fields (n, H, W), one per seed."""

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """JSON-able parameters that fix the distribution (for cache names and manifests)."""

    def known_conditions(self, seeds: Sequence[int]) -> dict[str, Array]:
        """Conditions (n, ...) that arrays do not determine exactly, such as the energy of a particle, by name."""
        return {}

    def classes(self, seeds: Sequence[int]) -> Array | None:
        """The class (n,) of every array, such as its digit; None where there are none."""
        return None


class Generator(nn.Module, ABC):
    """A conditional generator: noise (keyed by seed), conditions and latents to logits (B, C, H, W).

    Every name in `stages` is a keyword argument of `forward` that switches a part of the generator off when False."""

    stages: tuple[str, ...] = ()

    @abstractmethod
    def noise(self, keys: Sequence[int], shape: tuple[int, int]) -> dict[str, Tensor]:
        """Everything random that one sample needs, each a pure function of its key; leading dimension len(keys). An
        entry `uniform` (B,), from which latents are drawn, is replaced by an even sequence when an ensemble is
        sampled."""

    @abstractmethod
    def forward(self, noise: Mapping[str, Tensor], conditions: Conditions, latent: Mapping[str, Tensor]) -> Tensor:
        """Logits (B, C, H, W) on the pixels of `noise`."""

    def draw_latent(self, noise: Mapping[str, Tensor], conditions: Conditions) -> dict[str, Tensor]:
        """Latent values (B,) drawn from the data's own distribution, for those that were not set."""
        return {}

    def read_latent(self, fields: Tensor) -> dict[str, Tensor]:
        """Latent values (B,) of real fields (B, C, H, W), used for the generated ones in training."""
        return {}

    def implied(self, conditions: Conditions) -> dict[str, Tensor]:
        """Conditions (B, ...) that were not set but follow from those that were, by name."""
        return {}

    def fit(self, labels: Tensor, keys: Sequence[int]) -> dict[str, float]:
        """Estimate statistics from real arrays (n, H, W) before training, one key for each; returns measurements."""
        return {}

    def calibrate(self, labels: Tensor, keys: Sequence[int]) -> dict[str, float]:
        """Estimate them again with the trained networks; returns measurements."""
        return {}


class Critic(nn.Module, ABC):
    """A network that scores images; `group` is the number of images that it compares with each other."""

    group: int = 1

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Scores (B,) of images (B, C, H, W)."""

    def read(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (B,) and the conditions (B, m) estimated by a second head; `ValueError` where there is none."""
        raise ValueError(f"{type(self).__name__} has no second head: leave `auxiliary` at 0.")
