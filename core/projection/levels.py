"""Points onto a level of the Rosenbrock function, along its gradient."""

from __future__ import annotations

import numpy as np

from core.simulation.rosenbrock import gradient, rosenbrock
from core.types import Array

STEPS = 8


def onto_level(x: Array, y: Array, steps: int = STEPS) -> Array:
    """Newton steps x - (M(x) - y) grad M / |grad M|^2 of points (n, 2) until M(x) = y (n,), to rounding near the level.

    The error is squared by every step; a point moves along the gradient alone, so on its own branch of the level. Far
    from the level a step is cut to 0.5 in length."""
    x = np.array(x, dtype=np.float64)
    for _ in range(steps):
        slope = gradient(x)
        step = ((rosenbrock(x) - y) / np.maximum((slope**2).sum(-1), 1e-12))[:, None] * slope
        x -= step * np.minimum(1, 0.5 / np.maximum(np.linalg.norm(step, axis=-1, keepdims=True), 1e-12))
    return x
