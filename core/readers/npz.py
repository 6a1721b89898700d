"""NPZ files of users: their arrays, each unpacked no further than its header announces."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from core.readers import colours
from core.readers.arrays import IMAGE_BYTES, Header, Stack, bad, coloured, guarded, header, one_by_one, stacked
from core.types import Array

MEMBERS = 1000
"""Most arrays of a file."""
HEAD = 2**14
"""Most bytes of the header of an array."""
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive of the file."""
    archive = guarded(path, lambda: zipfile.ZipFile(path))
    with archive:
        if len(archive.infolist()) > MEMBERS:
            raise bad(path, f"has {len(archive.infolist())} arrays; at most {MEMBERS} are read")
        yield archive


def _headers(path: Path, archive: zipfile.ZipFile) -> dict[str, Header]:
    """The headers of the numeric arrays by name."""
    headers: dict[str, Header] = {}
    for info in archive.infolist():
        if not info.filename.endswith(".npy") or info.compress_type not in METHODS or info.flag_bits & 1:
            continue
        with archive.open(info) as member:
            one = header(io.BytesIO(member.read(HEAD)))
        if one[2].kind in "biuf":
            headers[info.filename.removesuffix(".npy")] = one
    return headers


def arrays(path: Path) -> dict[str, tuple[int, ...]]:
    """Shapes of the numeric arrays by name; `ValueError` for a damaged file."""
    with _opened(path) as archive:
        return {name: one[0] for name, one in guarded(path, partial(_headers, path, archive)).items()}


def read(path: Path, array: str | None, grey: bool = False, masked: bool = False) -> Stack:
    """One array of the file as a stack, laid out as in an NPY file.

    Args:
        path: the file.
        array: name of the array; None for the only one.
        grey: whether colours become their luminance; otherwise each colour stands for a label.
        masked: whether NaN is handed on instead of refused.

    Raises:
        ValueError: there is no such array, more than one, or it is out of the limits.
    """
    with _opened(path) as archive:
        headers = guarded(path, partial(_headers, path, archive))
    names = [array] if array is not None else list(headers)
    if len(names) != 1 or names[0] not in headers:
        listed = ", ".join(list(headers)[:8]) or "none"
        raise bad(path, f"has not exactly one array of maps; it has {listed}; keep the one to read")
    shape, start, dtype, fortran = headers[names[0]]
    shapes = stacked(path, shape, dtype)
    size = math.prod(shape) * dtype.itemsize
    if size > IMAGE_BYTES:
        raise bad(path, f"has an array of {size} bytes; at most {IMAGE_BYTES} are read")

    def load() -> Array:
        with _opened(path) as archive, archive.open(f"{names[0]}.npy") as member:
            blob = member.read(start + size)
        values = np.frombuffer(blob, dtype, math.prod(shape), start)
        return values.reshape(shape, order="F" if fortran else "C")

    def maps() -> Iterator[Array]:
        yield from one_by_one(path, guarded(path, load), shapes, grey, masked)

    return Stack(path.name, shapes, maps, note=colours.NOTE if grey and coloured(shape) else "")
