"""Burgers' equation: one Newton sweep of the whole space-time system."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from core.simulation import burgers
from core.types import Array, Conditions


def newton(fields: Tensor, conditions: Conditions, times: Sequence[float]) -> Tensor:
    """One Newton sweep over the whole space-time system, in the frame of the mean.

    error_after ~ error_before^2, down to the error of the implicit scheme on these cells and levels. A field too far
    from any solution for the sweep to help (singular, not finite, changed by more than its own height) is returned
    unchanged.

    Args:
        fields: fields (B, 1, X, T).
        conditions: "viscosity" (B,).
        times: the T levels.

    Returns:
        Fields (B, X, T).
    """
    nus = conditions["viscosity"].cpu().numpy()
    swept = [
        _swept(field, float(nu), times) for field, nu in zip(fields[:, 0].double().cpu().numpy(), nus, strict=True)
    ]
    return torch.from_numpy(np.stack(swept)).to(fields)


def _swept(field: Array, viscosity: float, times: Sequence[float]) -> Array:
    """One field (X, T) after the sweep, or unchanged."""
    mean = field[:, 0].mean()
    try:
        improved = burgers.newton_sweep((field - mean).T, viscosity, times).T + mean
    except ValueError:
        return field
    largest = np.abs(improved - field).max()
    return improved if largest <= np.ptp(field[:, 0]) + 1e-6 else field
