"""TIFF files of users, decoded by tifffile and imagecodecs: the pages of full size, their colours and pixel size.

The directories are walked and every page is checked in its header (pixels, strips and tiles, compression, bytes
present) before anything is decoded. Overviews are left out, orientation and photometric tags are applied.
"""

from __future__ import annotations

import logging
import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from core.readers import colours, pixel_size
from core.readers.arrays import MAP_PIXELS, PAGES, Choice, Stack, bad, finite, guarded, sized, slices
from core.readers.pixel_size import PixelSize
from core.types import Array

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # what it reports becomes a sentence here

COMPRESSIONS = {1: "none", 2: "CCITT", 3: "CCITT", 4: "CCITT", 5: "LZW", 7: "JPEG", 8: "deflate", 32773: "PackBits"}
COMPRESSIONS |= {32946: "deflate", 34926: "zstd", 50000: "zstd"}
JPEG = 7
SEGMENTS = 100_000
"""Most strips or tiles of a page."""
KINDS = {0: "grey", 1: "grey", 2: "RGB", 3: "palette", 5: "CMYK", 6: "YCbCr", 8: "CIELab"}
"""Photometric interpretations by their number; 0 is grey of which zero is white."""
TURNS: dict[int, tuple[int, bool]] = {2: (0, True), 3: (2, False), 4: (2, True), 5: (3, True), 6: (3, False)}
TURNS |= {7: (1, True), 8: (1, False)}
"""Orientation tag to the quarter turns (counterclockwise) of the stored image, mirrored left to right afterwards."""


def read(path: Path, chosen: Choice | None, grey: bool) -> Stack:
    """The pages of a TIFF as a stack: slices of a volume along z, of which `chosen` selects one or all.

    Args:
        path: the file.
        chosen: slice of a volume.
        grey: whether colours become their luminance; otherwise each colour stands for a label.

    Raises:
        ValueError: the file cannot be used, or it is a volume and no slice is chosen.
    """
    offsets = guarded(path, partial(_directories, path))
    with _opened(path) as file:
        pages, left_out = guarded(path, partial(_full_size, path, file, offsets))
        first = pages[0]
        more = guarded(path, partial(_contiguous, path, file, first)) if len(offsets) == 1 else 1
        number = more if more > 1 else len(pages)
        to_read = slices(path, chosen, {"z": number}) if number > 1 or chosen else [0]
        if more > 1:
            shapes = (guarded(path, partial(_checked, path, first)),) * len(to_read)
        else:
            shapes = tuple(guarded(path, partial(_checked, path, pages[n])) for n in to_read)
        pixel = guarded(path, partial(_pixel_size, first))
        notes = guarded(path, partial(_notes, first, left_out, grey))
        places = [(first.offset, n) if more > 1 else (pages[n].offset, 0) for n in to_read]
    return Stack(path.name, shapes, lambda: _maps(path, places, grey), note="; ".join(notes), pixel=pixel)


def _directories(path: Path) -> list[int]:
    """Offsets of the directories of the pages; `ValueError` for too many, or where one comes again."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        head = file.read(16)
        order = "<" if head[:2] == b"II" else ">"
        large = struct.unpack_from(f"{order}H", head, 2)[0] == 43
        count_at, entry, link = (f"{order}Q", 20, f"{order}Q") if large else (f"{order}H", 12, f"{order}I")
        offset = struct.unpack_from(link, head, 8 if large else 4)[0]
        offsets: dict[int, None] = {}
        while offset and offset < size and offset not in offsets:
            offsets[offset] = None
            if len(offsets) > PAGES:
                raise bad(path, f"has more than {PAGES} pages")
            file.seek(offset)
            entries = struct.unpack(count_at, file.read(struct.calcsize(count_at)))[0]
            file.seek(offset + struct.calcsize(count_at) + entries * entry)
            following = file.read(struct.calcsize(link))
            offset = struct.unpack(link, following)[0] if len(following) == struct.calcsize(link) else 0
    if not offsets:
        raise bad(path, "is damaged: it has no page")
    return list(offsets)


@contextmanager
def _opened(path: Path) -> Iterator[tifffile.TiffFile]:
    """The file, opened by tifffile; no other file is ever opened with it."""
    file = guarded(path, lambda: tifffile.TiffFile(path, _multifile=False))
    try:
        yield file
    finally:
        file.close()


def _page(file: tifffile.TiffFile, offset: int) -> tifffile.TiffPage:
    """The header of the page at an offset."""
    file.filehandle.seek(offset)
    return tifffile.TiffPage(file, 0)


def _full_size(path: Path, file: tifffile.TiffFile, offsets: list[int]) -> tuple[list[tifffile.TiffPage], int]:
    """The pages without overviews, thumbnails and masks, and the number of those."""
    every = [_page(file, offset) for offset in offsets]
    full = [page for page in every if not int(page.subfiletype) & 5] or every[:1]
    height, width = full[0].imagelength, full[0].imagewidth
    pages = [p for p in full if not _smaller(p.imagelength, p.imagewidth, height, width)]
    return pages, len(every) - len(pages)


def _smaller(rows: int, columns: int, height: int, width: int) -> bool:
    """Whether a page is a smaller copy: at most half the size, of the same proportions to a pixel."""
    if rows < 1 or columns < 1 or 2 * rows > height + 1 or 2 * columns > width + 1:
        return False
    return abs(rows - height * columns / width) <= 1 or abs(columns - width * rows / height) <= 1


def _contiguous(path: Path, file: tifffile.TiffFile, page: tifffile.TiffPage) -> int:
    """Number of images that ImageJ wrote one after the other behind a single header."""
    if not file.is_imagej or not page.is_contiguous or page.compression != 1 or page.samplesperpixel != 1:
        return 1
    number = int((file.imagej_metadata or {}).get("images", 1))
    _checked(path, page)
    if number < 1 or number > 4 * PAGES or page.dataoffsets[0] + number * page.nbytes > path.stat().st_size:
        return 1
    return number


def _checked(path: Path, page: tifffile.TiffPage) -> tuple[int, int]:
    """(height, width) of a page as it is turned, all its limits checked in its header."""
    kind = KINDS.get(int(page.photometric), "unknown")
    compression = int(page.compression)
    usable = kind in ("grey", "RGB", "palette") or (kind == "YCbCr" and compression == JPEG)
    if not usable or not 1 <= page.samplesperpixel <= 4:
        what = f"of kind {kind}" if not usable else f"of {page.samplesperpixel} values each"
        raise bad(path, f"has pixels {what}; use grey values, a palette, RGB or RGBA")
    rows, columns = page.imagelength, page.imagewidth
    shape = sized(path, *((columns, rows) if _orientation(page) >= 5 else (rows, columns)))
    if page.is_tiled and page.tilelength * page.tilewidth > MAP_PIXELS:
        tiles = f"{page.tilewidth} x {page.tilelength}"
        raise bad(path, f"has tiles of {tiles} pixels; at most {MAP_PIXELS // 10**6} megapixels are read")
    if compression not in COMPRESSIONS:
        names = ", ".join(sorted({name for name in COMPRESSIONS.values() if name != "none"}))
        raise bad(path, f"is compressed in a way that is not read here (number {compression}); use {names} or none")
    if page.dtype is None or page.dtype.kind not in "biuf" or page.dtype.itemsize > 8:
        raise bad(path, f"holds values of {page.bitspersample} bits that are no integers or real numbers")
    if page.imagedepth != 1 or (kind == "palette" and (page.colormap is None or page.dtype.itemsize > 2)):
        raise bad(path, "is damaged or of an unusual kind that cannot be decoded")
    _present(path, page)
    return shape


def _present(path: Path, page: tifffile.TiffPage) -> None:
    """Raises an error unless the file holds every strip or tile, and none of them announces more than its place."""
    depth, rows, columns = 1, page.tilelength if page.is_tiled else page.rowsperstrip, page.imagewidth
    columns = page.tilewidth if page.is_tiled else columns
    if min(rows, columns) < 1:
        raise bad(path, "is damaged: its strips or tiles have no size")
    planes = page.samplesperpixel if int(page.planarconfig) == 2 else depth
    segments = planes * math.ceil(page.imagelength / rows) * math.ceil(page.imagewidth / columns)
    if segments > SEGMENTS:
        raise bad(path, f"has {segments} strips or tiles in a page; at most {SEGMENTS} are read")
    size, places = path.stat().st_size, list(zip(page.dataoffsets, page.databytecounts, strict=False))
    whole = len(places) >= segments or (page.is_contiguous and len(places) == 1)
    if not whole or any(start < 1 or length < 1 or start + length > size for start, length in places[:segments]):
        raise bad(path, "is damaged: it does not hold the pixels that its header announces")
    if int(page.compression) == 1:
        bits = page.imagelength * page.imagewidth * page.samplesperpixel * page.bitspersample
        if 8 * sum(length for _, length in places[:segments]) < bits and not page.is_tiled:
            raise bad(path, "is damaged: it does not hold the pixels that its header announces")
    if int(page.compression) == JPEG:
        with open(path, "rb") as file:
            for start, length in places[:segments]:
                file.seek(start)
                high, wide = _jpeg_size(file.read(length))
                if high > rows + 64 or wide > columns + 64:
                    raise bad(path, f"is damaged: a tile or strip unpacks to {wide} x {high} pixels")


def _jpeg_size(blob: bytes) -> tuple[int, int]:
    """(height, width) that the first frame header of a JPEG stream announces; zeros where there is none."""
    at = 2
    while at + 9 <= len(blob) and blob[at] == 0xFF:
        marker = blob[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            high, wide = struct.unpack_from(">HH", blob, at + 5)
            return high, wide
        at += 2 + struct.unpack_from(">H", blob, at + 2)[0]
    return 0, 0


def _orientation(page: tifffile.TiffPage) -> int:
    """The orientation tag of a page, 1 to 8."""
    tag = page.tags.get(274)
    value = int(tag.value) if tag is not None and isinstance(tag.value, int) else 1
    return value if value in TURNS else 1


def _maps(path: Path, places: list[tuple[int, int]], grey: bool) -> Iterator[Array]:
    """Decodes the pages at these places: the offset of the header, and the number of the image behind it."""
    with _opened(path) as file:
        for offset, number in places:
            page = guarded(path, partial(_page, file, offset))
            shape = guarded(path, partial(_checked, path, page))
            one = guarded(path, partial(_decoded, path, page, number, grey))
            if one.shape != shape:
                raise bad(path, "is damaged: it does not hold the pixels that its header announces")
            yield finite(path, one)


def _decoded(path: Path, page: tifffile.TiffPage, number: int, grey: bool) -> Array:
    """The pixels (H, W) of a page."""
    if number:
        assert page.dtype is not None
        dtype = page.dtype.newbyteorder(page.parent.byteorder)
        start = page.dataoffsets[0] + number * page.nbytes
        pixels = np.fromfile(path, dtype, page.imagelength * page.imagewidth, offset=start).reshape(page.shape)
    else:
        pixels = page.asarray(maxworkers=1)
    if pixels.ndim == 3 and int(page.planarconfig) == 2:
        pixels = np.moveaxis(pixels, 0, -1)
    kind = KINDS[int(page.photometric)]
    if page.colormap is not None and kind == "palette":
        pixels = _looked_up(page.colormap, pixels)
    elif kind == "grey" and pixels.ndim == 3:
        pixels = pixels[..., 0]
    if int(page.photometric) == 0:
        pixels = _inverted(pixels, page.bitspersample)
    if pixels.ndim == 3:
        pixels = colours.luminance(pixels) if grey else colours.numbers(pixels)
    turns, mirrored = TURNS.get(_orientation(page), (0, False))
    pixels = np.rot90(pixels, turns)
    return np.ascontiguousarray(pixels[:, ::-1] if mirrored else pixels)


def _looked_up(table: Array, indices: Array) -> Array:
    """Colours uint8 (H, W, 3) of palette indices; some programs write 8 bits into the 16 of the table."""
    entries = np.asarray(table).T
    entries = entries >> 8 if entries.max() > 255 else entries
    return entries.astype(np.uint8)[indices]


def _inverted(pixels: Array, bits: int) -> Array:
    """Grey values of which zero was white, with zero as black."""
    if pixels.dtype.kind == "b":
        return ~pixels
    if pixels.dtype.kind == "f":
        return pixels.max() - pixels
    return ~pixels if pixels.dtype.kind == "i" else np.asarray(2**bits - 1, pixels.dtype) - pixels


def _rational(page: tifffile.TiffPage, tag: int) -> float:
    """Value of a resolution tag, 0 where there is none."""
    value: Any = page.tags[tag].value if tag in page.tags else None
    return value[0] / value[1] if isinstance(value, tuple) and len(value) == 2 and value[1] else 0.0


def _pixel_size(page: tifffile.TiffPage) -> PixelSize | None:
    """The side of a pixel by OME or ImageJ metadata, else by the resolution."""
    about, across, down = page.description, _rational(page, 282), _rational(page, 283)
    if "<OME" in about[:4000]:
        return pixel_size.of_ome(about)
    if about.startswith("ImageJ="):
        return pixel_size.of_imagej(about, across, down)
    unit = page.tags[296].value if 296 in page.tags else 2
    return pixel_size.of_resolution(across, down, int(unit))


def _notes(page: tifffile.TiffPage, left_out: int, grey: bool) -> list[str]:
    """How the pages are read, in words."""
    kind = KINDS[int(page.photometric)]
    notes = [colours.NOTE] if grey and kind != "grey" else []
    if kind == "grey" and page.samplesperpixel > 1:
        notes.append(f"the first of {page.samplesperpixel} channels is read")
    if left_out:
        notes.append(f"{left_out} smaller overview page{'s are' if left_out > 1 else ' is'} left out")
    if _orientation(page) != 1:
        notes.append("the image is turned as its orientation tag says")
    return notes
