"""Calorimeter images: below the noise cut nothing, and in sum exactly what was asked for."""

from __future__ import annotations

import torch
from torch import Tensor


def read_out(fields: Tensor, total: Tensor, cut: float) -> Tensor:
    """Fields (B, 1, H, W) scaled so that the cells of at least `cut` sum to `total` (B,), all others 0; (B, H, W).

    As many cells as can stay are the k largest, k the last with x_k total / (x_1 + ... + x_k) >= cut: this falls with k. At
    least the largest stays; an image without any energy is level.
    """
    cells = fields[:, 0].double().clamp(min=0)
    flat = cells.flatten(1)
    flat = torch.where(flat.amax(1, keepdim=True) > 0, flat, torch.ones_like(flat))
    wanted = total.to(flat).reshape(-1, 1)
    sizes, order = torch.sort(flat, dim=1, descending=True, stable=True)
    sums = sizes.cumsum(1)
    stay = (sizes > 0) & (sizes * wanted >= cut * sums)
    stay[:, 0] = True
    last = stay.sum(1, keepdim=True) - 1
    out = torch.zeros_like(flat).scatter(1, order, torch.where(stay, sizes * wanted / sums.gather(1, last), 0))
    return out.view_as(cells).to(fields.dtype)
