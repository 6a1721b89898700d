"""Where grains begin: a keyed packing of discs on the torus, each with one of the orientations, and channels to grow in.

The classical road to a polycrystal of given grain sizes is a packing of discs and its power diagram (Fan, Wu, Zhao, Lin 2004);
here it is only the seed. All of it is a pure function of uniform numbers and the request, for one sample at a time, in numpy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from core.types import Array

REPULSION, DAMPING, COOLING = 3.0, 0.3, np.geomspace(2.0, 0.08, 24)
"""Of the choice of orientations: what a neighbour of equal orientation costs, in units of the preferences' scatter; damping of the
mean field; its temperatures."""
FLIPS, WEIGHT = 12, 8.0
"""Changes of single discs afterwards, and what an error of fraction then costs."""


@dataclass(frozen=True)
class Nuclei:
    """N discs: centres (N, 2) in px as (y, x), radii (N,) in px, channels (N,) in which no two of one channel
    lie near; `owner` (Q,): the orientation of each channel."""

    points: Array
    radii: Array
    channels: NDArray[np.intp]
    owner: NDArray[np.intp]


@dataclass(frozen=True)
class Packing:
    """How the discs are laid: how widely radii scatter (standard deviation of their logarithm), the share of the area that they
    would fill without overlap, rounds of pushing; within which sums of radii discs are neighbours, and share no channel."""

    scatter: float = 0.25
    filling: float = 0.85
    rounds: int = 3
    neighbours: float = 1.5
    reach: float = 1.8


def nucleate(points: Array, radii: Array, preference: Array, fractions: Array, shape: tuple[float, float], how: Packing) -> Nuclei:
    """Discs from points (N, 2) px on a torus of this shape, radii (N,) to be scaled to the filling, and preferences (N, C) of the
    orientations with the requested fractions (C,)."""
    radii = radii * np.sqrt(how.filling * shape[0] * shape[1] / (np.pi * np.square(radii).sum()))
    points = packed(points, radii, shape, how.rounds)
    first, second, gap = nearby(points, shape, how.reach * 2 * float(radii.max()))
    close = np.hypot(*gap.T) / (radii[first] + radii[second])
    touching = symmetric(first, second, np.clip((how.neighbours - close) / (how.neighbours - 1), 0, 1), len(radii))
    areas = np.square(radii) / np.square(radii).sum()
    orientations = exchanged(touching, areas, preference, fractions, oriented(touching, areas, preference, fractions))
    near = close < how.reach
    channels, owner = channelled(symmetric(first[near], second[near], close[near], len(radii)), orientations)
    return Nuclei(points, radii, channels, owner)


def symmetric(first: Array, second: Array, values: Array, n: int) -> csr_array:
    """The sparse symmetric matrix (n, n) with these values at the pairs."""
    kept = values > 0
    rows, columns = np.append(first[kept], second[kept]), np.append(second[kept], first[kept])
    return csr_array((np.tile(values[kept], 2), (rows, columns)), (n, n))


def channelled(touching: csr_array, orientations: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """A channel for each disc (N,), so that discs of one channel share the orientation and do not touch, and the channels'
    orientations (Q,)."""
    chosen = np.full(len(orientations), -1)
    owner: list[int] = []
    for disc, orientation in enumerate(orientations.tolist()):
        taken = chosen[touching.indices[touching.indptr[disc] : touching.indptr[disc + 1]]]
        free = [q for q, o in enumerate(owner) if o == orientation and q not in taken]
        if not free:
            owner.append(orientation)
        chosen[disc] = free[0] if free else len(owner) - 1
    return chosen, np.array(owner)


def nearby(points: Array, shape: tuple[float, float], reach: float) -> tuple[Array, Array, Array]:
    """Pairs i < j of points (N, 2) within `reach` px on the torus: first and second (m,), and from second to first (m, 2)."""
    tree = cKDTree(np.mod(points, shape), boxsize=shape)
    pairs = tree.query_pairs(min(reach, 0.499 * min(shape)), output_type="ndarray")
    pairs = pairs[np.lexsort(pairs.T)]
    first, second = pairs[:, 0], pairs[:, 1]
    return first, second, apart(points[first] - points[second], shape)


def apart(difference: Array, shape: tuple[float, float]) -> Array:
    """The shortest of the periodic images of differences (m, 2)."""
    size = np.asarray(shape, dtype=np.float64)
    return np.asarray(difference - size * np.round(difference / size))


def packed(points: Array, radii: Array, shape: tuple[float, float], rounds: int) -> Array:
    """Points (N, 2) after `rounds` of pushing overlapping discs apart, each by half of the overlap."""
    for _ in range(rounds):
        first, second, gap = nearby(points, shape, 2 * float(radii.max()))
        distance = np.hypot(*gap.T) + 1e-9
        push = gap * (np.maximum(radii[first] + radii[second] - distance, 0) / distance / 2)[:, None]
        moves = [np.bincount(first, push[:, k], len(points)) - np.bincount(second, push[:, k], len(points)) for k in (0, 1)]
        points = points + np.stack(moves, 1) / 2
    return np.mod(points, shape)


def oriented(touching: csr_array, areas: Array, preference: Array, fractions: Array) -> NDArray[np.intp]:
    """Orientation of each disc (N,), so that the area shares (N,) come near the fractions (C,) and neighbours differ.

    Mean field of an antiferromagnetic Potts model, cooled: q <- softmax((preference + b - REPULSION touching q) / T), damped (at
    once, all discs would swing to and fro), with offsets b for which the areas add up to the fractions. It follows a request
    that changes smoothly with few flips.
    """
    wanted = np.maximum(fractions, 1e-9)
    b, q = np.log(wanted), np.broadcast_to(wanted, preference.shape)
    for temperature in COOLING:
        field = preference - REPULSION * (touching @ q)
        share = areas @ _softmax((field + b) / temperature)
        b = b + temperature * np.log(wanted / np.maximum(share, 1e-12)).clip(-2, 2)
        q = q + DAMPING * (_softmax((field + b) / temperature) - q)
    return np.asarray(np.where(fractions > 0, q, -1.0).argmax(1))


def exchanged(
    touching: csr_array, areas: Array, preference: Array, fractions: Array, orientations: NDArray[np.intp]
) -> NDArray[np.intp]:
    """The orientations (N,) after `FLIPS` single changes at most, each the one that gains most of

    sum_i area_i (preference - REPULSION touching)_i - WEIGHT sum_c |fraction_c - requested_c|.
    """
    chosen, n = orientations.copy(), np.arange(len(orientations))
    touched = touching @ np.eye(len(fractions))[chosen]
    error = np.bincount(chosen, areas, len(fractions)) - fractions
    for _ in range(FLIPS):
        field = preference - REPULSION * touched
        size, old = areas[:, None], error[chosen][:, None]
        worse = np.abs(old - size) + np.abs(error + size) - np.abs(old) - np.abs(error)
        gain = size * (field - field[n, chosen][:, None]) - WEIGHT * worse
        gain[n, chosen], gain[:, fractions <= 0] = 0, -1
        disc, new = divmod(int(gain.argmax()), len(fractions))
        if gain[disc, new] <= 1e-9:
            break
        error[[chosen[disc], new]] += np.array([-1, 1]) * areas[disc]
        row = slice(touching.indptr[disc], touching.indptr[disc + 1])
        touched[touching.indices[row], chosen[disc]] -= touching.data[row]
        touched[touching.indices[row], new] += touching.data[row]
        chosen[disc] = new
    return chosen


def _softmax(x: Array) -> Array:
    """Over the last axis."""
    powers = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))
