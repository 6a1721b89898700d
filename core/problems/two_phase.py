"""Two-phase microstructures: spinodal and droplet structures with an exact volume fraction, learnt from
Cahn-Hilliard."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core import checkpoint
from core.descriptors import two_phase
from core.invariances.characteristic_length import CharacteristicLength
from core.invariances.two_point import TwoPointCorrelation
from core.invariances.volume_fraction import VolumeFraction
from core.metrics.moments import compare
from core.models.critic import Critic
from core.models.data_free import PlainGenerator, RequestGenerator, requests
from core.models.seed import RequestSeed
from core.models.two_phase import SMOOTHING, SeededGenerator
from core.models.two_phase_plain import TextureGenerator
from core.projection import rank_threshold
from core.projection.two_point import match_correlation
from core.readers import maps
from core.sampling import path_of
from core.simulation import correlations
from core.simulation.annealing import Annealing
from core.simulation.cahn_hilliard import CahnHilliard
from core.types import (
    HELD_OUT,
    Array,
    Conditions,
    Descriptor,
    Field,
    Preset,
    Problem,
    Quantity,
    Rival,
    Stroke,
    TrainConfig,
)

SOURCE = CahnHilliard()
AGREE, POSSIBLE, REFUSED = 2e-3, 1e-4, 0.03
"""|S2(0) - p1| up to which a curve and a fraction agree; mean distance to the nearest possible curve up to which one is
taken as it is, and from which one is refused."""
TRIES = (1, 4, 16)
WEIGHTS = {"volume_fraction": 50.0, "correlation": 50.0, "length": 0.0}

FRACTION = Quantity(
    "volume_fraction",
    "Volume fraction",
    "p1",
    "",
    0.05,
    0.95,
    0.35,
    "Share of the pixels in phase 1; delivered to one pixel.",
    trained=(0.2, 0.8),
    step=0.005,
)

LATENTS = (
    Quantity(
        "length",
        "Length scale",
        "L",
        "px",
        5.0,
        20.0,
        8.0,
        "First zero of the autocovariance: the size of the domains.",
        trained=(5.5, 14.0),
        step=0.1,
    ),
    Quantity(
        "order",
        "Order",
        "o",
        "",
        -1.0,
        1.0,
        0.0,
        "Regular spacing to the right, mixed sizes to the left.",
        trained=(-0.5, 0.5),
    ),
    Quantity(
        "stretch",
        "Stretch",
        "s",
        "",
        -0.6,
        0.6,
        0.0,
        "Elongates the domains across (right) or down (left).",
        trained=(-0.1, 0.1),
    ),
    Quantity(
        "diagonal",
        "Diagonal",
        "d",
        "",
        -0.6,
        0.6,
        0.0,
        "Elongates the domains along one diagonal or the other.",
        trained=(-0.1, 0.1),
    ),
    Quantity(
        "gradient_x",
        "Gradient across",
        "gx",
        "",
        -1.0,
        1.0,
        0.0,
        "More phase 1 in the middle (right) or at the left and right edges (left).",
        trained=(-0.1, 0.1),
    ),
    Quantity(
        "gradient_y",
        "Gradient down",
        "gy",
        "",
        -1.0,
        1.0,
        0.0,
        "More phase 1 in the middle (right) or at the upper and lower edges (left).",
        trained=(-0.1, 0.1),
    ),
    Quantity(
        "morph_a", "Morph A", "a", "rad", -1.57, 1.57, 0.0, "Walks to another arrangement of the same statistics."
    ),
    Quantity("morph_b", "Morph B", "b", "rad", -1.57, 1.57, 0.0, "A second, independent direction of arrangements."),
    Quantity("morph_c", "Morph C", "c", "rad", -1.57, 1.57, 0.0, "A third, independent direction of arrangements."),
)


def project(logits: Tensor, conditions: Conditions) -> Tensor:
    """The exact volume fraction: see `rank_threshold`."""
    return rank_threshold(logits, conditions["volume_fraction"])


def half(logits: Tensor, conditions: Conditions) -> Tensor:
    """Nothing enforced: phase 1 is where the network makes it more likely than not."""
    return (logits[:, 0] > 0).to(torch.uint8)


def oracle(conditions: Mapping[str, Array], n: int, seed: int, shape: tuple[int, int]) -> Array:
    """Full Cahn-Hilliard simulations at the requested fractions (held-out seeds), cut at the exact rank; any, where
    nothing is asked for."""
    if "volume_fraction" not in conditions:
        return SOURCE.draw(range(HELD_OUT + seed, HELD_OUT + seed + n), shape)
    return SOURCE.at([float(p) for p in np.broadcast_to(conditions["volume_fraction"], n)], HELD_OUT + seed, shape)


def level_cut(conditions: Mapping[str, Array], n: int, seed: int, shape: tuple[int, int]) -> Array:
    """The classical rival: a Gaussian random field with the requested two-point correlation, cut at the exact rank.

    Without a `correlation` in the conditions it is fitted to the same statistics as ours (master curve and length
    distribution of the training data)."""
    p = torch.from_numpy(np.array(np.broadcast_to(conditions["volume_fraction"], n), dtype=np.float32))
    curve = torch.from_numpy(np.array(conditions["correlation"])).expand(n, -1) if "correlation" in conditions else None
    rng = torch.Generator().manual_seed(seed)
    parts = []
    for start in range(0, n, 32):
        part, asked = p[start : start + 32], None
        length = gaussian_fit().quantile(torch.rand(len(part), generator=rng), part)
        white = torch.randn(len(part), *shape, generator=rng)
        if curve is not None:
            asked = correlations.normalised(curve[start : start + 32])[0]
        field = gaussian_fit()(white, part, length, asked=asked, smoothing=SMOOTHING)
        parts.append(rank_threshold(field[:, None], part))
    return torch.cat(parts).numpy()


def stopped(conditions: Mapping[str, Array], n: int, seed: int, shape: tuple[int, int]) -> Array:
    """Cahn-Hilliard simulations at the requested fractions, each stopped when its length is the requested one."""
    curve = torch.from_numpy(np.array(conditions["correlation"])).expand(n, -1)
    lengths, p = correlations.first_zero(curve).tolist(), np.broadcast_to(conditions["volume_fraction"], n)
    return SOURCE.stopped([float(v) for v in p], lengths, HELD_OUT + seed, shape)


def annealing(conditions: Mapping[str, Array], seed: int, shape: tuple[int, int]) -> Iterator[tuple[float, Array]]:
    """Pixel exchange onto the requested curve, step by step: (share done, labels (1, H, W))."""
    curve = np.array(conditions["correlation"], dtype=np.float64).reshape(-1, correlations.BINS)[0]
    found = Annealing(curve[: min(shape) // 2 + 1], shape, seed)
    yield from ((share, found.labels[None]) for share, _ in found.run())


def annealed(conditions: Mapping[str, Array], n: int, seed: int, shape: tuple[int, int]) -> Array:
    """Structures annealed onto the requested curves, one after the other."""
    curves = np.broadcast_to(conditions["correlation"], (n, correlations.BINS))
    each = (deque(annealing({"correlation": curves[i]}, seed + i, shape), maxlen=1) for i in range(n))
    return np.concatenate([last.pop()[1] for last in each])


@lru_cache(maxsize=1)
def gaussian_fit() -> RequestSeed:
    """The rival's fitted field model: the statistics in the shipped checkpoint, else read from 512 training
    simulations."""
    model = RequestSeed()
    path = path_of("two_phase/fraction")
    if path.exists():
        tensors = checkpoint.load(path).tensors
        model.load_state_dict(
            {k.removeprefix("generator.seed."): v for k, v in tensors.items() if k.startswith("generator.seed.")}
        )
    else:
        model.fit(torch.from_numpy(SOURCE.draw(range(512), PROBLEM.field.shape)))
    return model


LENGTH = Quantity(
    "length",
    "Length scale",
    "L",
    "px",
    5.0,
    20.0,
    8.0,
    "Distance at which the two-point correlation first reaches its limit p1².",
    trained=(5.5, 14.0),
    step=0.1,
)

AT, KNOTS = tuple(correlations.distances().tolist()), (2.0, 4.0, 7.0, 10.0, 14.0, 19.0, 25.0, 32.0)

CORRELATION = Quantity(
    "correlation",
    "Two-point correlation",
    "S2",
    "",
    0.0,
    1.0,
    (),
    "S2(r) at r = 0 to 32 px in the place of the length.",
    kind="curve",
    size=correlations.BINS,
    optional=True,
    replaces="length",
    stroke=Stroke(AT, KNOTS, lambda p: (p * p, p * (1 - p)), needs=("volume_fraction",)),
)

WEIGHT = Quantity(
    "weight",
    "Weight of the curve",
    "w",
    "",
    0.05,
    100.0,
    (),
    "How strictly each distance is held; only ratios count.",
    kind="curve",
    size=correlations.BINS,
    optional=True,
    stroke=Stroke(AT, KNOTS, lambda: (0.0, 1.0), low=0.0, high=16.0, below="correlation"),
)


BARS = {
    "volume fraction delivered, worst, px": ("<=", 1.0),
    "volume fraction raw, mean |error|": ("<=", 0.01),
    "two-point correlation, |mean - mean|": ("<=", 0.004),
    "two-point correlation, spread, % of data's": (">=", 70.0),
    "lineal path, |mean - mean|": ("<=", 0.006),
    "specific surface, |deviation|, %": ("<=", 4.0),
    "euler number, worst third, sd": ("<=", 1.0),
}
CORRELATION_BARS = {
    "refined: correlation of a sample, mean |error|": ("<=", 0.002),
    "length of a sample, correlation with request": (">=", 0.95),
    "length of a sample, |bias|, %": ("<=", 3.0),
    "specific surface, |deviation|, %": ("<=", 3.0),
    "lineal path, |mean - mean|": ("<=", 0.004),
}


def settle(asked: dict[str, Array], given: frozenset[str]) -> tuple[dict[str, Array], tuple[str, ...]]:
    """S2(0) = p1: a curve without a volume fraction brings its own, one that contradicts it is refused; a curve that no
    structure has is moved to the nearest possible one, saying by how much, or refused where that is another curve
    altogether."""
    if "correlation" not in asked:
        return asked, ()
    curve = torch.from_numpy(asked["correlation"])
    p = curve[:, 0] if "volume_fraction" not in given else torch.from_numpy(asked["volume_fraction"])
    worst = float((curve[:, 0] - p).abs().max())
    if worst > AGREE:
        raise ValueError(
            f"correlation starts at S2(0) = {float(curve[0, 0]):g}, which is the volume fraction, but volume_fraction "
            f"= "
            f"{float(p[0]):g} was asked for. Give one of the two, or scale the curve: S2 = p1² + p1 (1 - p1) c(r)."
        )
    if bool((p < FRACTION.low - AGREE).any() | (p > FRACTION.high + AGREE).any()):
        raise ValueError(
            f"correlation starts at S2(0) = {float(p[0]):g}, the volume fraction. Allowed: {FRACTION.low:g} to "
            f"{FRACTION.high:g}."
        )
    possible = correlations.nearest(curve)
    apart = (possible - curve).abs().mean(1)
    moved = float(apart.max())
    if moved > REFUSED:
        raise ValueError(
            f"No structure has this correlation: the nearest possible curve is {moved:.3f} away on average. S2 lies "
            f"between "
            "max(0, 2 p1 - 1) and p1, falls from p1 at r = 0 towards p1², and has no negative power at any wavelength."
        )
    note = (
        f"No structure has exactly this correlation; the nearest possible one, {moved:.4f} away on average, is "
        f"used instead."
    )
    used = torch.where(apart[:, None] > POSSIBLE, possible, curve)
    return {**asked, "correlation": used.numpy(), "volume_fraction": p.numpy()}, (note,) if moved > POSSIBLE else ()


def follow(given: dict[str, Any]) -> dict[str, Any]:
    """A curve follows the volume fraction: it keeps c(r), so that S2(0) = p1 and S2(inf) = p1^2 at every fraction."""
    if not {"correlation", "volume_fraction"} <= given.keys():
        return given
    curve, p = (
        torch.as_tensor(given[k], dtype=torch.float32).reshape(1, -1) for k in ("correlation", "volume_fraction")
    )
    if curve.shape[1] != correlations.BINS or float((curve[:, 0] - p[:, 0]).abs().max()) <= 1e-6:
        return given
    return {**given, "correlation": tuple(correlations.curve_of(correlations.normalised(curve)[0], p[0])[0].tolist())}


def read(path: Path, options: Mapping[str, Any]) -> maps.OwnMaps:
    """A person's own micrographs, cut at Otsu's threshold, as a data source; see `own_maps.read`."""
    return maps.read(path, {**options, "labels": 2})


def refine(logits: Tensor, conditions: Conditions) -> Tensor:
    """The field driven onto the requested two-point correlation; see `match_correlation`."""
    return match_correlation(logits, conditions["volume_fraction"], conditions["correlation"], conditions.get("weight"))


RIVALS = (
    Rival("level_cut", "Gaussian field, level cut", level_cut),
    Rival("stopped", "Simulation, stopped at the length", stopped, "single", truth=True),
    Rival("annealing", "Yeong-Torquato annealing", annealed, "single", annealing),
)
"""At a request with a two-point correlation."""

CITATION = (
    "Joshi et al., InvNet: Encoding Geometric and Statistical Invariances in Deep Generative Models (AAAI "
    "2020), section 4"
)

CORRELATION_PRESET = Preset(
    name="correlation",
    title="Two-point correlation",
    summary="Ask for a volume fraction and a two-point correlation, as a length scale or as a whole curve; both are "
    "delivered.",
    conditions=(FRACTION, LENGTH, CORRELATION),
    latents=LATENTS[1:],
    generator=partial(SeededGenerator, curves=True),
    critic=Critic,
    config=TrainConfig(steps=800, ema=0.995, weights=WEIGHTS),
    tiny=TrainConfig(steps=4, batch=4, images=64, weights=WEIGHTS, precision="fp32"),
    overrides={
        "settle": settle,
        "follow": follow,
        "refine": refine,
        "compare": compare,
        "bars": BARS | CORRELATION_BARS,
        "rivals": RIVALS,
        "best_of": TRIES,
    },
)

FRACTION_PRESET = Preset(
    name="fraction",
    title="Volume fraction",
    summary="Ask for a volume fraction; the length scale and the arrangement are latent, learnt from the data.",
    conditions=(FRACTION,),
    latents=LATENTS,
    generator=SeededGenerator,
    critic=Critic,
    config=TrainConfig(steps=2000, ema=0.998, weights=WEIGHTS),
    tiny=TrainConfig(steps=4, batch=4, images=64, weights=WEIGHTS, precision="fp32"),
)

MOMENTS = {
    "invariances": (VolumeFraction(), TwoPointCorrelation(correlations.BINS)),
    "settle": settle,
    "follow": follow,
    "refine": refine,
    "compare": compare,
    "bars": {},
    "rivals": RIVALS,
    "best_of": TRIES,
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
    summary="Learnt from the two moments alone, without data or critic: the loss sits on the delivered field, after "
    "the physics.",
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
    summary="The paper's form: noise and request into a plain network, the radial second moment as the loss. It makes "
    "stripes.",
    generator=PlainGenerator,
    config=replace(WITHOUT_DATA, precision="auto"),
    overrides=MOMENTS | {"refine": None},
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


DIALS = tuple(
    Quantity(
        f"z{k}", f"Latent direction {k}", f"z{k}", "", -3.0, 3.0, 0.0, "A component of z: what it does was not chosen."
    )
    for k in (1, 2)
)


def plain(
    name: str, title: str, summary: str, conditional: bool = True, sees: int = 0, turns: int = 0, **changes: Any
) -> Preset:
    """A preset of the plain generator, cut at one half: `sees` channels beside the image for its critic, `turns` of the
    projection step; without conditions nothing can be asked for, sample by sample."""
    config = replace(ADVERSARIAL, **changes, turns={**ADVERSARIAL.turns, "projection": turns})
    free: dict[str, Any] = {"project": half, "projection": "", "bars": {}, "rivals": ()}
    asked: dict[str, Any] = {"rivals": RIVALS[:1], "compare": compare}
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
        overrides=free | asked if conditional else free,
    )


ADVERSARIAL_PRESETS = (
    plain(
        "invnet",
        "InvNet, as in the paper",
        "The plain generator with the projection step of Algorithm 1.",
        turns=3,
        shared_projection_optimiser=False,
    ),
    plain(
        "wgan_gp", "WGAN-GP", "The paper's baseline without invariances: nothing can be asked for.", conditional=False
    ),
    plain(
        "stinis",
        "Critic on (x, L_I)",
        "The critic sees how far p1 and S2 are missed (Stinis et al. 2019).",
        sees=1,
        critic_sees="residual",
    ),
)

PROBLEM = Problem(
    name="two_phase",
    title="Two-phase microstructures",
    summary="Drag a volume fraction: a microstructure with exactly that fraction follows, its two-point correlation "
    "beside it.",
    citation=CITATION,
    field=Field(kind="binary", shape=(128, 128), labels=("phase 0", "phase 1"), sizes=(64, 128, 192, 256, 384, 512)),
    presets=(CORRELATION_PRESET, FRACTION_PRESET, DATA_FREE_PRESET, PLAIN_PRESET, *ADVERSARIAL_PRESETS),
    invariances=(VolumeFraction(), TwoPointCorrelation(correlations.BINS), CharacteristicLength()),
    source=SOURCE,
    project=project,
    descriptors=(
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
            help="Probability that a segment of length r lies wholly in phase 1.",
        ),
        Descriptor(
            "chord_lengths",
            "Chord lengths",
            "",
            two_phase.chord_lengths,
            lambda shape: np.arange(1.0, 65.0),
            help="Distribution of the lengths of runs of phase 1 along x and y.",
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
            help="Components of phase 1 minus holes in it.",
        ),
        Descriptor("mean_chord", "Mean chord", "px", two_phase.mean_chord, help="Mean length of the runs of phase 1."),
        Descriptor(
            "length",
            "Characteristic length",
            "px",
            two_phase.characteristic_length,
            help="First zero of the autocovariance.",
        ),
    ),
    bars=BARS,
    rivals=RIVALS[:1],
    oracle=oracle,
    read=read,
)
