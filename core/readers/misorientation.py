"""Orientations of crystals as unit quaternions (w, x, y, z), and classes of them by misorientation.

Bunge angles (phi1, Phi, phi2), Z-X-Z, in radians, rotate the axes of the sample into those of the crystal: q = z(phi1)
x(Phi) z(phi2). Crystal symmetries multiply from the right: q and q s are the same orientation. The misorientation of p
and q is 2 acos max_s |<p, q s>|.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.types import Array

CUBIC, HEXAGONAL = 1, 0
"""DREAM.3D's numbers of the crystal structures m-3m and 6/mmm."""
RESTARTS, ROUNDS = 4, 50
FITTED = 4000
"""Most orientations to which the centres of classes are fitted; the others join the nearest centre."""
CHUNK = 2**15


def quaternions(angles: Array) -> NDArray[np.float64]:
    """Quaternions (..., 4) of Bunge angles (..., 3) in radians."""
    first, middle, last = np.moveaxis(np.asarray(angles, dtype=np.float64), -1, 0)
    total, rest = (first + last) / 2, (first - last) / 2
    c, s = np.cos(middle / 2), np.sin(middle / 2)
    return np.stack([c * np.cos(total), s * np.cos(rest), s * np.sin(rest), c * np.sin(total)], -1)


def product(p: Array, q: Array) -> NDArray[np.float64]:
    """Hamilton product of quaternions (..., 4), broadcast."""
    a, b, c, d = np.moveaxis(p, -1, 0)
    w, x, y, z = np.moveaxis(q, -1, 0)
    real, i = a * w - b * x - c * y - d * z, a * x + b * w + c * z - d * y
    return np.stack([real, i, a * y - b * z + c * w + d * x, a * z + b * y - c * x + d * w], -1)


@lru_cache(maxsize=8)
def symmetries(structure: int | None) -> NDArray[np.float64]:
    """Rotations that leave the crystal unchanged: (24, 4) for m-3m, (12, 4) for 6/mmm, otherwise the identity."""
    half = np.sqrt(0.5)
    turns = {
        CUBIC: [[half, 0, 0, half], [0.5, 0.5, 0.5, 0.5]],
        HEXAGONAL: [[np.cos(np.pi / 6), 0, 0, np.sin(np.pi / 6)], [0, 1, 0, 0]],
    }.get(-1 if structure is None else structure, [])
    group = np.array([[1.0, 0, 0, 0]])
    while turns:
        grown = np.concatenate([group, *(product(group, np.array(t)) for t in turns)])
        grown = grown[np.sort(np.unique(_signed(grown).round(6), axis=0, return_index=True)[1])]
        if len(grown) == len(group):
            break
        group = grown
    return group


def nearest(q: Array, centres: Array, structure: int | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nearness of orientations to centres.

    Args:
        q: orientations (n, 4).
        centres: centres (k, 4).
        structure: crystal structure.

    Returns:
        Cosine of half the misorientation, (n, k), and each q in the equivalent form nearest to its best centre, (n, 4).
    """
    group = symmetries(structure)
    equivalents = product(centres[:, None], group)  # (k, m, 4)
    dots = (q @ equivalents.reshape(-1, 4).T).reshape(len(q), len(centres), len(group))
    close = np.abs(dots).max(2)
    best = close.argmax(1)
    every = np.arange(len(q))
    turn = np.abs(dots[every, best]).argmax(1)
    back = group[turn] * [1, -1, -1, -1]
    return close, product(q, back) * np.sign(dots[every, best, turn])[:, None]


def averages(ids: Array, q: Array, n: int, structure: int | None, start: Array | None = None) -> NDArray[np.float64]:
    """Sums of the orientations of each grain, each in the equivalent form nearest to a reference.

    The reference of a grain is its sum in `start` or, where that is zero, its first orientation.

    Args:
        ids: grain numbers (m,).
        q: orientations (m, 4).
        n: number of grains.
        structure: crystal structure.
        start: sums (n, 4) to continue from.

    Returns:
        Sums (n, 4).
    """
    sums = np.zeros((n, 4)) if start is None else start.copy()
    present, first = np.unique(ids, return_index=True)
    fresh = ~np.asarray(sums[present].any(1))
    reference = sums.copy()
    reference[present[fresh]] = q[first[fresh]]
    group = symmetries(structure)
    for at in range(0, len(ids), CHUNK):
        some, own = q[at : at + CHUNK], ids[at : at + CHUNK]
        dots = np.einsum("nmi,ni->nm", product(some[:, None], group), reference[own])
        turn = np.abs(dots).argmax(1)
        sign = np.sign(dots[np.arange(len(own)), turn])
        np.add.at(sums, own, product(some, group[turn]) * sign[:, None])
    return sums


def classes(q: Array, k: int, structure: int | None, seed: int = 0) -> NDArray[np.uint8]:
    """Classes of orientations: spherical k-means under the symmetry of the crystal, best of 4 starts.

    Centres start far apart (k-means++) and are the normalised means of their orientations in the nearest equivalent
    form. The same q and seed give the same classes.

    Args:
        q: orientations (n, 4).
        k: number of classes.
        structure: crystal structure.
        seed: seed of the random numbers.

    Returns:
        Class 0 .. k-1 of each orientation, uint8 (n,); the largest class comes first, fewer than k only when n < k.
    """
    rng = np.random.default_rng(seed)
    some = q if len(q) <= FITTED else q[rng.choice(len(q), FITTED, replace=False)]
    attempts = [_descend(some, _spread(some, min(k, len(q)), structure, rng), structure) for _ in range(RESTARTS)]
    centres = max(attempts, key=lambda attempt: attempt[1])[0]
    parts = [nearest(q[i : i + CHUNK], centres, structure)[0].argmax(1) for i in range(0, len(q), CHUNK)]
    labels = np.concatenate(parts)
    order = np.argsort(-np.bincount(labels, minlength=k), kind="stable")
    return np.argsort(order, kind="stable")[labels].astype(np.uint8)


def _spread(q: Array, k: int, structure: int | None, rng: np.random.Generator) -> Array:
    """k centres out of q, each likely to be far from the previous ones."""
    centres = q[rng.integers(len(q))][None]
    while len(centres) < k:
        far = np.maximum(1 - nearest(q, centres, structure)[0].max(1), 0) + 1e-12
        centres = np.concatenate([centres, q[rng.choice(len(q), p=far / far.sum())][None]])
    return centres


def _descend(q: Array, centres: Array, structure: int | None) -> tuple[Array, float]:
    """The centres at convergence, and their score (sum of the cosines)."""
    labels = np.full(len(q), -1)
    for _ in range(ROUNDS):
        close, aligned = nearest(q, centres, structure)
        assigned = close.argmax(1)
        for empty in set(range(len(centres))) - set(assigned.tolist()):
            assigned[close.max(1).argmin()] = empty
            aligned[assigned == empty] = q[assigned == empty]
        if (assigned == labels).all():
            break
        labels = assigned
        sums = np.zeros_like(centres)
        np.add.at(sums, labels, aligned)
        centres = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    return centres, float(close.max(1).sum())


def _signed(q: Array) -> Array:
    """Whichever of q and -q has a positive first non-zero component."""
    lead = np.take_along_axis(q, (np.abs(q) > 1e-9).argmax(-1)[..., None], -1)
    return q * np.sign(lead)
