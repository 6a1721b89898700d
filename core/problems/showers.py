"""Sparse calorimeter images of a requested energy, and methods to learn them: soft sparsity, statistics of groups,
flipped labels, a critic that estimates the energy (Tips and Tricks for Training GANs with Physics Constraints)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from torch import Tensor

from core.invariances.sparsity import Occupancy, occupancy, soft_sparsity
from core.invariances.visible_energy import VisibleEnergy
from core.metrics.showers import RESPONSE, SOFT, quality, trace
from core.models.plain import latent_quantities
from core.models.showers import GROUP, ShowerCritic, ShowerGenerator, Soft
from core.projection import read_out
from core.simulation.showers import TRAINED, Showers, response, simulate
from core.types import (
    HELD_OUT,
    Array,
    Conditions,
    Descriptor,
    Evaluation,
    Field,
    GroundTruth,
    Preset,
    Problem,
    Projection,
    Quantity,
    Threshold,
    TrainConfig,
    TrainingHooks,
)

SIDE = 24
SHOWERS = Showers()
FIELD = Field(
    kind="continuous",
    shape=(SIDE, SIDE),
    high=10.0,
    gamma=0.4,
    periodic=False,
    mirrored=False,
    axes=("depth", "across"),
    unit="cells",
)
UNIT = SHOWERS.cut / 3
"""The critic sees log(1 + x / UNIT)."""
SCALES = (SOFT * SHOWERS.cut, 2 / 3 * SHOWERS.cut)
"""Soft sparsity in these units is 1 / 2 at a fifth of the noise cut, and at half of it, where the read-out decides."""
GAIN = response(SHOWERS, FIELD.shape)
VISIBLE = VisibleEnergy(GAIN)
ENERGY = Quantity(
    "energy",
    "Energy",
    "E",
    "GeV",
    5.0,
    150.0,
    47.5,
    "Energy of the particle; trained at 10, 25, 40, ..., 100 GeV only.",
    trained=(TRAINED[0], TRAINED[-1]),
    step=0.5,
)
DIALS = latent_quantities(2)


def project(fields: Tensor, conditions: Conditions) -> Tensor:
    """Fields without cells below the noise cut whose sum is the requested energy, calibrated; (B, H, W)."""
    return read_out(fields, GAIN * conditions["energy"], SHOWERS.cut)


def oracle(conditions: Mapping[str, Array], n: int, seed: int, shape: tuple[int, int]) -> Array:
    """Held-out simulations at the requested energies."""
    return simulate(conditions, n, HELD_OUT + seed, shape, SHOWERS)


def depth(arrays: Tensor) -> Tensor:
    """Mean energy per layer of arrays (n, H, W), GeV; (n, H)."""
    return arrays.sum(2)


def layers(shape: tuple[int, int]) -> Array:
    """The middle of each layer in radiation lengths."""
    return (np.arange(shape[0]) + 0.5) * SHOWERS.layer


DESCRIPTORS = (
    Descriptor("occupancy", "Occupancy", "", occupancy, help="Fraction of the cells that are not 0."),
    Descriptor(
        "visible",
        "Calibrated energy",
        "GeV",
        lambda x: VISIBLE.measure(x[:, None]),
        help="Sum of the cells over the calibrated response.",
    ),
    Descriptor(
        "depth",
        "Profile in depth",
        "GeV",
        depth,
        layers,
        "depth, radiation lengths",
        live=True,
        help="Energy in each layer.",
    ),
)
CONFIG = TrainConfig(
    steps=4000,
    batch=16,
    size=SIDE,
    images=8192,
    blur=0.0,
    gamma=0.005,
    lr=1e-3,
    lr_critic=1e-3,
    betas=(0.0, 0.95),
    clip=0.0,
    ema=0.995,
    decay=0.6,
    straight_through=False,
    precision="fp32",
    critic_sees="conditions",
    turns={"critic": 1, "generator": 1, "projection": 0},
    weights={"energy": 0.0},
)
TINY: dict[str, Any] = {"steps": 2, "batch": GROUP, "images": 16, "warmup": 1}
TERM: dict[str, Any] = {"turns": {**CONFIG.turns, "projection": 1}, "weights": {"energy": 0.0, "occupancy": 30.0}}
FLIP, READ = 0.05, 0.05
BARS = (Threshold(RESPONSE.id, "<=", 3.0, "raw"),)


def preset(
    name: str,
    title: str,
    summary: str,
    soft: Soft | None = None,
    minibatch: Literal["", "deviation", "discrimination"] = "",
    printed: bool = False,
    **changes: Any,
) -> Preset:
    """A preset of the same generator and data, with the named tricks."""
    config = replace(CONFIG, **changes)
    outputs = 1 if config.auxiliary else 0
    return Preset(
        name,
        title,
        summary,
        (ENERGY,),
        DIALS,
        lambda: ShowerGenerator((ENERGY,), len(DIALS)),
        lambda: ShowerCritic(ENERGY, GAIN, UNIT, SCALES, soft, minibatch, outputs),
        config,
        replace(config, **TINY),
        overrides={"invariances": (VISIBLE, Occupancy(SCALES[0], printed))},
    )


PRESETS = (
    preset(
        "tricks",
        "All tricks",
        "Soft sparsity as input and condition, minibatch deviation, flipped labels, auxiliary energy regression.",
        soft_sparsity,
        "deviation",
        flip=FLIP,
        auxiliary=READ,
        **TERM,
    ),
    preset("plain", "Without tricks", "A conditional GAN: the critic sees image and energy."),
    preset(
        "sparsity",
        "Soft sparsity alone",
        "The occupancy of the paired real image of the same energy is a condition.",
        **TERM,
    ),
    preset("printed", "Soft sparsity as published", "The same with the formula as published.", printed=True, **TERM),
    preset(
        "minibatch",
        "Minibatch discrimination",
        "The critic sees soft sparsity, and groups of images.",
        soft_sparsity,
        "discrimination",
    ),
    preset(
        "flipped", "Flipped labels alone", "One pair in twenty is given to the critic with exchanged labels.", flip=FLIP
    ),
    preset(
        "attribute",
        "Auxiliary energy regression alone",
        "The critic estimates the energy from the image; generator and critic both minimise its error.",
        auxiliary=READ,
    ),
)

PROBLEM = Problem(
    name="showers",
    title="Calorimeter showers",
    summary="Set the energy of a particle: its sparse shower updates as you drag, with exactly that energy, also "
    "between training energies.",
    citation="de Oliveira, Paganini, Nachman, Tips and Tricks for Training GANs with Physics Constraints (2017)",
    field=FIELD,
    presets=PRESETS,
    invariances=(VISIBLE, Occupancy(SCALES[0])),
    source=SHOWERS,
    projection=Projection(project, "Exact energy and noise cut"),
    truth=GroundTruth(oracle),
    evaluation=Evaluation(DESCRIPTORS, thresholds=BARS, table=quality),
    training=TrainingHooks(monitor=trace, snapshots=12),
)
