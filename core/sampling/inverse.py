"""Answers to the stochastic inverse problem: levels from a target, points from the conditional generator, a prior of
the user's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from core.models.inverse import LATENT
from core.projection.levels import onto_level
from core.sampling.model import Model
from core.simulation.rosenbrock import HIGH, LARGEST, LOW, Prior, Target, inside, pushforward, rosenbrock
from core.types import Array

CANDIDATES = 8
"""Points that the network offers for every level, of which one is kept."""
SCARCE = 0.25
"""Effective share of the candidates below which there is a warning."""


@dataclass(frozen=True)
class Answer:
    """What was made for a target and a prior: levels (n,), the network's own points and the delivered ones (n, 2)."""

    levels: Array
    raw: Array
    points: Array
    effective: float
    """Effective share of the candidates after weighting (Kish): 1 where all count alike."""
    outside: float
    """Share of the levels without any candidate that the prior allows; the first candidate stands for them."""


def candidates(model: Model, levels: Array, seed: int, rows: Array | None = None, count: int = CANDIDATES) -> Array:
    """The network's points at levels (n,), or at some rows of them, float64 (rows, count, 2); those of level i depend
    on (seed, i, level) alone."""
    rows = np.arange(len(levels)) if rows is None else rows
    z = np.random.default_rng((seed, 5)).standard_normal((len(levels), CANDIDATES, LATENT), dtype=np.float32)[
        rows, :count
    ]
    with torch.inference_mode():
        made = model.generator.points(
            torch.from_numpy(z).flatten(0, 1), torch.from_numpy(np.repeat(levels[rows], count)).float()
        )
    return made.double().numpy().reshape(len(rows), count, 2)


def solve(model: Model, target: Target, prior: Prior, n: int = 1024, seed: int = 0, exact: bool = True) -> Answer:
    """n points of P_X. The network was trained with the uniform prior on the box; for another one, and to keep to the
    box, each level's candidates are weighted by the ratio of the two priors and one of them is drawn (importance
    resampling, Rubin 1988). Under the uniform prior itself a first candidate in the box is as good as any, and the
    others are not made.

    `exact` moves every candidate onto its level first: M(x) = y to rounding. `raw` is what the network alone gives.
    """
    levels = target.draw(n, seed)
    onto = (
        (lambda x, y: onto_level(x.reshape(-1, 2), y.repeat(x.shape[1])).reshape(x.shape)) if exact else lambda x, y: x
    )
    raw = candidates(model, levels, seed, count=1)
    points = onto(raw, levels)[:, 0]
    open_ = np.flatnonzero(~(inside(points) & np.isinf(prior.sd)))
    moved = onto(candidates(model, levels, seed, open_), levels[open_])
    weight = prior.density(moved) * np.prod(HIGH - LOW)
    bad = weight.sum(1) <= 0
    weight[bad, 0] = 1.0
    shares = weight.cumsum(1) / weight.sum(1, keepdims=True)
    u = np.random.default_rng((seed, 6)).random(n)[open_]
    chosen = (u[:, None] > shares).sum(1).clip(max=CANDIDATES - 1)
    points[open_] = moved[np.arange(len(open_)), chosen]
    kish = np.ones(n)
    kish[open_] = np.where(bad, 0.0, weight.sum(1) ** 2 / (weight**2).sum(1) / CANDIDATES)
    return Answer(levels, raw[:, 0], points, float(kish.mean()), float(bad.sum() / n))


def warnings(model: Model, target: Target, prior: Prior, answer: Answer) -> tuple[str, ...]:
    """What to know before trusting an answer, in sentences: levels outside the trained range, levels that no point of
    the box has, levels that the prior does not reach, few candidates that count."""
    low, high = model.conditions[0].trained or (0.0, LARGEST)
    beyond = 1 - float(target.cdf(np.array(high)) - target.cdf(np.array(low)))
    nowhere = 1 - float(target.cdf(np.array(LARGEST)))
    sentences = []
    if beyond > 1e-3:
        off = float(np.abs(rosenbrock(answer.raw) - answer.levels).mean()) / target.spread
        sentences.append(
            f"Out of range: {100 * beyond:.0f} % of the target lies outside the levels seen in training ({low:g} to "
            f"{high:g}). The raw network misses its levels by {off:.2g} sd on average."
        )
    if nowhere > 1e-3:
        sentences.append(
            f"No answer: {100 * nowhere:.0f} % of the target lies above {LARGEST:g}, the largest M in the prior's box. "
            "Exact points can then only lie outside the prior."
        )
    if nowhere <= 1e-3 and answer.outside > 0.01:
        sentences.append(
            f"For {100 * answer.outside:.0f} % of the levels no candidate lies where the prior is positive."
        )
    reached = pushforward(prior)(target.quantile(np.linspace(0.005, 0.995, 64)))
    if nowhere <= 1e-3 and answer.effective < SCARCE and reached.max() > 0:
        share = f"{100 * answer.effective:.0f} %"
        sentences.append(f"Only {share} of the candidates count under this prior: it is far from the trained one.")
    return tuple(sentences)
