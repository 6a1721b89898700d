"""HDF5 files of users: their datasets, without following links out of the file and without decompression bombs."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import imagecodecs
import numpy as np

from core.readers import colours
from core.readers.arrays import ALL_PIXELS, Stack, bad, coloured, one_by_one, stacked
from core.types import Array

OBJECTS, DEPTH = 10_000, 16
"""Most objects and deepest level of a file."""
CHUNK = 2**26
"""Most bytes of one chunk when it is decompressed."""
BLOCK = 2**23
"""Pixels that are read at once."""
LZF = h5py.h5z.FILTER_LZF
FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32, LZF}


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """Opens a file for reading; all errors of the library on a damaged file become a sentence."""
    try:
        with h5py.File(path, "r", locking=False) as file:
            yield file
    except ValueError as error:
        if str(error).startswith(path.name):
            raise
        raise bad(path, "is damaged: its HDF5 structure cannot be read") from None
    except Exception as error:  # the library raises nearly everything on damaged bytes
        reason = "truncated" if "truncated" in str(error) else "damaged"
        raise bad(path, f"is {reason}: its HDF5 structure cannot be read") from None


def datasets(path: Path, file: h5py.File) -> dict[str, h5py.Dataset]:
    """All numeric datasets by their full name; links to other files are left out.

    Raises:
        ValueError: there are too many objects or levels, or nothing but links to other files.
    """
    numeric, links = contents(path, file)
    if links and not numeric:
        raise bad(path, f"has a link to another file ({links[0].rsplit('/', 1)[-1]}), which is never followed")
    return numeric


def contents(path: Path, file: h5py.File) -> tuple[dict[str, h5py.Dataset], list[str]]:
    """All numeric datasets by their full name, and the names of links to other files, which are never followed.

    Raises:
        ValueError: there are too many objects or levels.
    """
    numeric: dict[str, h5py.Dataset] = {}
    links: list[str] = []
    waiting: list[tuple[h5py.Group, int]] = [(file, 0)]
    seen = 0
    while waiting:
        group, depth = waiting.pop()
        for name in group:
            seen += 1
            if seen > OBJECTS or depth > DEPTH:
                raise bad(path, f"has more than {OBJECTS} objects or {DEPTH} levels; it is not a file of maps")
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                links.append(f"{group.name.rstrip('/')}/{name}")
            item = group[name] if isinstance(link, h5py.HardLink) else None
            if isinstance(item, h5py.Group):
                waiting.append((item, depth + 1))
            elif isinstance(item, h5py.Dataset) and item.shape and item.dtype.kind in "biuf":
                numeric[f"{group.name.rstrip('/')}/{name}"] = item
    return dict(sorted(numeric.items())), sorted(links)


def checked(path: Path, dataset: h5py.Dataset) -> h5py.Dataset:
    """The dataset, if its data lie in this file, are within the limits and decompress to the announced size.

    Raises:
        ValueError: otherwise.
    """
    where = f"({dataset.name})"
    if dataset.is_virtual or dataset.external:
        raise bad(path, f"keeps data in other files {where}, which are never opened")
    if dataset.size > 4 * ALL_PIXELS or dataset.dtype.itemsize > 8:
        raise bad(
            path, f"has an array of shape {dataset.shape} {where}; at most {ALL_PIXELS // 10**6} million cells are read"
        )
    properties = dataset.id.get_create_plist()
    used = {properties.get_filter(i)[0] for i in range(properties.get_nfilters())}
    if used - FILTERS:
        raise bad(
            path,
            f"is compressed in a way that is not read here {where}; use gzip or lzf (repack it: h5repack -f GZIP=1)",
        )
    if dataset.chunks:
        _inflate(path, dataset, used)
    return dataset


def _inflate(path: Path, dataset: h5py.Dataset, used: set[int]) -> None:
    """Rejects chunks that decompress to more than their size, because the library would allocate any size."""
    size = math.prod(dataset.chunks) * dataset.dtype.itemsize
    if size > CHUNK:
        raise bad(path, f"has chunks of {size} bytes ({dataset.name}); at most {CHUNK} are read. Repack it: h5repack")
    for i in range(dataset.id.get_num_chunks() if used & {h5py.h5z.FILTER_DEFLATE, LZF} else 0):
        chunk = dataset.id.get_chunk_info(i)
        if chunk.size > 2 * size + 1024:
            raise bad(path, f"is damaged: a chunk of {dataset.name} is larger than its content")
        skipped, blob = dataset.id.read_direct_chunk(chunk.chunk_offset)
        length = _unpacked(blob, size, LZF in used) if not skipped else 0
        if length > size + 8:
            raise bad(
                path,
                f"is a decompression bomb: a chunk of {dataset.name} unpacks to more than the {size} bytes it holds",
            )


def _unpacked(blob: bytes, size: int, lzf: bool) -> int:
    """Bytes of a chunk when it is unpacked, read up to a little more than `size`."""
    if not lzf:
        return len(zlib.decompressobj().decompress(blob, size + 64))
    try:
        return len(imagecodecs.lzf_decode(blob, out=size + 64))
    except imagecodecs.LzfError:
        return size + 64


def plain(path: Path, array: str | None, grey: bool = False, masked: bool = False) -> Stack:
    """The maps of an HDF5 file without grain numbers.

    (H, W) is one map, (n, H, W) and (n, 1, H, W) are n maps. Arrays written by MATLAB have their axes reversed;
    `morphology` (n, s * s) holds flattened squares (Zenodo 2580293).

    Args:
        path: the file.
        array: name of the array, or the end of it; None for the only array of maps.
        grey: whether colours become their luminance; otherwise each colour stands for a label.
        masked: whether NaN is handed on instead of refused.

    Raises:
        ValueError: there is no such array, more than one, or it is out of the limits.
    """
    with opened(path) as file:
        candidates = {k: v for k, v in datasets(path, file).items() if v.ndim in (2, 3, 4) and v.size >= 256}
        links = contents(path, file)[1]
        name = the_one(path, list(candidates), array, "array of maps")
        dataset = checked(path, candidates[name])
        matlab = "MATLAB_class" in dataset.attrs
        shape = _maps_shape(name, dataset.shape, matlab)
        shapes = stacked(path, shape, dataset.dtype)
    notes = [colours.NOTE] if grey and coloured(shape) else []
    if links:
        notes.append(f"links to other files are not followed ({', '.join(links[:4])})")
    return Stack(path.name, shapes, lambda: _read(path, name, shapes, matlab, grey, masked), note="; ".join(notes))


def the_one(path: Path, names: list[str], array: str | None, what: str) -> str:
    """The only name, or the one that ends in `array`.

    Raises:
        ValueError: there is none or more than one; the sentence lists the names.
    """
    fitting = [n for n in names if array is None or n.endswith(f"/{array.lstrip('/')}")]
    fitting = [array] if array in names else fitting
    if len(fitting) == 1:
        return fitting[0]
    listed = ", ".join(names[:8]) + (" and more" if len(names) > 8 else "")
    if not names:
        raise bad(path, f"has no {what}")
    if array is not None:
        raise bad(path, f"has {'no' if not fitting else 'more than one'} array {array}; there are: {listed}")
    raise bad(path, f"has more than one {what}; choose with --array one of: {listed}")


def _maps_shape(name: str, shape: tuple[int, ...], matlab: bool) -> tuple[int, ...]:
    """The shape of an array as one map (H, W) or maps (n, H, W)."""
    side = math.isqrt(shape[-1])
    if len(shape) == 2 and name.endswith("/morphology") and side * side == shape[-1]:
        return shape[0], side, side
    return (*shape[:-2], shape[-1], shape[-2]) if matlab else shape


def _read(
    path: Path, name: str, shapes: tuple[tuple[int, int], ...], matlab: bool, grey: bool, masked: bool
) -> Iterator[Array]:
    """Reads the maps in blocks."""
    height, width = shapes[0]
    each = max(1, BLOCK // (height * width))
    with opened(path) as file:
        dataset: Any = file[name]
        whole = len(shapes) == 1 and (dataset.ndim == 2 or dataset.shape[0] != 1)
        for start in range(0, len(shapes), each):
            block = np.asarray(dataset[...] if whole else dataset[start : start + each])
            if matlab:
                block = block.reshape(-1, width, height).transpose(0, 2, 1)
            number = min(each, len(shapes) - start)
            yield from one_by_one(path, block, shapes[:number], grey, masked)
