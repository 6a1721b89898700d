"""A model with another motif: shown to its generator, where it looks at one, and exact in what it delivers."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from torch import Tensor

from core.invariances.motif import Motif
from core.projection import planted
from core.sampling.model import Model
from core.types import Conditions


class Shown:
    """A generator that is shown a motif of a person's own, in the place of the one that its latents draw."""

    def __init__(self, generator: Any, motif: Tensor) -> None:
        """`motif` (H, W)."""
        self.generator, self.motif = generator, motif

    def __getattr__(self, name: str) -> Any:
        """All else is the generator's."""
        return getattr(self.generator, name)

    def __call__(self, noise: Any, conditions: Conditions, latent: Any) -> Tensor:
        """Fields (B, 1, H, W)."""
        shown = self.motif.expand(len(noise["z"]), *self.motif.shape)
        return self.generator(noise, {**conditions, "motif": shown}, latent)


def carrying(model: Model, motif: Tensor) -> Model:
    """A copy of the model with another motif (H, W), values in 0..1 and `FREE` elsewhere; the model itself stays as it
    is."""
    found = copy.copy(model)
    found.generator = Shown(model.generator, motif)
    found.problem = replace(
        model.problem, project=lambda fields, _: planted(fields, motif), invariances=(Motif(motif),)
    )
    return found
