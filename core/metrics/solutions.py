"""Generated solutions against exact ones: relative errors over groups of cases, beside rivals and trivial predictors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from core import sampling
from core.types import Array, Problem

Conditions = Mapping[str, Array]


def relative(found: Array, exact: Array) -> float:
    """||found - exact|| / ||exact|| in L2 over all cells of all levels but the first (the initial condition)."""
    return float(np.linalg.norm((found - exact)[..., 1:]) / np.linalg.norm(exact[..., 1:]))


def one(problem: Problem, make: Callable[..., Array], conditions: Conditions) -> Array:
    """A rival's or the oracle's field (H, W) for one case."""
    return make({k: np.asarray(v)[None] for k, v in conditions.items()}, 1, 0, problem.field.shape)[0]


def errors(model: sampling.Model, cases: Sequence[Conditions], rivals: bool = True) -> pd.DataFrame:
    """Relative error of every case (rows) for the raw generator, the projected one and every rival (columns)."""
    problem, rows = model.problem, []
    assert problem.oracle is not None
    for case in cases:
        exact = one(problem, problem.oracle, case)
        row = {"raw": relative(model.sample(case, project=False).array[0], exact)}
        row["polished"] = relative(model.sample(case, project=True).array[0], exact)
        if rivals:
            row |= {r.name: relative(one(problem, r.make, case), exact) for r in problem.rivals}
        rows.append(row)
    return pd.DataFrame(rows)


def quality(model: sampling.Model, n: int = 200) -> pd.DataFrame:
    """Mean, 95th percentile and maximum of the relative error over every group of the problem's cases; columns as `errors`."""
    out: dict[str, pd.Series] = {}
    for group, make in model.problem.cases.items():
        cases = [c for c in make(n) if set(c) <= {q.name for q in model.conditions}]
        if not cases:
            continue
        found = errors(model, cases)
        out |= {f"{group}, mean": found.mean(), f"{group}, p95": found.quantile(0.95), f"{group}, max": found.max()}
    table = pd.DataFrame(out).T
    bars = model.problem.bars
    table.insert(0, "bar", [f"{bars[r][0]} {bars[r][1]:g}" if r in bars else "" for r in table.index])
    return table
