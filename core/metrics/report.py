"""Measured quality of a checkpoint: table, thresholds, speed; printed by `python -m core.metrics NAME`."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch

from core import sampling
from core.metrics import ensembles, solutions
from core.metrics.rows import displayed
from core.types import Problem, Threshold


def quality(
    model: sampling.Model, n: int = 256, size: int | None = None, ablation: bool = True, seed: int = 0
) -> pd.DataFrame:
    """The problem's table of measured quality: ensembles against simulations, or solutions against exact ones."""
    if model.problem.evaluation.table is not None:
        return model.problem.evaluation.table(model, n, size, ablation, seed)
    if model.field.kind == "continuous":
        return solutions.quality(model, n)
    return ensembles.quality(model, n, size, ablation, seed)


COLUMNS = ("all", "raw")
"""Columns that thresholds apply to: the whole generator, or the network of a solver before correction."""


def measured_column(table: pd.DataFrame) -> str:
    """Name of the column that the thresholds apply to."""
    return next(c for c in COLUMNS if c in table.columns)


def verdicts(problem: Problem, table: pd.DataFrame, column: str | None = None) -> dict[Threshold, bool]:
    """Whether a column of the quality table (default: `measured_column`) meets each threshold of the problem.

    Thresholds on rows that the table of this preset does not have are omitted."""
    usual = column or measured_column(table)
    available = [t for t in problem.evaluation.thresholds if t.row in table.index]
    return {t: t.met(float(table.loc[t.row, t.column or usual])) for t in available}


def verdict_lines(problem: Problem, table: pd.DataFrame) -> list[str]:
    """One line for each threshold: whether it is met, the threshold and the measured value."""
    usual, lines = measured_column(table), []
    for t, met in verdicts(problem, table).items():
        row, value = table.loc[t.row, "label"], table.loc[t.row, t.column or usual]
        name = f"{t.column}: {row}" if t.column else row
        lines.append(f"{'met    ' if met else 'not met'}  {name} {t.text}: {value:.4g}")
    return lines


def milliseconds(call: Callable[[int], object], repeats: int = 21, warmups: int = 3) -> float:
    """Median wall time of `call(i)` in ms."""
    for i in range(warmups):
        call(i)
    seconds = []
    for i in range(repeats):
        start = time.perf_counter()
        call(warmups + i)
        seconds.append(time.perf_counter() - start)
    return 1e3 * float(np.median(seconds))


def speed(model: sampling.Model, size: int | None = None, runs: int = 8) -> dict[str, float]:
    """Milliseconds per sample at the default conditions.

    Returns:
        Label -> ms of the model (of continuous fields also without projection), of the simulation (one at a time, and
        in a batch of 32) with the ratio of both, and of every baseline.
    """
    shape = model.shape(size)
    values = {
        q.name: np.broadcast_to(q.default, (32, *np.shape(q.default))) for q in model.conditions if not q.optional
    }
    first = {k: v[:1] for k, v in values.items()}
    ours = milliseconds(lambda i: model.sample(n=1, seed=i, size=size))
    out = {"ms per sample": ours}
    if model.field.kind == "continuous":
        out["ms per sample, not projected"] = milliseconds(
            lambda i: model.sample(n=1, seed=i, size=size, project=False)
        )
    if model.problem.truth.simulate is not None:
        oracle = model.problem.truth.simulate
        single = milliseconds(lambda i: oracle(first, 1, i, shape), runs, 1)
        out |= {"simulation, ms": single, "simulation / sample": single / ours}
        out["simulation in batches of 32, ms"] = milliseconds(lambda i: oracle(values, 32, 32 * i, shape), 1, 0) / 32
    for baseline in (r for r in model.problem.evaluation.baselines if r.role != "single"):
        out[f"{baseline.label}, ms"] = milliseconds(lambda i, make=baseline.make: make(first, 1, i, shape), runs, 1)  # type: ignore[misc]
    return out


def text(table: pd.DataFrame) -> str:
    """The table for a terminal: three significant digits, blank where nothing was measured."""
    return displayed(table).map(lambda v: v if isinstance(v, str) else "" if math.isnan(v) else f"{v:.3g}").to_string()


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: prints quality, ablation, baselines and speed."""
    parser = argparse.ArgumentParser(prog="python -m core.metrics", description="Measured quality of a checkpoint.")
    parser.add_argument("name", help="problem, problem/preset or a path to a checkpoint")
    parser.add_argument("--n", type=int, default=256, help="samples on each side")
    parser.add_argument("--size", type=int, default=None, help="pixels per side (default: the problem's)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        model = sampling.load(options.name)
    except (ValueError, FileNotFoundError) as error:
        raise SystemExit(str(error)) from None
    table = quality(model, options.n, options.size, seed=options.seed)
    print(f"{model.name} {model.digest[:12]}: n = {options.n}, held-out seeds, same conditions\n{text(table)}\n")
    print("\n".join(verdict_lines(model.problem, table)), "\n")
    for group in model.problem.truth.published:
        print(f"{group}, relative L2 error of every case\n{text(solutions.cell_by_cell(model, group))}\n")
        print("\n".join([*solutions.baselines_elsewhere(model.problem), ""]))
    for name, value in speed(model, options.size).items():
        print(f"{name}: {value:.2f}")
