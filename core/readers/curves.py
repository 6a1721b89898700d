"""Two-point correlations from files of users: tables (PoreSpy's among them) and maps over displacements (PyMKS)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.interpolate import PchipInterpolator

from core.descriptors import windows
from core.readers.arrays import bad
from core.simulation import correlations
from core.types import Array

ROWS, FEWEST, DIGITS = 100_000, 4, 40
"""Most lines of a table, fewest points of a curve, most characters of a number."""
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|nan|[+-]?inf(inity)?", re.IGNORECASE)
ONE = 1e-3
"""Tolerance within which a curve that starts at 1 is S2 / p1."""
SCALED, RELATIVE = "probability_scaled", "probability"
"""PoreSpy's names of S2 and of S2 / p1."""


@dataclass(frozen=True)
class Curve:
    """A two-point correlation as a file holds it.

    Attributes:
        name: name of the file.
        distance: ascending distances (m,) in the unit of the file.
        values: S2 (m,), or S2 / p1 where `relative`.
        relative: whether the values are S2 / p1.
        p: p1 where it follows from the file, else None.
        note: a sentence on how the file was interpreted.
    """

    name: str
    distance: Array
    values: Array
    relative: bool
    p: float | None
    note: str

    def s2(self, p: float) -> Array:
        """S2 (m,) at volume fraction p."""
        return self.values * p if self.relative else self.values


def table(name: str, text: str) -> Curve:
    """A table with a column of distances and one of S2, with or without column names.

    Columns are separated by commas, semicolons, tabs or blanks; `#` begins a comment. PoreSpy's columns are recognised
    by their names.

    Args:
        name: name of the file, for messages.
        text: content of the file.

    Raises:
        ValueError: the text is not such a table, or not a two-point correlation.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if len(lines) > ROWS:
        raise bad(Path(name), f"has {len(lines)} lines; at most {ROWS} are read")
    rows = [_cells(line) for line in lines]
    names = [cell.lower() for cell in rows[0]] if rows and None in [_number(c) for c in rows[0]] else []
    body = rows[1:] if names else rows
    width = len(names or (rows[0] if rows else ()))
    numbers = [[_number(cell) for cell in row] for row in body]
    if width < 2 or len(body) < FEWEST:
        raise bad(Path(name), f"is no table of two columns (distance, S2) with {FEWEST} lines of numbers or more")
    for i, row in enumerate(numbers):
        if len(row) != width or any(v is None for v in row):
            raise bad(
                Path(name),
                f"has no {width} numbers in line {i + 1 + bool(names)} of its table: {' '.join(body[i])[:60]!r}",
            )
    columns = dict(zip(names or map(str, range(width)), np.array(numbers, dtype=np.float64).T, strict=False))
    columns.pop("", None)  # the numbers of the lines, as pandas writes them
    return _curve(name, columns)


def _cells(line: str) -> list[str]:
    """The cells of a line; a comma is a decimal point where the separator is a semicolon, tab or blank."""
    for separator in (";", "\t"):
        if separator in line:
            return [c.strip().strip('"').replace(",", ".") for c in line.split(separator)]
    return [c.strip().strip('"') for c in (line.split(",") if "," in line else line.split())]


def _number(text: str) -> float | None:
    """The number that the text represents; None for any other text."""
    return float(text) if len(text) <= DIGITS and NUMBER.fullmatch(text) else None


def _curve(name: str, columns: dict[str, Array]) -> Curve:
    """The curve in the columns of a table, by the conventions of the field."""
    titles = list(columns)
    first = next((t for t in titles if t in ("distance", "r", "lag")), titles[0])
    others = [t for t in titles if t != first]
    if not others:
        raise bad(Path(name), "has one column; a distance and a value are needed")
    second = next((t for t in (SCALED, "s2", RELATIVE) if t in others), others[0])
    order = np.argsort(columns[first], kind="stable")
    distance, values = columns[first][order], columns[second][order]
    _check(name, distance, values)
    if second == SCALED and RELATIVE in others:
        p = float(np.median(values[values > 0] / columns[RELATIVE][order][values > 0])) if values.max() > 0 else None
        return Curve(name, distance, values, False, p, f"PoreSpy: {SCALED} is S2, and p1 = {SCALED} / {RELATIVE}.")
    starts_at_one = distance[0] == 0 and abs(float(values[0]) - 1) < ONE
    if second == RELATIVE or starts_at_one:
        how = (
            "PoreSpy: probability is S2 / p1" if second == RELATIVE else "It starts at 1, so it is taken to be S2 / p1"
        )
        return Curve(name, distance, values, True, None, f"{how}; the file does not contain p1: set it as well.")
    p, how = _volume_fraction(distance, values)
    return Curve(name, distance, values, False, p, how)


def _check(name: str, distance: Array, values: Array) -> None:
    """Raises `ValueError` unless distances ascend from 0 or more and values are probabilities, all finite."""
    if not (np.isfinite(distance).all() and np.isfinite(values).all()):
        raise bad(Path(name), "holds values that are not finite (NaN or infinity)")
    if distance[0] < 0 or (np.diff(distance) <= 0).any() or distance[-1] > 1e30:
        raise bad(Path(name), "has distances that are negative, repeated or beyond 1e30; each may occur once")
    if values.min() < -1e-6 or values.max() > 1 + 1e-6:
        raise bad(
            Path(name),
            f"has values from {values.min():.4g} to {values.max():.4g}; a two-point correlation S2 is a probability, "
            "0 to 1 (no autocovariance)",
        )


def _volume_fraction(distance: Array, values: Array) -> tuple[float, str]:
    """p1 = S2(0), extrapolated linearly where the curve starts later, and a sentence on how it was obtained."""
    first = float(values[0])
    if distance[0] == 0:
        return first, "S2(0) is the volume fraction p1."
    slope = (values[1] - first) / (distance[1] - distance[0])
    p = float(np.clip(first - slope * distance[0], first, 1))
    return p, f"It starts at r = {distance[0]:g}; p1 = S2(0) is continued in a straight line."


def of_map(name: str, plane: Array) -> Curve | None:
    """The curve of a map of S2 over displacements (H, W), as PyMKS writes them; None for any other array.

    Such a map lies within 0 .. 1, is largest at displacement 0, which is the middle pixel or the first, and is the same
    at d and at -d. The curve is its mean over annuli.
    """
    if plane.dtype.kind != "f" or not 0 <= plane.min() < plane.max() < 1 or int((plane == plane.max()).sum()) != 1:
        return None
    top = np.unravel_index(int(plane.argmax()), plane.shape)
    middle = tuple(n // 2 for n in plane.shape)
    if tuple(map(int, top)) not in ((0, 0), middle):
        return None
    centred = np.roll(plane, [m - int(t) for m, t in zip(middle, top, strict=True)], (0, 1)).astype(np.float64)
    core = centred[
        1 - plane.shape[0] % 2 :, 1 - plane.shape[1] % 2 :
    ]  # an even map has one line at -n/2 without its opposite
    if not np.allclose(core, core[::-1, ::-1], rtol=1e-4, atol=1e-7):
        return None
    offsets = [np.arange(n) - m for n, m in zip(plane.shape, middle, strict=True)]
    distance, values = windows.annuli(np.hypot(offsets[0][:, None], offsets[1]), centred, min(plane.shape) // 2)
    position = "in the middle" if any(top) else "at the first pixel"
    note = f"PyMKS: a map of S2 over displacements with its origin {position}; the curve is its mean over annuli."
    return Curve(name, distance, values, False, float(values[0]), note)


def resampled(at: Array, s2: Array, p: float, step: float) -> Array:
    """S2 at `correlations.distances()` of a structure whose pixel is `step` long.

    Monotone cubic between the points, p1 at 0, and beyond the last point an exponential approach to p1^2 with the decay
    length `correlations.TAIL` px.

    Args:
        at: distances (m,) of the curve.
        s2: S2 (m,) at these distances.
        p: volume fraction p1.
        step: length of a pixel in the unit of `at`.

    Returns:
        S2 (BINS,).

    Reference:
        Fritsch and Carlson (1980).
    """
    x, y = np.asarray(at, dtype=np.float64) / step, np.asarray(s2, dtype=np.float64).copy()
    x, y = (np.insert(x, 0, 0.0), np.insert(y, 0, p)) if x[0] > 0 else (x, y)
    y[0] = p
    targets = correlations.distances().double().numpy()
    inside = PchipInterpolator(x, y)(np.minimum(targets, x[-1]))
    return p * p + (inside - p * p) * np.exp(-np.maximum(targets - x[-1], 0) / correlations.TAIL)
