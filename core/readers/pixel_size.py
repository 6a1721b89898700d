"""The side of a pixel as image files state it: OME and ImageJ metadata, and the resolution of TIFF and PNG."""

from __future__ import annotations

import html
import math
import re

PixelSize = tuple[float, str]
"""The side of a pixel and its unit, one of the names in `METRES`."""
METRES = {"nm": 1e-9, "µm": 1e-6, "mm": 1e-3, "cm": 1e-2, "m": 1.0}
"""Length in metres of the units in which a pixel size is stated."""
SPELLINGS = {
    **{"µm": "µm", "μm": "µm", "um": "µm", "micron": "µm", "microns": "µm", "micrometer": "µm", "micrometre": "µm"},
    **{"nm": "nm", "nanometer": "nm", "mm": "mm", "millimeter": "mm", "cm": "cm", "centimeter": "cm"},
    **{"m": "m", "meter": "m", "metre": "m"},
}
PRINT = (72, 75, 96, 100, 120, 144, 150, 180, 200, 240, 250, 300, 350, 360, 400, 600, 720, 1200, 2400)
"""Dots per inch of screens and printers: where a file states one of these, it states nothing about the sample."""
INCH = 0.0254
SQUARE = 1e-3
"""Largest relative difference of width and height of a pixel."""


def stated(size: float, unit: str) -> PixelSize | None:
    """The pixel size in one of the units here; None for other units and for sizes that make no sense."""
    word = unit.strip().replace("\\u00B5", "µ").replace("\\u00b5", "µ")
    known = SPELLINGS.get(word) or SPELLINGS.get(word.lower())
    if word in ("Å", "Angstrom", "angstrom"):
        size, known = size / 10, "nm"
    usable = known is not None and math.isfinite(size) and 1e-6 <= size <= 1e6
    return (float(f"{size:.6g}"), str(known)) if usable else None


def of_density(per_metre: float) -> PixelSize | None:
    """The pixel size at this number of pixels per metre, in the unit that makes it 0.1 or more; None for print."""
    if not (math.isfinite(per_metre) and 1e-3 < per_metre < 1e13):
        return None
    if any(abs(per_metre * INCH / dots - 1) < 5e-3 for dots in PRINT):
        return None
    size = 1 / per_metre
    unit = next((u for u in ("m", "mm", "µm") if size >= 0.1 * METRES[u] * (1 - 1e-6)), "nm")
    return stated(size / METRES[unit], unit)


def of_ome(xml: str) -> PixelSize | None:
    """The pixel size in OME metadata; None where there is none, or the pixels are not square."""
    sizes = dict(re.findall(r'\bPhysicalSize([XY])="([^"]{1,40})"', xml[:100_000]))
    units = dict(re.findall(r'\bPhysicalSize([XY])Unit="([^"]{1,40})"', xml[:100_000]))
    try:
        across = float(sizes["X"])
        down = float(sizes.get("Y", across))
    except (KeyError, ValueError):
        return None
    if units.get("X") != units.get("Y", units.get("X")) or not _square(across, down):
        return None
    return stated(across, html.unescape(units.get("X", "µm")))


def of_imagej(description: str, across: float, down: float) -> PixelSize | None:
    """The pixel size of an ImageJ file: its unit, and the pixels per unit of its resolution."""
    unit = re.search(r"^unit=(.{1,40})$", description, re.MULTILINE)
    if not unit or not across > 0 or not _square(across, down):
        return None
    return stated(1 / across, unit[1])


def of_resolution(across: float, down: float, unit: int) -> PixelSize | None:
    """The pixel size by the resolution of a TIFF; None unless its unit (2 inch, 3 cm) makes it a length."""
    length = {2: INCH, 3: 0.01}.get(unit)
    if length is None or not across > 0 or not _square(across, down):
        return None
    return of_density(across / length)


def note(size: PixelSize) -> str:
    """How a pixel size was read."""
    return f"the pixel size {size[0]:g} {size[1]} is taken from the file"


def _square(across: float, down: float) -> bool:
    """Whether the pixels are square."""
    return abs(across - down) <= SQUARE * abs(across)
