"""Orientations of crystals as unit quaternions (w, x, y, z), and classes of them by misorientation.

Bunge angles (phi1, Phi, phi2), Z-X-Z, in radians, turn the sample's axes into the crystal's: q = z(phi1) x(Phi)
z(phi2). Crystal symmetries multiply from the right: q and q s are the same orientation. The misorientation of p and q
is 2 acos max_s |<p, q s>|."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.types import Array

CUBIC, HEXAGONAL = 1, 0
"""DREAM.3D's numbers of the crystal structures m-3m and 6/mmm."""
RESTARTS, ROUNDS = 4, 50
FITTED = 4000
"""Most orientations that the centres of classes are fitted to; the others join the nearest centre."""
CHUNK = 2**15


def quaternions(angles: Array) -> NDArray[np.float64]:
    """Bunge angles (..., 3) in radians to quaternions (..., 4)."""
    first, middle, last = np.moveaxis(np.asarray(angles, dtype=np.float64), -1, 0)
    total, rest = (first + last) / 2, (first - last) / 2
    c, s = np.cos(middle / 2), np.sin(middle / 2)
    return np.stack([c * np.cos(total), s * np.cos(rest), s * np.sin(rest), c * np.sin(total)], -1)


def product(p: Array, q: Array) -> NDArray[np.float64]:
    """Hamilton's product of quaternions (..., 4), broadcast."""
    a, b, c, d = np.moveaxis(p, -1, 0)
    w, x, y, z = np.moveaxis(q, -1, 0)
    real, i = a * w - b * x - c * y - d * z, a * x + b * w + c * z - d * y
    return np.stack([real, i, a * y - b * z + c * w + d * x, a * z + b * y - c * x + d * w], -1)


@lru_cache(maxsize=8)
def symmetries(structure: int | None) -> NDArray[np.float64]:
    """Rotations that leave the crystal as it is, (24, 4) for m-3m, (12, 4) for 6/mmm, else the identity alone."""
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
    """Cosine of half the misorientation of q (n, 4) to centres (k, 4), (n, k), and each q as it lies nearest to its
    best centre."""
    group = symmetries(structure)
    turned = product(centres[:, None], group)  # (k, m, 4)
    dots = (q @ turned.reshape(-1, 4).T).reshape(len(q), len(centres), len(group))
    close = np.abs(dots).max(2)
    best = close.argmax(1)
    every = np.arange(len(q))
    turn = np.abs(dots[every, best]).argmax(1)
    back = group[turn] * [1, -1, -1, -1]
    return close, product(q, back) * np.sign(dots[every, best, turn])[:, None]


def averages(ids: Array, q: Array, n: int, structure: int | None, start: Array | None = None) -> NDArray[np.float64]:
    """Sums (n, 4) of the orientations q (m, 4) of each grain number in ids (m,), each taken as it lies nearest to
    `start`'s, which is the first of the grain where there is none (zero) yet."""
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
    """Class 0 .. k-1 of each orientation q (n, 4), uint8 (n,): spherical k-means under the crystal's symmetry, best of
    4 starts.

    Centres start far apart (k-means++), and are the normalised means of their orientations as they lie nearest to them;
    the largest class comes first. The same q and seed give the same classes; fewer than k only when n < k."""
    rng = np.random.default_rng(seed)
    some = q if len(q) <= FITTED else q[rng.choice(len(q), FITTED, replace=False)]
    tries = [_descend(some, _spread(some, min(k, len(q)), structure, rng), structure) for _ in range(RESTARTS)]
    centres = max(tries, key=lambda found: found[1])[0]
    parts = [nearest(q[i : i + CHUNK], centres, structure)[0].argmax(1) for i in range(0, len(q), CHUNK)]
    labels = np.concatenate(parts)
    order = np.argsort(-np.bincount(labels, minlength=k), kind="stable")
    return np.argsort(order, kind="stable")[labels].astype(np.uint8)


def _spread(q: Array, k: int, structure: int | None, rng: np.random.Generator) -> Array:
    """k centres out of q, each likely to be far from the ones before."""
    centres = q[rng.integers(len(q))][None]
    while len(centres) < k:
        far = np.maximum(1 - nearest(q, centres, structure)[0].max(1), 0) + 1e-12
        centres = np.concatenate([centres, q[rng.choice(len(q), p=far / far.sum())][None]])
    return centres


def _descend(q: Array, centres: Array, structure: int | None) -> tuple[Array, float]:
    """The centres when they no longer move, and their score (sum of the cosines)."""
    labels = np.full(len(q), -1)
    for _ in range(ROUNDS):
        close, aligned = nearest(q, centres, structure)
        now = close.argmax(1)
        for empty in set(range(len(centres))) - set(now.tolist()):
            now[close.max(1).argmin()] = empty
            aligned[now == empty] = q[now == empty]
        if (now == labels).all():
            break
        labels = now
        sums = np.zeros_like(centres)
        np.add.at(sums, labels, aligned)
        centres = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    return centres, float(close.max(1).sum())


def _signed(q: Array) -> Array:
    """The one of q and -q whose first non-zero part is positive."""
    lead = np.take_along_axis(q, (np.abs(q) > 1e-9).argmax(-1)[..., None], -1)
    return q * np.sign(lead)
