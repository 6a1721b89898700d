"""A model with another motif: an input of its generator, where it has one, and exact in what is delivered."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from core.invariances.motif import Motif
from core.projection import planted
from core.sampling.model import Model
from core.types import Conditions, Generator


class MotifGenerator(Generator):
    """A generator with a motif of the user's own instead of the one that its latents draw."""

    def __init__(self, generator: Generator, motif: Tensor) -> None:
        """`motif` (H, W)."""
        super().__init__()
        self.generator, self.motif = generator, motif

    def noise(self, keys: Sequence[int], shape: tuple[int, int]) -> dict[str, Tensor]:
        """That of the generator."""
        return self.generator.noise(keys, shape)

    def draw_latent(self, noise: Mapping[str, Tensor], conditions: Conditions) -> dict[str, Tensor]:
        """Those of the generator."""
        return self.generator.draw_latent(noise, conditions)

    def forward(self, noise: Mapping[str, Tensor], conditions: Conditions, latent: Mapping[str, Tensor]) -> Tensor:
        """Fields (B, 1, H, W)."""
        motif = self.motif.expand(len(noise["z"]), *self.motif.shape)
        return self.generator(noise, {**conditions, "motif": motif}, latent)


def with_motif(model: Model, motif: Tensor) -> Model:
    """A copy of the model with another motif (H, W), values in 0..1 and `FREE` elsewhere; the model itself stays as it
    is."""
    changed = copy.copy(model)
    changed.generator = MotifGenerator(model.generator, motif)
    exact = replace(model.problem.projection, apply=lambda fields, _: planted(fields, motif))
    changed.problem = replace(model.problem, projection=exact, invariances=(Motif(motif),))
    return changed
