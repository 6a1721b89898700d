"""Handwritten digits as a data source: the set that scikit-learn carries, drawn larger and a little different each
time, or people's own in the IDX files of MNIST (`idx`).

The embedded ones are the test part of "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak 1998, UCI, CC BY
4.0): 1797 images of 8 x 8 blocks of a bitmap, whose edge is found again between the blocks. The last fifth is kept for
held-out seeds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.types import HELD_OUT, Array, Source

SHARE = 5
"""Every fifth part of the images, the last ones, is kept for held-out seeds."""
PIXELS, TURN, SLANT, SHIFT = (2.6, 3.2), 0.16, 0.16, 1.6
"""Of an embedded digit: pixels per block, largest rotation (rad), shear and shift (px)."""
EDGE = 0.45
"""Over so much of the grey of blocks an edge goes from 0 to 1."""


@lru_cache(maxsize=1)
def embedded() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images uint8 (1797, 8, 8) in 0..16 and digits uint8 (1797,); `ValueError` where scikit-learn is not installed."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ValueError(
            "The handwritten digits come with scikit-learn, which is not installed here. Install it (pip install "
            "scikit-learn), or "
            "train on your own: python train.py motif --data FOLDER"
        ) from None
    found = load_digits()
    return found.images.astype(np.uint8), found.target.astype(np.uint8)


@dataclass(frozen=True)
class Digits(Source):
    """The embedded digits: every seed is one of them, rotated, sheared, scaled and shifted a little."""

    def draw(self, seeds: Sequence[int], shape: tuple[int, int]) -> Array:
        """float32 (n, H, W) in 0..1, white on black, one for each seed."""
        images = embedded()[0]
        return np.stack([moved(images[i], rng, shape) for i, rng in map(self._chosen, seeds)])

    def classes(self, seeds: Sequence[int]) -> NDArray[np.int64]:
        """Which digit each seed is, (n,)."""
        digits = embedded()[1]
        return np.array([digits[self._chosen(seed)[0]] for seed in seeds], np.int64)

    def identity(self) -> dict[str, Any]:
        """What the images are and how they are moved."""
        return {
            "source": "digits of scikit-learn (UCI, Optical Recognition of Handwritten Digits)",
            "version": 1,
            "held out": "the last fifth",
            "pixels per block": list(PIXELS),
            "rotation, rad": TURN,
            "shear": SLANT,
            "shift, px": SHIFT,
            "edge": EDGE,
        }

    def _chosen(self, seed: int) -> tuple[int, np.random.Generator]:
        """Which image a seed is, and the generator that moves it."""
        rng = np.random.default_rng(int(seed))
        count = len(embedded()[0])
        first = count - count // SHARE
        return int(first + rng.integers(count - first) if seed >= HELD_OUT else rng.integers(first)), rng


def moved(image: NDArray[np.uint8], rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Blocks (8, 8) in 0..16 as a picture in 0..1: cubic between the blocks, under a random affine map about the
    middle."""
    angle, slant, *scale = rng.uniform([-TURN, -SLANT, PIXELS[0], PIXELS[0]], [TURN, SLANT, PIXELS[1], PIXELS[1]])
    shift = rng.uniform(-SHIFT, SHIFT, 2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    back = np.linalg.inv(turn @ np.array([[1, 0], [slant, 1]]) @ np.diag(scale))
    middle, (rows, columns) = (np.asarray(shape) - 1) / 2 + shift, image.shape
    grey = ndimage.affine_transform(
        image / 16, back, np.array([rows - 1, columns - 1]) / 2 - back @ middle, shape, order=3, mode="grid-constant"
    )
    return np.clip((grey - 0.5) / EDGE + 0.5, 0, 1).astype(np.float32)


@dataclass(frozen=True)
class OwnDigits(Source):
    """People's own images, each as it is, in the middle of the frame; of several the last fifth, or a set of its own,
    is held out.

    images : uint8 (n, H, W) of any size up to the frame's.
    labels : uint8 (n,), or None where the file has none.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8] | None
    held_out: int
    about: Mapping[str, Any] = field(default_factory=dict)

    def draw(self, seeds: Sequence[int], shape: tuple[int, int]) -> Array:
        """float32 (n, H, W) in 0..1, one for each seed."""
        out = np.zeros((len(seeds), *shape), np.float32)
        rows, columns = self.images.shape[1:]
        top, left = (shape[0] - rows) // 2, (shape[1] - columns) // 2
        out[:, top : top + rows, left : left + columns] = self.images[self._chosen(seeds)] / np.float32(255)
        return out

    def classes(self, seeds: Sequence[int]) -> NDArray[np.int64] | None:
        """Which class each seed is, (n,); None where there are no labels."""
        if self.labels is None:
            return None
        return self.labels[self._chosen(seeds)].astype(np.int64)

    def identity(self) -> dict[str, Any]:
        """What the images are; `content` is a digest of them, no path is kept."""
        content = hashlib.blake2b(
            str(self.images.shape).encode() + np.ascontiguousarray(self.images).data, digest_size=16
        )
        return {**self.about, "images": len(self.images), "held out": self.held_out, "content": content.hexdigest()}

    def _chosen(self, seeds: Sequence[int]) -> NDArray[np.int64]:
        """Which image each seed is."""
        cut = len(self.images) - self.held_out

        def pick(s: int) -> int:
            return cut + (s - HELD_OUT) % self.held_out if s >= HELD_OUT else s % cut

        return np.array([pick(int(s)) for s in seeds], np.int64)
