"""Exact volume fractions of two phases, by rank."""

from __future__ import annotations

import torch
from torch import Tensor


def rank_threshold(logits: Tensor, fraction: Tensor) -> Tensor:
    """Labels in which the round(fraction * pixels) highest logits of each sample are phase 1.

    Exact to half a pixel whatever the precision of the logits: ties are broken by pixel index (a bias and a threshold
    would be wrong by the number of ties).

    Args:
        logits: logits (B, 1, H, W).
        fraction: volume fractions (B,).

    Returns:
        Labels uint8 (B, H, W).
    """
    flat = logits.flatten(1)
    count = torch.round(fraction.double() * flat.shape[1]).long().clamp(0, flat.shape[1])
    cut = torch.stack(
        [row.kthvalue(max(1, row.numel() - int(c) + 1))[0] for row, c in zip(flat, count.clamp(min=1), strict=True)]
    )
    above, tied = flat > cut[:, None], flat == cut[:, None]
    missing = count - above.sum(1)
    labels = above | (tied & (tied.cumsum(1) <= missing[:, None]))
    return labels.to(torch.uint8).view(logits.shape[0], *logits.shape[2:])
