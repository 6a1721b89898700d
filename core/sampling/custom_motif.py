"""A model with another motif: an input of its generator, where it has one, and exact in what is delivered."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from torch import Tensor

from core.invariances.motif import Motif
from core.projection import planted
from core.sampling.model import Model
from core.types import Conditions


class MotifGenerator:
    """A generator with a motif of the user's own instead of the one that its latents draw."""

    def __init__(self, generator: Any, motif: Tensor) -> None:
        """`motif` (H, W)."""
        self.generator, self.motif = generator, motif

    def __getattr__(self, name: str) -> Any:
        """All else is the generator's."""
        return getattr(self.generator, name)

    def __call__(self, noise: Any, conditions: Conditions, latent: Any) -> Tensor:
        """Fields (B, 1, H, W)."""
        motif = self.motif.expand(len(noise["z"]), *self.motif.shape)
        return self.generator(noise, {**conditions, "motif": motif}, latent)


def with_motif(model: Model, motif: Tensor) -> Model:
    """A copy of the model with another motif (H, W), values in 0..1 and `FREE` elsewhere; the model itself stays as it
    is."""
    changed = copy.copy(model)
    changed.generator = MotifGenerator(model.generator, motif)
    changed.problem = replace(
        model.problem, project=lambda fields, _: planted(fields, motif), invariances=(Motif(motif),)
    )
    return changed
