"""Generated ensembles against simulated ones: descriptors, errors of the conditions, spread, and the ablation table.

All comparisons are at the same conditions: the reference is drawn from held-out seeds, its measured conditions are
requested, and the generated ensemble is compared with it as a whole, in thirds of the condition's range, and by its
spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.linalg
import torch
from torch import Tensor

from core import sampling
from core.metrics import pooled
from core.metrics.rows import tabulated
from core.types import HELD_OUT, Array, Descriptor, Problem, Row

Described = dict[str, Array]
STAGES: dict[str, dict[str, bool]] = {
    "seed": {"network": False, "physics": False},
    "seed + network": {"network": True, "physics": False},
    "seed + physics": {"network": False, "physics": True},
    "all": {},
}
"""Ablation of the generator: column -> stages that are switched on or off."""
FRECHET = Row("frechet", "Fréchet distance of descriptors", ("frechet distance of descriptors",))
AT_FIXED_CONDITIONS = ("worst_third_percent", "worst_third_sd", "worst_third", "spread")
"""Last part of the ids of rows that are not meaningful where the two ensembles have different conditions."""


def describe(problem: Problem, arrays: Array) -> Described:
    """Every descriptor of the problem on arrays (n, H, W): name -> (n,) or (n, m), float64."""
    parts: list[Described] = []
    for chunk in torch.from_numpy(np.ascontiguousarray(arrays)).split(256):
        parts.append({d.name: d.measure(chunk).double().numpy() for d in problem.evaluation.descriptors})
    return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}


def residual_spread(values: Array, at: Array) -> Array:
    """Standard deviation of values (n, ...) about their cubic regression on the condition (n,): the variation at a
    fixed condition."""
    basis = np.vander(at - at.mean(), 4)
    flat = values.reshape(len(values), -1)
    rest = flat - basis @ np.linalg.lstsq(basis, flat, rcond=None)[0]
    return rest.std(0, ddof=4).reshape(values.shape[1:])


def frechet(ours: Described, theirs: Described) -> float:
    """Frechet distance of Gaussians fitted to the standardised descriptors (scalars, and curves at 8 positions)."""
    features = [np.column_stack([_thin(d[name]) for name in sorted(theirs)]) for d in (ours, theirs)]
    mean, scale = features[1].mean(0), features[1].std(0)
    keep = scale > 1e-9
    a, b = ((f[:, keep] - mean[keep]) / scale[keep] for f in features)
    cov_a, cov_b = (np.cov(f.T) + 1e-6 * np.eye(f.shape[1]) for f in (a, b))
    root = scipy.linalg.sqrtm(cov_a @ cov_b)
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(cov_a + cov_b - 2 * np.real(root)))


def _thin(values: Array) -> Array:
    """A scalar (n,) as a column, a curve (n, m) at 8 positions spaced like squares (dense where curves bend)."""
    if values.ndim == 1:
        return values[:, None]
    return values[:, np.unique((np.linspace(0.2, 1, 8) ** 2 * min(values.shape[1] - 1, 32)).astype(int))]


@dataclass(frozen=True)
class EnsemblePair:
    """Descriptors of two ensembles at the same conditions `at` (n,), generated (`ours`) and reference (`theirs`)."""

    ours: Described
    theirs: Described
    at: Array

    def thirds(self) -> list[Array]:
        """Boolean masks of the lower, middle and upper third of the range of the condition."""
        low, high = self.at.min(), self.at.max()
        edges = low + (high - low) * np.array([1 / 3, 2 / 3])
        place = np.digitize(self.at, edges)
        return [place == k for k in range(3)]


def scalar_rows(descriptor: Descriptor, pair: EnsemblePair) -> dict[Row, float]:
    """Deviation of the mean in %, of the worst third in % and in sd of the data, and spread relative to the data."""
    a, b = pair.ours[descriptor.name], pair.theirs[descriptor.name]
    name, label = descriptor.name, descriptor.label.lower()
    thirds = [t for t in pair.thirds() if t.sum() > 3]
    in_sd = max(abs(a[t].mean() - b[t].mean()) / max(b[t].std(ddof=1), 1e-12) for t in thirds)
    rows: dict[Row, float] = {}
    if b.min() > 0:
        rows[Row(f"{name}.deviation", f"{label}, |deviation| (%)")] = 100 * abs(a.mean() / b.mean() - 1)
        worst = 100 * max(abs(a[t].mean() / b[t].mean() - 1) for t in thirds)
        rows[Row(f"{name}.worst_third_percent", f"{label}, worst third (%)")] = worst
    if b.std() < 1e-6:
        return {**rows, Row(f"{name}.mean_difference", f"{label}, difference of means"): float(a.mean() - b.mean())}
    rows[Row(f"{name}.worst_third_sd", f"{label}, worst third (sd)")] = float(in_sd)
    spread = 100 * float(residual_spread(a, pair.at) / residual_spread(b, pair.at))
    rows[Row(f"{name}.spread", f"{label}, spread (% of the data's)")] = spread
    return rows


def curve_rows(descriptor: Descriptor, pair: EnsemblePair) -> dict[Row, float]:
    """Mean absolute deviation of the ensemble's mean curve (whole, worst third) and spread relative to the data."""
    a, b = pair.ours[descriptor.name], pair.theirs[descriptor.name]
    name, label = descriptor.name, descriptor.label.lower().removesuffix(" s2")
    thirds = [t for t in pair.thirds() if t.sum() > 3]
    varied = residual_spread(b, pair.at) > 1e-6
    ratio = residual_spread(a, pair.at)[varied].mean() / residual_spread(b, pair.at)[varied].mean()
    worst = max(float(np.abs(a[t].mean(0) - b[t].mean(0)).mean()) for t in thirds)
    return {
        Row(f"{name}.mean_deviation", f"{label}, |difference of means|"): float(np.abs(a.mean(0) - b.mean(0)).mean()),
        Row(f"{name}.worst_third", f"{label}, worst third"): worst,
        Row(f"{name}.spread", f"{label}, spread (% of the data's)"): 100 * float(ratio),
    }


def rows(problem: Problem, pair: EnsemblePair) -> dict[Row, float]:
    """All comparison rows of one ensemble with the reference."""
    out: dict[Row, float] = {}
    for descriptor in problem.evaluation.descriptors:
        out |= (curve_rows if descriptor.abscissa else scalar_rows)(descriptor, pair)
    out[FRECHET] = frechet(pair.ours, pair.theirs)
    return out


def exactness(problem: Problem, sample: sampling.Sample, pixels: int) -> dict[Row, float]:
    """Errors of every condition, as delivered and before correction.

    Args:
        problem: the problem.
        sample: samples with requested and measured conditions.
        pixels: pixels of an array; errors of fractions are multiplied by it.

    Returns:
        Largest error as delivered, of fractions in px, of lengths and curves in their own unit; mean and largest error
        before correction in the unit of the condition.
    """
    kinds = {q.name: q for p in problem.presets for q in p.conditions}
    out: dict[Row, float] = {}
    for name, requested in sample.requested.items():
        if name in sample.measured:
            label, has_own_unit = name.replace("_", " "), kinds[name].unit or kinds[name].kind == "curve"
            delivered, raw = (np.abs(m[name].astype(np.float64) - requested) for m in (sample.measured, sample.raw))
            unit = f" ({kinds[name].unit})" if kinds[name].unit else "" if has_own_unit else " (px)"
            worst = float(delivered.max() * (1 if has_own_unit else pixels))
            out[Row(f"{name}.delivered_worst", f"{label}, largest error{unit}")] = worst
            out[Row(f"{name}.raw_mean", f"{label} before correction, mean |error|")] = float(raw.mean())
            out[Row(f"{name}.raw_worst", f"{label} before correction, largest |error|")] = float(raw.max())
    return out


def request(model: sampling.Model, reference: sampling.Sample) -> Described:
    """The measured conditions of the reference as a request: the optional one of two that replace each other."""
    known = [q for q in model.conditions if q.name in reference.measured]
    replaced = {q.replaces for q in known}
    return {q.name: reference.measured[q.name] for q in known if q.name not in replaced}


def columns(model: sampling.Model, ablation: bool) -> dict[str, dict[str, bool]]:
    """Column -> stages that are switched: those of `STAGES` that the generator has, and `refined` where it refines."""
    available = set(model.stages)
    plain = {"refine": False} if "refine" in available else {}
    wanted = STAGES if ablation else {"all": {}}
    selected = {name: {**flags, **plain} for name, flags in wanted.items() if set(flags) <= available}
    return selected | ({"refined": {}} if plain else {})


def quality(
    model: sampling.Model, n: int = 256, size: int | None = None, ablation: bool = True, seed: int = 0
) -> pd.DataFrame:
    """The table of quality against held-out simulations.

    For a model without conditions only whole ensembles are compared: its sample i has another fraction than sample i of
    the reference.

    Args:
        model: a checkpoint.
        n: samples on each side.
        size: pixels per side; the problem's default when None.
        ablation: whether every stage of the generator has a column.
        seed: seed of the samples; the reference is drawn from `HELD_OUT + seed` on.

    Returns:
        Columns label, bar, data (simulations from other seeds), the stages of the generator, the baselines.
    """
    problem, shape = model.problem, model.shape(size)
    if problem.source is None:
        return exactness_alone(model, n, size, ablation, seed)
    reference = sampling.draw(problem, n, HELD_OUT + seed, shape[0])
    theirs, requested = describe(problem, reference.array), request(model, reference)
    at = sampling.position(problem, problem.presets[0].conditions, reference.measured)
    pools = pooled.pools(problem, reference.array)

    def evaluate(arrays: Array) -> dict[Row, float]:
        values = rows(problem, EnsemblePair(describe(problem, arrays), theirs, at)) | pooled.rows(
            problem, arrays, pools
        )
        if not requested:
            values = {row: v for row, v in values.items() if row.id.split(".")[-1] not in AT_FIXED_CONDITIONS}
        extra = problem.evaluation.extra_rows
        return values | dict(extra(arrays, reference, problem.source) if extra and problem.source else {})

    out: dict[str, dict[Row, float]] = {}
    conditions = {k: v for k, v in reference.measured.items() if k in requested}
    if problem.truth.simulate is not None:
        out["data"] = evaluate(problem.truth.simulate(conditions, n, seed + 500_000, shape))
    for name, stages in columns(model, ablation).items():
        sample = model.sample(requested, n, seed, True, None, size, **stages)
        out[name] = exactness(problem, sample, shape[0] * shape[1]) | evaluate(sample.array)
    for baseline in (r for r in problem.evaluation.baselines if r.role != "single"):
        out[baseline.name] = evaluate(baseline.make(conditions, n, seed, shape))
    return tabulated(out, problem.evaluation.thresholds).loc[[row.id for row in out["all"]]]


def exactness_alone(model: sampling.Model, n: int, size: int | None, ablation: bool, seed: int) -> pd.DataFrame:
    """The table of a problem without data: errors of the conditions at n requests over the trained range.

    It is empty for a model without conditions."""
    problem, shape = model.problem, model.shape(size)
    out: dict[str, dict[Row, float]] = {}
    for name, stages in columns(model, ablation).items():
        if not model.conditions:
            out[name] = {}
            continue
        places = np.linspace(*sampling.places(problem, model.conditions), n)
        each = [sampling.representative(problem, model.conditions, float(place), 1) for place in places]
        requests = {key: np.concatenate([one[key] for one in each]) for key in each[0]}
        sample = model.sample(requests, n, seed, True, None, size, **stages)
        out[name] = exactness(problem, sample, shape[0] * shape[1])
    return tabulated(out, problem.evaluation.thresholds).loc[[row.id for row in out["all"]]]


def reference(problem: Problem, knots: Sequence[float], n: int = 64, seed: int = 1_000_000) -> dict[str, Tensor]:
    """Mean and standard deviation of every descriptor over n simulations at each position on the order of requests.

    Args:
        problem: a problem with a simulation.
        knots: K values of the first condition, or positions of `RequestRules.ordering`.
        n: simulations at each of them.
        seed: seed of the first simulation.

    Returns:
        Tensors `at` (K,), `<descriptor>.mean` and `<descriptor>.sd` (K, ...); a checkpoint stores them, so that pages
        show a reference with every sample.
    """
    assert problem.truth.simulate is not None
    first = problem.presets[0].conditions
    requests = [sampling.representative(problem, first, k, n) for k in knots]
    simulations = (
        problem.truth.simulate(requested, n, seed + i * n, problem.field.shape) for i, requested in enumerate(requests)
    )
    described = [describe(problem, arrays) for arrays in simulations]
    out = {"at": torch.tensor(list(knots), dtype=torch.float32)}
    for descriptor in problem.evaluation.descriptors:
        stack = np.stack([[f[descriptor.name].mean(0), f[descriptor.name].std(0, ddof=1)] for f in described])
        out |= {f"{descriptor.name}.{k}": torch.from_numpy(stack[:, i]).float() for i, k in enumerate(("mean", "sd"))}
    return out
