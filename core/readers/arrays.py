"""Arrays from files of users: which files, their limits, and NPY; images are in `core.readers.images`, HDF5 in `hdf5`.

A file is what its first bytes say, whatever its name. Limits are checked in the headers before anything is decoded.
What cannot be used raises `ValueError` with a sentence; nothing is ever written.
"""

from __future__ import annotations

import io
import math
import stat
import struct
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.readers import colours
from core.readers.pixel_size import PixelSize
from core.types import Array

MAP_PIXELS = 50_000_000
"""Most pixels of one map."""
ALL_PIXELS = 400_000_000
"""Most pixels of all maps together, and most cells of a volume."""
IMAGE_BYTES, HDF5_BYTES = 2**29, 2**32
"""Largest image file and largest HDF5 file."""
FILES, PAGES = 20_000, 5000
"""Most files of a folder, and most pages of a TIFF."""
SMALLEST = 16
"""Fewest pixels along each side of a map."""
SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"\x93NUMPY": "NPY",
    b"\xff\xd8\xff": "JPEG",
    b"\x89HDF\r\n\x1a\n": "HDF5",
}
USER_BLOCKS = (512, 1024, 2048)
"""Offsets at which an HDF5 file may also begin (MATLAB 7.3 starts with 512 bytes of its own)."""
ALLOWED = "PNG, JPEG, BMP, TIFF, NPY, NPZ, HDF5 (.dream3d, .h5, .mat of version 7.3)"
BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)
"""Sizes of the headers of BMP files, which tell them from text that begins with BM."""
Header = tuple[tuple[int, ...], int, np.dtype[Any], bool]
"""Shape of an array, offset of its data, type, and whether it is in the order of Fortran."""
Choice = tuple[str, int | None]
"""A slice of a volume: the axis (x, y or z) and its index, counted from 0, or None for all slices."""


@dataclass(frozen=True)
class Stack:
    """The maps of one file: integers or finite floats (H, W), decoded again on each call of `maps`.

    Attributes:
        name: name of the file.
        shapes: (H, W) of each map.
        maps: function that decodes the maps one after the other.
        grains: whether the values are grain numbers.
        eulers: function from map number to the Bunge angles (H, W, 3) of its cells, in radians.
        rows: Bunge angles (n, 3) of each grain number instead, in radians.
        structure: crystal structure of the phase (DREAM.3D's number), None where unknown.
        note: how the file was read where that is not obvious, or why it has no orientations.
        pixel: side of a pixel and its unit, where the file states it.
    """

    name: str
    shapes: tuple[tuple[int, int], ...]
    maps: Callable[[], Iterator[Array]]
    grains: bool = False
    eulers: Callable[[int], Array] | None = None
    rows: Array | None = None
    structure: int | None = None
    note: str = ""
    pixel: PixelSize | None = None


def bad(path: Path, why: str) -> ValueError:
    """The error for a file that cannot be used: its name, never its folder, and the reason."""
    return ValueError(f"{path.name or path} {why}.")


def kind(path: Path) -> str:
    """Kind of a file by its first bytes: PNG, JPEG, BMP, TIFF, NPY, NPZ, HDF5, or the empty text for any other."""
    with open(path, "rb") as file:
        begin = file.read(512)
        if begin[:2] == b"BM" and len(begin) > 18 and struct.unpack_from("<I", begin, 14)[0] in BMP_HEADERS:
            return "BMP"
        if begin[:4] == b"PK\3\4" and len(begin) > 30:
            first = begin[30 : 30 + struct.unpack_from("<H", begin, 26)[0]]
            return "NPZ" if first.endswith(b".npy") else ""
        for start in (0, *USER_BLOCKS):
            file.seek(start)
            head = file.read(8)
            recognised = next((name for sign, name in SIGNATURES.items() if head.startswith(sign)), "")
            if recognised and (start == 0 or recognised == "HDF5"):
                return recognised
    return ""


def files_of(path: Path) -> tuple[list[tuple[Path, str]], tuple[str, ...]]:
    """The files to read at a path as (file, kind) in order of name, and notes on what else a folder contains.

    Raises:
        ValueError: the path does not exist, cannot be read, or holds nothing that can be used.
    """
    try:
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            return _folder(path)
        return [(path, _checked(path, mode))], ()
    except FileNotFoundError:
        raise bad(path, "does not exist") from None
    except OSError as error:
        raise bad(Path(error.filename or path), f"cannot be read ({error.strerror or error})") from None


def _checked(path: Path, mode: int) -> str:
    """The kind of a single file that may be read."""
    if stat.S_ISLNK(mode):
        raise bad(path, "is a symbolic link; name the file that it points to")
    if not stat.S_ISREG(mode):
        raise bad(path, "is not a regular file")
    size, name = path.stat().st_size, kind(path)
    if not name:
        raise bad(path, f"is {'empty' if not size else 'of no kind that is read here'}; use {ALLOWED}")
    limit = HDF5_BYTES if name == "HDF5" else IMAGE_BYTES
    if size > limit:
        raise bad(path, f"has {size} bytes; at most {limit} are read")
    return name


def _folder(path: Path) -> tuple[list[tuple[Path, str]], tuple[str, ...]]:
    """The usable files of a folder; hidden files, links, folders and other kinds are left out, and counted."""
    entries = sorted(p for p in path.iterdir() if not p.name.startswith("."))
    regular = [p for p in entries if stat.S_ISREG(p.lstat().st_mode)]
    usable = [(p, _checked(p, p.lstat().st_mode)) for p in regular if kind(p)]
    if not usable:
        raise bad(path, f"holds no file that can be read; use {ALLOWED}")
    if len(usable) > FILES:
        raise bad(path, f"holds {len(usable)} files; at most {FILES} are read")
    other = len(entries) - len(usable)
    return usable, (f"{other} other entries of the folder were left out",) if other else ()


def sized(path: Path, height: int, width: int) -> tuple[int, int]:
    """(height, width) of a map, checked before anything is decoded.

    Raises:
        ValueError: the map is too large or too small.
    """
    if height * width > MAP_PIXELS:
        raise bad(path, f"has a map of {width} x {height} pixels; at most {MAP_PIXELS // 10**6} megapixels are read")
    if min(height, width) < SMALLEST:
        raise bad(path, f"has a map of {width} x {height} pixels; each side needs {SMALLEST} or more")
    return height, width


def slices(path: Path, chosen: Choice | None, dimensions: dict[str, int]) -> list[int]:
    """Indices of the chosen slices of a volume with these numbers of slices along its axes.

    Raises:
        ValueError: nothing is chosen, or there is no such slice; the sentence names the dimensions and what to write.
    """
    sizes = ", ".join(f"{name} = {n}" for name, n in dimensions.items())
    if chosen is None:
        last = list(dimensions)[-1]
        middle, every = f"--slice {last}={dimensions[last] // 2}", f"--slice {last}=all"
        raise bad(
            path,
            f"is a volume ({sizes}); choose a slice, such as {middle}, or all of them as maps of their own: {every}",
        )
    axis, index = chosen
    n = dimensions.get(axis, 0)
    if index is None and n:
        return list(range(n))
    if index is None or not 0 <= index < n:
        allowed = ", ".join(f"{name} = 0 to {n - 1}" for name, n in dimensions.items())
        raise bad(path, f"has no slice {axis}={'all' if index is None else index}; there are {allowed}")
    return [index]


def guarded(path: Path, decode: Callable[[], Any]) -> Any:
    """Result of a decoder; its warnings are ignored, and what it raises on a damaged file becomes a sentence."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return decode()
    except Image.DecompressionBombError:
        raise bad(path, f"has more pixels than the {MAP_PIXELS // 10**6} megapixels that are read") from None
    except ValueError as error:
        if str(error).startswith(path.name):
            raise
        raise bad(path, "is damaged or of an unusual kind that cannot be decoded") from None
    except Exception as error:  # decoders fed with damaged bytes raise nearly everything
        reason = error.strerror if isinstance(error, OSError) else None
        raise bad(
            path, f"is damaged or of an unusual kind that cannot be decoded{f' ({reason})' if reason else ''}"
        ) from None


def npy(path: Path, grey: bool = False, masked: bool = False) -> Stack:
    """An NPY array as a stack, laid out as in `stacked`.

    Args:
        path: the file.
        grey: whether colours become their luminance; otherwise each colour stands for a label.
        masked: whether NaN is handed on instead of refused.

    Raises:
        ValueError: the array cannot be used.
    """

    def head() -> Header:
        with open(path, "rb") as file:
            return header(io.BytesIO(file.read(2**14)))

    shape, start, dtype, fortran = guarded(path, head)
    maps = stacked(path, shape, dtype)
    if path.stat().st_size - start < math.prod(shape) * dtype.itemsize:
        raise bad(path, "is truncated: it holds less than its header announces")

    def read() -> Iterator[Array]:
        order: Any = "F" if fortran else "C"
        array = guarded(path, lambda: np.memmap(path, dtype, "r", start, shape, order))
        yield from one_by_one(path, array, maps, grey, masked)

    return Stack(path.name, maps, read, note=colours.NOTE if grey and coloured(shape) else "")


def header(head: io.BytesIO) -> Header:
    """Shape, offset of the data, type and order of an array from the first bytes of an NPY file."""
    version = np.lib.format.read_magic(head)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(head)
    return shape, head.tell(), dtype, fortran


def coloured(shape: tuple[int, ...]) -> bool:
    """Whether an array of this shape holds colours: its last axis has 3 (RGB) or 4 entries (RGBA)."""
    return len(shape) in (3, 4) and shape[-1] in (3, 4)


def stacked(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[tuple[int, int], ...]:
    """Shapes of the maps in an array.

    Args:
        path: the file.
        shape: (H, W), (n, H, W) or (n, 1, H, W); each may have a last axis of 1, 3 (RGB) or 4 (RGBA) entries.
        dtype: type of the values.

    Raises:
        ValueError: it is any other array, or out of the limits.
    """
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise bad(path, f"holds values of type {dtype}; use integers or real numbers")
    shape = shape[:-1] if len(shape) in (3, 4) and shape[-1] in (1, 3, 4) else shape
    if len(shape) not in (2, 3, 4) or (len(shape) == 4 and shape[1] != 1):
        raise bad(path, f"holds an array of shape {shape}; use one map (rows, columns) or maps (n, rows, columns)")
    n = 1 if len(shape) == 2 else int(shape[0])
    if n < 1:
        raise bad(path, "holds no maps")
    one = sized(path, int(shape[-2]), int(shape[-1]))
    if n * one[0] * one[1] > ALL_PIXELS:
        raise bad(
            path, f"holds {n} maps of {one[1]} x {one[0]}; at most {ALL_PIXELS // 10**6} megapixels are read in all"
        )
    return (one,) * n


def one_by_one(
    path: Path, array: Array, shapes: tuple[tuple[int, int], ...], grey: bool = False, masked: bool = False
) -> Iterator[Array]:
    """The maps (H, W) of an array of these shapes one after the other, colours as in `npy`."""
    for one in array.reshape(len(shapes), *shapes[0], -1):
        values = finite(path, np.array(one), masked)
        if values.shape[-1] == 1:
            yield values[..., 0]
            continue
        if values.dtype.kind in "iu" and values.min() >= 0 and values.max() <= 255:
            values = values.astype(np.uint8)
        if not grey and values.dtype not in (np.uint8, np.uint16):
            raise bad(path, f"holds colours of type {values.dtype}; labels need whole numbers from 0 to 65535")
        yield colours.luminance(values) if grey else colours.numbers(values)


def finite(path: Path, array: Array, masked: bool = False) -> Array:
    """The array in the byte order of the machine; `ValueError` where it holds infinity, or NaN unless `masked`."""
    if array.dtype.kind == "f" and not (np.isfinite(array) | (masked & np.isnan(array))).all():
        raise bad(path, "holds values that are not finite (NaN or infinity)")
    return array.astype(array.dtype.newbyteorder("="), copy=False)
