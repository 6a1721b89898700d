"""Generated solutions against exact ones: relative errors over groups of cases, compared with baselines."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from core import sampling
from core.metrics.rows import slug, tabulated
from core.types import Array, Problem, Row

Conditions = Mapping[str, Array]


def relative(field: Array, exact: Array, order: int = 2) -> float:
    """||field - exact|| / ||exact|| in L2 (or L1) over all cells and levels but the first (the initial condition)."""

    def norm(a: Array) -> Any:
        return np.linalg.norm(a[..., 1:].astype(np.float64).ravel(), order)

    return float(norm(field - exact) / norm(exact))


def overshoot(field: Array) -> float:
    """Distance by which a field (cells, levels) leaves the range of its initial condition, in % of that range.

    It is 0 for an exact solution."""
    low, high = field[:, 0].min(), field[:, 0].max()
    return float(100 * max(field.max() - high, low - field.min(), 0.0) / max(high - low, 1e-12))


def drift(field: Array) -> float:
    """Largest change of the mean of a field (cells, levels) over time."""
    mass = field.astype(np.float64).mean(0)
    return float(np.abs(mass - mass[0]).max())


def one(problem: Problem, make: Callable[..., Array], conditions: Conditions) -> Array:
    """The field (H, W) of a baseline or of the exact solution for one case."""
    return make({k: np.asarray(v)[None] for k, v in conditions.items()}, 1, 0, problem.field.shape)[0]


def fields(model: sampling.Model, case: Conditions) -> dict[str, Array]:
    """Fields (H, W) of one case: exact, of the generator before and after projection, and of every baseline."""
    problem = model.problem
    assert problem.truth.simulate is not None
    out = {"exact": one(problem, problem.truth.simulate, case)}
    out |= {name: model.sample(case, project=name == "polished").array[0] for name in ("raw", "polished")}
    return out | {r.name: one(problem, r.make, case) for r in problem.evaluation.baselines if r.role != "exact"}


MEASURES = {"l2": "", "l1": "L1 ", "overshoot": "overshoot %, ", "drift": "mass drift, "}
"""Measure -> text before `max` in the label of its row."""


def errors(model: sampling.Model, cases: Sequence[Conditions]) -> dict[str, pd.DataFrame]:
    """Measure -> table (cases x methods): relative L2 and L1 error, overshoot in %, drift of the mass."""
    rows: dict[str, list[dict[str, float]]] = {measure: [] for measure in MEASURES}
    for case in cases:
        solved = fields(model, case)
        exact = solved.pop("exact")
        for measure, order in (("l2", 2), ("l1", 1)):
            rows[measure].append({k: relative(f, exact, order) for k, f in solved.items()})
        rows["overshoot"].append({k: overshoot(f) for k, f in solved.items()})
        rows["drift"].append({k: drift(f) for k, f in solved.items()})
    return {measure: pd.DataFrame(values) for measure, values in rows.items()}


def summary(problem: Problem, group: str, measures: Mapping[str, pd.DataFrame]) -> dict[Row, pd.Series]:
    """The rows of one group of cases: row -> value of every method.

    `best_ratio` is the mean error divided by the least mean error of the baselines with role `yardstick`."""
    l2, name = measures["l2"], slug(group)
    out = {
        Row(f"{name}.l2_mean", f"{group}, mean"): l2.mean(),
        Row(f"{name}.l2_p95", f"{group}, p95"): l2.quantile(0.95),
    }
    yardsticks = [r.name for r in problem.evaluation.baselines if r.role == "yardstick"]
    if yardsticks:
        ratio = l2.mean() / l2[yardsticks].mean().min()
        out[Row(f"{name}.best_ratio", f"{group}, L2 / best finite volumes")] = ratio
    largest = {Row(f"{name}.{m}_max", f"{group}, {MEASURES[m]}max"): table.max() for m, table in measures.items()}
    return out | largest


def quality(model: sampling.Model, n: int = 200) -> pd.DataFrame:
    """The table of quality over at most n cases of every group.

    Returns:
        Rows: mean, 95th percentile and maximum of the relative L2 error, maxima of the other measures. Columns: label,
        bar, the generator before (`raw`) and after projection (`polished`), the baselines.
    """
    out: dict[Row, pd.Series] = {}
    names = {q.name for q in model.conditions}
    for group, make in model.problem.truth.test_cases.items():
        cases = [c for c in make(n) if set(c) <= names]
        if cases:
            out |= summary(model.problem, group, errors(model, cases))
    methods = dict.fromkeys(method for values in out.values() for method in values.index)
    columns = {m: {row: float(values[m]) for row, values in out.items()} for m in methods}
    return tabulated(columns, model.problem.evaluation.thresholds)


def case_name(case: Mapping[str, object]) -> str:
    """A case as text: `frequency 2, viscosity 0.002`."""
    return ", ".join(f"{k} {v:g}" for k, v in case.items())


def measured_baselines(problem: Problem) -> dict[str, dict[str, dict[str, float]]]:
    """Results of `python -m core.metrics.baselines`: method -> case -> error and seconds; empty without its file."""
    path = sampling.CHECKPOINTS / problem.name / "baselines.json"
    results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {k: v for k, v in results.items() if k not in ("settings", "versions")}


def baselines(problem: Problem, group: str) -> dict[str, list[float]]:
    """Errors of the published baselines that were trained here, for every case of the group: label -> errors."""
    names = [case_name(case) for case in problem.truth.test_cases[group](1000)]
    complete = {k: v for k, v in measured_baselines(problem).items() if all(n in v for n in names)}
    return {f"{method}, here": [float(errors[n]["error"]) for n in names] for method, errors in complete.items()}


def baselines_elsewhere(problem: Problem) -> list[str]:
    """Sentences about baselines trained here on cases outside the groups of the problem."""
    ours = {
        case_name(case)
        for make in problem.truth.test_cases.values()
        for case in make(100)
        if all(np.ndim(v) == 0 for v in case.values())
    }
    others = [(m, n, v) for m, cases in measured_baselines(problem).items() for n, v in cases.items() if n not in ours]
    return [
        f"{method}, {name}: relative L2 error {v['error']:.2g} after {v['seconds']:.0f} s of training"
        for method, name, v in others
    ]


def cell_by_cell(model: sampling.Model, group: str) -> pd.DataFrame:
    """Relative L2 error of every case of a group with published errors, and the mean over the cases.

    Returns:
        Columns: generator before and after projection, baselines trained here, published errors, other baselines.
    """
    problem = model.problem
    others = baselines(problem, group) | dict(problem.truth.published[group])
    cases = problem.truth.test_cases[group](1000)
    ours = errors(model, cases)["l2"]
    table = pd.concat([ours[["raw", "polished"]], pd.DataFrame(others), ours.drop(columns=["raw", "polished"])], axis=1)
    table.index = pd.Index([case_name(case) for case in cases])
    table.loc["mean"] = table.mean()
    return table
