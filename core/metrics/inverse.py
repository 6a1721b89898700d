"""Quality of solutions of the inverse problem: `python -m core.metrics.inverse [--n 4000]` prints all numbers.

Kolmogorov-Smirnov and Wasserstein-1 distances with bootstrap standard errors: of the push-forward M(x) from the target
P_Y, and of both parameters from draws of the exact P_X (rejection sampling with the same prior)."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import pandas as pd
import torch

from core import sampling
from core.metrics.rows import slug, tabulated
from core.sampling.inverse import solve, warnings
from core.simulation.rosenbrock import LARGEST, Prior, Target, oracle, rosenbrock
from core.types import HELD_OUT, Array, Row

Number = tuple[float, float]
"""A value and its standard error."""
INSIDE = {
    "100": Target(100, 20, 40, 160),
    "350": Target(),
    "350 wide": Target(350, 150, 50, 900),
    "800": Target(800, 50, 650, 950),
    "1500": Target(1500, 100, 1200, 1800),
}
"""Targets inside the trained range; the second is the default and has the mean of the slides."""
OUTSIDE = {"2250": Target(2250, 50, 2100, 2400), "3500": Target(3500, 100, 3200, 3800)}
PRIORS = {"uniform": Prior(), "normal": Prior((0.5, 1.0), 1.0)}
SCAN = tuple(range(50, 1901, 50))
"""Means of normal targets; the standard deviation is a tenth of the mean, and they are cut at three standard deviations
and at the end of the trained range."""
CARD = ("W1", "KS", "W1 x1", "W1 x2")
"""Distances that the card lists."""
TRAINING = 2**16
"""Draws of the prior from which the trivial baseline selects the nearest level."""


def w1(a: Array, b: Array) -> float:
    """Wasserstein-1 between samples (n,) and (m,): the mean difference of their quantile functions."""
    if len(a) == len(b):
        return float(np.abs(np.sort(a) - np.sort(b)).mean())
    both = np.sort(np.concatenate([a, b]))
    cdfs = [np.searchsorted(np.sort(s), both[:-1], side="right") / len(s) for s in (a, b)]
    return float((np.abs(cdfs[0] - cdfs[1]) * np.diff(both)).sum())


def ks(a: Array, b: Array) -> float:
    """Kolmogorov-Smirnov distance between samples: the largest difference of their distribution functions, at a value
    of the larger one."""
    a, b = np.sort(a), np.sort(b)
    gaps = [
        np.arange(1, len(s) + 1) / len(s) - np.searchsorted(t, s, side="right") / len(t) for s, t in ((a, b), (b, a))
    ]
    return float(max(g.max() for g in gaps))


def from_target(values: Array, levels: Array, target: Target, boots: int = 50, seed: int = 0) -> dict[str, Number]:
    """`W1` (in sd of P_Y) and `KS` of a push-forward (n,) from P_Y itself.

    There is one level from each of n equal shares of P_Y, so the distance is the error of the network without the
    sampling error of the levels; the standard error is that of the distance between values and levels, both resampled
    together."""
    at = (np.arange(len(values)) + 0.5) / len(values)
    distances = np.abs(np.sort(values) - target.quantile(at)).mean(), np.abs(target.cdf(np.sort(values)) - at).max()
    rng = np.random.default_rng((seed, 7))
    rows = [rng.integers(0, len(values), len(values)) for _ in range(boots)]
    again = np.array([(w1(values[i], levels[i]), ks(values[i], levels[i])) for i in rows])
    error = again.std(0, ddof=1)
    return {"W1": (distances[0] / target.spread, error[0] / target.spread), "KS": (float(distances[1]), error[1])}


def from_oracle(points: Array, exact: Array, boots: int = 50, seed: int = 0) -> dict[str, Number]:
    """Distances of points (n, 2) from exact ones (m, 2), with bootstrap standard errors.

    Returns:
        `W1 x1`, `W1 x2` (in sd of the exact P_X), `KS x1`, `KS x2`, and `branches`: the largest error of the shares of
        the three branches of a level. Both sides are resampled.
    """
    sd = exact.std(0)

    def distances(a: Array, b: Array) -> list[float]:
        pairs = [(a[:, k], b[:, k]) for k in (0, 1)]
        branch = np.abs(branches(a) - branches(b)).max()
        return [*(w1(*p) / s for p, s in zip(pairs, sd, strict=True)), *(ks(*p) for p in pairs), float(branch)]

    rng = np.random.default_rng((seed, 8))

    def pick(s: Array) -> Array:
        return s[rng.integers(0, len(s), len(s))]

    error = np.std([distances(pick(points), pick(exact)) for _ in range(boots)], axis=0, ddof=1)
    names = ("W1 x1", "W1 x2", "KS x1", "KS x2", "branches")
    return dict(zip(names, zip(distances(points, exact), error.tolist(), strict=True), strict=True))


def marginals(points: Array, exact: Array, boots: int, seed: int = 0) -> dict[str, Number]:
    """`W1 x1` and `W1 x2` of `from_oracle` alone, which is fast."""
    sd, rng = exact.std(0), np.random.default_rng((seed, 9))
    rows = [(np.arange(len(points)), np.arange(len(exact)))]
    rows += [(rng.integers(0, len(points), len(points)), rng.integers(0, len(exact), len(exact))) for _ in range(boots)]
    distances = np.array([[w1(points[a, k], exact[b, k]) / sd[k] for k in (0, 1)] for a, b in rows])
    error = distances[1:].std(0, ddof=1)
    return {f"W1 x{k + 1}": (float(distances[0, k]), float(error[k])) for k in (0, 1)}


def branches(points: Array) -> Array:
    """Shares of points above the valley x2 = x1^2, and below it to the left and to the right; (3,)."""
    above, right = points[:, 1] > points[:, 0] ** 2, points[:, 0] > 0
    return np.array([above.mean(), (~above & ~right).mean(), (~above & right).mean()])


def nearest(levels: Array, prior: Prior, seed: int = 0) -> Array:
    """The trivial baseline (n, 2): of `TRAINING` draws of the prior, the one nearest in level to each request (n,)."""
    x, y = drawn(prior, seed)
    right = np.searchsorted(y, levels).clip(1, len(y) - 1)
    closer = np.abs(y[right - 1] - levels) <= np.abs(y[right] - levels)
    return x[right - closer]


@lru_cache(maxsize=32)
def drawn(prior: Prior, seed: int) -> tuple[Array, Array]:
    """`TRAINING` draws of a prior in the order of their levels, and the levels."""
    x = prior.draw(TRAINING, HELD_OUT + seed)
    y = rosenbrock(x)
    order = np.argsort(y)
    return x[order], y[order]


def evaluate(
    model: sampling.Model, target: Target, prior: Prior, n: int, boots: int, seed: int = 0
) -> dict[str, dict[str, Number]]:
    """Distances of a model's solution at a target.

    Returns:
        Column -> distance -> number. Columns: `data`, other draws of the exact P_X, the smallest distance that n
        samples can resolve; `raw`, before correction; `all`, on exact levels and resampled to the prior; `nearest`,
        the nearest draws of the prior.
    """
    answer = solve(model, target, prior, n, seed)
    exact, again = oracle(target, prior, seed)[:n], oracle(target, prior, seed + 1)[-n:]
    columns = {"data": again, "raw": answer.raw, "all": answer.points, "nearest": nearest(answer.levels, prior, seed)}
    out: dict[str, dict[str, Number]] = {}
    for name, points in columns.items():
        if len(points):
            size = min(len(points), len(answer.levels))
            levels = target.draw(size, seed)
            out[name] = from_target(rosenbrock(points), levels, target, boots, seed) if name != "data" else {}
            out[name] |= from_oracle(points, exact, boots, seed) if len(exact) else {}
    return out


def row_id(distance: str, target: str) -> str:
    """Id of the row of a distance at a target."""
    return f"{slug(distance)}.{slug(target)}"


def quality(
    model: sampling.Model, n: int = 2000, size: int | None = None, ablation: bool = True, seed: int = 0
) -> pd.DataFrame:
    """The table of the card: distances in %, with the uniform prior, at all targets of `INSIDE` and `OUTSIDE`."""
    columns = [f"{c}{e}" for c in ("data", "raw", "all", "nearest") for e in ("", " ±")]
    out: dict[str, dict[Row, float]] = {column: {} for column in columns}
    order: dict[str, None] = {}
    for name, target in (INSIDE | OUTSIDE).items():
        for column, distances in evaluate(model, target, PRIORS["uniform"], max(n, 2000), 50, seed).items():
            for distance, (value, error) in ((k, v) for k, v in distances.items() if k in CARD):
                row = Row(row_id(distance, name), f"{distance} at {name} (%)")
                out[column][row], out[f"{column} ±"][row] = 100 * value, 100 * error
                order[row.id] = None
    table = tabulated(out, model.problem.evaluation.thresholds).loc[list(order)]
    table.attrs["counted"] = f"{max(n, 2000)} samples at every target, and the same number of levels of the target"
    return table


def table(
    model: sampling.Model, targets: dict[str, Target], prior: Prior, n: int, boots: int, seed: int
) -> pd.DataFrame:
    """Text of every distance in % with its standard error, a row for each target and column of `evaluate`."""
    rows = {}
    for name, target in targets.items():
        for column, distances in evaluate(model, target, prior, n, boots, seed).items():
            rows[f"{name}, {column}"] = {k: f"{100 * v:.2f} ± {100 * e:.2f}" for k, (v, e) in distances.items()}
    order = ["W1", "KS", "W1 x1", "W1 x2", "KS x1", "KS x2", "branches"]
    return pd.DataFrame(rows).T.fillna("").reindex(columns=order, fill_value="")


def scan(model: sampling.Model, n: int, seed: int) -> dict[float, float]:
    """W1 of the push-forward before correction, in sd of P_Y, for narrow targets over the trained range: mean -> W1."""
    distances: dict[float, float] = {}
    _, top = model.conditions[0].trained or (0.0, LARGEST)
    for mean in SCAN:
        target = Target(mean, 0.1 * mean, 0.7 * mean, min(1.3 * mean, top))
        answer = solve(model, target, PRIORS["uniform"], n, seed)
        distances[mean] = from_target(rosenbrock(answer.raw), answer.levels, target, 2)["W1"][0]
    return distances


def failures(model: sampling.Model, n: int, seed: int) -> Iterator[str]:
    """Sentences about targets outside the trained range: the level reached, points outside the prior, and warnings."""
    prior = PRIORS["uniform"]
    for name, target in OUTSIDE.items():
        answer = solve(model, target, prior, n, seed)
        raw = rosenbrock(answer.raw)
        requested, share = f"{target.mean:g} ± {target.spread:.0f}", f"{100 * answer.outside:.1f} %"
        reached = f"{raw.mean():.0f} ± {raw.std():.0f}"
        yield f"Target {name}: before correction the network reaches {reached}; the request was {requested}."
        yield f"  {share} of the delivered points lie outside the prior."
        yield from (f"  warning: {w}" for w in warnings(model, target, prior, answer))


def report(name: str, n: int, boots: int, seed: int) -> Iterator[str]:
    """The printed report on a checkpoint, part by part."""
    model = sampling.load(name)
    yield f"{name} {model.digest[:12]}: n = {n}, distances in % (W1 of the sd), ± bootstrap standard error"
    for label, prior in PRIORS.items():
        yield (
            f"\nprior {label}, targets inside the trained "
            f"range\n{table(model, INSIDE, prior, n, boots, seed).to_string()}"
        )
    distances = scan(model, n, seed)
    worst, average = max(distances, key=lambda mean: distances[mean]), np.mean(list(distances.values()))
    yield (
        f"\nNormal targets about {SCAN[0]} to {SCAN[-1]}, sd a tenth, cut to the trained range: W1 before correction "
        f"{100 * average:.2f} % on average, {100 * distances[worst]:.2f} % at most (about {worst})."
    )
    yield f"\nprior uniform, outside it\n{table(model, OUTSIDE, PRIORS['uniform'], n, boots, seed).to_string()}\n"
    yield from failures(model, n, seed)
    answer = solve(model, INSIDE["350"], PRIORS["uniform"], n, seed)
    error = np.abs(rosenbrock(answer.points) - answer.levels).max()
    raw = np.abs(rosenbrock(answer.raw) - answer.levels)
    yield (
        f"\n|M(x) - y| at 350: raw {raw.mean():.3g} on average, {raw.max():.3g} at most; delivered {error:.1e} at "
        f"most.\n"
    )


def main(arguments: list[str] | None = None) -> None:
    """The command line: by default all numbers of both presets."""
    parser = argparse.ArgumentParser(
        prog="python -m core.metrics.inverse", description="The inverse problem in numbers."
    )
    parser.add_argument("names", nargs="*", default=["inverse/invnet", "inverse/cgan"])
    parser.add_argument("--n", type=int, default=4000, help="samples")
    parser.add_argument("--boots", type=int, default=200, help="bootstrap samples")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    for name in options.names:
        try:
            for line in report(name, options.n, options.boots, options.seed):
                print(line)
        except (ValueError, FileNotFoundError) as error:
            raise SystemExit(str(error)) from None
    target = INSIDE["350"]
    sampling_errors = [
        from_target(target.draw(options.n, s, stratified=False), target.draw(options.n, s), target, 2)["W1"][0]
        for s in range(20)
    ]
    mean = 100 * np.mean(sampling_errors)
    print(
        f"The same number of independent draws of P_Y itself: W1 {mean:.2f} % on average, the error of sampling alone."
    )


if __name__ == "__main__":
    main()
