"""Motifs in handwritten digits: a plus in every generated image and in no real one, with a critic that sees it and one
that does not (first paper, section 3.1); and a generator that takes any motif as input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from core.invariances.motif import Motif
from core.metrics.digits import quality, trace
from core.models.motif import DigitGenerator, MotifGenerator, strokes
from core.models.plain import PlainCritic, latent_quantities
from core.projection import planted
from core.readers import idx
from core.simulation import motifs
from core.simulation.digits import Digits
from core.types import (
    Conditions,
    Descriptor,
    Evaluation,
    Field,
    Preset,
    Problem,
    Projection,
    Quantity,
    Threshold,
    TrainConfig,
    TrainingHooks,
)

SIDE = 32
FIELD = Field(kind="continuous", shape=(SIDE, SIDE), periodic=False, mirrored=False, ramp="grey")
PLUS = motifs.crossed(7.0, 7.0, motifs.ARM, 0.0, FIELD.shape)

DIALS = latent_quantities(3)
ENDS = (motifs.MARGIN, SIDE - 1 - motifs.MARGIN)
PLACES = (
    Quantity(
        "x",
        "Motif, x",
        "x",
        "px",
        0.0,
        SIDE - 1.0,
        7.0,
        "Column of its centre, from the centre of the top left pixel.",
        trained=ENDS,
        step=0.5,
    ),
    Quantity(
        "y",
        "Motif, y",
        "y",
        "px",
        0.0,
        SIDE - 1.0,
        7.0,
        "Row of its centre, downwards from the top left pixel.",
        trained=ENDS,
        step=0.5,
    ),
    Quantity(
        "arm",
        "Motif, arm",
        "a",
        "px",
        2.0,
        12.0,
        motifs.ARM,
        "Distance from its centre to the ends of its strokes.",
        trained=motifs.ARMS,
        step=0.25,
    ),
    Quantity(
        "turn",
        "Motif, turned by",
        "φ",
        "°",
        -45.0,
        45.0,
        0.0,
        "0: a plus, 45: a cross.",
        trained=(-45.0, 45.0),
        step=1.0,
    ),
)


def project(fields: Tensor, conditions: Conditions) -> Tensor:
    """The plus on its support, the network's image elsewhere; (B, H, W)."""
    return planted(fields, PLUS)


def project_strokes(fields: Tensor, conditions: Conditions) -> Tensor:
    """As `project`, with the motif that the latents describe, or with the plus where there are none."""
    return planted(fields, strokes(conditions) if "turn" in conditions else PLUS)


def same(keys: Sequence[int]) -> dict[str, Tensor]:
    """The plus, for every sample of a batch."""
    return {"motif": PLUS.expand(len(keys), *PLUS.shape)}


def various(keys: Sequence[int]) -> dict[str, Tensor]:
    """A random motif for every sample."""
    return {"motif": motifs.random(keys, FIELD.shape)}


def error(arrays: Tensor) -> Tensor:
    """Mean over the support of the plus of (x - m)^2 of arrays (n, H, W); (n,)."""
    return Motif().residual(arrays[:, None], same(range(len(arrays))))


def ink(arrays: Tensor) -> Tensor:
    """Mean of arrays (n, H, W); (n,)."""
    return arrays.mean((1, 2))


INK = Descriptor("ink", "Ink", "", ink, help="Mean grey level of the image.")
ERROR = Descriptor("error", "Motif error", "", error, help="Mean over the support of the motif of (x - m)².")
CONFIG = TrainConfig(
    steps=5000,
    batch=32,
    size=SIDE,
    images=8192,
    blur=0.0,
    gamma=0.3,
    lr=2e-3,
    lr_critic=2e-3,
    betas=(0.0, 0.9),
    clip=0.0,
    ema=0.998,
    decay=0.5,
    straight_through=False,
    precision="fp32",
    shared_projection_optimiser=False,
    critic_sees="complement",
)
TINY: dict[str, Any] = {"steps": 2, "batch": 2, "images": 16, "warmup": 1}
BARS = (
    Threshold("motif_error", "<=", 0.0),
    Threshold("motif_error", "<=", 1e-3, "raw"),
    Threshold("confidence_ratio", ">=", 0.9),
)
FALLS, STAYS = Threshold("gap.ratio", "<=", 0.1), Threshold("gap.ratio", ">=", 0.5)
"""The gap of a critic that does not see the motif falls, as real and generated images become alike; that of one that
sees it does not."""
EVALUATION = Evaluation((ERROR, INK), thresholds=(*BARS, FALLS), table=quality)
PROJECTION = Projection(project, "Exact motif")


def critic() -> PlainCritic:
    """The critic of all presets."""
    return PlainCritic(1, 0, (32, 64, 128), 4)


def preset(name: str, title: str, summary: str, **changes: Any) -> Preset:
    """A preset of the paper: one motif, which the generator learns."""
    config = replace(CONFIG, **changes)
    return Preset(
        name,
        title,
        summary,
        (),
        DIALS,
        lambda: DigitGenerator(len(DIALS)),
        critic,
        config,
        replace(config, **TINY),
        requests=same,
        overrides={
            "evaluation": replace(EVALUATION, thresholds=(*BARS, STAYS if config.critic_sees == "fields" else FALLS))
        },
    )


ANY = Preset(
    "any",
    "Any motif",
    "The generator takes any motif as input: drag it, or draw your own.",
    (),
    (*PLACES, *DIALS),
    lambda: MotifGenerator(len(DIALS), PLACES),
    critic,
    CONFIG,
    replace(CONFIG, **TINY),
    requests=various,
    overrides={
        "projection": replace(PROJECTION, apply=project_strokes),
        "invariances": (Motif(),),
        "evaluation": replace(EVALUATION, descriptors=(INK,)),
    },
)

PROBLEM = Problem(
    name="motif",
    title="Motifs",
    summary="Handwritten digits with a planted motif that no digit of the data has: learnt, then made exact.",
    citation="Shah et al., Encoding Invariances in Deep Generative Models (arXiv 1906.01626, 2019), sec. 3.1",
    field=FIELD,
    presets=(
        preset("projected", "Projected critic", "The critic does not see the pixels of the motif (eq. 10)."),
        preset(
            "standard",
            "Standard critic",
            "The critic sees the whole image, and recognises generated images by their motif.",
            critic_sees="fields",
        ),
        ANY,
    ),
    invariances=(Motif(PLUS),),
    source=Digits(),
    projection=PROJECTION,
    evaluation=EVALUATION,
    training=TrainingHooks(read_data=idx.read, monitor=trace, snapshots=12),
)
