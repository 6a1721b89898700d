"""Uploaded bytes, a micrograph or a two-point correlation: checked in their headers, decoded, never kept.

The readers of `core.readers.arrays` and `core.readers.hdf5` work on files: the bytes are written to a temporary folder
while they are read and removed afterwards in any case. What cannot be used raises `ValueError` with a sentence.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from core.descriptors.windows import SMALLEST
from core.readers import arrays as own_files
from core.readers import curves, hdf5, images, masks, npz, otsu, pixel_size
from core.readers.arrays import Stack, bad
from core.readers.curves import Curve
from core.readers.pixel_size import PixelSize
from core.types import Array

BYTES, TEXT_BYTES = 2**26, 2**21
"""Largest upload, and largest table of text."""
LARGEST = 1e30
"""Largest absolute grey value."""
IMAGES = ("PNG", "JPEG", "BMP", "TIFF")
PIXELS, ALL_PIXELS = 25_000_000, 100_000_000
"""Most pixels of one picture, and of all pictures of a file."""
ALLOWED = "PNG, JPEG, BMP, TIFF, NPY, NPZ, HDF5, or a table of distance and S2 as CSV"
TRIED = 20
"""Most arrays of a file that are tried."""
ZENODO = "morphology"
"""The array of structures in the HDF5 files of the InvNet paper (Zenodo 2580293)."""


@dataclass(frozen=True)
class Picture:
    """One grey picture of an uploaded file.

    Attributes:
        name: name of the file.
        values: grey values (H, W) in uint8, uint16 or float32.
        number: number of the picture in the file, from 0.
        count: number of pictures in the file.
        array: array of an HDF5 or NPZ file that holds it.
        arrays: all such arrays of the file.
        notes: sentences on how it was read.
        pixel: side of a pixel and its unit, where the file states it.
    """

    name: str
    values: Array
    number: int = 0
    count: int = 1
    array: str = ""
    arrays: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    pixel: PixelSize | None = None


def read(name: str, content: bytes, number: int = 0, array: str = "") -> Picture | Curve:
    """The content of an upload: a picture or a curve.

    Args:
        name: name of the file.
        content: its bytes.
        number: number of the picture, from 0.
        array: array of an HDF5 or NPZ file that has several.

    Raises:
        ValueError: the content is empty, damaged, of another kind, too large, too small, of one grey value, or not
            finite.
    """
    safe = re.sub(r"[^\w.() -]", "_", Path(name).name).strip(". ")[-80:] or "upload"
    if not content:
        raise bad(Path(safe), "is empty")
    if len(content) > BYTES:
        raise bad(Path(safe), f"has {len(content)} bytes; at most {BYTES} are read")
    text = _text(content)
    if text is not None:
        if len(content) > TEXT_BYTES:
            raise bad(Path(safe), f"has {len(content)} bytes of text; at most {TEXT_BYTES} are read")
        return curves.of_json(safe, text) if text.lstrip().startswith("{") else curves.table(safe, text)
    with TemporaryDirectory(prefix="upload-") as folder:
        path = Path(folder) / safe
        path.write_bytes(content)
        return _picture(path, number, array)


def _text(content: bytes) -> str | None:
    """The bytes as text; None where they are not text."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    elif b"\0" in content or content.startswith(tuple(own_files.SIGNATURES)):
        return None
    else:
        encoding = "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    text = text.replace("\u00a0", " ")
    return text if all(c.isprintable() or c in "\r\n\t" for c in text[:4096]) else None


def _picture(path: Path, number: int, array: str) -> Picture | Curve:
    """The picture in a file, whose kind is known from its first bytes; by default in the first usable array."""
    kind = own_files.kind(path)
    if not kind:
        raise bad(path, f"is of no kind that is read here; use {ALLOWED}")
    arrays = _arrays(path, kind)
    if array in arrays or not arrays:
        return _one(path, kind, number, array, tuple(arrays))
    preferred = sorted(arrays, key=lambda a: (a.rsplit("/", 1)[-1] != ZENODO, own_files.coloured(arrays[a])))
    first: ValueError | None = None
    for name in preferred[:TRIED]:
        try:
            return _one(path, kind, number, name, tuple(arrays))
        except ValueError as error:
            first = first or error
    raise first or bad(path, "has no array of maps")


def _one(path: Path, kind: str, number: int, array: str, arrays: tuple[str, ...]) -> Picture | Curve:
    """The picture of one array of the file, or of the file where it has no arrays with names."""
    stack = _stack(path, kind, array)
    count = len(stack.shapes)
    if not 0 <= number < count:
        raise bad(path, f"holds {count} pictures; there is no number {number + 1}")
    rows, columns = stack.shapes[number]
    if rows * columns > PIXELS or sum(h * w for h, w in stack.shapes) > ALL_PIXELS:
        limits = f"{PIXELS // 10**6} megapixels in a picture and {ALL_PIXELS // 10**6} in a file"
        raise bad(path, f"holds {count} pictures of {columns} x {rows} pixels; at most {limits} are read here")
    values = next(islice(_only(path, kind, stack, number), 0 if kind in IMAGES else number, None))
    values, mask = masks.unmasked(path, values, SMALLEST)
    if curve := curves.of_map(path.name, values):
        return curve if count == 1 else replace(curve, note=f"{curve.note} Map {number + 1} of {count} is used.")
    rows, columns = values.shape
    if min(rows, columns) < SMALLEST:
        raise bad(path, f"has {columns} x {rows} pixels; each side needs {SMALLEST} or more, since S2 is read to 32 px")
    values, clipped = _clipped(values)
    size = pixel_size.note(stack.pixel) if stack.pixel else ""
    notes = tuple(note for note in (stack.note, mask, clipped, size) if note)
    return Picture(path.name, _plain(path, values), number, count, array, arrays, notes, stack.pixel)


def _arrays(path: Path, kind: str) -> dict[str, tuple[int, ...]]:
    """Shapes of the arrays of an HDF5 or NPZ file that may be maps, by name."""
    if kind == "HDF5":
        with hdf5.opened(path) as file:
            shapes = {name: tuple(dataset.shape) for name, dataset in hdf5.datasets(path, file).items()}
    else:
        shapes = npz.arrays(path) if kind == "NPZ" else {}
    return {k: v for k, v in shapes.items() if len(v) in (2, 3, 4) and math.prod(v) >= own_files.SMALLEST**2}


def _stack(path: Path, kind: str, array: str) -> Stack:
    """All pages or maps of a file."""
    if kind == "HDF5":
        return hdf5.plain(path, array or None, grey=True, masked=True)
    if kind == "NPZ":
        return npz.read(path, array or None, grey=True, masked=True)
    if kind == "NPY":
        return own_files.npy(path, grey=True, masked=True)
    return images.image(path, ("z", None), grey=True)


def _only(path: Path, kind: str, stack: Stack, number: int) -> Iterator[Array]:
    """The maps of the stack; of several pages the chosen one alone, so that no other is decoded."""
    if kind in IMAGES and len(stack.shapes) > 1:
        return images.image(path, ("z", number), grey=True).maps()
    return stack.maps()


def _clipped(values: Array) -> tuple[Array, str]:
    """The values without hot and dead pixels, and a note on how many there were."""
    low, high = otsu.span(values)
    beyond = int(((values < low) | (values > high)).sum())
    if not beyond:
        return values, ""
    note = f"{beyond} hot or dead pixels are clipped to the range {low:g} to {high:g} of the others"
    return values.clip(*np.array([low, high]).astype(values.dtype)), note


def _plain(path: Path, values: Array) -> Array:
    """The values as uint8, uint16 or float32.

    Raises:
        ValueError: the values are all the same, or beyond the resolution of float32.
    """
    low, high = float(values.min()), float(values.max())
    if not low < high:
        raise bad(path, f"is of one grey everywhere ({low:g}): there are no two phases to distinguish")
    if values.dtype in (np.uint8, np.uint16):
        return values
    too_large = max(-low, high) > LARGEST
    converted = values if too_large else values.astype(np.uint8 if values.dtype.kind == "b" else np.float32)
    if too_large or not converted.min() < converted.max():
        raise bad(path, f"has values from {low:g} to {high:g}, which cannot be told apart here; rescale them")
    return converted
