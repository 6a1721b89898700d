"""Shapes on a plain background: two circles, or a circle and a square, at exactly the requested positions and sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.descriptors import shapes as morphometry
from core.invariances.area import Area, Radius
from core.invariances.centroid import Centroid
from core.metrics.shapes import quality, trace
from core.models.plain import PlainCritic, PlainGenerator, latent_quantities
from core.models.shapes import BlobGenerator, PlacedCritic
from core.projection import place_shapes
from core.simulation.shapes import Shapes, paint, placed, refusal
from core.types import (
    HELD_OUT,
    Array,
    Conditions,
    Descriptor,
    Evaluation,
    Field,
    GroundTruth,
    Handle,
    Invariance,
    Overrides,
    Preset,
    Problem,
    Projection,
    Quantity,
    RequestRules,
    Threshold,
    TrainConfig,
    TrainingHooks,
)

SIDE = 128
CIRCLES, CIRCLE_SQUARE = Shapes(("circle", "circle")), Shapes(("circle", "square"))
FIELD = Field(
    kind="categorical", shape=(SIDE, SIDE), labels=("background", "circle 1", "circle 2"), channels=3, periodic=False
)


def position(name: str, of: str, default: float) -> Quantity:
    """The coordinate of a centre."""
    across = "right" if name[0] == "x" else "down"
    text = f"Of the centre of {of}, from the centre of the top left pixel {across}wards."
    return Quantity(
        name, f"{of.capitalize()}, {name[0]}", name, "px", 20.0, 107.0, default, text, trained=(30.0, 97.0), step=0.5
    )


def radius(k: int, default: float) -> Quantity:
    """The radius of the disc of circle k's area."""
    text = f"Radius of circle {k}: that of the disc of its area."
    return Quantity(
        f"r{k}", f"Circle {k}, radius", f"r{k}", "px", 8.0, 36.0, default, text, trained=(13.9, 32.1), step=0.25
    )


def area(k: int, of: str, trained: tuple[float, float]) -> Quantity:
    """The number of pixels of a shape."""
    text = f"Pixels that {of} covers; delivered exactly."
    return Quantity(
        f"area{k}", f"{of.capitalize()}, area", f"A{k}", "px", 200.0, 3600.0, 1000.0, text, trained=trained, step=10.0
    )


CONDITIONS = (
    position("x1", "circle 1", 40.0),
    position("y1", "circle 1", 42.0),
    radius(1, 18.0),
    position("x2", "circle 2", 90.0),
    position("y2", "circle 2", 88.0),
    radius(2, 16.0),
)
AREA_CONDITIONS = (
    position("x1", "the circle", 40.0),
    position("y1", "the circle", 42.0),
    area(1, "the circle", (610.0, 3220.0)),
    position("x2", "the square", 90.0),
    position("y2", "the square", 88.0),
    area(2, "the square", (620.0, 3140.0)),
)
LATENTS = (
    Quantity(
        "roughness",
        "Roughness of the seed",
        "ρ",
        "",
        0.0,
        2.0,
        1.0,
        "Irregularity of the seed shape; at 0 it is a disc.",
        trained=(0.9, 1.1),
    ),
    Quantity(
        "learning",
        "Learnt residual",
        "λ",
        "",
        0.0,
        1.0,
        1.0,
        "From the irregular seed (0) to the shape learnt from the data (1).",
        trained=(0.9, 1.0),
    ),
)
PLACES = (Centroid(1, "x"), Centroid(1, "y"), Centroid(2, "x"), Centroid(2, "y"))
WITH_RADII: tuple[Invariance, ...] = (*PLACES[:2], Radius(1), *PLACES[2:], Radius(2))
WITH_AREAS: tuple[Invariance, ...] = (*PLACES[:2], Area(1), *PLACES[2:], Area(2))


def oracle(
    conditions: Mapping[str, Array], n: int, seed: int, shape: tuple[int, int], shapes: Shapes = CIRCLES
) -> Array:
    """Exact rasters at the request, other conditions at their defaults; without conditions, held-out draws."""
    if not conditions:
        return shapes.draw(range(HELD_OUT + seed, HELD_OUT + seed + n), shape)
    requested = {q.name: q.default for q in (CONDITIONS if shapes is CIRCLES else AREA_CONDITIONS)} | dict(conditions)
    return paint(placed({k: np.broadcast_to(v, n) for k, v in requested.items()}), shapes.outlines, shape)


def highest(logits: Tensor, conditions: Conditions) -> Tensor:
    """Nothing enforced: every pixel takes the label of its highest logit."""
    return logits.argmax(1).to(torch.uint8)


def each(measure: Any, label: int, labels: Tensor) -> Tensor:
    """A measure of the shape with that label in every image (n, H, W); (n,)."""
    return torch.tensor([float(measure(image == label)) for image in labels.cpu().numpy()])


def descriptors(first: str, second: str) -> tuple[Descriptor, ...]:
    """Descriptors of each shape."""
    return tuple(
        Descriptor(f"{name}{k}", f"{title} of {of}", "", partial(each, measure, k), help=text)
        for k, of in ((1, first), (2, second))
        for name, title, measure, text in (
            ("circularity", "Circularity", morphometry.circularity, "4 π area / perimeter²: about 1 for a disc."),
            ("components", "Connected components", morphometry.components, "Connected components of the shape."),
        )
    )


WEIGHTS = {i.name: 0.05 for i in WITH_RADII} | {"area1": 5e-5, "area2": 5e-5}
OURS = TrainConfig(
    batch=8,
    size=SIDE,
    images=4096,
    weights={k: w / 10 for k, w in WEIGHTS.items()},
    straight_through=False,
    critic_sees="conditions",
    gamma=0.1,
    ema=0.99,
    decay=0.4,
    lr=8e-4,
    lr_critic=8e-4,
    clip=1.0,
)
PLAIN = TrainConfig(
    steps=2000,
    batch=8,
    size=SIDE,
    images=8192,
    loss="wgan_gp",
    blur=0.0,
    turns={"critic": 2, "generator": 1, "projection": 0},
    weights=WEIGHTS,
    lr=1e-3,
    lr_critic=1e-3,
    betas=(0.0, 0.9),
    clip=0.0,
    straight_through=False,
    ema=0.99,
)
TINY: dict[str, Any] = {"steps": 2, "batch": 2, "images": 16, "warmup": 1, "precision": "fp32"}
BARS = (
    Threshold("centre.mean", "<=", 1.0),
    Threshold("centre.p95", "<=", 2.0),
    Threshold("radius.mean", "<=", 0.5),
    Threshold("radius.p95", "<=", 1.2),
    Threshold("one_component", ">=", 98.0),
    Threshold("circularity.deviation", "<=", 3.0),
)
SQUARE_BARS = (
    Threshold("area.mean", "<=", 3.0),
    Threshold("centre.mean", "<=", 1.0),
    Threshold("recognised", ">=", 98.0),
)
EVALUATION = Evaluation(descriptors("circle 1", "circle 2"), thresholds=BARS, table=quality)
REQUESTS = RequestRules(
    infeasible=partial(refusal, outlines=CIRCLES.outlines, shape=FIELD.shape),
    handles=(Handle("circle 1", "x1", "y1", "r1"), Handle("circle 2", "x2", "y2", "r2")),
)
UNPROJECTED: Overrides = {"projection": Projection(highest), "evaluation": replace(EVALUATION, thresholds=())}
SQUARE: Overrides = {
    "field": replace(FIELD, labels=("background", "circle", "square")),
    "source": CIRCLE_SQUARE,
    "invariances": WITH_AREAS,
    "truth": GroundTruth(partial(oracle, shapes=CIRCLE_SQUARE)),
    "evaluation": replace(EVALUATION, descriptors=descriptors("the circle", "the square"), thresholds=SQUARE_BARS),
    "requests": RequestRules(
        infeasible=partial(refusal, outlines=CIRCLE_SQUARE.outlines, shape=FIELD.shape),
        handles=(
            Handle("circle", "x1", "y1", "area1", "area"),
            Handle("square", "x2", "y2", "area2", "area", "square"),
        ),
    ),
}


def ours(name: str, title: str, summary: str, conditions: tuple[Quantity, ...], steps: int) -> Preset:
    """A preset of the seeded generator with its exact projection."""
    return Preset(
        name,
        title,
        summary,
        conditions,
        LATENTS,
        BlobGenerator,
        lambda: PlacedCritic(conditions),
        replace(OURS, steps=steps),
        replace(OURS, **TINY),
    )


def plain(name: str, title: str, summary: str, sees: int = 0, reads: int = 0, turns: int = 0, **changes: Any) -> Preset:
    """A preset of the plain generator: `sees` channels in addition to the image and `reads` numbers for its critic,
    `turns` of the projection step."""
    config = replace(PLAIN, **changes, turns={**PLAIN.turns, "projection": turns})
    return Preset(
        name,
        title,
        summary,
        CONDITIONS,
        (),
        lambda: PlainGenerator(3, CONDITIONS),
        lambda: PlainCritic(3 + sees, reads),
        config,
        replace(config, **TINY),
        overrides=UNPROJECTED,
    )


DIALS = latent_quantities(3)
FREE = replace(
    plain("wgan_gp", "WGAN-GP", "The plain generator without conditions: unconditional."),
    conditions=(),
    latents=DIALS,
    generator=lambda: PlainGenerator(3, (), len(DIALS)),
    overrides={**UNPROJECTED, "requests": RequestRules()},
)
PRESETS = (
    ours(
        "two_circles",
        "Two circles",
        "Drag two circles: irregular seeds of the requested size and place, shaped by the network.",
        CONDITIONS,
        800,
    ),
    replace(
        ours(
            "circle_square",
            "Circle and square",
            "The same seeds for both shapes; the network learns that one becomes a circle and one a square.",
            AREA_CONDITIONS,
            1000,
        ),
        overrides=SQUARE,
    ),
    plain("invnet", "InvNet, as in the paper", "The plain generator with the projection step of Algorithm 1.", turns=2),
    FREE,
    plain(
        "cgan",
        "Conditional GAN",
        "The critic sees the conditions together with the image.",
        sees=6,
        critic_sees="conditions",
    ),
    plain(
        "ac_gan",
        "AC-GAN",
        "A second head of the critic estimates the conditions; generator and critic both minimise its error.",
        reads=6,
        auxiliary=10.0,
    ),
    plain(
        "stinis",
        "Critic on (x, L_I)",
        "The critic sees the residual of the conditions (Stinis et al. 2019).",
        sees=1,
        critic_sees="residual",
    ),
    plain(
        "stinis_noise",
        "Critic on (x, L_I), with noise",
        "The same with noise on the L_I of real images, as they recommend.",
        sees=1,
        critic_sees="residual",
        residual_noise=0.05,
    ),
)

PROBLEM = Problem(
    name="shapes",
    title="Shapes",
    summary="Drag two shapes on the image: their areas and places are exactly the requested ones.",
    citation="Joshi et al., InvNet: Encoding Geometric and Statistical Invariances in Deep Generative Models (AAAI "
    "2020), sec. 4",
    field=FIELD,
    presets=PRESETS,
    invariances=WITH_RADII,
    source=CIRCLES,
    projection=Projection(place_shapes, "Exact projection"),
    requests=REQUESTS,
    truth=GroundTruth(oracle),
    evaluation=EVALUATION,
    training=TrainingHooks(monitor=trace),
)
