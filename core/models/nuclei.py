"""Where grains begin: a keyed packing of discs on the torus, each with one of the orientations, and channels to grow
in.

The classical road to a polycrystal of given grain sizes is a packing of discs and its power diagram (Fan, Wu, Zhao, Lin
2004); here it is only the seed. All of it is a pure function of uniform numbers and the request, for one sample at a
time, in numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from core.types import Array

COARSE, FINE = 3, 4
"""Points of the grid of cells per mean spacing, to centre the discs and to see which meet."""
REPULSION, DAMPING, COOLING = 20.0, 0.15, np.geomspace(3.0, 0.1, 48)
"""Of the choice of orientations: what boundaries with equal orientations alone would cost, in units of the preferences'
scatter; damping of the mean field; its temperatures."""


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
    """How the discs are laid: how widely radii scatter (standard deviation of their logarithm), the share of the area
    that they would fill without overlap, rounds of pushing and of centring; within which sums of radii two discs share
    no channel."""

    scatter: float = 0.25
    filling: float = 0.85
    rounds: int = 1
    centrings: int = 2
    reach: float = 1.8


def nucleate(
    points: Array, radii: Array, preference: Array, fractions: Array, shape: tuple[float, float], how: Packing
) -> Nuclei:
    """Discs from points (N, 2) px on a torus of this shape, radii (N,) to be scaled to the filling, and preferences (N,
    C) of the orientations with the requested fractions (C,)."""
    radii = radii * np.sqrt(how.filling * shape[0] * shape[1] / (np.pi * np.square(radii).sum()))
    points = packed(points, radii, shape, how.rounds)
    for _ in range(how.centrings):
        points = centred(points, *cells(points, radii, shape, COARSE), shape)
    owner, _ = cells(points, radii, shape, FINE)
    areas, touching = contacts(owner, len(radii))
    orientations = oriented(touching, areas, preference, fractions)
    first, second, gap = nearby(points, shape, how.reach * 2 * float(radii.max()))
    close = np.hypot(*gap.T) / (radii[first] + radii[second])
    near = (close < how.reach).astype(np.float64)
    channels, orientation = channelled(symmetric(first, second, near, len(radii)) + touching, orientations)
    return Nuclei(points, radii, channels, orientation)


def cells(points: Array, radii: Array, shape: tuple[float, float], fine: int) -> tuple[NDArray[np.intp], Array]:
    """The power diagram of the discs on a grid of about `fine` points per mean spacing: number of the disc (h, w) whose
    |x - x_i|^2 - r_i^2 is least, and the grid's places (h, w, 2). The third coordinate turns that into a distance."""
    spacing = np.sqrt(shape[0] * shape[1] / len(points)) / fine
    axes = [np.arange(n) * (length / n) for length in shape for n in (max(4, round(length / spacing)),)]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    height = np.sqrt(np.square(radii).max() - np.square(radii))
    tree = cKDTree(np.column_stack([np.mod(points, shape), height]), boxsize=[*shape, 0])
    found = tree.query(np.concatenate([places, np.zeros((*places.shape[:2], 1))], -1))[1]
    return np.asarray(found, dtype=np.intp), places


def centred(points: Array, owner: Array, places: Array, shape: tuple[float, float]) -> Array:
    """Points (N, 2) moved to the centroids of their cells (Lloyd 1982); those without a cell stay."""
    inside = np.maximum(np.bincount(owner.ravel(), minlength=len(points)), 1)
    away = apart(places - points[owner], shape)
    moves = [np.bincount(owner.ravel(), away[..., k].ravel(), len(points)) / inside for k in (0, 1)]
    return np.asarray(np.mod(points + np.stack(moves, 1), shape))


def contacts(owner: Array, n: int) -> tuple[Array, csr_array]:
    """Area shares (N,) of the cells of a periodic grid (h, w), and their common boundaries (N, N), of mean 1 per
    cell."""
    areas = np.bincount(owner.ravel(), minlength=n) / owner.size
    pairs = [(owner.ravel(), np.roll(owner, -1, axis).ravel()) for axis in (0, 1)]
    first, second = (np.concatenate(side) for side in zip(*pairs, strict=True))
    differ = first != second
    first, second = first[differ], second[differ]
    faces = csr_array((np.ones(2 * len(first)), (np.append(first, second), np.append(second, first))), (n, n))
    faces.sum_duplicates()
    return areas, faces * (n / max(faces.sum(), 1))


def symmetric(first: Array, second: Array, values: Array, n: int) -> csr_array:
    """The sparse symmetric matrix (n, n) with these values at the pairs."""
    kept = values > 0
    rows, columns = np.append(first[kept], second[kept]), np.append(second[kept], first[kept])
    return csr_array((np.tile(values[kept], 2), (rows, columns)), (n, n))


def channelled(touching: csr_array, orientations: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """A channel for each disc (N,), so that discs of one channel share the orientation and do not touch, and the
    channels' orientations (Q,)."""
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
    """Pairs i < j of points (N, 2) within `reach` px on the torus: first and second (m,), and from second to first (m,
    2)."""
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
        moves = [
            np.bincount(first, push[:, k], len(points)) - np.bincount(second, push[:, k], len(points)) for k in (0, 1)
        ]
        points = points + np.stack(moves, 1) / 2
    return np.mod(points, shape)


def oriented(touching: csr_array, areas: Array, preference: Array, fractions: Array) -> NDArray[np.intp]:
    """Orientation of each disc (N,), so that the area shares (N,) come near the fractions (C,) and neighbours differ.

    Mean field of an antiferromagnetic Potts model, cooled: q <- softmax((preference + b - REPULSION touching q) / T),
    damped (at once, all discs would swing to and fro), with offsets b for which the areas add up to the fractions. It
    follows a request that changes smoothly with few flips. What is asked for gets one disc at least."""
    wanted = np.maximum(fractions, 1e-9)
    b, q = np.log(wanted), np.broadcast_to(wanted, preference.shape)
    for temperature in COOLING:
        field = preference - REPULSION * (touching @ q)
        share = areas @ _softmax((field + b) / temperature)
        b = b + temperature * np.log(wanted / np.maximum(share, 1e-12)).clip(-2, 2)
        q = q + DAMPING * (_softmax((field + b) / temperature) - q)
    chosen = np.where(fractions > 0, q, -1.0).argmax(1)
    for orientation in np.flatnonzero(fractions > 0):
        held = np.bincount(chosen, minlength=len(fractions))
        if not held[orientation] and held.max() > 1:
            chosen[np.where(held[chosen] > 1, q[:, orientation], -1.0).argmax()] = orientation
    return np.asarray(chosen)


def _softmax(x: Array) -> Array:
    """Over the last axis."""
    powers = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))
