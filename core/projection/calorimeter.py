"""Calorimeter images: every cell is 0 or at least the noise cut, and the sum is exactly the requested energy."""

from __future__ import annotations

import torch
from torch import Tensor


def read_out(fields: Tensor, total: Tensor, cut: float) -> Tensor:
    """Fields with cells that are 0 or at least `cut` and sum to `total`.

    Cells nearer to 0 than to the cut become 0, as in the orthogonal projection on {0} and [cut, inf). At most total /
    cut of the others remain, the largest. Their excess over the cut is scaled, cut + a max(x - cut, 0) with a >= 0, to
    reach the sum (shared equally where there is no excess). At least one cell remains; an image without any energy
    becomes uniform before.

    Args:
        fields: fields (B, 1, H, W).
        total: sums (B,).
        cut: noise cut, in the unit of the fields.

    Returns:
        Fields (B, H, W).
    """
    flat = fields[:, 0].double().clamp(min=0).flatten(1)
    flat = torch.where(flat.amax(1, keepdim=True) > 0, flat, torch.ones_like(flat))
    target = total.to(flat).reshape(-1, 1)
    rank = torch.argsort(torch.argsort(flat, dim=1, descending=True, stable=True), dim=1)
    stay = ((flat >= cut / 2) & (rank < torch.floor(target / cut))) | (rank == 0)
    count = stay.sum(1, keepdim=True)
    floor = torch.minimum(target / count, torch.full_like(target, cut))
    above = (flat - cut).clamp(min=0) * stay
    share = torch.where(above.sum(1, keepdim=True) > 0, above, stay.to(flat))
    share = share / share.sum(1, keepdim=True)
    return (stay * floor + (target - count * floor) * share).view_as(fields[:, 0]).to(fields.dtype)
