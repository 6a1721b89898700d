"""Motifs as pictures (H, W): 1 on the strokes, `FREE` elsewhere; and a person's own small mask."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from core.types import FREE

WIDTH = 3.0
"""Of a stroke, px."""
ARM = 4.5
"""From the centre of a plus to the end of its strokes, px."""


def crossed(x: Any, y: Any, arm: Any, turn: Any, shape: tuple[int, int]) -> Tensor:
    """Two strokes of that half length that cross at a right angle in (x, y), px from the centre of the top left pixel, turned by so
    many degrees: 0 a plus, 45 a cross. Numbers or tensors (B,) -> (H, W) or (B, H, W)."""
    x, y, arm, turn = (torch.as_tensor(v, dtype=torch.float32)[..., None, None] for v in (x, y, arm, turn))
    right, down = torch.arange(float(shape[1])) - x, torch.arange(float(shape[0]))[:, None] - y
    cos, sin = torch.cos(turn * (math.pi / 180)), torch.sin(turn * (math.pi / 180))
    u, v = (cos * right + sin * down).abs(), (cos * down - sin * right).abs()
    strokes = (torch.minimum(u, v) <= WIDTH / 2 + 1e-4) & (torch.maximum(u, v) <= arm + 1e-4)
    return torch.where(strokes, 1.0, FREE)
