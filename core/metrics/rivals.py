"""Baselines at the same request, one sample at a time: errors, morphology, time, break-even count.

    python -m core.metrics.rivals two_phase/correlation --n 16
    python -m core.metrics.rivals two_phase/correlation --set volume_fraction=0.35 --only annealing --out one.npz

The first command requests the measured conditions of held-out arrays, one sample for each, and compares each sample
with its array. Times are processor times of one thread, one sample at a time, so that other load on the machine does
not count.
"""

from __future__ import annotations

import argparse
import io
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from core import discovery, sampling
from core.fields import as_soft
from core.files import write_atomic
from core.metrics import ensembles
from core.metrics.report import text
from core.sampling.__main__ import settings
from core.types import HELD_OUT, Array, Rival

Requested = Mapping[str, Array]
OURS, TRUTH, MILLISECONDS, BREAK_EVEN = "this model", "simulated reference", "ms per sample", "break-even, samples"
PARTS = 1000
"""Number of steps of the printed progress of one sample."""


def training_seconds(model: sampling.Model) -> float:
    """Training time of the checkpoint in seconds, from its manifest; NaN where it is not recorded."""
    return 60 * float(model.manifest.get("training", {}).get("minutes", math.nan))


def break_even(training: float, ours: float, baseline: float) -> float:
    """Number of samples after which training pays off: training time / (time per sample of baseline - of the model).

    All times in s; infinite where the model is slower, or its training time is unknown."""
    return math.ceil(training / (baseline - ours)) if baseline > ours and math.isfinite(training) else math.inf


def evaluate(
    model: sampling.Model, arrays: Array, requested: Requested, expected: ensembles.Described
) -> dict[str, float]:
    """Errors and descriptors of arrays at a request.

    Args:
        model: a checkpoint.
        arrays: labels or fields (n, H, W).
        requested: condition name -> values (n, ...).
        expected: descriptor name -> values (n, ...) or (1, ...) of the reference.

    Returns:
        Label -> mean |measured - requested| of every condition, mean of every scalar descriptor, and mean
        |curve - expected| of the other curves.
    """
    measured = sampling.measure(model.problem, as_soft(torch.from_numpy(np.array(arrays)), model.field))
    described = ensembles.describe(model.problem, arrays)
    symbols = {q.name: q.symbol or q.label for q in model.conditions if q.name in requested and q.name in measured}
    out = {
        f"{symbol} error": float(np.abs(measured[name] - requested[name]).mean()) for name, symbol in symbols.items()
    }
    for d in (d for d in model.problem.evaluation.descriptors if d.name not in symbols):
        values = described[d.name]
        label, value = (f"{d.label} error", np.abs(values - expected[d.name])) if d.abscissa else (d.label, values)
        out[label] = float(value.mean())
    return out


def clocked(make: Callable[[int], Array], n: int) -> tuple[Array, float]:
    """Arrays 0 .. n-1, and the median processor time of one of them in ms."""
    arrays, times = [], []
    for i in range(n):
        start = time.process_time()
        arrays.append(make(i))
        times.append(1e3 * (time.process_time() - start))
    return np.concatenate(arrays), float(np.median(times))


def one(requested: Requested, i: int) -> dict[str, Array]:
    """The request of sample i: condition name -> values (1, ...)."""
    return {name: values[i : i + 1] for name, values in requested.items()}


def with_break_even(model: sampling.Model, rows: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """The rows, with the break-even count of every baseline."""
    ours, training = rows[OURS][MILLISECONDS] / 1e3, training_seconds(model)
    untrained = {r.label for r in model.problem.evaluation.baselines}

    def count(row: Mapping[str, float]) -> dict[str, Any]:
        return {BREAK_EVEN: break_even(training, ours, row[MILLISECONDS] / 1e3)}

    return {label: {**row, **(count(row) if label in untrained else {})} for label, row in rows.items()}


def siblings(model: sampling.Model) -> dict[str, sampling.Model]:
    """The other presets of the problem that have a checkpoint, by title."""
    others = {p.title: f"{model.problem.name}/{p.name}" for p in discovery.problem(model.problem.name).presets}
    return {
        title: sampling.load(name)
        for title, name in others.items()
        if name != model.name and sampling.path_of(name).exists()
    }


def table(
    model: sampling.Model,
    n: int = 16,
    size: int | None = None,
    seed: int = 0,
    tick: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """A row for each method, at the measured conditions of held-out arrays.

    The methods: the held-out arrays themselves, this model (also without refinement, one draw and the best of several),
    every baseline, and the other presets at the conditions that they have.

    Args:
        model: a checkpoint.
        n: number of held-out arrays.
        size: pixels per side; the problem's default when None.
        seed: seed of the samples; the arrays are drawn from `HELD_OUT + seed` on.
        tick: `tick(done, all)`, called after each method.
    """
    shape, problem = model.shape(size), model.problem
    truth = sampling.draw(problem, n, HELD_OUT + seed, shape[0])
    requested, expected = ensembles.request(model, truth), ensembles.describe(problem, truth.array)

    def ours(**how: Any) -> Callable[[int], Array]:
        return lambda i: model.sample(one(requested, i), 1, seed + i, size=size, **how).array

    ways: dict[str, Callable[[int], Array]] = {OURS: ours()}
    if "refine" in model.stages:
        ways[f"{OURS}, not refined"] = ours(refine=False)
        ways |= {
            f"{OURS}, best of {k}, not refined": ours(refine=False, best_of=k) for k in problem.projection.best_of[-1:]
        }
    for baseline in problem.evaluation.baselines:
        ways[baseline.label] = lambda i, make=baseline.make: make(one(requested, i), 1, seed + i, shape)  # type: ignore[misc]
    for title, other in siblings(model).items():
        understood = ensembles.request(other, truth)
        ways[title] = lambda i, m=other, a=understood: m.sample(one(a, i), 1, seed + i, size=size).array  # type: ignore[misc]
    rows: dict[str, dict[str, float]] = {TRUTH: evaluate(model, truth.array, requested, expected)}
    for done, (label, make) in enumerate(ways.items(), 1):
        make(0)  # one-time fitting and setup are excluded from the time
        arrays, ms = clocked(make, n)
        rows[label] = {**evaluate(model, arrays, requested, expected), MILLISECONDS: ms}
        if tick:
            tick(done, len(ways))
    return pd.DataFrame.from_dict(with_break_even(model, rows), orient="index")


def words(result: pd.DataFrame) -> pd.DataFrame:
    """The table with "never" where a baseline is as fast as this model."""
    return result.astype(object).replace(math.inf, "never")


def alone(
    model: sampling.Model, baseline: Rival, conditions: Mapping[str, Any], size: int | None, seed: int, lines: bool
) -> bytes:
    """One sample of a baseline at a request: an NPZ with `labels` (H, W) and `seconds`; `lines` prints `done/all`."""
    requested = model.sample(conditions, 1, seed, size=size).requested
    shape, printed = model.shape(size), -1
    labels = np.empty((0, *shape), np.uint8)
    start = time.process_time()
    steps = (
        baseline.run(requested, seed, shape)
        if baseline.run
        else iter([(1.0, baseline.make(requested, 1, seed, shape))])
    )
    for share, labels in steps:  # noqa: B007  the last labels are used below
        if lines and int(PARTS * share) > printed:
            printed = int(PARTS * share)
            print(f"{printed}/{PARTS}", flush=True)
    out = io.BytesIO()
    np.savez(out, labels=labels[0], seconds=time.process_time() - start)
    return out.getvalue()


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m core.metrics.rivals", description="Baselines at the same request.")
    parser.add_argument("name", help="problem/preset or a path to a checkpoint")
    parser.add_argument("--n", type=int, default=16, help="held-out arrays, one sample of each method for each")
    parser.add_argument("--size", type=int, help="pixels per side (default: the problem's)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", metavar="BASELINE", help="one sample of this baseline at --set, written to --out")
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="a condition of that sample")
    parser.add_argument("--out", type=Path, help="the NPZ file of that sample")
    parser.add_argument("--lines", action="store_true", help="print DONE/TOTAL lines")
    return parser.parse_args(words)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line: the table, or one sample of a baseline; a sentence and status 1 where it cannot be made."""
    options = arguments(argv)
    torch.set_num_threads(1)
    try:
        model = sampling.load(options.name)
        if options.only:
            baselines = {r.name: r for r in model.problem.evaluation.baselines}
            if options.only not in baselines or not options.out:
                raise ValueError(
                    f"--only is one of {', '.join(baselines)} and needs --out FILE.npz; got {options.only!r}."
                )
            write_atomic(
                options.out,
                alone(model, baselines[options.only], settings(options.set), options.size, options.seed, options.lines),
            )
            return 0
        tick = (lambda done, total: print(f"{done}/{total}", flush=True)) if options.lines else None
        result = table(model, options.n, options.size, options.seed, tick)
    except (ValueError, OSError) as error:
        raise SystemExit(str(error)) from None
    side = model.shape(options.size)[0]
    print(
        f"{model.name} {model.digest[:12]}: {options.n} held-out arrays of {side} px, one sample "
        f"each\n{text(words(result).T)}"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
