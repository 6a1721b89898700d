"""Two-phase microstructures without a network: simulations at a request, and the classical alternatives to them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from functools import lru_cache

import numpy as np
import torch

from core import checkpoint
from core.models.seed import RequestSeed
from core.models.two_phase import SMOOTHING
from core.projection import rank_threshold
from core.sampling import path_of
from core.simulation import correlations
from core.simulation.annealing import Annealing
from core.simulation.cahn_hilliard import CahnHilliard
from core.types import HELD_OUT, Array, Rival

SOURCE = CahnHilliard()
SHAPE = (128, 128)


def simulate(conditions: Mapping[str, Array], n: int, seed: int, shape: tuple[int, int]) -> Array:
    """Full Cahn-Hilliard simulations at the requested fractions (held-out seeds), cut at the exact rank; at
    any fraction without a request."""
    if "volume_fraction" not in conditions:
        return SOURCE.draw(range(HELD_OUT + seed, HELD_OUT + seed + n), shape)
    return SOURCE.at([float(p) for p in np.broadcast_to(conditions["volume_fraction"], n)], HELD_OUT + seed, shape)


def level_cut(conditions: Mapping[str, Array], n: int, seed: int, shape: tuple[int, int]) -> Array:
    """The classical baseline: a Gaussian random field with the requested two-point correlation, cut at the exact rank.

    Without a `correlation` in the conditions it is fitted to the same statistics as the generator (master curve
    and length distribution of the training data)."""
    p = torch.from_numpy(np.array(np.broadcast_to(conditions["volume_fraction"], n), dtype=np.float32))
    curve = torch.from_numpy(np.array(conditions["correlation"])).expand(n, -1) if "correlation" in conditions else None
    rng = torch.Generator().manual_seed(seed)
    parts = []
    for start in range(0, n, 32):
        part, covariance = p[start : start + 32], None
        length = gaussian_fit().quantile(torch.rand(len(part), generator=rng), part)
        white = torch.randn(len(part), *shape, generator=rng)
        if curve is not None:
            covariance = correlations.normalised(curve[start : start + 32])[0]
        field = gaussian_fit()(white, part, length, requested=covariance, smoothing=SMOOTHING)
        parts.append(rank_threshold(field[:, None], part))
    return torch.cat(parts).numpy()


def stopped(conditions: Mapping[str, Array], n: int, seed: int, shape: tuple[int, int]) -> Array:
    """Cahn-Hilliard simulations at the requested fractions, each stopped when its length is the requested one."""
    curve = torch.from_numpy(np.array(conditions["correlation"])).expand(n, -1)
    lengths, p = correlations.first_zero(curve).tolist(), np.broadcast_to(conditions["volume_fraction"], n)
    return SOURCE.stopped([float(v) for v in p], lengths, HELD_OUT + seed, shape)


def annealing(conditions: Mapping[str, Array], seed: int, shape: tuple[int, int]) -> Iterator[tuple[float, Array]]:
    """Pixel exchange onto the requested curve, step by step: (share done, labels (1, H, W))."""
    curve = np.array(conditions["correlation"], dtype=np.float64).reshape(-1, correlations.BINS)[0]
    process = Annealing(curve[: min(shape) // 2 + 1], shape, seed)
    yield from ((share, process.labels[None]) for share, _ in process.run())


def annealed(conditions: Mapping[str, Array], n: int, seed: int, shape: tuple[int, int]) -> Array:
    """Structures annealed onto the requested curves, one after the other."""
    curves = np.broadcast_to(conditions["correlation"], (n, correlations.BINS))
    each = (deque(annealing({"correlation": curves[i]}, seed + i, shape), maxlen=1) for i in range(n))
    return np.concatenate([last.pop()[1] for last in each])


@lru_cache(maxsize=1)
def gaussian_fit() -> RequestSeed:
    """The field model of the baseline, with the statistics of the shipped checkpoint, else of 512 training
    simulations."""
    model = RequestSeed()
    path = path_of("two_phase/fraction")
    if path.exists():
        tensors = checkpoint.load(path).tensors
        model.load_state_dict(
            {k.removeprefix("generator.seed."): v for k, v in tensors.items() if k.startswith("generator.seed.")}
        )
    else:
        model.fit(torch.from_numpy(SOURCE.draw(range(512), SHAPE)))
    return model


BASELINES = (
    Rival("level_cut", "Gaussian field, level cut", level_cut),
    Rival("stopped", "Simulation, stopped at the length", stopped, "single", truth=True),
    Rival("annealing", "Yeong-Torquato annealing", annealed, "single", annealing),
)
"""At a request with a two-point correlation."""
