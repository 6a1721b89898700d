"""Bytes that a person hands over, a micrograph or a two-point correlation: judged from headers, decoded, never kept.

The readers of `own_files` and `own_hdf5` work on files: the bytes lie in a folder of their own while they are read, and
are gone afterwards whatever happens. All that cannot be used raises `ValueError` with a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from core.descriptors.windows import SMALLEST
from core.readers import arrays as own_files
from core.readers import curves, hdf5
from core.readers.arrays import Stack, bad
from core.readers.curves import Curve
from core.types import Array

BYTES, TEXT_BYTES = 2**26, 2**21
"""Largest upload, and largest table of text."""
LARGEST = 1e30
"""Largest grey value, either sign."""
PIXELS, ALL_PIXELS = 25_000_000, 100_000_000
"""Most pixels of one picture, and of all that a file holds."""
ALLOWED = "PNG, TIFF, NPY, HDF5, or a table of distance and S2 as CSV"
ZENODO = "morphology"
"""The array of structures in the HDF5 files of the InvNet paper (Zenodo 2580293)."""


@dataclass(frozen=True)
class Picture:
    """One grey picture (H, W) in uint8, uint16 or float32, which of how many in the file, from which of its arrays, and
    notes."""

    name: str
    values: Array
    number: int = 0
    count: int = 1
    array: str = ""
    arrays: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read(name: str, content: bytes, number: int = 0, array: str = "") -> Picture | Curve:
    """What the bytes hold: picture `number` (of `array`, where an HDF5 file has several), or a curve.

    Raises `ValueError`: empty, damaged, of another kind, too large, too small, of one grey, not finite.
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
        return curves.table(safe, text)
    with TemporaryDirectory(prefix="upload-") as folder:
        path = Path(folder) / safe
        path.write_bytes(content)
        return _picture(path, number, array)


def _text(content: bytes) -> str | None:
    """The bytes as text; None where they are none."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    elif b"\0" in content or content.startswith(tuple(own_files.SIGNATURES)):
        return None
    else:
        encoding = "utf-8-sig"
    try:
        found = content.decode(encoding)
    except UnicodeDecodeError:
        found = content.decode("latin-1")
    return found if all(c.isprintable() or c in "\r\n\t" for c in found[:4096]) else None


def _picture(path: Path, number: int, array: str) -> Picture | Curve:
    """The picture in a file, whose kind its first bytes tell."""
    kind = own_files.kind(path)
    if not kind:
        raise bad(path, f"is of no kind that is read here; use {ALLOWED}")
    arrays = _arrays(path) if kind == "HDF5" else ()
    array = (
        array
        if array in arrays
        else next((a for a in arrays if a.rsplit("/", 1)[-1] == ZENODO), arrays[0] if arrays else "")
    )
    stack = hdf5.plain(path, array or None) if kind == "HDF5" else _stack(path, kind)
    count = len(stack.shapes)
    if not 0 <= number < count:
        raise bad(path, f"holds {count} pictures; there is no number {number + 1}")
    rows, columns = stack.shapes[number]
    if rows * columns > PIXELS or sum(h * w for h, w in stack.shapes) > ALL_PIXELS:
        limits = f"{PIXELS // 10**6} megapixels in a picture and {ALL_PIXELS // 10**6} in a file"
        raise bad(path, f"holds {count} pictures of {columns} x {rows} pixels; at most {limits} are read here")
    values = next(islice(_only(path, kind, stack, number), 0 if kind in ("PNG", "TIFF") else number, None))
    if kind == "NPY" and count == 1 and (curve := curves.of_map(path.name, values)):
        return curve
    if min(rows, columns) < SMALLEST:
        raise bad(path, f"has {columns} x {rows} pixels; each side needs {SMALLEST} or more, since S2 is read to 32 px")
    return Picture(path.name, _plain(path, values), number, count, array, arrays, (stack.note,) if stack.note else ())


def _arrays(path: Path) -> tuple[str, ...]:
    """Names of the arrays of an HDF5 file that may be maps."""
    with hdf5.opened(path) as file:
        return tuple(k for k, v in hdf5.datasets(path, file).items() if v.ndim in (2, 3, 4) and v.size >= SMALLEST**2)


def _stack(path: Path, kind: str) -> Stack:
    """All pages or maps of a file that is no HDF5."""
    return own_files.npy(path) if kind == "NPY" else own_files.image(path, ("z", None), grey=True)


def _only(path: Path, kind: str, stack: Stack, number: int) -> Iterator[Array]:
    """The maps of the stack; of several pages the chosen one alone, so that no other is decoded."""
    if kind in ("PNG", "TIFF") and len(stack.shapes) > 1:
        return own_files.image(path, ("z", number), grey=True).maps()
    return stack.maps()


def _plain(path: Path, values: Array) -> Array:
    """The values as uint8, uint16 or float32; `ValueError` where they are all the same or beyond what float32 tells
    apart."""
    low, high = float(values.min()), float(values.max())
    if not low < high:
        raise bad(path, f"is of one grey everywhere ({low:g}): there are no two phases to tell apart")
    if values.dtype in (np.uint8, np.uint16):
        return values
    far = max(-low, high) > LARGEST
    found = values if far else values.astype(np.uint8 if values.dtype.kind == "b" else np.float32)
    if far or not found.min() < found.max():
        raise bad(path, f"has values from {low:g} to {high:g}, which cannot be told apart here; rescale them")
    return found
