"""Calorimeter images: every cell 0 or at least the noise cut, and in sum exactly what was asked for."""

from __future__ import annotations

import torch
from torch import Tensor


def read_out(fields: Tensor, total: Tensor, cut: float) -> Tensor:
    """Fields (B, 1, H, W) with cells that are 0 or at least `cut` and sum to `total` (B,); (B, H, W).

    Cells nearer to 0 than to the cut become 0, as in the orthogonal projection on {0} and [cut, inf); of the others no
    more than total / cut stay, the largest. What these have above the cut is scaled, cut + a max(x - cut, 0), a >= 0,
    so that the sum is met (shared equally where nothing is above). At least one cell stays; an image without any energy
    is level."""
    flat = fields[:, 0].double().clamp(min=0).flatten(1)
    flat = torch.where(flat.amax(1, keepdim=True) > 0, flat, torch.ones_like(flat))
    wanted = total.to(flat).reshape(-1, 1)
    rank = torch.argsort(torch.argsort(flat, dim=1, descending=True, stable=True), dim=1)
    stay = ((flat >= cut / 2) & (rank < torch.floor(wanted / cut))) | (rank == 0)
    count = stay.sum(1, keepdim=True)
    floor = torch.minimum(wanted / count, torch.full_like(wanted, cut))
    above = (flat - cut).clamp(min=0) * stay
    share = torch.where(above.sum(1, keepdim=True) > 0, above, stay.to(flat))
    share = share / share.sum(1, keepdim=True)
    return (stay * floor + (wanted - count * floor) * share).view_as(fields[:, 0]).to(fields.dtype)
