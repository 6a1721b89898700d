"""Few colours for the grains of a map such that adjoining grains differ, and a grain for unassigned pixels."""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.types import Array


def filled(ids: Array) -> Array:
    """Grain numbers (H, W) in which unassigned pixels (0 or less) get the number of the nearest grain."""
    if (ids > 0).all():
        return ids
    nearest = ndimage.distance_transform_edt(ids <= 0, return_distances=False, return_indices=True)
    return ids[tuple(nearest)]


def neighbours(ids: Array) -> list[dict[int, int]]:
    """Neighbours of each grain 0 .. n-1 of a map (H, W), not periodic, with the number of common pixel faces."""
    n = int(ids.max()) + 1
    pairs = [np.stack([a[a != b], b[a != b]], 1) for a, b in ((ids[1:], ids[:-1]), (ids[:, 1:], ids[:, :-1]))]
    both, faces = np.unique(np.sort(np.concatenate(pairs).astype(np.int64), 1), axis=0, return_counts=True)
    adjacent: list[dict[int, int]] = [{} for _ in range(n)]
    for (a, b), count in zip(both.tolist(), faces.tolist(), strict=True):
        adjacent[a][b] = adjacent[b][a] = count
    return adjacent


def colours(ids: Array, k: int = 5) -> tuple[NDArray[np.uint8], int]:
    """A colour for each grain such that adjoining grains differ.

    Grains are coloured in the reverse of smallest-last order. Where all k colours meet, a chain of two of them is
    exchanged (Kempe), which on a plane and with k >= 5 always frees one: no pair shares a colour unless grains consist
    of several components. Of the free colours the one with the least area is used.

    Args:
        ids: grain numbers 0 .. n-1 (H, W).
        k: number of colours.

    Returns:
        Colours 0 .. k-1, uint8 (n,), and the number of adjoining pairs that share one.
    """
    near = neighbours(ids)
    areas = np.bincount(ids.ravel(), minlength=len(near))
    colour, used = [-1] * len(near), np.zeros(k)
    for grain in reversed(_smallest_last(near)):
        used_nearby = {colour[other] for other in near[grain]}
        if len(used_nearby - {-1}) == k:
            _exchange(near, colour, grain, k)
            used_nearby = {colour[other] for other in near[grain]}
        free = [c for c in range(k) if c not in used_nearby]

        def shared(c: int, grain: int = grain) -> int:
            return sum(f for o, f in near[grain].items() if colour[o] == c)

        colour[grain] = min(free, key=lambda c: used[c]) if free else min(range(k), key=shared)
        used[colour[grain]] += areas[grain]
    clashes = sum(colour[a] == colour[b] for a in range(len(near)) for b in near[a] if a < b)
    return np.array(colour, dtype=np.uint8), clashes


def _smallest_last(near: list[dict[int, int]]) -> list[int]:
    """The grains in the order in which the one with fewest remaining neighbours is removed."""
    degrees = [len(n) for n in near]
    queue = [(d, grain) for grain, d in enumerate(degrees)]
    heapq.heapify(queue)
    removed, order = [False] * len(near), []
    while queue:
        degree, grain = heapq.heappop(queue)
        if removed[grain] or degree != degrees[grain]:
            continue
        removed[grain] = True
        order.append(grain)
        for other in near[grain]:
            if not removed[other]:
                degrees[other] -= 1
                heapq.heappush(queue, (degrees[other], other))
    return order


def _exchange(near: list[dict[int, int]], colour: list[int], grain: int, k: int) -> None:
    """Exchanges two colours on the chains that begin at neighbours with the first and end at none with the second."""
    for a in range(k):
        for b in range(k):
            chain = {other for other in near[grain] if colour[other] == a}
            waiting = list(chain)
            while waiting:
                for other in near[waiting.pop()]:
                    if other not in chain and colour[other] in (a, b):
                        chain.add(other)
                        waiting.append(other)
            if a != b and not any(colour[other] == b for other in chain & near[grain].keys()):
                for other in chain:
                    colour[other] = a + b - colour[other]
                return
