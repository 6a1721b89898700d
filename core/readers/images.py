"""Images of users: PNG, JPEG and BMP decoded by Pillow; TIFF is in `core.readers.tiff`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from core.readers import colours, pixel_size, tiff
from core.readers.arrays import Choice, Stack, bad, finite, guarded, kind, sized
from core.readers.pixel_size import PixelSize
from core.types import Array

MODES = ("1", "L", "P", "I", "F", "I;16", "I;16B", "I;16L", "I;16N", "LA", "RGB", "RGBA")
COLOURS = ("P", "LA", "RGB", "RGBA")
"""Pixel modes that can be read, and those of them that are not grey values."""
ORIENTATION = 0x0112
"""The tag of Exif for how the image is turned."""


def image(path: Path, chosen: Choice | None, grey: bool = False) -> Stack:
    """A PNG, JPEG, BMP or TIFF as a stack; several pages of a TIFF are the slices of a volume along z.

    With `grey`, colours and palettes become their luminance (ITU-R 601), transparent parts white; otherwise each colour
    stands for a label.

    Args:
        path: the file.
        chosen: slice of a volume.
        grey: whether colours become their luminance.

    Raises:
        ValueError: the file cannot be used, or it is a volume and no slice is chosen.
    """
    if kind(path) == "TIFF":
        return tiff.read(path, chosen, grey)
    with _opened(path) as picture:
        shape = guarded(path, partial(_checked, path, picture))
        notes = [colours.NOTE] if grey and picture.mode in COLOURS else []
        if guarded(path, partial(_turned, picture)) != 1:
            notes.append("the image is turned as its orientation tag says")
        pixel = guarded(path, partial(_pixel_size, picture))
    return Stack(path.name, (shape,), lambda: _pixels(path, grey), note="; ".join(notes), pixel=pixel)


def _opened(path: Path) -> Image.Image:
    """The header of an image file."""
    return guarded(path, lambda: Image.open(path, formats=("PNG", "JPEG", "BMP")))


def _turned(picture: Image.Image) -> int:
    """How the image is turned: the orientation tag of its Exif data, 1 to 8."""
    value = picture.getexif().get(ORIENTATION, 1)
    return value if value in range(1, 9) else 1


def _checked(path: Path, picture: Image.Image) -> tuple[int, int]:
    """Shape of the image as it is turned, from its header."""
    if picture.mode not in MODES:
        raise bad(path, f"has pixels of kind {picture.mode}; use grey values, a palette, RGB or RGBA")
    shape = sized(path, picture.height, picture.width)
    return shape[::-1] if _turned(picture) >= 5 else shape


def _pixel_size(picture: Image.Image) -> PixelSize | None:
    """The side of a pixel by the resolution of a PNG; other kinds state that of a printer."""
    if picture.format != "PNG" or "dpi" not in picture.info:
        return None
    across, down = picture.info["dpi"]
    return pixel_size.of_resolution(across, down, 2)


def _pixels(path: Path, grey: bool) -> Iterator[Array]:
    """Decodes the image: grey values unchanged, colours and palettes as one integer 0xRRGGBBAA, or all as `grey`."""

    def decode(picture: Image.Image) -> Array:
        upright = ImageOps.exif_transpose(picture) if _turned(picture) != 1 else picture
        if grey:
            return np.array(colours.grey(upright))
        if upright.mode == "P":
            upright = upright.convert("RGBA" if "transparency" in upright.info else "RGB")
        values = np.array(upright)
        return colours.numbers(values) if values.ndim == 3 else values

    with _opened(path) as picture:
        shape = guarded(path, partial(_checked, path, picture))
        values = guarded(path, partial(decode, picture))
        if values.shape != shape:
            raise bad(path, "is damaged: it does not hold the pixels that its header announces")
        yield finite(path, values)
