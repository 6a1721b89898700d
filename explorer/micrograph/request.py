"""From a micrograph, or a correlation, to a request, and how the generated structures compare. No Streamlit here.

Lengths of the target are in pixels of the micrograph (or in the unit of the curve's file); one pixel of a structure is
`step` of them, so that a length outside the trained range is requested at another magnification.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from core.descriptors import two_phase, windows
from core.descriptors.windows import Statistics
from core.readers import curves
from core.readers.curves import Curve
from core.sampling import Model
from core.simulation import correlations
from core.types import Array, Sample
from explorer.live import models
from explorer.live.dial import Dial

MODEL = "two_phase/correlation"
SHOWN, WINDOW = 8, 128
"""Number of displayed structures, and their side in pixels."""
STEPS = 50.0
"""Largest ratio of the step to the distances of a target, and of these to the step."""
DECAYED = 0.05
"""Share of p1 (1 - p1) to which S2 - p1^2 has fallen at the distance that is compared with the trained lengths."""


@dataclass(frozen=True)
class Target:
    """The target: p1 and S2 (m,) at distances (m,); for a micrograph also its statistics and phases (H, W)."""

    name: str
    p: float
    at: Array
    s2: Array
    statistics: Statistics | None = None
    phase: Array | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    """Structures generated for a target, with the seconds per structure."""

    target: Target
    step: float
    dial: Dial
    sample: Sample
    seconds: float


def measured(name: str, phase: Array, settings: Mapping[str, Any]) -> Target:
    """The target of a window (H, W) of phases; `ValueError` if it cannot be measured."""
    statistics = windows.statistics(phase)
    return Target(name, statistics.p, statistics.at, statistics.s2, statistics, phase, settings)


def of_curve(name: str, curve: Curve, p: float, settings: Mapping[str, Any]) -> Target:
    """The target of a curve from a file at volume fraction p, which is S2(0)."""
    at, s2 = curve.distance, curve.s2(p)
    at, s2 = (np.insert(at, 0, 0.0), np.insert(s2, 0, p)) if at[0] > 0 else (at, np.where(at == 0, p, s2))
    return Target(name, p, at, s2, settings=settings)


def scale_bounds(target: Target, best: float) -> tuple[float, float]:
    """Least and largest step: 1 / `STEPS` and `STEPS` of the target's distances, and of the suggested step."""
    spacing = float(np.median(np.diff(target.at)))
    return min(spacing, best) / STEPS, max(spacing, best) * STEPS


def suggested(target: Target, model: Model) -> float:
    """1 if the correlation decays within the lengths seen in training, else the step that brings it to their middle."""
    length = next(q for q in model.conditions if q.name == "length")
    low, high = length.trained or (length.low, length.high)
    decayed = windows.first_zero(target.at, target.s2, target.p, DECAYED)
    return 1.0 if low <= decayed <= high else float(f"{decayed / math.sqrt(low * high):.3g}")


def request(target: Target, step: float) -> dict[str, Any]:
    """The conditions that request p1 and S2 of the target at this step; float32 values, as in the dial."""
    p = float(np.float32(target.p))
    curve = curves.resampled(target.at, target.s2, target.p, step)
    return {"volume_fraction": p, "correlation": (p, *(float(np.float32(v)) for v in curve[1:].clip(0, 1)))}


def make(model: Model, target: Target, step: float, seed: int = 0, n: int = SHOWN) -> Made:
    """Generates n structures at the target's request; `ValueError` if the model refuses it."""
    dial = Dial(request(target, step), seed=seed, size=WINDOW)
    models.sample_dial(model, dial)
    start = time.perf_counter()
    sample = models.sample_dial(model, dial, n)
    return Made(target, step, dial, sample, (time.perf_counter() - start) / n)


def correlation_errors(made: Made) -> Array:
    """Mean |S2 - S2 requested| over the distances, of each structure (n,)."""
    return np.abs(made.sample.measured["correlation"] - made.sample.requested["correlation"]).mean(1)


def comparison(made: Made) -> list[tuple[str, str, Array, float | None]]:
    """(quantity, unit, values of the structures (n,), value of the micrograph or None), in pixels of the micrograph."""
    arrays, step, known = torch.from_numpy(made.sample.array), made.step, made.target.statistics
    length = known.length if known else windows.first_zero(made.target.at, made.target.s2, made.target.p)
    fraction = two_phase.volume_fraction(arrays).numpy()
    rows: list[tuple[str, str, Array, float | None]] = [("Volume fraction p1", "", fraction, made.target.p)]
    rows.append(("First zero of S2 − p1²", "px", two_phase.characteristic_length(arrays).numpy() * step, length))
    if known:
        surface, euler = (
            two_phase.specific_surface(arrays).numpy() / step,
            two_phase.euler_number(arrays).numpy() / step**2,
        )
        rows += [
            ("Specific surface", "1/px", surface, known.surface),
            ("Euler number", "per 10⁴ px", euler, known.euler),
        ]
        rows.append(("Lineal path, mean |difference|", "", lineal_gap(made, known), None))
    return rows


def lineal_gap(made: Made, known: Statistics) -> Array:
    """Mean |L(r) - L(r) of the micrograph| of each structure (n,), over the distances that both have."""
    at = np.arange(correlations.BINS) * made.step
    at = at[at <= len(known.lineal_path) - 1]
    theirs = np.interp(at, np.arange(len(known.lineal_path)), known.lineal_path)
    ours = two_phase.lineal_path(torch.from_numpy(made.sample.array), longest=correlations.BINS - 1).numpy()
    return np.abs(ours[:, : len(at)] - theirs).mean(1)


def window(phase: Array, step: float) -> Array:
    """The centre of the micrograph at the scale of the structures: at most `WINDOW` of their pixels per side, each
    the phase at its centre."""
    rows, columns = (np.arange(min(WINDOW, int(n / step))) for n in phase.shape)
    start = [(n - len(i) * step) / 2 for n, i in zip(phase.shape, (rows, columns), strict=True)]
    at = [
        np.minimum((s + (i + 0.5) * step).astype(int), n - 1)
        for s, i, n in zip(start, (rows, columns), phase.shape, strict=True)
    ]
    return np.ascontiguousarray(phase[np.ix_(*at)])
