"""Polycrystals: grain maps of 5 orientations with exact area fractions, learnt from simulated grain growth."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from core.descriptors import grains
from core.fields import as_soft
from core.invariances.channel_fractions import ChannelFractions
from core.models.critic import Critic
from core.models.layers import smooth
from core.models.polycrystal import ORIENTATIONS, CrystalGenerator
from core.projection import exact_fractions, without_speckle
from core.readers import maps
from core.simulation.grains import Grains
from core.simulation.voronoi import AREA, voronoi
from core.types import (
    HELD_OUT,
    Array,
    Conditions,
    Descriptor,
    Evaluation,
    Field,
    GroundTruth,
    Position,
    Preset,
    Problem,
    Projection,
    Quantity,
    RequestRules,
    Rival,
    Threshold,
    TrainConfig,
    TrainingHooks,
)

SOURCE = Grains()
FIELD = Field(
    kind="categorical",
    shape=(128, 128),
    labels=tuple(f"orientation {k}" for k in range(ORIENTATIONS)),
    channels=ORIENTATIONS,
    sizes=(64, 128, 192, 256, 384, 512),
)
SHARPENING = 1.0
"""Blur (px) of a finished map whose boundaries are moved until its fractions are exact."""

FRACTIONS = Quantity(
    "fractions",
    "Orientation fractions",
    "f",
    "",
    0.0,
    1.0,
    (0.2,) * ORIENTATIONS,
    "Area fraction of each orientation; exact to one pixel.",
    kind="simplex",
    size=ORIENTATIONS,
    step=0.005,
)

LATENTS = (
    Quantity(
        "grain_size",
        "Grain size",
        "D",
        "px",
        8.0,
        40.0,
        16.0,
        "Mean diameter of the grains of the map.",
        trained=(10.0, 30.0),
        step=0.1,
    ),
    Quantity(
        "scatter",
        "Mixed sizes",
        "s",
        "",
        0.0,
        0.6,
        0.25,
        "Equal grains to the left, small ones among large ones to the right.",
        trained=(0.2, 0.3),
    ),
    Quantity(
        "stretch",
        "Elongation",
        "e",
        "",
        -0.5,
        0.5,
        0.0,
        "Grains longer across (right) or down (left): half the logarithm of the aspect ratio.",
        trained=(-0.05, 0.05),
    ),
    Quantity(
        "morph_a", "Morph A", "a", "rad", -1.57, 1.57, 0.0, "Walks to another arrangement of the same statistics."
    ),
    Quantity("morph_b", "Morph B", "b", "rad", -1.57, 1.57, 0.0, "A second, independent direction of arrangements."),
)


def project(logits: Tensor, conditions: Conditions) -> Tensor:
    """The exact fractions, without speckle: see `core.projection`."""
    return without_speckle(logits, conditions["fractions"])


def simulate(conditions: Mapping[str, Array], n: int, seed: int, shape: tuple[int, int]) -> Array:
    """Full simulations at the requested fractions (held-out seeds), boundaries moved to reach them
    exactly."""
    wanted = np.broadcast_to(conditions["fractions"], (n, ORIENTATIONS))
    return moved(SOURCE.at(wanted.astype(np.float64), HELD_OUT + seed, shape), wanted)


def tessellation(conditions: Mapping[str, Array], n: int, seed: int, shape: tuple[int, int]) -> Array:
    """The classical baseline: Voronoi cells, greedily chosen orientations, boundaries moved to the exact fractions."""
    wanted = np.broadcast_to(conditions["fractions"], (n, ORIENTATIONS))
    return moved(voronoi(wanted.astype(np.float64), n, seed, shape), wanted)


def moved(labels: Array, fractions: Array) -> Array:
    """Maps (n, H, W) with exactly these fractions (n, 5): pixels change at the boundaries, where a blurred map is least
    certain."""
    soft = smooth(as_soft(torch.from_numpy(labels), FIELD), SHARPENING)
    return exact_fractions(soft, torch.from_numpy(fractions.astype(np.float64))).numpy()


def dominated(largest: float) -> dict[str, Array]:
    """A request with one orientation of this fraction and the others alike."""
    rest = (1 - largest) / (ORIENTATIONS - 1)
    return {"fractions": np.array([largest, *[rest] * (ORIENTATIONS - 1)], np.float32)}


CITATION = (
    "Joshi et al., InvNet: Encoding Geometric and Statistical Invariances in Deep Generative Models (AAAI 2020), "
    "section 6"
)

FRACTIONS_PRESET = Preset(
    name="fractions",
    title="Orientation fractions",
    summary="Set the area fractions of 5 orientations; grain size and arrangement are latent, learnt from the data.",
    conditions=(FRACTIONS,),
    latents=LATENTS,
    generator=CrystalGenerator,
    critic=lambda: Critic(ORIENTATIONS),
    config=TrainConfig(steps=200, images=2048, ema=0.998, weights={"fractions": 50.0}),
    tiny=TrainConfig(steps=4, batch=4, images=64, weights={"fractions": 50.0}, precision="fp32"),
)

DESCRIPTORS = (
    Descriptor(
        "grain_count",
        "Grains",
        "per 128 × 128 px",
        lambda x: grains.grain_count(x) * (AREA / x[0].numel()),
        help="Connected components of one orientation with at least 5 px, periodic.",
    ),
    Descriptor(
        "mean_diameter",
        "Mean grain diameter",
        "px",
        grains.mean_diameter,
        help="Mean equivalent-disc diameter of the grains.",
    ),
    Descriptor(
        "boundary_length",
        "Boundary length",
        "1/px",
        grains.boundary_length,
        help="Length of the boundaries between different orientations, per area.",
    ),
    Descriptor(
        "speckle", "Isolated pixels", "px", grains.speckle, help="Pixels in connected components of fewer than 5 px."
    ),
    Descriptor(
        "misfit",
        "Same-orientation contacts",
        "",
        grains.misfit,
        slow=True,
        help="Area fraction of non-convex grains: neighbouring grains of equal orientation that have merged.",
    ),
    Descriptor(
        "grain_sizes",
        "Grain diameters",
        "",
        grains.size_distribution,
        grains.size_classes,
        samples=grains.diameters,
        axis="diameter / px",
        help="Distribution of the diameters of the grains, in px.",
    ),
    Descriptor(
        "junction_angles",
        "Junction angles",
        "",
        grains.angle_distribution,
        grains.angle_classes,
        samples=lambda x: [a.ravel() for a in grains.junction_angles(x)],
        axis="angle / °",
        help="Distribution of the angles at triple junctions, in degrees: 120 on average after growth.",
    ),
)
BARS = (
    Threshold("fractions.delivered_worst", "<=", 1.0),
    Threshold("fractions.raw_mean", "<=", 0.01),
    Threshold("grain_sizes.wasserstein", "<=", 1.0),
    Threshold("junction_angles.wasserstein", "<=", 2.0),
    Threshold("speckle.mean_difference", "<=", 0.0),
    Threshold("mean_diameter.deviation", "<=", 5.0),
    Threshold("grain_sizes.wasserstein", ">=", 2.0, "voronoi"),
    Threshold("junction_angles.wasserstein", ">=", 5.0, "voronoi"),
)

PROBLEM = Problem(
    name="polycrystal",
    title="Polycrystals",
    summary="Set the fractions of 5 orientations: a grain map with exactly these fractions updates as you drag, with "
    "grain statistics next to simulated grain growth.",
    citation=CITATION,
    field=FIELD,
    presets=(FRACTIONS_PRESET,),
    invariances=(ChannelFractions(),),
    source=SOURCE,
    projection=Projection(project, "Exact projection"),
    requests=RequestRules(
        ordering=Position("Largest fraction", 0.2, 0.9, lambda conditions: conditions["fractions"].max(1), dominated)
    ),
    truth=GroundTruth(simulate),
    evaluation=Evaluation(DESCRIPTORS, (Rival("voronoi", "Voronoi, greedy orientations", tessellation),), BARS),
    training=TrainingHooks(maps.read),
)
