"""Motifs as pictures (H, W): values in 0..1 on the support, `FREE` elsewhere; drawn, random, or read from text or
PNG.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from scipy import ndimage
from torch import Tensor

from core.types import FREE

WIDTH = 3.0
"""Width of a stroke, px."""
ARM = 4.5
"""Distance from the centre of a plus to the ends of its strokes, px."""
ARMS, MARGIN = (3.0, 7.0), 5.0
"""Random crossed strokes: range of half lengths, and least distance of the centre from the frame, px."""
BOX, STROKES = (5, 15), 4
"""Other random marks: range of the sides of their box, and the most strokes."""
SIGNS = {"#": 1.0, "o": 0.0, ".": FREE, " ": FREE}
"""Characters of a written motif: white, black, free."""
SIDE, BYTES = 32, 2**20
"""Most pixels along a side of a user's motif, and the largest file in bytes."""
Shape = tuple[int, int]


def crossed(x: Any, y: Any, arm: Any, turn: Any, shape: Shape) -> Tensor:
    """Two strokes of equal length that cross at a right angle.

    Args:
        x, y: centre in px from the centre of the top left pixel, numbers or tensors (B,).
        arm: half length of the strokes in px.
        turn: rotation in degrees: 0 a plus, 45 a cross.
        shape: rows and columns.

    Returns:
        Motif (H, W) for numbers, (B, H, W) for tensors.
    """
    x, y, arm, turn = (torch.as_tensor(v, dtype=torch.float32)[..., None, None] for v in (x, y, arm, turn))
    right = torch.arange(shape[1], dtype=torch.float32, device=x.device) - x
    down = torch.arange(shape[0], dtype=torch.float32, device=x.device)[:, None] - y
    cos, sin = torch.cos(turn * (math.pi / 180)), torch.sin(turn * (math.pi / 180))
    u, v = (cos * right + sin * down).abs(), (cos * down - sin * right).abs()
    strokes = (torch.minimum(u, v) <= WIDTH / 2 + 1e-4) & (torch.maximum(u, v) <= arm + 1e-4)
    return torch.where(strokes, 1.0, FREE)


def random(keys: Sequence[int], shape: Shape) -> Tensor:
    """Random motifs (n, H, W), each a function of its key.

    Half are crossed strokes anywhere, half marks of a few strokes, some of these on a black ground, some black on
    white.
    """
    return torch.stack([_random(np.random.default_rng(key), shape) for key in keys])


def _random(rng: np.random.Generator, shape: Shape) -> Tensor:
    """One random motif."""
    if rng.random() < 0.5:
        x, y = (rng.uniform(MARGIN, n - 1 - MARGIN) for n in reversed(shape))
        return crossed(x, y, rng.uniform(*ARMS), rng.uniform(0, 90), shape)
    box = rng.integers(*BOX, 2, endpoint=True)
    ink = np.zeros(box, bool)
    for _ in range(rng.integers(1, STROKES, endpoint=True)):
        start, end = rng.integers(0, box - 1, (2, 2), endpoint=True)
        at = np.rint(np.linspace(start, end, 2 * int(box.max()))).astype(int)
        ink[at[:, 0], at[:, 1]] = True
    if rng.random() < 0.5:
        ink = ndimage.binary_dilation(ink)
    white = float(rng.random() < 0.8)
    mask = np.where(ink, white, 1 - white if rng.random() < 0.5 else FREE)
    y, x = (rng.integers(0, n - side, endpoint=True) for n, side in zip(shape, box, strict=True))
    return placed(torch.from_numpy(mask.astype(np.float32)), int(x), int(y), shape)


def placed(mask: Tensor, x: int, y: int, shape: Shape) -> Tensor:
    """A mask (h, w) in a frame of this shape, with its top left pixel in column x and row y.

    Raises:
        ValueError: the mask does not fit into the frame there.
    """
    rows, columns = mask.shape
    if not (0 <= x <= shape[1] - columns and 0 <= y <= shape[0] - rows):
        raise ValueError(
            f"A motif of {columns} x {rows} pixels fits at x = 0 to {shape[1] - columns} "
            f"and y = 0 to {shape[0] - rows}; got x = {x}, y = {y}."
        )
    out = torch.full(shape, FREE)
    out[y : y + rows, x : x + columns] = mask
    return out


def written(text: str) -> Tensor:
    """A mask (h, w) from lines of # (white), o (black) and . (free); shorter lines are filled with free pixels.

    Raises:
        ValueError: too large, unknown characters, or nothing but free pixels.
    """
    lines = [line.rstrip() for line in text.strip("\r\n").splitlines()]
    width = max(map(len, lines), default=0)
    if not (1 <= len(lines) <= SIDE and 1 <= width <= SIDE):
        raise ValueError(
            f"A motif has 1 to {SIDE} lines of 1 to {SIDE} signs; this one has {len(lines)} of up to {width}."
        )
    unknown = sorted({sign for line in lines for sign in line} - set(SIGNS))
    if unknown:
        raise ValueError(
            f"A motif is written with # (white), o (black) and . (free); {unknown[0]!r} means nothing here."
        )
    return _judged(torch.tensor([[SIGNS[sign] for sign in line.ljust(width, ".")] for line in lines]))


def read(content: bytes) -> Tensor:
    """A mask (h, w) of the grey values of a small PNG.

    It is free where the PNG is transparent or, in an opaque one, where it is black.

    Raises:
        ValueError: too large, not a PNG, or nothing but free pixels.
    """
    if len(content) > BYTES:
        raise ValueError(f"A motif has at most {BYTES} bytes; this file has {len(content)}.")
    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as picture:
            if max(picture.size) > SIDE:
                raise ValueError(
                    f"A motif has at most {SIDE} x {SIDE} pixels; this PNG has {picture.width} x {picture.height}."
                )
            grey, alpha = (np.asarray(p) / np.float32(255) for p in picture.convert("LA").split())
    except (OSError, SyntaxError, EOFError, Image.DecompressionBombError):
        raise ValueError(
            "This is no PNG that can be read. Use a PNG of at most 32 x 32 pixels, or draw the motif."
        ) from None
    free = alpha < 0.5 if (alpha < 0.5).any() else grey < 0.5
    return _judged(torch.from_numpy(np.where(free, FREE, grey).astype(np.float32)))


def _judged(mask: Tensor) -> Tensor:
    """The mask, checked to have at least one pixel that is not free."""
    if not bool((mask >= 0).any()):
        raise ValueError(
            "This motif is free everywhere: it prescribes nothing. Make at least one pixel white or black."
        )
    return mask
