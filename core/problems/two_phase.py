"""Two-phase microstructures: spinodal and droplet structures with an exact volume fraction, learnt from Cahn-Hilliard."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from core import checkpoint
from core.invariances.two_point import TwoPointCorrelation
from core.invariances.volume_fraction import VolumeFraction
from core.models.critic import Critic
from core.models.generator import SMOOTHING, SeededGenerator
from core.models.seed import RequestSeed
from core.projection import rank_threshold
from core.sampling import path_of
from core.simulation import descriptors
from core.simulation.cahn_hilliard import CahnHilliard
from core.types import HELD_OUT, Array, Conditions, Descriptor, Field, Preset, Problem, Quantity, Rival, TrainConfig

SOURCE = CahnHilliard()

FRACTION = Quantity(
    "volume_fraction", "Volume fraction", "p1", "", 0.05, 0.95, 0.35, "Share of the pixels in phase 1; delivered to one pixel.",
    trained=(0.2, 0.8), step=0.005,
)  # fmt: skip

LATENTS = (
    Quantity(
        "length", "Length scale", "L", "px", 5.0, 20.0, 8.0, "First zero of the autocovariance: the size of the domains.",
        trained=(5.5, 14.0), step=0.1,
    ),
    Quantity(
        "order", "Order", "o", "", -1.0, 1.0, 0.0, "Regular spacing to the right, mixed sizes to the left.", trained=(-0.5, 0.5)
    ),
    Quantity(
        "stretch", "Stretch", "s", "", -0.6, 0.6, 0.0, "Elongates the domains across (right) or down (left).", trained=(-0.1, 0.1)
    ),
    Quantity(
        "diagonal", "Diagonal", "d", "", -0.6, 0.6, 0.0, "Elongates the domains along one diagonal or the other.",
        trained=(-0.1, 0.1),
    ),
    Quantity(
        "gradient_x", "Gradient across", "gx", "", -1.0, 1.0, 0.0,
        "More phase 1 in the middle (right) or at the left and right edges (left).", trained=(-0.1, 0.1),
    ),
    Quantity(
        "gradient_y", "Gradient down", "gy", "", -1.0, 1.0, 0.0,
        "More phase 1 in the middle (right) or at the upper and lower edges (left).", trained=(-0.1, 0.1),
    ),
    Quantity("morph_a", "Morph A", "a", "rad", -1.57, 1.57, 0.0, "Walks to another arrangement of the same statistics."),
    Quantity("morph_b", "Morph B", "b", "rad", -1.57, 1.57, 0.0, "A second, independent direction of arrangements."),
    Quantity("morph_c", "Morph C", "c", "rad", -1.57, 1.57, 0.0, "A third, independent direction of arrangements."),
)  # fmt: skip


def project(logits: Tensor, conditions: Conditions) -> Tensor:
    """The exact volume fraction: see `rank_threshold`."""
    return rank_threshold(logits, conditions["volume_fraction"])


def oracle(conditions: Mapping[str, Array], n: int, seed: int, shape: tuple[int, int]) -> Array:
    """Full Cahn-Hilliard simulations at the requested fractions (held-out seeds), cut at the exact rank."""
    return SOURCE.at([float(p) for p in np.broadcast_to(conditions["volume_fraction"], n)], HELD_OUT + seed, shape)


def level_cut(conditions: Mapping[str, Array], n: int, seed: int, shape: tuple[int, int]) -> Array:
    """The classical rival: a Gaussian random field with the data's two-point correlation, cut at the exact rank.

    Fitted to the same statistics as ours (master curve and length distribution of the training data).
    """
    p = torch.from_numpy(np.array(np.broadcast_to(conditions["volume_fraction"], n), dtype=np.float32))
    rng = torch.Generator().manual_seed(seed)
    parts = []
    for part in p.split(32):
        length = gaussian_fit().quantile(torch.rand(len(part), generator=rng), part)
        field = gaussian_fit()(torch.randn(len(part), *shape, generator=rng), part, length, smoothing=SMOOTHING)
        parts.append(rank_threshold(field[:, None], part))
    return torch.cat(parts).numpy()


@lru_cache(maxsize=1)
def gaussian_fit() -> RequestSeed:
    """The rival's fitted field model: the statistics in the shipped checkpoint, else read from 512 training simulations."""
    model = RequestSeed()
    path = path_of("two_phase/fraction")
    if path.exists():
        tensors = checkpoint.load(path).tensors
        model.load_state_dict({k.removeprefix("generator.seed."): v for k, v in tensors.items() if k.startswith("generator.seed.")})
    else:
        model.fit(torch.from_numpy(SOURCE.draw(range(512), PROBLEM.field.shape)))
    return model


CITATION = "Joshi et al., InvNet: Encoding Geometric and Statistical Invariances in Deep Generative Models (AAAI 2020), section 4"

FRACTION_PRESET = Preset(
    name="fraction",
    title="Volume fraction",
    summary="Ask for a volume fraction; the length scale and the arrangement are latent, learnt from the data.",
    conditions=(FRACTION,),
    latents=LATENTS,
    generator=SeededGenerator,
    critic=Critic,
    config=TrainConfig(steps=2000, ema=0.998, weights={"volume_fraction": 50.0, "correlation": 50.0}),
    tiny=TrainConfig(steps=4, batch=4, images=64, weights={"volume_fraction": 50.0, "correlation": 50.0}, precision="fp32"),
)

PROBLEM = Problem(
    name="two_phase",
    title="Two-phase microstructures",
    summary="Drag a volume fraction: a microstructure with exactly that fraction follows, its two-point correlation beside it.",
    citation=CITATION,
    field=Field(kind="binary", shape=(128, 128), labels=("phase 0", "phase 1"), sizes=(64, 128, 192, 256, 384, 512)),
    presets=(FRACTION_PRESET,),
    invariances=(VolumeFraction(), TwoPointCorrelation()),
    source=SOURCE,
    project=project,
    descriptors=(
        Descriptor("correlation", "Two-point correlation S2", "", descriptors.s2_radial,
                   lambda shape: descriptors.radial_bins(shape)[0].numpy(), live=True,
                   help="Probability that both ends of a random segment of length r lie in phase 1."),
        Descriptor("lineal_path", "Lineal path", "", descriptors.lineal_path, lambda shape: np.arange(33.0),
                   help="Probability that a segment of length r lies wholly in phase 1."),
        Descriptor("chord_lengths", "Chord lengths", "", descriptors.chord_lengths, lambda shape: np.arange(1.0, 65.0),
                   help="Distribution of the lengths of runs of phase 1 along x and y."),
        Descriptor("specific_surface", "Specific surface", "1/px", descriptors.specific_surface,
                   help="Interface length per area."),
        Descriptor("euler_number", "Euler number", "per 10⁴ px", descriptors.euler_number,
                   help="Components of phase 1 minus holes in it."),
        Descriptor("mean_chord", "Mean chord", "px", descriptors.mean_chord, help="Mean length of the runs of phase 1."),
        Descriptor("length", "Characteristic length", "px", descriptors.characteristic_length,
                   help="First zero of the autocovariance."),
    ),
    bars={
        "volume fraction delivered, worst, px": ("<=", 1.0),
        "volume fraction raw, mean |error|": ("<=", 0.01),
        "two-point correlation, |mean - mean|": ("<=", 0.004),
        "two-point correlation, spread, % of data's": (">=", 70.0),
        "lineal path, |mean - mean|": ("<=", 0.006),
        "specific surface, |deviation|, %": ("<=", 4.0),
        "euler number, worst third, sd": ("<=", 1.0),
    },
    rivals=(Rival("level_cut", "Gaussian field, level cut", level_cut),),
    oracle=oracle,
)  # fmt: skip
