"""Two shapes: exact areas, and centres to a fraction of a pixel."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core.projection.rank import rank_threshold
from core.simulation.shapes import placed
from core.types import Conditions

ZOOM = 1.5
"""Largest factor by which a drawn shape is zoomed to its requested area; the rest is left to the rank of its logits."""
CENTRED = 0.02
"""Distance (px) from the request at which a shape's centre is left where it is."""


def place_shapes(logits: Tensor, conditions: Conditions, turns: int = 5) -> Tensor:
    """Two disjoint shapes of exactly round(area) pixels each, centred where they were asked for, to within what whole
    pixels allow.

    logits (B, 3, H, W), background first; conditions as in `core.simulation.shapes.placed` -> uint8 (B, H, W). What the
    network drew is moved and zoomed to the request, which leaves its form alone; each shape takes its highest logits
    over the background, and is moved again by the deviation of its centre."""
    shapes = placed(conditions)
    count = torch.stack([area.double() for *_, area in shapes], 1).round().long()
    asked = torch.stack([torch.stack([x, y], 1) for x, y, _ in shapes], 1).to(logits)
    drawn, mass = _centres(logits.argmax(1), asked)
    drawn = torch.where(mass[..., None] > 0, drawn, asked)
    zoom = (count.to(logits) / mass.clamp(min=1)).sqrt().clamp(1 / ZOOM, ZOOM)
    over, moved = logits[:, 1:] - logits[:, :1], torch.zeros_like(asked)
    best, least = torch.zeros_like(logits[:, 0], dtype=torch.uint8), torch.full_like(logits[:, 0, 0, 0], float("inf"))
    for _ in range(turns):
        labels = _taken(carried(over, drawn, asked + moved, zoom), count)
        off = asked - _centres(labels, asked)[0]
        worst = off.square().sum(2).amax(1)
        best = torch.where((worst < least).view(-1, 1, 1), labels, best)
        least = torch.minimum(worst, least)
        if bool((least <= CENTRED**2).all()):
            break
        moved = moved + off * (least > CENTRED**2).view(
            -1, 1, 1
        )  # a sample that is done stays as it is, whatever the others need
    return best


def carried(images: Tensor, source: Tensor, target: Tensor, zoom: Tensor) -> Tensor:
    """Images (B, C, H, W) with the point source (B, C, 2), as (x, y) in px, carried to the target and everything about
    it enlarged by zoom (B, C); bilinear; what comes in from outside repeats the border."""
    b, c, h, w = images.shape
    rows, columns = (torch.arange(n, device=images.device, dtype=images.dtype) for n in (h, w))
    at = torch.stack([columns.expand(h, w), rows[:, None].expand(h, w)], 2).expand(b, c, h, w, 2)
    at = source[:, :, None, None] + (at - target[:, :, None, None]) / zoom[:, :, None, None, None]
    grid = (2 * at / torch.tensor([w - 1, h - 1], device=images.device, dtype=images.dtype) - 1).view(b * c, h, w, 2)
    return F.grid_sample(images.reshape(b * c, 1, h, w), grid, padding_mode="border", align_corners=True).view(
        b, c, h, w
    )


def _taken(over: Tensor, count: Tensor) -> Tensor:
    """Labels (B, H, W): shape k takes its count (B, 2) of the highest pixels, first among those where it is above the
    other."""
    first = over[:, 0] > over[:, 1]
    free, labels = torch.ones_like(first), torch.zeros_like(first, dtype=torch.uint8)
    for k, mine in enumerate((first, ~first)):
        rank = over[:, k] - over[:, k].amin((1, 2), keepdim=True)
        rank = rank + (rank.amax((1, 2), keepdim=True) + 1) * mine
        chosen = torch.stack([_highest(*row) for row in zip(torch.where(free, rank, -1.0), count[:, k], strict=True)])
        labels, free = labels + (k + 1) * chosen.to(torch.uint8), free & ~chosen
    return labels


def _highest(values: Tensor, count: Tensor) -> Tensor:
    """The `count` highest of the values (H, W) as a mask, exactly; ties by pixel index."""
    return rank_threshold(values[None, None], count.double()[None] / values.numel())[0].bool()


def _centres(labels: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """Centroids (B, 2, 2) as (x, y) in px and areas (B, 2) of labels 1 and 2."""
    rows, columns = (torch.arange(n, device=labels.device, dtype=like.dtype) for n in labels.shape[1:])
    mask = torch.stack([labels == 1, labels == 2], 1).to(like.dtype)
    mass = mask.sum((2, 3))
    return torch.stack([mask.sum(2) @ columns, mask.sum(3) @ rows], 2) / mass.clamp(min=1)[..., None], mass
