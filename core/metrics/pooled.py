"""Distributions over an ensemble, compared by the Wasserstein distance of the pooled values of all arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.stats import wasserstein_distance

from core.types import Array, Problem, Row

BOOTSTRAPS = 100

Pools = dict[str, Sequence[Array]]


def pools(problem: Problem, arrays: Array) -> Pools:
    """Descriptor name -> the values of each array (n, H, W), for the descriptors that have `samples`."""
    images = torch.from_numpy(np.ascontiguousarray(arrays))
    return {d.name: d.samples(images) for d in problem.evaluation.descriptors if d.samples}


def rows(problem: Problem, arrays: Array, theirs: Pools) -> dict[Row, float]:
    """Wasserstein-1 distance of the pooled values of arrays (n, H, W) to those of the reference, in their unit, and its
    standard error."""
    ours, out = pools(problem, arrays), dict[Row, float]()
    for d in (d for d in problem.evaluation.descriptors if d.samples):
        label = f"{d.label.lower()}, Wasserstein distance"
        out[Row(f"{d.name}.wasserstein", label)] = distance(ours[d.name], theirs[d.name])
        error = Row(f"{d.name}.wasserstein_error", f"{label}, standard error")
        out[error] = standard_error(ours[d.name], theirs[d.name])
    return out


def distance(ours: Sequence[Array], theirs: Sequence[Array]) -> float:
    """W1 = integral |F - G| of the pooled values of each side; infinite where one side has none."""
    a, b = np.concatenate(ours), np.concatenate(theirs)
    return float(wasserstein_distance(a, b)) if len(a) and len(b) else float("inf")


def standard_error(ours: Sequence[Array], theirs: Sequence[Array], seed: int = 0) -> float:
    """Bootstrap standard error of `distance`: the arrays of both sides, not their values, are resampled."""
    rng = np.random.default_rng(seed)

    def again(side: Sequence[Array]) -> list[Array]:
        return [side[i] for i in rng.integers(len(side), size=len(side))]

    return float(np.std([distance(again(ours), again(theirs)) for _ in range(BOOTSTRAPS)], ddof=1))
