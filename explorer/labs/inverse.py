"""The lab of the inverse problem: from a target and a prior to points, push-forward, exact solution and their
distances."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from core.metrics import inverse as judge
from core.sampling import Model
from core.sampling.inverse import Answer, solve, warnings
from core.simulation.rosenbrock import HIGH, LARGEST, LOW, Prior, Target, oracle, pushforward, rosenbrock
from core.types import Array, Quantity
from explorer.labs.lab import Choice, Dial, Lab
from explorer.live.models import MODELS
from explorer.live.protocol import encode

POINTS, BOOTS, BINS = 1000, 16, 48
"""Points of a solution, bootstrap samples of a standard error, bins of a histogram."""
SPAN = 4000.0
"""Largest level on the map of targets."""
QUANTITIES = (
    Quantity(
        "mean",
        "Target mean",
        "μ",
        "",
        5.0,
        3900.0,
        350.0,
        "Mean of the normal distribution that P_Y is cut from.",
        step=5.0,
    ),
    Quantity("sd", "Target width", "σ", "", 5.0, 400.0, 50.0, "Its standard deviation.", step=5.0),
    Quantity("below", "Lower bound, σ below μ", "", "σ", 0.1, 4.0, 3.0, "P_Y is cut here, and at 0.", step=0.1),
    Quantity("above", "Upper bound, σ above μ", "", "σ", 0.1, 4.0, 3.0, "P_Y is cut here.", step=0.1),
    Quantity("x1", "Prior centre x₁", "", "", -2.0, 2.0, 0.5, "Where the normal prior is centred.", step=0.05),
    Quantity("x2", "Prior centre x₂", "", "", -1.0, 3.0, 1.0, "Where the normal prior is centred.", step=0.05),
    Quantity(
        "width", "Prior width", "", "", 0.4, 3.0, 1.0, "Standard deviation of the normal prior, either way.", step=0.05
    ),
)
CHOICES = (
    Choice(
        "prior",
        "Prior",
        (
            ("uniform", "Uniform", "Even on the box, as in training."),
            ("normal", "Normal", "Cut to the box; reached by importance resampling of the network's candidates."),
        ),
    ),
    Choice(
        "delivered",
        "Delivered",
        (
            (
                "exact",
                "Exact",
                "Points moved along grad M onto their levels (Newton), one of 8 candidates drawn by the prior.",
            ),
            (
                "raw",
                "Before correction",
                "The network's output without any correction; it was trained on the uniform prior alone.",
            ),
        ),
    ),
    Choice(
        "network",
        "Trained as",
        (
            (
                "invnet",
                "InvNet",
                "Six branches, one for every arc of a level, and a projection step on M(x) = y (Algorithm 1).",
            ),
            ("cgan", "cGAN", "As on the slides: one continuous generator and the critic alone; it bridges the arcs."),
        ),
    ),
)
LABELS = {
    "raw": "before correction",
    "all": "delivered",
    "nearest": "nearest of 65 536 draws",
    "data": "exact, a second sample",
}


def models() -> dict[str, Model]:
    """The networks by their option; `FileNotFoundError` or `ValueError` says what to do without one."""
    return {word: MODELS.get(f"inverse/{word}") for word, _, _ in CHOICES[-1].options}


def target_and_prior(dial: Mapping[str, Any]) -> tuple[Target, Prior]:
    """The target and the prior of a dial."""
    mean, sd = float(dial["mean"]), float(dial["sd"])
    target = Target(mean, sd, max(0.0, mean - float(dial["below"]) * sd), mean + float(dial["above"]) * sd)
    if dial["prior"] == "uniform":
        return target, Prior()
    return target, Prior((float(dial["x1"]), float(dial["x2"])), float(dial["width"]))


def rows(answer: Answer, delivered: Array, target: Target, prior: Prior) -> tuple[list[dict[str, Any]], Array]:
    """The table (name, and distances in % with standard errors) and the oracle's points."""
    draws = oracle(target, prior)
    exact, again = draws[0::2][:POINTS], draws[1::2][:POINTS]
    columns = {"raw": answer.raw, "all": delivered, "nearest": judge.nearest(answer.levels, prior), "data": again}
    table = []
    for name, points in columns.items():
        numbers = judge.from_target(rosenbrock(points), answer.levels, target, BOOTS) if name != "data" else {}
        if min(len(points), len(exact)) > 1:
            numbers |= judge.marginals(points, exact, BOOTS)
        table.append({"name": LABELS[name], **{k: [100 * v, 100 * e] for k, (v, e) in numbers.items()}})
    return table, exact


def histogram(values: Array, low: float, high: float) -> Array:
    """Density of values in `BINS` bins of low..high; of all values, also those beyond."""
    counts, _ = np.histogram(values, BINS, (low, high))
    return counts / max(len(values), 1) * BINS / (high - low)


def frame(dial: Dial, number: int = 0, extra: Mapping[str, Any] | None = None) -> bytes:
    """One frame: points, the exact solution, histograms, the map of targets, the table and warnings."""
    start = time.perf_counter()
    target, prior = target_and_prior(dial)
    model = MODELS.get(f"inverse/{dial['network']}")
    answer = solve(model, target, prior, POINTS, exact=dial["delivered"] == "exact")
    delivered = answer.points if dial["delivered"] == "exact" else answer.raw
    table, exact = rows(answer, delivered, target, prior)
    pushed = rosenbrock(delivered)
    low, high = view(target, pushed)
    at = np.linspace(low, high, 241)
    over = np.linspace(0, SPAN, 401)
    arrays = {
        "points": delivered,
        "exact": exact,
        "y": at,
        "target": target.density(at),
        "pushed": histogram(pushed, low, high),
        "raw": histogram(rosenbrock(answer.raw), low, high),
        "reach": pushforward(prior)(over),
        "wish": target.density(over),
    }
    for k in (0, 1):
        for name, of in (("points", delivered), ("exact", exact)):
            arrays[f"{name}.x{k + 1}"] = histogram(of[:, k], *(edges(k)))
    header = {
        "id": number,
        "dial": dial,
        "table": table,
        "view": [low, high],
        "bounds": [target.low, target.high],
        "flags": warnings(model, target, prior, answer),
        "ms": 1e3 * (time.perf_counter() - start),
    }
    return encode({**header, **(extra or {})}, arrays)


def edges(k: int) -> tuple[float, float]:
    """The displayed range of a parameter: the box and a margin, for points outside it."""
    margin = 0.125 * (HIGH[k] - LOW[k])
    return float(LOW[k] - margin), float(HIGH[k] + margin)


def view(target: Target, pushed: Array) -> tuple[float, float]:
    """The range of the histogram: the target's bounds, extended to most of the push-forward."""
    ends = np.quantile(pushed, [0.02, 0.98])
    low, high = min(target.low, ends[0]), max(target.high, ends[1])
    margin = 0.08 * (high - low)
    return max(0.0, float(low - margin)), float(high + margin)


def panel(dial: Dial, route: str) -> dict[str, Any]:
    """The description of the controls and of the fixed parts of the plots."""
    fixed = {"box": [LOW, HIGH], "edges": [edges(0), edges(1)], "span": SPAN, "largest": LARGEST}
    return {**LAB.panel(dial, route), **fixed, "trained": models()["invnet"].conditions[0].trained}


LAB = Lab("inverse", "Inverse problem", QUANTITIES, CHOICES, frame)
