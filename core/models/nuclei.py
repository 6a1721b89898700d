"""Nuclei of grains: a packing of discs on the torus determined by keys, each with an orientation and a channel.

The classical construction of a polycrystal with given grain sizes is a packing of discs and its power diagram; here it
is only the seed. Everything is a pure function of uniform numbers and the request, for one sample at a time, in numpy.

Reference:
    Fan, Wu, Zhao, Lin (2004).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from core.types import Array

COARSE, FINE = 3, 4
"""Points of the grid of cells per mean spacing, to centre the discs and to determine which meet."""
REPULSION, DAMPING, COOLING = 20.0, 0.15, np.geomspace(3.0, 0.1, 48)
"""Settings of `oriented`: cost of boundaries with equal orientations alone, in units of the scatter of the preferences;
damping of the mean field; its temperatures.
"""


@dataclass(frozen=True)
class Nuclei:
    """N discs with their channels.

    Attributes:
        points: centres (N, 2) in px as (y, x).
        radii: radii (N,) in px.
        channels: channels (N,); no two discs of one channel are near.
        owner: orientation (Q,) of each channel.
    """

    points: Array
    radii: Array
    channels: NDArray[np.intp]
    owner: NDArray[np.intp]


@dataclass(frozen=True)
class Packing:
    """Settings of the packing.

    Attributes:
        scatter: standard deviation of the logarithm of the radii.
        filling: share of the area that the discs would fill without overlap.
        rounds: rounds of pushing overlapping discs apart.
        centrings: rounds of moving discs to the centroids of their cells.
        reach: discs within this many sums of radii have different channels.
    """

    scatter: float = 0.25
    filling: float = 0.85
    rounds: int = 1
    centrings: int = 2
    reach: float = 1.8


def nucleate(
    points: Array, radii: Array, preference: Array, fractions: Array, shape: tuple[float, float], how: Packing
) -> Nuclei:
    """Discs of one sample.

    Args:
        points: points (N, 2) in px.
        radii: radii (N,), to be scaled to the filling.
        preference: preferences (N, C) of the discs for the orientations.
        fractions: requested fractions (C,).
        shape: height and width of the torus in px.
        how: settings of the packing.
    """
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
    """The power diagram of the discs on a grid of about `fine` points per mean spacing.

    Returns:
        Number (h, w) of the disc whose |x - x_i|^2 - r_i^2 is least (a third coordinate turns that into a distance),
        and the places (h, w, 2) of the grid.
    """
    spacing = np.sqrt(shape[0] * shape[1] / len(points)) / fine
    axes = [np.arange(n) * (length / n) for length in shape for n in (max(4, round(length / spacing)),)]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    height = np.sqrt(np.square(radii).max() - np.square(radii))
    tree = cKDTree(np.column_stack([np.mod(points, shape), height]), boxsize=[*shape, 0])
    nearest_disc = tree.query(np.concatenate([places, np.zeros((*places.shape[:2], 1))], -1))[1]
    return np.asarray(nearest_disc, dtype=np.intp), places


def centred(points: Array, owner: Array, places: Array, shape: tuple[float, float]) -> Array:
    """Points (N, 2) moved to the centroids of their cells (Lloyd 1982); those without a cell stay."""
    inside = np.maximum(np.bincount(owner.ravel(), minlength=len(points)), 1)
    offsets = apart(places - points[owner], shape)
    moves = [np.bincount(owner.ravel(), offsets[..., k].ravel(), len(points)) / inside for k in (0, 1)]
    return np.asarray(np.mod(points + np.stack(moves, 1), shape))


def contacts(owner: Array, n: int) -> tuple[Array, csr_array]:
    """Area shares (N,) of the cells of a periodic grid (h, w), and their common boundaries (N, N), with mean 1 per
    cell.
    """
    areas = np.bincount(owner.ravel(), minlength=n) / owner.size
    pairs = [(owner.ravel(), np.roll(owner, -1, axis).ravel()) for axis in (0, 1)]
    first, second = (np.concatenate(side) for side in zip(*pairs, strict=True))
    differ = first != second
    first, second = first[differ], second[differ]
    faces = csr_array((np.ones(2 * len(first)), (np.append(first, second), np.append(second, first))), (n, n))
    faces.sum_duplicates()
    return areas, faces * (n / max(faces.sum(), 1))


def symmetric(first: Array, second: Array, values: Array, n: int) -> csr_array:
    """Sparse symmetric matrix (n, n) with these values at the pairs."""
    kept = values > 0
    rows, columns = np.append(first[kept], second[kept]), np.append(second[kept], first[kept])
    return csr_array((np.tile(values[kept], 2), (rows, columns)), (n, n))


def channelled(touching: csr_array, orientations: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Channels such that discs of one channel share the orientation and do not touch.

    Returns:
        The channel (N,) of each disc, and the orientation (Q,) of each channel.
    """
    chosen = np.full(len(orientations), -1)
    owner: list[int] = []
    for disc, orientation in enumerate(orientations.tolist()):
        used = chosen[touching.indices[touching.indptr[disc] : touching.indptr[disc + 1]]]
        free = [q for q, o in enumerate(owner) if o == orientation and q not in used]
        if not free:
            owner.append(orientation)
        chosen[disc] = free[0] if free else len(owner) - 1
    return chosen, np.array(owner)


def nearby(points: Array, shape: tuple[float, float], reach: float) -> tuple[Array, Array, Array]:
    """Pairs i < j of points (N, 2) within `reach` px on the torus.

    Returns:
        First and second point (m,), and the vectors (m, 2) from second to first.
    """
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
    """Orientation of each disc (N,), such that the area shares come near the fractions and neighbours differ.

    Mean field of an antiferromagnetic Potts model, cooled: q <- softmax((preference + b - REPULSION touching q) / T),
    with offsets b for which the areas add up to the fractions. It is damped, since otherwise all discs would oscillate.
    It follows a request that changes smoothly with few flips. Every orientation with a positive fraction gets at least
    one disc.

    Args:
        touching: common boundaries (N, N).
        areas: area shares (N,).
        preference: preferences (N, C).
        fractions: requested fractions (C,).
    """
    target = np.maximum(fractions, 1e-9)
    b, q = np.log(target), np.broadcast_to(target, preference.shape)
    for temperature in COOLING:
        field = preference - REPULSION * (touching @ q)
        share = areas @ _softmax((field + b) / temperature)
        b = b + temperature * np.log(target / np.maximum(share, 1e-12)).clip(-2, 2)
        q = q + DAMPING * (_softmax((field + b) / temperature) - q)
    chosen = np.where(fractions > 0, q, -1.0).argmax(1)
    for orientation in np.flatnonzero(fractions > 0):
        counts = np.bincount(chosen, minlength=len(fractions))
        if not counts[orientation] and counts.max() > 1:
            chosen[np.where(counts[chosen] > 1, q[:, orientation], -1.0).argmax()] = orientation
    return np.asarray(chosen)


def _softmax(x: Array) -> Array:
    """Softmax over the last axis."""
    powers = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))
