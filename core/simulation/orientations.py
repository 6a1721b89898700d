"""Assigns one of 5 orientations to each grain: area fractions near a request, adjoining grains different if
possible.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.types import Array

COUNT = 5
"""Number of orientations of a polycrystal."""
WEIGHT = (0.3, 10.0)
"""Cost of an error of fraction relative to the same share of boundary between equal orientations, first and last."""
HEAT = (5e-3, 5e-5)
"""First and last temperature of the annealing, in share of the boundary."""


def boundaries(ids: Array) -> NDArray[np.float64]:
    """Pixel faces between grains, a symmetric matrix (N, N) with zero diagonal, for grain numbers 0 .. N-1 (H, W),
    periodic.
    """
    n = int(ids.max()) + 1
    faces = np.zeros(n * n)
    for axis in (0, 1):
        faces += np.bincount((ids * n + np.roll(ids, -1, axis)).ravel(), minlength=n * n)
    square = faces.reshape(n, n)
    np.fill_diagonal(square, 0)
    return square + square.T


def greedy(areas: Array, fractions: Array) -> NDArray[np.uint8]:
    """Orientation of each grain, uint8 (N,), assigned from the largest area share (N,) down.

    Each grain gets the orientation that lacks most of its fraction (5,).
    """
    chosen, lacking = np.empty(len(areas), np.uint8), np.array(fractions, dtype=np.float64)
    for grain in np.argsort(-areas, kind="stable"):
        chosen[grain] = lacking.argmax()
        lacking[chosen[grain]] -= areas[grain]
    return chosen


def assign(ids: Array, fractions: Array, rng: np.random.Generator, sweeps: int = 8) -> NDArray[np.uint8]:
    """Orientation of each grain by simulated annealing from `greedy`.

    The cost is (share of the boundary between equal orientations) + w sum_k |fraction_k - requested_k|. In each sweep
    every grain in turn takes another orientation, or exchanges its own with any other grain, by heat bath. The
    temperature and w go geometrically through `HEAT` and `WEIGHT`: neighbours are separated first, then grains of
    similar size exchanged.

    Args:
        ids: grain numbers 0 .. N-1 (H, W).
        fractions: requested fractions (5,).
        rng: random generator.
        sweeps: number of sweeps over all grains.

    Returns:
        Orientations uint8 (N,).
    """
    areas = np.bincount(ids.ravel()) / ids.size
    share = boundaries(ids)
    share /= max(share.sum() / 2, 1)
    chosen = greedy(areas, fractions)
    touching = share @ np.eye(COUNT)[chosen]  # (N, 5): boundary of each grain with each orientation
    error = np.bincount(chosen, areas, COUNT) - fractions
    turns = rng.permuted(np.tile(np.arange(len(areas)), (sweeps, 1)), axis=1).ravel()
    for grain, heat, weight in zip(turns, *(np.geomspace(*ends, len(turns)) for ends in (HEAT, WEIGHT)), strict=True):
        old = chosen[grain]
        new, moved, change = _moves(grain, areas, share, chosen, touching)
        error_change = np.abs(error[old] - moved) + np.abs(error[new] + moved) - abs(error[old]) - np.abs(error[new])
        worse = np.where(new == old, 0, change + weight * error_change)
        pick = int((worse - heat * rng.gumbel(size=len(new))).argmin())
        swap = [(pick, new[pick], old)] if pick < len(areas) else []
        for member, before, after in [(grain, old, new[pick]), *swap]:
            chosen[member] = after
            touching[:, before] -= share[member]
            touching[:, after] += share[member]
            error[before] -= areas[member]
            error[after] += areas[member]
    return chosen


def _moves(grain: int, areas: Array, share: Array, chosen: Array, touching: Array) -> tuple[Array, Array, Array]:
    """The possible moves of a grain: exchange with each grain (N), then become each orientation (5).

    Returns:
        Its new orientation (N + 5,), the area share that leaves its old one, and the change of the boundary between
        equal orientations.
    """
    n, old = len(areas), chosen[grain]
    new = np.append(chosen, np.arange(COUNT, dtype=chosen.dtype))
    moved = areas[grain] - np.append(areas, np.zeros(COUNT))
    change = touching[grain, new] - touching[grain, old]
    change[:n] += touching[:, old] - touching[np.arange(n), chosen] - 2 * share[grain]
    return new, moved, change
