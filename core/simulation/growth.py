"""Normal grain growth by diffusion-generated motion: boundaries move with their curvature, junctions meet at 120
degrees.

Grains are packed into a few channels u_c (h, w) >= 0 that sum to 1, such that grains of one channel lie far apart. One
step

    v_c = G * u_c,    u_c <- v_c^3 / sum_k v_k^3,    G the periodic Gaussian of standard deviation s px,

moves a boundary of curvature k by k s^2 / 2 toward its centre (the heat flow of time s^2 / 2) and treats all grains
alike, so the three angles of a junction are equal. An infinite power is threshold dynamics, whose boundaries stick to
the pixels; the third power keeps an interface of about a pixel, which resolves positions below the pixel. A grain of n
sides obeys dA/dt = (pi / 3) (n - 6), t in units of s^2 / 2.

Reference:
    Threshold dynamics: Merriman, Bence, Osher (1994); for grains Elsey, Esedoglu, Smereka (2009). Growth law: von
        Neumann (1952); Mullins (1956).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.linalg import circulant

from core.descriptors.components import SPECK, components
from core.types import Array

WIDTH = 0.2
"""Standard deviation of the Gaussian over the mean grain diameter."""
ROUND = 5
"""Most steps between two packings."""
REACH = 4.0
"""Grains nearer than this many standard deviations are packed into different channels: at 3, some meet and merge."""


def gaussian(n: int, deviation: float) -> NDArray[np.float32]:
    """Periodic Gaussian blur along an axis of n px as a matrix (n, n) with rows summing to 1."""
    distance = np.arange(n) + n * np.arange(-2, 3)[:, None]
    weights = np.exp(-0.5 * (distance / deviation) ** 2).sum(0)
    return np.asarray(circulant(weights / weights.sum()), dtype=np.float32)


def step(u: NDArray[np.float32], rows: NDArray[np.float32], columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """One step of the channels u (C, H, W), with the `gaussian` matrices of the rows and the columns."""
    blurred = rows @ (u.reshape(-1, len(columns)) @ columns).reshape(u.shape)
    powers = blurred * blurred * blurred
    return np.asarray(powers / powers.sum(0), dtype=np.float32)


def colours(ids: Array, reach: float) -> NDArray[np.intp]:
    """A channel for each grain number 0 .. N-1 of a periodic map (H, W), different for grains within about `reach`
    px.
    """
    n = int(ids.max()) + 1
    near = np.zeros((n, n), bool)
    for angle in np.arange(8) * math.pi / 8:
        for radius in (reach / 2, reach):
            shift = (round(radius * math.sin(angle)), round(radius * math.cos(angle)))
            near[ids, np.roll(ids, shift, (0, 1))] = True
    near |= near.T
    chosen = np.full(n, -1)
    for grain in np.argsort(-near.sum(0), kind="stable"):
        used = set(chosen[near[grain]].tolist())
        chosen[grain] = next(c for c in range(n) if c not in used)
    return chosen


def pack(u: NDArray[np.float32], deviation: float) -> tuple[NDArray[np.float32], Array]:
    """Channels u (C, H, W) packed again without grains below `SPECK` px, and the grain numbers (H, W).

    Soft boundaries keep their places.
    """
    owner = u.argmax(0)
    ids = components(owner)
    small = np.bincount(ids.ravel()) < SPECK
    if small.any():
        u = np.where(small[ids] & (owner == np.arange(len(u))[:, None, None]), 0, u)
        owner = u.argmax(0)
        ids = components(owner)
    chosen = colours(ids, REACH * deviation)
    own = np.where(owner == np.arange(len(u))[:, None, None], ids + 1, 0)
    near = ndimage.maximum_filter(own, (1, 5, 5), mode="wrap")  # the grain that a channel's tail belongs to
    target = np.append(0, chosen)[near] * ids.size + np.arange(ids.size).reshape(ids.shape)
    packed = np.bincount(target.ravel(), np.where(near > 0, u, 0).ravel(), minlength=(chosen.max() + 1) * ids.size)
    packed = packed.reshape(-1, *ids.shape)
    return np.asarray(packed / packed.sum(0), dtype=np.float32), ids


def grow(ids: Array, target: int) -> Array:
    """Grain growth until `target` grains remain.

    Args:
        ids: grain numbers (H, W) to start from.
        target: number of grains to reach.

    Returns:
        Grain numbers 0 .. N-1 (H, W), N = `target` or a few less: several may vanish in the last step.
    """
    ids, u = components(ids), None
    while (count := int(ids.max()) + 1) > target:
        deviation = WIDTH * math.sqrt(4 * ids.size / (math.pi * count))
        if u is None:
            channel = colours(ids, REACH * deviation)[ids]
            u = (channel == np.arange(channel.max() + 1)[:, None, None]).astype(np.float32)
        rate = math.pi * deviation**2 / 2 * count / ids.size  # share of the grains that vanish in one step
        blurs = [gaussian(n, deviation) for n in ids.shape]
        for _ in range(max(1, min(ROUND, int(math.log(count / target) / rate)))):
            u = step(u, *blurs)
        u, ids = pack(u, deviation)
    return ids
