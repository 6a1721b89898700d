"""Motifs in handwritten digits: a plus that every generated image has and no real one, with a critic that sees it and one that
does not (first paper, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from core.invariances.motif import Motif
from core.metrics.digits import quality, trace
from core.models.digits import DigitGenerator
from core.models.plain import PlainCritic
from core.projection import planted
from core.simulation import idx
from core.simulation.digits import Digits
from core.simulation.motifs import ARM, crossed
from core.types import Conditions, Field, Preset, Problem, Quantity, TrainConfig

SIDE = 32
FIELD = Field(kind="continuous", shape=(SIDE, SIDE), periodic=False, mirrored=False)
PLUS = crossed(7.0, 7.0, ARM, 0.0, FIELD.shape)

DIALS = tuple(
    Quantity(f"z{k}", f"Latent direction {k}", f"z{k}", "", -3.0, 3.0, 0.0, "A component of z: what it does was not chosen.")
    for k in (1, 2, 3)
)


def project(fields: Tensor, conditions: Conditions, motif: Tensor = PLUS) -> Tensor:
    """The motif where it belongs, the network's picture elsewhere."""
    return planted(fields, motif)


def same(keys: Sequence[int], motif: Tensor = PLUS) -> dict[str, Tensor]:
    """The motif that every sample of a batch is asked for."""
    return {"motif": motif.expand(len(keys), *motif.shape)}


CONFIG = TrainConfig(
    steps=3000, batch=32, size=SIDE, images=8192, blur=0.0, gamma=1.0, lazy=4, lr=1e-3, lr_critic=1e-3, betas=(0.0, 0.99),
    clip=0.0, ema=0.995, decay=0.3, straight_through=False, precision="fp32", shared_projection_optimiser=False,
)  # fmt: skip
BARS = {"motif MSE": ("<=", 0.0), "raw: motif MSE": ("<=", 1e-3), "confidence / real": (">=", 0.9)}
TINY: dict[str, Any] = {"steps": 2, "batch": 2, "images": 16, "warmup": 1}


def preset(name: str, title: str, summary: str, sees: str) -> Preset:
    """A generator and its critic."""
    config = replace(CONFIG, critic_sees=sees)  # type: ignore[arg-type]
    return Preset(
        name, title, summary, (), DIALS, lambda: DigitGenerator(len(DIALS)), lambda: PlainCritic(1, 0, (32, 64, 128), 4), config,
        replace(config, **TINY), requests=partial(same, motif=PLUS),
    )  # fmt: skip


PROBLEM = Problem(
    name="motif",
    title="Motifs",
    summary="Handwritten digits that all bear a mark which no digit of the data has.",
    citation="Shah et al., Encoding Invariances in Deep Generative Models (arXiv 1906.01626, 2019), sec. 3.1",
    field=FIELD,
    presets=(
        preset("projected", "Projected critic", "The critic does not see the pixels of the motif (eq. 10).", "complement"),
        preset("standard", "Standard critic", "The critic sees everything, and knows generated images by their motif.", "fields"),
    ),
    invariances=(Motif(PLUS),),
    source=Digits(),
    project=project,
    read=idx.read,
    quality=quality,
    trace=trace,
    film=12,
    bars=BARS,
)  # fmt: skip
