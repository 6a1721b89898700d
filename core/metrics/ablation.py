"""Ablation: `python -m core.metrics.ablation burgers [--steps 400]` trains and compares all variants.

Every row uses the same number of gradient evaluations (alternating and extragradient steps take two), the same batch,
the same seed and its own falling learning rate; errors are relative L2 over the cells of Table 2, of the averaged
network, without the Newton sweep."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from core import discovery
from core.invariances.duhamel import Duhamel
from core.metrics.report import text
from core.metrics.solutions import relative
from core.models.burgers import FamilyGenerator
from core.projection import newton
from core.training.loop import Trainer, fit
from core.types import Conditions, Preset, Problem, TrainConfig

STEPS = 400
GROUP = "Table 2"
SOFT = 10.0
"""Weight of the initial column where it is not exact by construction."""


class NewtonTarget(Duhamel):
    """Mean of (u - u+)^2 divided by the variance of the initial condition; u+ is one Newton sweep from u, without its
    gradient: a moving target."""

    name = "newton"
    source = "InvNet, eq. 13, through the Newton step of the implicit scheme"

    def residual(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """The residual (B,); no gradient flows through the sweep."""
        with torch.no_grad():
            target = newton(fields, conditions, self.times)
        variance = conditions["initial"].var(1, correction=0).clamp_min(self.least_variance)
        return (fields[:, 0] - target).square().mean((1, 2)) / variance


@dataclass(frozen=True)
class Variant:
    """A row: name, changes of `TrainConfig`, gradient evaluations per step, whether the initial column is exact."""

    name: str
    changes: dict[str, Any]
    evaluations: int = 1
    hard: bool = True


def weights(**named: float) -> dict[str, float]:
    """Weights of the invariances, 0 where not named."""
    return {"duhamel": 0.0, "finite_volume": 0.0, "initial": 0.0, "newton": 0.0} | named


BOTH = weights(duhamel=1.0, initial=SOFT)
ADAM = {"optimiser": "adam", "lr": 2e-3}
VARIANTS: dict[str, tuple[Variant, ...]] = {
    "burgers": (
        Variant("hard, integral residual, Muon (shipped)", {"weights": weights(duhamel=1.0)}),
        Variant("hard, integral residual, Adam", {"weights": weights(duhamel=1.0), **ADAM}),
        Variant("hard, strong residual, Muon", {"weights": weights(finite_volume=1.0)}),
        Variant("hard, strong residual, Adam", {"weights": weights(finite_volume=1.0), **ADAM}),
        Variant("hard, Newton target, Muon", {"weights": weights(newton=1.0)}),
        Variant("soft, integral residual, summed", {"weights": BOTH}, hard=False),
        Variant(
            "soft, integral residual, alternating",
            {"weights": BOTH, "turns": {"duhamel": 1, "initial": 1}},
            2,
            hard=False,
        ),
        Variant("soft, integral residual, extragradient", {"weights": BOTH, "scheme": "extragradient"}, 2, hard=False),
    )
}


def configuration(preset: Preset, variant: Variant, steps: int, seed: int) -> TrainConfig:
    """The preset's configuration with the changes of the variant, for `steps` gradient evaluations."""
    count = max(2, steps // variant.evaluations)
    base = replace(preset.config, steps=count, warmup=min(50, max(1, count // 8)), ema=0.99, seed=seed)
    return replace(base, **variant.changes)


def errors(problem: Problem, generator: Any) -> dict[str, float]:
    """Mean and maximum of the relative L2 error over the cells of Table 2, and the error of the initial column."""
    cases = problem.truth.test_cases[GROUP](1000)
    requested = {k: np.array([case[k] for case in cases], dtype=np.float32) for k in cases[0]}
    assert problem.truth.simulate is not None and problem.frame.to_lab is not None
    exact = problem.truth.simulate(requested, len(cases), 0, problem.field.shape)
    with torch.inference_mode():
        conditions = {k: torch.from_numpy(v) for k, v in requested.items()}
        fields = problem.frame.to_lab(
            generator(generator.noise(range(len(cases)), problem.field.shape), conditions, {})[:, 0]
        ).numpy()
    relative_errors = [relative(a, b) for a, b in zip(fields, exact, strict=True)]
    column = np.linalg.norm(fields[..., 0] - exact[..., 0], axis=1) / np.linalg.norm(exact[..., 0], axis=1)
    return {
        "mean": float(np.mean(relative_errors)),
        "max": float(np.max(relative_errors)),
        "initial column, mean": float(column.mean()),
    }


def trained(problem: Problem, preset: Preset, variant: Variant, steps: int, seed: int = 0) -> dict[str, float]:
    """Train one variant from scratch and measure it: gradient evaluations, seconds and `errors`."""
    shipped: Any = preset.generator()
    times = shipped.times.tolist()
    extended = replace(problem, invariances=(*problem.invariances, NewtonTarget(times, comoving=True)))
    changed = replace(preset, generator=lambda: FamilyGenerator(times, problem.field.shape[0], hard=variant.hard))
    run = Trainer(extended, changed, configuration(preset, variant, steps, seed), None)
    start = time.perf_counter()
    for _ in fit(run):
        pass
    seconds = time.perf_counter() - start
    return {"gradients": run.done * variant.evaluations, "s": seconds, **errors(problem, run.ema.module.eval())}


def verdict(table: pd.DataFrame) -> str:
    """The result in sentences, made from the numbers of the table."""
    mean = table["mean"].astype(float)

    def ratio(a: str, b: str) -> str:
        return f"{mean[a] / mean[b]:.2g} times"

    shipped, adam, strong, strong_adam = (str(n) for n in mean.index[:4])
    summed, alternating, ahead = (str(n) for n in mean.index[-3:])
    return (
        f"Best: {mean.idxmin()} ({mean.min():.2g}). With a soft initial column, alternating has "
        f"{ratio(alternating, summed)} "
        f"and extragradient {ratio(ahead, summed)} the error of the plain sum at the same number of gradients; the sum "
        f"itself has "
        f"{ratio(summed, shipped)} the error of the exact column. The strong residual has {ratio(strong, shipped)} "
        f"(Muon) and {ratio(strong_adam, adam)} (Adam) the error of the integral residual."
    )


def run(name: str, steps: int = STEPS, seed: int = 0) -> pd.DataFrame:
    """The table of all variants; each row is printed when it is complete.

    Raises:
        ValueError: the problem has no variants.
    """
    problem, preset = discovery.split(name)
    if problem.name not in VARIANTS:
        raise ValueError(
            f"{problem.name} has no ablation by training; only {', '.join(VARIANTS)} has. For the stages of its "
            "generator: python -m core.metrics."
        )
    results = {}
    for variant in VARIANTS[problem.name]:
        results[variant.name] = trained(problem, preset, variant, steps, seed)
        print(f"{variant.name}: " + ", ".join(f"{k} {v:.3g}" for k, v in results[variant.name].items()), flush=True)
    return pd.DataFrame(results).T


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m core.metrics.ablation", description="Train and compare variants.")
    parser.add_argument("name", help="problem")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"gradient evaluations of every row (default {STEPS})")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    if options.steps < 4:
        parser.error(f"--steps must be at least 4; got {options.steps}.")
    torch.set_num_threads(1)
    try:
        table = run(options.name, options.steps, options.seed)
    except ValueError as error:
        raise SystemExit(str(error)) from None
    print(f"\n{text(table)}\n\n{verdict(table)}")


if __name__ == "__main__":
    main()
