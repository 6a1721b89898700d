"""Colours of users' images: as one grey value per pixel, or as one number per colour where each stands for a label."""

from __future__ import annotations

import numpy as np
from PIL import Image

from core.types import Array

NOTE = "colours are read as their luminance, transparent parts as white"
WEIGHTS = (0.299, 0.587, 0.114)
"""Luminance of red, green and blue (ITU-R 601)."""


def luminance(pixels: Array) -> Array:
    """One grey value per pixel (H, W) in the type of the values, by ITU-R 601, on white where it is transparent.

    Args:
        pixels: (H, W, C): grey and alpha, RGB, or RGBA; integers, or floats of which 1 is white and opaque.
    """
    channels = pixels.shape[2]
    if channels == 1:
        return pixels[..., 0]
    if pixels.dtype == np.uint8:
        return np.array(grey(Image.fromarray(np.ascontiguousarray(pixels))))
    white = float(np.iinfo(pixels.dtype).max) if pixels.dtype.kind in "iu" else 1.0
    values = pixels.astype(np.float64)
    one = values[..., 0] if channels == 2 else values[..., :3] @ np.array(WEIGHTS)
    if channels in (2, 4):
        one = white + (one - white) * (values[..., -1] / white)
    return (one.round() if pixels.dtype.kind in "iu" else one).astype(pixels.dtype)


def grey(picture: Image.Image) -> Image.Image:
    """The image with one value per pixel: colours by ITU-R 601, on white where it is transparent."""
    if picture.mode not in ("P", "LA", "RGB", "RGBA"):
        return picture
    if picture.mode != "RGB":
        over = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", over.size, "white"), over)
    return picture.convert("L")


def numbers(pixels: Array) -> Array:
    """One number per colour (H, W): grey values where red, green and blue are equal everywhere, else 0xRRGGBBAA.

    Args:
        pixels: (H, W, C) unsigned integers: grey and alpha, RGB, or RGBA. Of 16-bit colours the alpha is left out.
    """
    opaque = pixels.shape[2] in (1, 3) or bool((pixels[..., -1] == np.iinfo(pixels.dtype).max).all())
    colours = pixels[..., : 1 if pixels.shape[2] <= 2 else 3]
    if opaque and (colours == colours[..., :1]).all():
        return colours[..., 0]
    if pixels.dtype != np.uint8:
        parts = np.broadcast_to(colours, (*pixels.shape[:2], 3)).astype(np.int64)
        return parts[..., 0] << 32 | parts[..., 1] << 16 | parts[..., 2]
    alpha = np.full_like(pixels[..., :1], 255) if opaque else pixels[..., -1:]
    whole = np.concatenate([np.broadcast_to(colours, (*pixels.shape[:2], 3)), alpha], -1)
    return np.ascontiguousarray(whole).view(">u4")[..., 0].astype(np.uint32)
