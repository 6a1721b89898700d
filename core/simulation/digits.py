"""Handwritten digits as data sources: those included in scikit-learn, randomly transformed, or images from IDX files.

The embedded ones are the test part of "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak 1998, UCI, CC BY
4.0): 1797 images of 8 x 8 blocks of a bitmap, enlarged so that the edge between blocks is restored. The last fifth is
reserved for held-out seeds. `core.readers.idx` reads files in the format of MNIST.
"""

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
"""The last 1 / SHARE of the images is reserved for held-out seeds."""
PIXELS, TURN, SLANT, SHIFT = (2.6, 3.2), 0.16, 0.16, 1.6
"""Random transform of an embedded digit: pixels per block, largest rotation (rad), shear and shift (px)."""
EDGE = 0.45
"""Range of the grey value of blocks over which an edge goes from 0 to 1."""


@lru_cache(maxsize=1)
def embedded() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The digits included in scikit-learn.

    Returns:
        Images uint8 (1797, 8, 8) in 0..16 and digits uint8 (1797,).

    Raises:
        ValueError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ValueError(
            "The handwritten digits come with scikit-learn, which is not installed here. "
            "Install it (pip install scikit-learn), or train on your own: python train.py motif --data FOLDER"
        ) from None
    digits = load_digits()
    return digits.images.astype(np.uint8), digits.target.astype(np.uint8)


@dataclass(frozen=True)
class Digits(Source):
    """The embedded digits: every seed is one of them, slightly rotated, sheared, scaled and shifted."""

    def draw(self, seeds: Sequence[int], shape: tuple[int, int]) -> Array:
        """Images float32 (n, H, W) in 0..1, white on black, one per seed."""
        images = embedded()[0]
        return np.stack([moved(images[i], rng, shape) for i, rng in map(self._chosen, seeds)])

    def classes(self, seeds: Sequence[int]) -> NDArray[np.int64]:
        """The digit of each seed, (n,)."""
        digits = embedded()[1]
        return np.array([digits[self._chosen(seed)[0]] for seed in seeds], np.int64)

    def identity(self) -> dict[str, Any]:
        """JSON-compatible description of the images and of their random transform."""
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
        """Index of the image of a seed, and the random generator of its transform."""
        rng = np.random.default_rng(int(seed))
        count = len(embedded()[0])
        first = count - count // SHARE
        return int(first + rng.integers(count - first) if seed >= HELD_OUT else rng.integers(first)), rng


def moved(image: NDArray[np.uint8], rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    """One digit as a picture, under a random affine map about the centre, cubic between the blocks.

    Args:
        image: blocks (8, 8) in 0..16.
        rng: random generator of the map.
        shape: rows and columns of the picture.

    Returns:
        Picture float32 (H, W) in 0..1.
    """
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
    """Images of users, each unchanged in the middle of the frame; the last `held_out` of them are for held-out seeds.

    Attributes:
        images: uint8 (n, H, W) of any size up to the frame's.
        labels: uint8 (n,), or None where the file has none.
        held_out: number of held-out images, the last ones.
        about: description for the identity.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8] | None
    held_out: int
    about: Mapping[str, Any] = field(default_factory=dict)

    def draw(self, seeds: Sequence[int], shape: tuple[int, int]) -> Array:
        """Images float32 (n, H, W) in 0..1, one per seed."""
        out = np.zeros((len(seeds), *shape), np.float32)
        rows, columns = self.images.shape[1:]
        top, left = (shape[0] - rows) // 2, (shape[1] - columns) // 2
        out[:, top : top + rows, left : left + columns] = self.images[self._chosen(seeds)] / np.float32(255)
        return out

    def classes(self, seeds: Sequence[int]) -> NDArray[np.int64] | None:
        """The class of each seed, (n,); None where the images have no labels."""
        if self.labels is None:
            return None
        return self.labels[self._chosen(seeds)].astype(np.int64)

    def identity(self) -> dict[str, Any]:
        """JSON-compatible description of the images; `content` is a digest of them, no path is kept."""
        content = hashlib.blake2b(
            str(self.images.shape).encode() + np.ascontiguousarray(self.images).data, digest_size=16
        )
        return {**self.about, "images": len(self.images), "held out": self.held_out, "content": content.hexdigest()}

    def _chosen(self, seeds: Sequence[int]) -> NDArray[np.int64]:
        """Index of the image of each seed."""
        cut = len(self.images) - self.held_out

        def pick(s: int) -> int:
            return cut + (s - HELD_OUT) % self.held_out if s >= HELD_OUT else s % cut

        return np.array([pick(int(s)) for s in seeds], np.int64)
