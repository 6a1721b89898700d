"""Maps of users as a data source: `read` a file or folder, then draw windows of it as a function of the seed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.readers import arrays, dream3d, hdf5, images, npz
from core.readers.arrays import ALL_PIXELS, SMALLEST, Choice, Stack
from core.readers.labels import labels
from core.types import HELD_OUT, Array, Source

OPTIONS = ("slice", "scale", "features", "array", "labels")
LABELS = 5
WINDOW = 128
"""Usual side of a window, for the note on smaller maps."""
SHARE = 5
"""Of several maps the last 1 / SHARE is reserved for held-out seeds."""


@dataclass(frozen=True)
class OwnMaps(Source):
    """Windows of label maps at their own scale, each a function of the seed alone; labels are never interpolated.

    A map smaller than a window is continued by its mirror image. Held-out seeds use the last `held_out` maps, all
    others the rest; where there is only one map, both use it.
    """

    maps: tuple[NDArray[np.uint8], ...]
    held_out: int
    about: Mapping[str, Any]

    def draw(self, seeds: Sequence[int], shape: tuple[int, int]) -> Array:
        """Windows uint8 (n, H, W), one per seed."""
        return np.stack([self._window(int(seed), shape) for seed in seeds])

    def identity(self) -> dict[str, Any]:
        """JSON-compatible description of the maps and windows; `content` is a digest of the labels, no path is kept."""
        return dict(self.about)

    def _window(self, seed: int, shape: tuple[int, int]) -> NDArray[np.uint8]:
        """A window of a map chosen with probability proportional to its area."""
        cut = len(self.maps) - self.held_out
        pool = self.maps[cut:] if seed >= HELD_OUT and self.held_out else self.maps[: cut or None]
        rng = np.random.default_rng(seed)
        ends = np.cumsum([m.size for m in pool])
        chosen_map = pool[int(np.searchsorted(ends, rng.integers(ends[-1]), side="right"))]
        rows, columns = (_line(n, length, rng) for n, length in zip(chosen_map.shape, shape, strict=True))
        return chosen_map[np.ix_(rows, columns)]


def read(path: Path, options: Mapping[str, Any]) -> OwnMaps:
    """A file or folder of maps as a source: PNG, JPEG, BMP, TIFF, NPY, NPZ, HDF5 and DREAM.3D files.

    Args:
        path: file or folder.
        options: `slice` of a volume ("z=12", "z=all"); `scale` (0 < scale <= 1) to make maps smaller by nearest
            neighbour; `features` when the values are grain numbers; `array` to name one of several arrays; `labels`
            (default 5; with 2, grey values are cut at Otsu's threshold).

    Raises:
        ValueError: an option is not valid, or a file cannot be used; the sentence names the reason.
    """
    k, scale, features = _settings(options)
    files, notes = arrays.files_of(Path(path))
    stacks = [
        _stack(file, kind, choice(options.get("slice")), options.get("array"), features, k == 2) for file, kind in files
    ]
    pixels = sum(h * w for s in stacks for h, w in s.shapes)
    if pixels > ALL_PIXELS:
        raise ValueError(f"The maps have {pixels} pixels in all; at most {ALL_PIXELS // 10**6} megapixels are read.")
    label_maps, how = labels(stacks, k, features)
    maps = tuple(smaller(one, scale) for one in label_maps)
    smallest = _smallest_side(maps, scale)
    notes += ("slices of one volume share grains",) * any(len(s.shapes) > 1 for s in stacks if s.grains)
    notes += ("maps smaller than a window are continued by their mirror image",) * (smallest < WINDOW)
    used = {"labels": how, "slice": options.get("slice"), "array": options.get("array"), "scale": scale}
    return source(maps, [file.name for file, _ in files], used, notes)


def _settings(options: Mapping[str, Any]) -> tuple[int, float, bool]:
    """Number of labels, scale, and whether values are grain numbers; `ValueError` for options that are not valid."""
    unknown = set(options) - set(OPTIONS)
    if unknown:
        raise ValueError(
            f"There is no option {', '.join(sorted(unknown))} for own maps. There are: {', '.join(OPTIONS)}."
        )
    scale = options.get("scale") or 1.0
    if not 0 < scale <= 1:
        raise ValueError(f"scale must be more than 0 and at most 1; got {scale:g}.")
    return int(options.get("labels") or LABELS), scale, bool(options.get("features"))


def _smallest_side(maps: Sequence[NDArray[np.uint8]], scale: float) -> int:
    """Fewest pixels along a side of any map; `ValueError` where that is too few."""
    smallest = min(min(m.shape) for m in maps)
    if smallest < SMALLEST:
        raise ValueError(
            f"At scale {scale:g} the smallest map has {smallest} pixels along a side; it needs {SMALLEST} or more."
        )
    return smallest


def source(
    maps: tuple[NDArray[np.uint8], ...], names: Sequence[str], used: Mapping[str, Any], notes: Sequence[str]
) -> OwnMaps:
    """The source of these label maps; `used` describes how they were made."""
    held_out = len(maps) // SHARE or int(len(maps) > 1)
    hasher = hashlib.blake2b(digest_size=16)
    for one in maps:
        hasher.update(str(one.shape).encode() + np.ascontiguousarray(one).data)
    sides = [(min(m.shape[i] for m in maps), max(m.shape[i] for m in maps)) for i in (1, 0)]
    overlap = "windows of the only map, which overlap those of training"
    about = {
        "source": "own maps",
        "version": 1,
        "files": [*names[:8], *([f"and {len(names) - 8} more"] if len(names) > 8 else [])],
        "maps": len(maps),
        "pixels": " x ".join(f"{a}" if a == b else f"{a} to {b}" for a, b in sides),
        **used,
        "content": hasher.hexdigest(),
        "held out": f"the last {held_out} of {len(maps)} maps" if held_out else overlap,
        "periodic": "no: windows of maps are not periodic, generated structures are",
        "notes": list(notes),
    }
    return OwnMaps(maps, held_out, {k: v for k, v in about.items() if v is not None})


def choice(text: str | None) -> Choice | None:
    """`z=12` or `z=all` as axis and index (None for all).

    Raises:
        ValueError: the text is anything else.
    """
    if text is None:
        return None
    match = re.fullmatch(r"\s*([xyz])\s*=\s*(all|\d{1,9})\s*", text)
    if not match:
        raise ValueError(f"A slice is an axis and a number, such as z=12, or z=all for all of them; got {text!r}.")
    return match[1], None if match[2] == "all" else int(match[2])


def smaller(one: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    """The map with `scale` times as many pixels along each side, each with the label at its centre."""
    if scale == 1:
        return one
    rows, columns = (np.minimum(((np.arange(int(n * scale)) + 0.5) / scale).astype(int), n - 1) for n in one.shape)
    return np.ascontiguousarray(one[np.ix_(rows, columns)])


def _stack(path: Path, kind: str, chosen: Choice | None, array: str | None, features: bool, grey: bool) -> Stack:
    """One file as a stack, by its kind; a slice applies to every kind of volume."""
    if kind == "HDF5" and dream3d.holds(path):
        return dream3d.read(path, chosen, array, features)
    if kind == "TIFF":
        return images.image(path, chosen, grey)
    if kind == "HDF5":
        stack = hdf5.plain(path, array, grey)
    elif kind == "NPZ":
        stack = npz.read(path, array, grey)
    else:
        stack = arrays.npy(path, grey) if kind == "NPY" else images.image(path, None, grey)
    return _sliced(path, stack, chosen)


def _sliced(path: Path, stack: Stack, chosen: Choice | None) -> Stack:
    """The chosen slices of a stack (z, y, x) of maps of one shape; the stack itself where nothing is chosen."""
    if chosen is None:
        return stack
    axis = chosen[0]
    number, (height, width) = len(stack.shapes), stack.shapes[0]
    indices = arrays.slices(path, chosen, {"x": width, "y": height, "z": number} if number > 1 else {"z": 1})
    if axis == "z":
        shapes = tuple(stack.shapes[i] for i in indices)
        return replace(stack, shapes=shapes, maps=lambda: islice(stack.maps(), indices[0], indices[-1] + 1))
    shape = arrays.sized(path, number, height if axis == "x" else width)

    def across() -> Iterator[Array]:
        volume = np.stack([one[:, indices] if axis == "x" else one[indices] for one in stack.maps()])
        yield from np.moveaxis(volume, 2 if axis == "x" else 1, 0)

    return replace(stack, shapes=(shape,) * len(indices), maps=across)


def _line(n: int, length: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Positions of a window along an axis of n pixels; beyond the edge the axis is mirrored."""
    positions = np.arange(length) + rng.integers(n - length + 1 if n >= length else 2 * n)
    positions %= 2 * n
    return np.where(positions < n, positions, 2 * n - 1 - positions)
