"""Fractions of many samples against their targets: `python -m core.metrics.fractions polycrystal [--n 100]`.

Targets range from equal fractions to ones never seen in training: a dominant orientation, absent orientations.

Reference: Fig. 7 of the paper.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch

from core import sampling
from core.metrics.report import text

TARGETS = {
    "equal": (0.2, 0.2, 0.2, 0.2, 0.2),
    "graded": (0.05, 0.1, 0.15, 0.3, 0.4),
    "one half": (0.5, 0.2, 0.1, 0.1, 0.1),
    "two of five": (0.45, 0.45, 0.05, 0.03, 0.02),
    "skewed": (0.7, 0.1, 0.1, 0.05, 0.05),
    "one absent": (0.4, 0.3, 0.2, 0.1, 0.0),
    "three absent": (0.6, 0.4, 0.0, 0.0, 0.0),
    "dominant": (0.9, 0.025, 0.025, 0.025, 0.025),
}


Targets = Mapping[str, Sequence[float]]


def table(
    model: sampling.Model, n: int = 100, targets: Targets | None = None, seed: int = 0, size: int | None = None
) -> pd.DataFrame:
    """One row per target and channel: fractions over n samples, delivered and before correction (`raw`).

    Returns:
        Columns `target`, `channel`, `requested`; mean and standard deviation of the delivered and of the raw fraction
        (the argmax before the exact labelling); largest delivered error in px; mean raw error.

    Raises:
        ValueError: the model has no condition of fractions, or does not accept the targets.
    """
    condition = next((q for q in model.conditions if q.kind == "simplex"), None)
    if condition is None:
        raise ValueError(f"{model.name} has no condition of fractions that sum to 1. Choose another checkpoint.")
    parts = []
    for name, target in (targets or TARGETS).items():
        sample = model.sample({condition.name: target}, n, seed, size=size)
        delivered, raw = (m[condition.name].astype(np.float64) for m in (sample.measured, sample.raw))
        wanted = np.asarray(target, dtype=np.float64)
        parts.append(
            pd.DataFrame(
                {
                    "target": name,
                    "channel": range(len(wanted)),
                    "requested": wanted,
                    "delivered": delivered.mean(0),
                    "delivered sd": delivered.std(0, ddof=1),
                    "raw": raw.mean(0),
                    "raw sd": raw.std(0, ddof=1),
                    "delivered, largest error (px)": np.abs(delivered - wanted).max(0) * sample.array[0].size,
                    "before correction, mean |error|": np.abs(raw - wanted).mean(0),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def summary(fractions: pd.DataFrame) -> pd.DataFrame:
    """One row per target: largest delivered error in px and mean raw error over its channels."""
    groups = fractions.groupby("target", sort=False)
    return pd.DataFrame(
        {
            "delivered, largest error (px)": groups["delivered, largest error (px)"].max(),
            "before correction, mean |error|": groups["before correction, mean |error|"].mean(),
        }
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m core.metrics.fractions", description="Fractions of samples against targets."
    )
    parser.add_argument("name", help="problem, problem/preset or a path to a checkpoint")
    parser.add_argument("--n", type=int, default=100, help="samples for each target")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    if options.n < 2:
        parser.error(f"--n must be at least 2; got {options.n}.")
    torch.set_num_threads(1)
    try:
        fractions = table(sampling.load(options.name), options.n, seed=options.seed)
    except (ValueError, FileNotFoundError) as error:
        raise SystemExit(str(error)) from None
    print(f"{text(fractions)}\n\n{text(summary(fractions))}")


if __name__ == "__main__":
    main()
