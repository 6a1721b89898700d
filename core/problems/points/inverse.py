"""A stochastic inverse problem by conditional GAN: which parameters of the Rosenbrock function explain an observed
distribution."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from core.invariances.level import Level
from core.metrics.inverse import INSIDE, quality, row_id
from core.models.inverse import BRANCHES, PointCritic, PointGenerator
from core.projection.levels import onto_level
from core.simulation.rosenbrock import HIGH, LOW
from core.training.point_game import PointGame
from core.types import (
    Conditions,
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

BOX: Any = (LOW.tolist(), HIGH.tolist())
LEVEL = Quantity(
    "level",
    "Observed level",
    "y",
    "",
    0.0,
    5000.0,
    350.0,
    "The value of M that the parameters must reproduce.",
    step=1.0,
    trained=(0.0, 2000.0),
)
"""Of points drawn evenly from the box, 99.5 in 100 lie on a level below 2000."""
INVNET = TrainConfig(
    steps=16_000,
    batch=256,
    size=2,
    images=0,
    blur=0.0,
    lr=2e-3,
    lr_critic=2e-3,
    betas=(0.0, 0.99),
    clip=0.0,
    gamma=0.05,
    ema=0.998,
    warmup=200,
    decay=0.6,
    precision="fp32",
    critic_sees="conditions",
    weights={"level": 30.0},
    turns={"critic": 1, "generator": 1, "projection": 2},
)
CGAN = replace(INVNET, steps=10_000, turns={"critic": 1, "generator": 1, "projection": 0})
TINY: dict[str, Any] = {"steps": 2, "batch": 16, "warmup": 1}


def exact(fields: Tensor, conditions: Conditions) -> Tensor:
    """Points (B, 1, 1, 2) moved onto their levels, as (B, 1, 2)."""
    moved = onto_level(fields.flatten(1).double().numpy(), conditions["level"].double().numpy())
    return torch.from_numpy(moved).to(fields)[:, None]


def preset(name: str, title: str, summary: str, config: TrainConfig, branches: int) -> Preset:
    """A preset of the two dense networks, the generator with this number of branches."""
    return Preset(
        name,
        title,
        summary,
        (LEVEL,),
        (),
        lambda: PointGenerator(LEVEL, branches, *BOX),
        lambda: PointCritic(*BOX),
        config,
        replace(config, **TINY),
    )


PROBLEM = Problem(
    name="inverse",
    title="Inverse problem",
    summary="Which parameters explain an observed distribution: a conditional GAN for the Rosenbrock function, next "
    "to the exact answer.",
    citation="Slides on conditional GANs and the Rosenbrock function; Parikh, Kozloski, Gurev (arXiv 2009.08267, 2020)",
    field=Field("continuous", (1, 2), low=-2.0, high=3.0, periodic=False, divisor=1, axes=("point", "parameter")),
    presets=(
        preset(
            "invnet",
            "InvNet",
            "A conditional GAN of six branches, with a projection step on M(x) = y (Algorithm 1).",
            INVNET,
            BRANCHES,
        ),
        preset(
            "cgan",
            "Conditional GAN",
            "As on the slides: one continuous generator and a critic that sees (x, y); M is unknown to both.",
            CGAN,
            1,
        ),
    ),
    invariances=(Level(),),
    source=None,
    projection=Projection(exact, "Exact projection"),
    evaluation=Evaluation(
        thresholds=tuple(Threshold(row_id("W1", name), "<=", 5.0, column) for name in INSIDE for column in ("", "raw")),
        table=quality,
    ),
    training=TrainingHooks(make_game=PointGame),
)
