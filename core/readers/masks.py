"""Pixels without a value (NaN) in users' images: filled where they are few, cut off where they surround the image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage

from core.readers.arrays import bad
from core.types import Array

FEW = 0.1
"""Largest share of pixels that are filled with their nearest value."""
BLOCKS = 256
"""Blocks per side in which the largest rectangle of values is searched."""


def unmasked(path: Path, values: Array, smallest: int) -> tuple[Array, str]:
    """The image with a value in every pixel, and a note on how; NaN means that a pixel is masked.

    At most a tenth of the pixels are filled with the nearest value. Of more, the image is the largest rectangle that
    holds no NaN.

    Args:
        path: the file.
        values: (H, W).
        smallest: fewest pixels along each side of the rectangle.

    Raises:
        ValueError: no rectangle is large enough.
    """
    masked: Array = np.isnan(values) if values.dtype.kind == "f" else np.zeros(values.shape, bool)
    number = int(masked.sum())
    if not number:
        return values, ""
    share = number / masked.size
    if share <= FEW:
        nearest = ndimage.distance_transform_edt(masked, return_distances=False, return_indices=True)
        return values[
            tuple(nearest)
        ], f"masked pixels (NaN; {number} of {masked.size}) have the value of the nearest other"
    top, left, bottom, right = _largest(masked)
    if min(bottom - top, right - left) < smallest:
        raise bad(
            path,
            f"holds values that are not finite (NaN) in {share:.0%} of its pixels, and no rectangle of {smallest} x "
            f"{smallest} pixels without them",
        )
    where = f"columns {left} to {right - 1} and rows {top} to {bottom - 1}"
    return values[top:bottom, left:right], f"{share:.0%} of the pixels are masked (NaN): {where} are read"


def _largest(masked: Array) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) of the largest rectangle of whole blocks without a masked pixel."""
    step = max(1, -(-max(masked.shape) // BLOCKS))
    rows, columns = (n // step for n in masked.shape)
    blocks = np.asarray(masked[: rows * step, : columns * step].reshape(rows, step, columns, step).any(axis=(1, 3)))
    best, area = (0, 0, 0, 0), 0
    heights = np.zeros(columns + 1, int)  # the last column is a wall
    for row in range(rows):
        heights[:-1] = np.where(blocks[row], 0, heights[:-1] + 1)
        open_at: list[tuple[int, int]] = []
        for column, height in enumerate(heights.tolist()):
            start = column
            while open_at and open_at[-1][1] >= height:
                start, tall = open_at.pop()
                if tall * (column - start) > area:
                    area = tall * (column - start)
                    best = (row + 1 - tall, start, row + 1, column)
            open_at.append((start, height))
    top, left, bottom, right = (n * step for n in best)
    return top, left, bottom, right
