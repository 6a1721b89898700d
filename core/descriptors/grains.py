"""Statistics of polycrystal label maps: periodic, measured on labels alone, lengths in pixels.

Every function takes `labels` (n, H, W), integers of any kind, as an array or a tensor. A grain is a 4-connected
component of equal labels (see `components`): adjoining grains of equal orientation count as one, as on any orientation
map. Components of fewer than `SPECK` px are speckle, not grains. Scalars are float32 tensors (n,), curves (n, m).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.descriptors.components import SPECK, areas, components
from core.types import Array

DIAMETERS = np.arange(0.0, 50.0, 2.0)
"""Edges of the classes of `size_distribution` in px; the last class collects all larger grains."""
ANGLES = np.arange(30.0, 250.0, 10.0)
"""Edges of the classes of `angle_distribution` in degrees; the first and last collect what lies beyond."""
RADII = (4.0, 5.0, 6.0)
"""Radii in px of the circles about a junction on which its angles are measured."""
DIRECTIONS = 180
"""Points on each of these circles."""
SOLID = 0.9
"""Least solidity of a component that looks like one grain; of a thousand grown grains about one is below."""


def _maps(labels: Tensor | Array) -> NDArray[np.int64]:
    """Labels as an integer array (n, H, W).

    Raises:
        ValueError: the labels have another number of axes.
    """
    maps = labels.detach().cpu().numpy() if isinstance(labels, Tensor) else np.asarray(labels)
    if maps.ndim != 3:
        raise ValueError(f"Label maps must have shape (n, H, W); got {maps.shape}. Add or drop an axis.")
    return maps.astype(np.int64)


def _scalars(values: Iterator[float]) -> Tensor:
    """One float32 number per map."""
    return torch.tensor(list(values), dtype=torch.float32)


def grain_areas(labels: Tensor | Array) -> list[NDArray[np.intp]]:
    """Areas in px of the grains of each map, without speckle."""
    all_areas = [areas(label_map) for label_map in _maps(labels)]
    return [a[a >= SPECK] for a in all_areas]


def diameters(labels: Tensor | Array) -> list[NDArray[np.float64]]:
    """Diameters d = 2 sqrt(A / pi) in px of the discs with the areas of the grains of each map."""
    return [2 * np.sqrt(a / math.pi) for a in grain_areas(labels)]


def grain_count(labels: Tensor | Array) -> Tensor:
    """Number of grains of each map, shape (n,)."""
    return _scalars(float(len(a)) for a in grain_areas(labels))


def speckle(labels: Tensor | Array) -> Tensor:
    """Pixels of each map that lie in components of fewer than `SPECK` px, shape (n,)."""
    all_areas = [areas(one) for one in _maps(labels)]
    return _scalars(float(a[a < SPECK].sum()) for a in all_areas)


def mean_diameter(labels: Tensor | Array) -> Tensor:
    """Mean over the grains of each map of d = 2 sqrt(A / pi), shape (n,), px; 0 without any grain."""
    return _scalars(float(d.mean()) if len(d) else 0.0 for d in diameters(labels))


def size_distribution(labels: Tensor | Array) -> Tensor:
    """Share of the grains of each map in the classes of diameter `DIAMETERS`, shape (n, m), at `size_classes`."""
    return _histogram(diameters(labels), DIAMETERS)


def size_classes(shape: tuple[int, int]) -> NDArray[np.float64]:
    """Centres of the classes of `size_distribution`, px."""
    return (DIAMETERS[1:] + DIAMETERS[:-1]) / 2


def boundary_length(labels: Tensor | Array) -> Tensor:
    """Length of the boundaries between different labels per area, shape (n,), 1/px.

    (pi / 4) F with F = pixel faces between different labels per pixel: unbiased for isotropic boundaries, see
    `core.descriptors.two_phase.specific_surface`.
    """
    maps = _maps(labels)
    faces = sum((maps != np.roll(maps, -1, axis)).mean((1, 2)) for axis in (1, 2))
    return torch.as_tensor(faces * math.pi / 4, dtype=torch.float32)


def equal_boundary(ids: Array, labels: Tensor | Array) -> Tensor:
    """Share (n,) of the grain boundary length that has equal labels on both sides.

    Args:
        ids: grain numbers (n, H, W).
        labels: labels of the pixels (n, H, W).
    """
    grains, maps = _maps(ids), _maps(labels)
    between = [grains != np.roll(grains, -1, axis) for axis in (1, 2)]
    equal = [b & (maps == np.roll(maps, -1, axis)) for axis, b in zip((1, 2), between, strict=True)]
    share = sum(e.sum((1, 2)) for e in equal) / np.maximum(sum(b.sum((1, 2)) for b in between), 1)
    return torch.as_tensor(share, dtype=torch.float32)


def junctions(label: Array) -> NDArray[np.intp]:
    """Triple junctions of a periodic map (H, W): the upper left pixels (k, 2) of the 2 x 2 blocks in which three labels
    meet.

    Blocks that touch belong to the same junction; only the first of them counts.
    """
    block = np.sort(np.stack([np.roll(label, (-i, -j), (0, 1)) for i in (0, 1) for j in (0, 1)]), axis=0)
    meet = (np.diff(block, axis=0) != 0).sum(0) == 2
    again = np.any([np.roll(meet, shift, (0, 1)) for shift in ((0, 1), (1, -1), (1, 0), (1, 1))], axis=0)
    return np.argwhere(meet & ~again)


def junction_angles(labels: Tensor | Array) -> list[NDArray[np.float64]]:
    """Dihedral angles of the triple junctions of each map, degrees, shape (k, 3), each row summing to 360.

    An angle is the share of its grain in circles of `RADII` px about the meeting point of the three labels. A junction
    counts only if each circle crosses each of its grains once and no other, so that there is no second junction within
    6 px. The junction lies up to half a pixel from a corner of pixels, which leaves a random error of about 7 degrees
    in each angle. Angles are in the order of their labels.
    """
    return [_angles(label_map) for label_map in _maps(labels)]


def angle_distribution(labels: Tensor | Array) -> Tensor:
    """Share of the dihedral angles of each map in the classes `ANGLES`, shape (n, m), at `angle_classes`."""
    return _histogram([a.ravel() for a in junction_angles(labels)], ANGLES)


def angle_classes(shape: tuple[int, int]) -> NDArray[np.float64]:
    """Centres of the classes of `angle_distribution`, degrees."""
    return (ANGLES[1:] + ANGLES[:-1]) / 2


def solidity(label: Array) -> NDArray[np.float64]:
    """Solidity of each grain of a periodic map (H, W): its pixels over the pixels in their convex hull.

    1 for a convex grain, 0 for a component that winds round the torus.
    """
    ids = components(label)
    count = np.bincount(ids.ravel())
    order = np.argsort(ids, axis=None, kind="stable")
    pieces = np.split(order, np.cumsum(count)[:-1])
    return np.array([_solidity(p, ids.shape) for p in pieces if len(p) >= SPECK])


def misfit(labels: Tensor | Array) -> Tensor:
    """Neighbour misfit: share (n,) of each map's area in components that do not look like a single grain.

    Adjoining components differ by definition; when two grains of equal orientation merge, they leave a component with
    notches where their junctions were. Components of solidity below `SOLID` are counted.
    """
    return _scalars(_merged(label_map) for label_map in _maps(labels))


def _merged(label: Array) -> float:
    """Share of the area of a map (H, W) in grains of solidity below `SOLID`."""
    area = areas(label)
    return float(area[area >= SPECK][solidity(label) < SOLID].sum() / area.sum())


def _histogram(samples: list[NDArray[np.float64]], edges: NDArray[np.float64]) -> Tensor:
    """Shares (n, m) of each map's sample in the classes; the end classes collect what lies beyond, empty samples
    give 0.
    """
    inside = [np.clip(s, edges[0], np.nextafter(edges[-1], 0)) for s in samples]
    counts = np.stack([np.histogram(s, edges)[0] / max(len(s), 1) for s in inside])
    return torch.as_tensor(counts, dtype=torch.float32)


def _angles(label: Array) -> NDArray[np.float64]:
    """Dihedral angles (k, 3) of one map (H, W)."""
    corner = junctions(label)
    turn = 2 * math.pi * (np.arange(DIRECTIONS) + 0.5) / DIRECTIONS
    radius = np.array(RADII)[:, None]
    positions = [
        c[:, None, None] + np.rint(0.5 + radius * f(turn)).astype(int)
        for c, f in zip(corner.T, (np.sin, np.cos), strict=True)
    ]
    circles = label[positions[0] % label.shape[0], positions[1] % label.shape[1]]  # (k, radii, directions)
    block = np.stack(
        [
            label[(corner[:, 0] + i) % label.shape[0], (corner[:, 1] + j) % label.shape[1]]
            for i in (0, 1)
            for j in (0, 1)
        ],
        1,
    )
    block.sort(axis=1)
    meeting = block[np.diff(block, axis=1, prepend=-1) != 0].reshape(-1, 3)
    shares = (circles[..., None] == meeting[:, None, None]).mean(2)  # (k, radii, 3)
    simple = ((circles != np.roll(circles, 1, 2)).sum(2) == 3).all(1) & (shares > 0).all((1, 2))
    return np.asarray(360 * shares.mean(1)[simple])


def _solidity(piece: Array, shape: tuple[int, ...]) -> float:
    """Solidity of the component with these flat pixel numbers."""
    coordinates = [_unwrap(c, n) for c, n in zip(np.unravel_index(piece, shape), shape, strict=True)]
    if any(p is None for p in coordinates):
        return 0.0
    hull = _hull(sorted(set(zip(*(p.tolist() for p in coordinates if p is not None), strict=True))))
    ring = list(zip(hull, hull[1:] + hull[:1], strict=True))
    doubled = abs(sum(a[0] * b[1] - a[1] * b[0] for a, b in ring))
    border = sum(math.gcd(a[0] - b[0], a[1] - b[1]) for a, b in ring)
    return len(piece) / ((doubled + border) / 2 + 1)  # Pick's theorem counts the pixel centres in the hull


def _unwrap(coordinates: Array, length: int) -> NDArray[np.intp] | None:
    """Coordinates shifted on the torus so that no empty line lies inside the component; None if it has no empty
    line.
    """
    empty = np.setdiff1d(np.arange(length), coordinates)
    return (coordinates - empty[0]) % length if len(empty) else None


def _hull(points: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Corners of the convex hull of sorted points (Andrew's monotone chain)."""

    def chain(line: list[tuple[int, int]]) -> list[tuple[int, int]]:
        out: list[tuple[int, int]] = []
        for p in line:
            while len(out) > 1 and _turn(out[-2], out[-1], p) <= 0:
                out.pop()
            out.append(p)
        return out[:-1]

    return chain(points) + chain(points[::-1])


def _turn(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> int:
    """Positive where the path a, b, c turns left."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
