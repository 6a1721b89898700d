"""Two-phase microstructures: spinodal and droplet structures with an exact volume fraction, learnt from
Cahn-Hilliard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.descriptors import two_phase
from core.invariances.characteristic_length import CharacteristicLength
from core.invariances.two_point import TwoPointCorrelation
from core.invariances.volume_fraction import VolumeFraction
from core.metrics.moments import compare
from core.models.critic import Critic
from core.models.data_free import PlainGenerator, RequestGenerator, requests
from core.models.two_phase import SeededGenerator
from core.models.two_phase_plain import TextureGenerator
from core.problems._two_phase_baselines import BASELINES, SHAPE, SOURCE, simulate
from core.problems._two_phase_quantities import CORRELATION, DIALS, FRACTION, LATENTS, LENGTH, WEIGHT
from core.problems._two_phase_requests import propagate, reconcile
from core.projection import rank_threshold
from core.projection.two_point import match_correlation
from core.readers import maps
from core.simulation import correlations
from core.types import (
    Conditions,
    Descriptor,
    Evaluation,
    Field,
    GroundTruth,
    Overrides,
    Preset,
    Problem,
    Projection,
    RequestRules,
    Threshold,
    TrainConfig,
    TrainingHooks,
)

WEIGHTS = {"volume_fraction": 50.0, "correlation": 50.0, "length": 0.0}


def project(logits: Tensor, conditions: Conditions) -> Tensor:
    """The exact volume fraction: see `rank_threshold`."""
    return rank_threshold(logits, conditions["volume_fraction"])


def read_data(path: Path, options: Mapping[str, Any]) -> maps.OwnMaps:
    """A user's micrographs, cut at Otsu's threshold, as a data source; see `core.readers.maps.read`."""
    return maps.read(path, {**options, "labels": 2})


def half(logits: Tensor, conditions: Conditions) -> Tensor:
    """Nothing enforced: phase 1 where its probability exceeds one half."""
    return (logits[:, 0] > 0).to(torch.uint8)


def refine(logits: Tensor, conditions: Conditions) -> Tensor:
    """The field corrected to the requested two-point correlation; see `match_correlation`."""
    return match_correlation(logits, conditions["volume_fraction"], conditions["correlation"], conditions.get("weight"))


def bars(lineal_path: float, surface: float) -> tuple[Threshold, ...]:
    """Thresholds of a preset, with the largest deviation of the lineal path and, in %, of the specific surface."""
    return (
        Threshold("volume_fraction.delivered_worst", "<=", 1.0),
        Threshold("volume_fraction.raw_mean", "<=", 0.01),
        Threshold("correlation.mean_deviation", "<=", 0.004),
        Threshold("correlation.spread", ">=", 70.0),
        Threshold("lineal_path.mean_deviation", "<=", lineal_path),
        Threshold("specific_surface.deviation", "<=", surface),
        Threshold("euler_number.worst_third_sd", "<=", 1.0),
    )


CORRELATION_BARS = (
    *bars(0.004, 3.0),
    Threshold("sample_correlation.mean_error", "<=", 0.002, "refined"),
    Threshold("sample_length.correlation", ">=", 0.95),
    Threshold("sample_length.bias", "<=", 3.0),
)
DESCRIPTORS = (
    Descriptor(
        "correlation",
        "Two-point correlation S2",
        "",
        two_phase.s2_radial,
        lambda shape: two_phase.radial_bins(shape)[0].numpy(),
        live=True,
        help="Probability that both ends of a random segment of length r lie in phase 1.",
    ),
    Descriptor(
        "lineal_path",
        "Lineal path",
        "",
        two_phase.lineal_path,
        lambda shape: np.arange(33.0),
        help="Probability that a segment of length r lies entirely in phase 1.",
    ),
    Descriptor(
        "chord_lengths",
        "Chord lengths",
        "",
        two_phase.chord_lengths,
        lambda shape: np.arange(1.0, 65.0),
        help="Distribution of chord lengths of phase 1 along x and y.",
    ),
    Descriptor(
        "specific_surface",
        "Specific surface",
        "1/px",
        two_phase.specific_surface,
        help="Interface length per area.",
    ),
    Descriptor(
        "euler_number",
        "Euler number",
        "per 10⁴ px",
        two_phase.euler_number,
        help="Connected components of phase 1 minus its holes.",
    ),
    Descriptor("mean_chord", "Mean chord", "px", two_phase.mean_chord, help="Mean chord length of phase 1."),
    Descriptor(
        "length",
        "Characteristic length",
        "px",
        two_phase.characteristic_length,
        help="First zero of the autocovariance.",
    ),
)

EVALUATION = Evaluation(DESCRIPTORS, BASELINES[:1], bars(0.006, 4.0))
AT_A_CURVE = replace(EVALUATION, baselines=BASELINES, thresholds=(), extra_rows=compare)
"""Evaluation where a two-point correlation can be requested."""
REFINED = Projection(project, "Exact projection", refine, best_of=(1, 4, 16))
CURVES = RequestRules(reconcile, propagate)

CITATION = (
    "Joshi et al., InvNet: Encoding Geometric and Statistical Invariances in Deep Generative Models (AAAI 2020), "
    "section 4"
)

CORRELATION_PRESET = Preset(
    name="correlation",
    title="Two-point correlation",
    summary="Set a volume fraction and a two-point correlation, as a length scale or as a whole curve; both are exact.",
    conditions=(FRACTION, LENGTH, CORRELATION),
    latents=LATENTS[1:],
    generator=partial(SeededGenerator, curves=True),
    critic=Critic,
    config=TrainConfig(steps=800, ema=0.995, weights=WEIGHTS),
    tiny=TrainConfig(steps=4, batch=4, images=64, weights=WEIGHTS, precision="fp32"),
    overrides={
        "projection": REFINED,
        "requests": CURVES,
        "evaluation": replace(AT_A_CURVE, thresholds=CORRELATION_BARS),
    },
)

FRACTION_PRESET = Preset(
    name="fraction",
    title="Volume fraction",
    summary="Set a volume fraction; the length scale and the arrangement are latent, learnt from the data.",
    conditions=(FRACTION,),
    latents=LATENTS,
    generator=SeededGenerator,
    critic=Critic,
    config=TrainConfig(steps=2000, ema=0.998, weights=WEIGHTS),
    tiny=TrainConfig(steps=4, batch=4, images=64, weights=WEIGHTS, precision="fp32"),
)

MOMENTS: Overrides = {
    "invariances": (VolumeFraction(), TwoPointCorrelation(correlations.BINS)),
    "projection": REFINED,
    "requests": CURVES,
    "evaluation": AT_A_CURVE,
}
WITHOUT_DATA = TrainConfig(
    steps=1000,
    batch=16,
    turns={"projection": 1},
    lr=2e-3,
    betas=(0.9, 0.99),
    decay=0.5,
    precision="fp32",
    weights={"volume_fraction": 100.0, "correlation": 100.0},
)

DATA_FREE_PRESET = Preset(
    name="data_free",
    title="Without data",
    summary="Learnt from the two moments alone, without data or critic; the loss is evaluated after the physics layer.",
    conditions=(FRACTION, LENGTH, CORRELATION, WEIGHT),
    latents=(),
    generator=RequestGenerator,
    critic=None,
    config=WITHOUT_DATA,
    tiny=replace(WITHOUT_DATA, steps=4, batch=4),
    requests=requests,
    overrides=MOMENTS,
)

PLAIN_PRESET = replace(
    DATA_FREE_PRESET,
    name="data_free_plain",
    title="Without data, as published",
    summary="As published: noise and request into a plain network, with the radial second moment as the loss. It "
    "produces stripes.",
    generator=PlainGenerator,
    config=replace(WITHOUT_DATA, precision="auto"),
    overrides={**MOMENTS, "projection": replace(REFINED, refine=None)},
)

ADVERSARIAL = TrainConfig(
    steps=1000,
    batch=16,
    loss="wgan_gp",
    turns={"critic": 3, "generator": 1, "projection": 0},
    weights=WEIGHTS,
    lr=1e-3,
    lr_critic=1e-3,
    betas=(0.0, 0.9),
    clip=0.0,
    straight_through=False,
    ema=0.99,
    decay=0.25,
)


def plain(
    name: str, title: str, summary: str, conditional: bool = True, sees: int = 0, turns: int = 0, **changes: Any
) -> Preset:
    """A preset of the plain generator, cut at one half: `sees` channels in addition to the image for its critic,
    `turns` of the projection step; `conditional`: single samples can be compared with a request."""
    config = replace(ADVERSARIAL, **changes, turns={**ADVERSARIAL.turns, "projection": turns})
    free = replace(EVALUATION, baselines=(), thresholds=())
    conditioned = replace(free, baselines=BASELINES[:1], extra_rows=compare)
    return Preset(
        name,
        title,
        summary,
        (FRACTION, LENGTH) if conditional else (),
        (*(() if conditional else DIALS), *LATENTS[-3:]),
        lambda: TextureGenerator(conditional),
        lambda: Critic(1 + sees),
        config,
        replace(config, steps=2, batch=4, images=16, precision="fp32"),
        overrides={"projection": Projection(half), "evaluation": conditioned if conditional else free},
    )


ADVERSARIAL_PRESETS = (
    plain(
        "invnet",
        "InvNet, as in the paper",
        "The plain generator with the projection step of Algorithm 1.",
        turns=3,
        shared_projection_optimiser=False,
    ),
    plain("wgan_gp", "WGAN-GP", "The paper's baseline without invariances: unconditional.", conditional=False),
    plain(
        "stinis",
        "Critic on (x, L_I)",
        "The critic sees the residual of p1 and S2 (Stinis et al. 2019).",
        sees=1,
        critic_sees="residual",
    ),
)

PROBLEM = Problem(
    name="two_phase",
    title="Two-phase microstructures",
    summary="Set a volume fraction: a microstructure with exactly that fraction updates as you drag, next to its "
    "two-point correlation.",
    citation=CITATION,
    field=Field(kind="binary", shape=SHAPE, labels=("phase 0", "phase 1"), sizes=(64, 128, 192, 256, 384, 512)),
    presets=(CORRELATION_PRESET, FRACTION_PRESET, DATA_FREE_PRESET, PLAIN_PRESET, *ADVERSARIAL_PRESETS),
    invariances=(VolumeFraction(), TwoPointCorrelation(correlations.BINS), CharacteristicLength()),
    source=SOURCE,
    projection=Projection(project, "Exact projection"),
    truth=GroundTruth(simulate),
    evaluation=EVALUATION,
    training=TrainingHooks(read_data),
)
