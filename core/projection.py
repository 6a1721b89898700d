"""Exact enforcement at inference: what the network only approximates is made exact on the delivered array."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from core.simulation import burgers
from core.types import Array, Conditions


def rank_threshold(logits: Tensor, fraction: Tensor) -> Tensor:
    """Two phases: the round(fraction * pixels) highest logits of each sample become phase 1.

    logits (B, 1, H, W), fraction (B,) -> uint8 (B, H, W), exact to half a pixel whatever the logits' precision: ties are
    broken by pixel index (a bias and a threshold would miss by the number of ties).
    """
    flat = logits.flatten(1)
    count = torch.round(fraction.double() * flat.shape[1]).long().clamp(0, flat.shape[1])
    cut = torch.stack([row.kthvalue(max(1, row.numel() - int(c) + 1))[0] for row, c in zip(flat, count.clamp(min=1), strict=True)])
    above, tied = flat > cut[:, None], flat == cut[:, None]
    missing = count - above.sum(1)
    labels = above | (tied & (tied.cumsum(1) <= missing[:, None]))
    return labels.to(torch.uint8).view(logits.shape[0], *logits.shape[2:])


def newton(fields: Tensor, conditions: Conditions, times: Sequence[float]) -> Tensor:
    """Burgers: one Newton sweep over the whole space-time system, in the frame of the mean: (B, 1, X, T) to (B, X, T).

    error_after ~ error_before^2, down to the error of the implicit scheme on these cells and levels. A field too far from any
    solution for the sweep to help (singular, not finite, changed by more than its own height) is left as it is.
    """
    nus = conditions["viscosity"].cpu().numpy()
    swept = [_swept(field, float(nu), times) for field, nu in zip(fields[:, 0].double().cpu().numpy(), nus, strict=True)]
    return torch.from_numpy(np.stack(swept)).to(fields)


def _swept(field: Array, viscosity: float, times: Sequence[float]) -> Array:
    """One field (X, T) after the sweep, or as it was."""
    mean = field[:, 0].mean()
    try:
        found = burgers.newton_sweep((field - mean).T, viscosity, times).T + mean
    except ValueError:
        return field
    largest = np.abs(found - field).max()
    return found if largest <= np.ptp(field[:, 0]) + 1e-6 else field
