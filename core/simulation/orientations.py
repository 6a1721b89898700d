"""Which of 5 orientations each grain of a map gets: area fractions near a request, adjoining grains different where possible."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.types import Array

COUNT = 5
"""Orientations of a polycrystal."""
WEIGHT = 10.0
"""What an error of fraction costs beside the same share of the boundary between equal orientations."""
HEAT = 0.01
"""First temperature of the annealing, in units of its cost; the last is a thousandth of it."""


def boundaries(ids: Array) -> NDArray[np.float64]:
    """Pixel faces between grains (N, N), symmetric with zero diagonal, of grain numbers 0 .. N-1 on a periodic map (H, W)."""
    n = int(ids.max()) + 1
    faces = np.zeros(n * n)
    for axis in (0, 1):
        faces += np.bincount((ids * n + np.roll(ids, -1, axis)).ravel(), minlength=n * n)
    square = faces.reshape(n, n)
    np.fill_diagonal(square, 0)
    return square + square.T


def greedy(areas: Array, fractions: Array) -> NDArray[np.uint8]:
    """Orientation of each grain, uint8 (N,): from the largest area share (N,) down, the one that still lacks most of its
    fraction (5,)."""
    chosen, lacking = np.empty(len(areas), np.uint8), np.array(fractions, dtype=np.float64)
    for grain in np.argsort(-areas, kind="stable"):
        chosen[grain] = lacking.argmax()
        lacking[chosen[grain]] -= areas[grain]
    return chosen


def assign(ids: Array, fractions: Array, rng: np.random.Generator, rounds: int = 400) -> NDArray[np.uint8]:
    """Orientation of each grain, uint8 (N,), for grain numbers 0 .. N-1 (H, W) and requested fractions (5,).

    Starts from `greedy`; then each round makes the change of one grain, or the exchange of two, that lowers most

        (share of the boundary between equal orientations) + WEIGHT * sum_k |fraction_k - requested_k|,

    its changes judged with exponential noise that fades over the rounds (simulated annealing). The best state met is returned.
    """
    areas = np.bincount(ids.ravel()) / ids.size
    share = boundaries(ids)
    share /= max(share.sum() / 2, 1)
    chosen = greedy(areas, fractions)
    return _anneal(areas, share, chosen, np.asarray(fractions, dtype=np.float64), rng, rounds)


def cost(areas: Array, share: Array, chosen: Array, fractions: Array) -> float:
    """What `assign` lowers, for area shares (N,), boundary shares (N, N) and orientations (N,)."""
    equal = share[chosen[:, None] == chosen[None]].sum() / 2
    error = np.abs(np.bincount(chosen, areas, COUNT) - fractions).sum()
    return float(equal + WEIGHT * error)


def _anneal(
    areas: Array, share: Array, chosen: Array, fractions: Array, rng: np.random.Generator, rounds: int
) -> NDArray[np.uint8]:
    """The rounds of `assign`: one random grain at a time takes another orientation, or exchanges its own, by heat bath."""
    n = len(areas)
    touching = share @ np.eye(COUNT)[chosen]  # (N, 5): boundary of each grain with each orientation
    error = np.bincount(chosen, areas, COUNT) - fractions
    now = best = cost(areas, share, chosen, fractions)
    kept = chosen.copy()
    every, orientations = np.arange(n), np.arange(COUNT)
    for grain, heat in zip(rng.integers(n, size=rounds), np.geomspace(HEAT, HEAT / 1000, rounds), strict=True):
        old = chosen[grain]
        new = np.concatenate([chosen, orientations])  # partners first, then plain changes
        moved = areas[grain] - np.append(areas, np.zeros(COUNT))
        change = touching[grain, new] - touching[grain, old]
        change[:n] += touching[:, old] - touching[every, chosen] - 2 * share[grain]
        misfit = np.abs(error[old] - moved) + np.abs(error[new] + moved) - abs(error[old]) - np.abs(error[new])
        change = np.where(new == old, 0, change + WEIGHT * misfit)
        pick = int((change - heat * rng.gumbel(size=n + COUNT)).argmin())
        if new[pick] == old:
            continue
        for who, before, after in ((grain, old, new[pick]), *(((pick, new[pick], old),) if pick < n else ())):
            chosen[who] = after
            touching[:, before] -= share[who]
            touching[:, after] += share[who]
            error[before] -= areas[who]
            error[after] += areas[who]
        now += change[pick]
        if now < best:
            best, kept = now, chosen.copy()
    return kept
