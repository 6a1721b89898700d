"""Projection of points onto a level of the Rosenbrock function, along its gradient."""

from __future__ import annotations

import numpy as np

from core.simulation.rosenbrock import gradient, rosenbrock
from core.types import Array

STEPS = 8


def onto_level(x: Array, y: Array, steps: int = STEPS) -> Array:
    """Points moved by Newton steps x - (M(x) - y) grad M / |grad M|^2 until M(x) = y, to rounding near the level.

    Every step squares the error; a point moves along the gradient alone, hence on its own branch of the level. Far from
    the level a step is limited to a length of 0.5.

    Args:
        x: points (n, 2).
        y: levels (n,).
        steps: number of steps.

    Returns:
        Points (n, 2).
    """
    x = np.array(x, dtype=np.float64)
    for _ in range(steps):
        slope = gradient(x)
        step = ((rosenbrock(x) - y) / np.maximum((slope**2).sum(-1), 1e-12))[:, None] * slope
        x -= step * np.minimum(1, 0.5 / np.maximum(np.linalg.norm(step, axis=-1, keepdims=True), 1e-12))
    return x
