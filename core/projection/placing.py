"""Two shapes: exact areas, and centres to a fraction of a pixel."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core.projection.rank import rank_threshold
from core.simulation.shapes import placed
from core.types import Conditions

ZOOM = 1.5
"""Largest factor by which a drawn shape is zoomed to its requested area; the rank of its logits does the rest."""
CENTRED = 0.02
"""Distance (px) from the request at which the centre of a shape is accepted."""


def place_shapes(logits: Tensor, conditions: Conditions, turns: int = 5) -> Tensor:
    """Two disjoint shapes of exactly round(area) pixels each, centred as requested as far as whole pixels allow.

    The shapes drawn by the network are moved and zoomed to the request, which preserves their form. Each shape takes
    its highest logits over the background, and is moved again by the deviation of its centre.

    Args:
        logits: logits (B, 3, H, W), background first.
        conditions: as in `core.simulation.shapes.placed`.
        turns: most corrections of the centres.

    Returns:
        Labels uint8 (B, H, W).
    """
    shapes = placed(conditions)
    count = torch.stack([area.double() for *_, area in shapes], 1).round().long()
    target = torch.stack([torch.stack([x, y], 1) for x, y, _ in shapes], 1).to(logits)
    source, mass = _centres(logits.argmax(1), target)
    source = torch.where(mass[..., None] > 0, source, target)
    zoom = (count.to(logits) / mass.clamp(min=1)).sqrt().clamp(1 / ZOOM, ZOOM)
    over, correction = logits[:, 1:] - logits[:, :1], torch.zeros_like(target)
    best, smallest = (
        torch.zeros_like(logits[:, 0], dtype=torch.uint8),
        torch.full_like(logits[:, 0, 0, 0], float("inf")),
    )
    for _ in range(turns):
        labels = _assigned(move_and_zoom(over, source, target + correction, zoom), count)
        deviation = target - _centres(labels, target)[0]
        worst = deviation.square().sum(2).amax(1)
        best = torch.where((worst < smallest).view(-1, 1, 1), labels, best)
        smallest = torch.minimum(worst, smallest)
        if bool((smallest <= CENTRED**2).all()):
            break
        correction = correction + deviation * (smallest > CENTRED**2).view(
            -1, 1, 1
        )  # a sample that is done stays as it is, whatever the others need
    return best


def move_and_zoom(images: Tensor, source: Tensor, target: Tensor, zoom: Tensor) -> Tensor:
    """Images with one point moved to a target and everything about it enlarged; bilinear.

    What enters from outside repeats the border.

    Args:
        images: images (B, C, H, W).
        source: points (B, C, 2) as (x, y) in px.
        target: targets (B, C, 2) as (x, y) in px.
        zoom: factors (B, C).

    Returns:
        Images (B, C, H, W).
    """
    b, c, h, w = images.shape
    rows, columns = (torch.arange(n, device=images.device, dtype=images.dtype) for n in (h, w))
    position = torch.stack([columns.expand(h, w), rows[:, None].expand(h, w)], 2).expand(b, c, h, w, 2)
    position = source[:, :, None, None] + (position - target[:, :, None, None]) / zoom[:, :, None, None, None]
    grid = (2 * position / torch.tensor([w - 1, h - 1], device=images.device, dtype=images.dtype) - 1).view(
        b * c, h, w, 2
    )
    return F.grid_sample(images.reshape(b * c, 1, h, w), grid, padding_mode="border", align_corners=True).view(
        b, c, h, w
    )


def _assigned(over: Tensor, count: Tensor) -> Tensor:
    """Labels (B, H, W): shape k takes its count (B, 2) of the highest pixels, preferring those where it is above the
    other.
    """
    first = over[:, 0] > over[:, 1]
    free, labels = torch.ones_like(first), torch.zeros_like(first, dtype=torch.uint8)
    for k, preferred in enumerate((first, ~first)):
        rank = over[:, k] - over[:, k].amin((1, 2), keepdim=True)
        rank = rank + (rank.amax((1, 2), keepdim=True) + 1) * preferred
        chosen = torch.stack([_highest(*row) for row in zip(torch.where(free, rank, -1.0), count[:, k], strict=True)])
        labels, free = labels + (k + 1) * chosen.to(torch.uint8), free & ~chosen
    return labels


def _highest(values: Tensor, count: Tensor) -> Tensor:
    """Mask of exactly the `count` highest of the values (H, W); ties by pixel index."""
    return rank_threshold(values[None, None], count.double()[None] / values.numel())[0].bool()


def _centres(labels: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """Centroids (B, 2, 2) as (x, y) in px and areas (B, 2) of labels 1 and 2."""
    rows, columns = (torch.arange(n, device=labels.device, dtype=like.dtype) for n in labels.shape[1:])
    mask = torch.stack([labels == 1, labels == 2], 1).to(like.dtype)
    mass = mask.sum((2, 3))
    return torch.stack([mask.sum(2) @ columns, mask.sum(3) @ rows], 2) / mass.clamp(min=1)[..., None], mass
