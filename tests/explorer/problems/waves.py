"""A problem that exists only in tests: a continuous field from two scalars, with one live curve."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn

from core.types import (
    Descriptor,
    Evaluation,
    Field,
    Generator,
    Invariance,
    Preset,
    Problem,
    Projection,
    Quantity,
    TrainConfig,
)


class Waves(Generator):
    """A field (B, 1, 32, 32): a sine of the asked frequency whose phase the seed chooses."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))

    def noise(self, keys, shape):
        phase = torch.tensor([k % 1000 / 1000 for k in keys])
        return {"phase": phase, "x": torch.linspace(0, 1, shape[1]).expand(len(keys), shape[0], shape[1])}

    def draw_latent(self, noise, conditions):
        return {"tilt": noise["phase"]}

    def forward(self, noise, conditions, latent):
        rows = torch.linspace(0, 1, noise["x"].shape[1])[None, :, None]
        angle = (
            conditions["frequency"][:, None, None] * noise["x"]
            + latent["tilt"][:, None, None] * rows
            + noise["phase"][:, None, None]
        )
        return self.gain * torch.sin(2 * math.pi * angle)[:, None]


class Frequency(Invariance):
    name, label, unit, tolerance, source = "frequency", "Frequency", "", 0.05, "test"

    def measure(self, fields):
        return fields.abs().mean((1, 2, 3))

    def residual(self, fields, conditions):
        return (self.measure(fields) - conditions["frequency"]).square()


PROFILE = Descriptor(
    "profile", "Mean profile", "", lambda x: x.mean(1), lambda shape: np.arange(float(shape[1])), "column", True
)
PROBLEM = Problem(
    "waves",
    "Waves",
    "A sine of the frequency asked for.",
    "none",
    Field("continuous", (32, 32), low=-1.0, high=1.0),
    (
        Preset(
            "sine",
            "Sine",
            "",
            (Quantity("frequency", "Frequency", "c", "", 1.0, 6.0, 3.0),),
            (Quantity("tilt", "Tilt", "t", "", 0.0, 2.0, 0.0),),
            Waves,
            None,
            TrainConfig(),
            TrainConfig(),
        ),
        Preset(
            "chirp",
            "Chirp",
            "",
            (Quantity("frequency", "Frequency", "c", "", 1.0, 9.0, 5.0),),
            (),
            Waves,
            None,
            TrainConfig(),
            TrainConfig(),
        ),
    ),
    (Frequency(),),
    None,
    projection=Projection(label="Exact projection"),
    evaluation=Evaluation((PROFILE,)),
)
