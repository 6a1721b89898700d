"""Two-point correlations from files of users: tables (PoreSpy's among them) and maps over displacements (PyMKS)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.interpolate import PchipInterpolator

from core.descriptors import windows
from core.readers import columns, tables
from core.readers.arrays import bad
from core.readers.tables import FEWEST, Table, length_unit, words
from core.simulation import correlations
from core.types import Array

ONE = 1e-3
"""Tolerance within which a curve that starts at 1 is S2 / p1."""
NOISE = 1e-7
"""Values of a map that are 0 up to rounding."""
FRACTION = 1e-6
"""Smallest p1, and smallest 1 - p1, of two phases."""
LATTICE = 64
"""Distance in px up to which mean distances are those of the pixels; beyond it those of a continuous annulus."""


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
        pixel: length of one distance unit in `unit`.
        unit: unit of length of the file (px, nm, µm, mm, cm, m), empty where the file states none.
    """

    name: str
    distance: Array
    values: Array
    relative: bool
    p: float | None
    note: str
    pixel: float = 1.0
    unit: str = ""

    def s2(self, p: float) -> Array:
        """S2 (m,) at volume fraction p."""
        return self.values * p if self.relative else self.values

    @property
    def likely(self) -> float:
        """p1 of the file, else its estimate from the end of the curve, where S2 / p1 tends to p1."""
        return float(np.mean(self.values[-max(1, len(self.values) // 10) :])) if self.p is None else self.p


def table(name: str, text: str) -> Curve:
    """A table with a column of distances and one of S2, with or without column names.

    The columns are chosen by their names (`core.readers.columns`), without names they are the first two; units of
    length in the names are understood. PoreSpy's columns are recognised by their names, its bins by their widths.

    Args:
        name: name of the file, for messages.
        text: content of the file.

    Raises:
        ValueError: the text is not such a table (`tables.parse`), or not a two-point correlation.
    """
    whole = tables.parse(name, text)
    whole, part = _of_label(name, whole)
    titles = whole.names or tuple(map(str, range(len(whole.columns))))
    first = columns.distance(titles) if whole.names else 0
    second = columns.value(name, titles, first) if whole.names else 1
    r, s2 = whole.columns[first], whole.columns[second]
    present = ~(np.isnan(r) | np.isnan(s2))
    if int(present.sum()) < FEWEST:
        raise bad(
            Path(name),
            f"holds values that are blank or not finite (NaN or infinity); {FEWEST} lines or more are needed",
        )
    numbers = whole.columns[:, present][:, np.argsort(r[present], kind="stable")]
    _check(name, numbers[first], numbers[second])
    curve = _curve(name, titles, numbers, first, second)
    unit = length_unit(titles[first]) or (1.0, "")
    if unit[1] in ("", "px"):
        unit = columns.pixel_size(titles, numbers, first) or unit
    notes = [part, curve.note]
    if len(titles) > 2 and whole.names:
        notes.append(f"Its columns {titles[first]!r} and {titles[second]!r} are used.")
    if left := int((~present[: int(np.flatnonzero(present)[-1])]).sum()):
        notes.append(f"Lines left out for their blank cells: {left}.")
    return replace(curve, note=" ".join(filter(None, notes)), pixel=unit[0], unit=unit[1])


def _of_label(name: str, whole: Table) -> tuple[Table, str]:
    """The lines whose text names S2, in a table of several curves, and a sentence on them."""
    kinds = tuple(dict.fromkeys(whole.labels))
    if not kinds:
        return whole, ""
    chosen = next((k for k in kinds if columns.named(k)), kinds[0] if len(kinds) == 1 else None)
    if chosen is None or {"lineal", "chord", "cluster"} & set(words(chosen)):
        raise bad(Path(name), f"has no lines of S2; its column of text holds {', '.join(kinds[:6])[:200]}")
    lines = [label == chosen for label in whole.labels]
    return Table(whole.names, whole.columns[:, lines]), f"Its lines {chosen!r} are used."


def _curve(name: str, titles: Sequence[str], numbers: Array, first: int, second: int) -> Curve:
    """The curve in two columns, by the conventions of the field."""
    distance, values = numbers[first], numbers[second]
    kinds = [set(words(t)) for t in titles]
    scaled = {"probability", "scaled"} <= kinds[second]
    relative = next((j for j, k in enumerate(kinds) if k == {"probability"}), None)
    how = ""
    if scaled or second == relative:
        alone = relative is None or abs(float(numbers[relative][0]) - 1) < ONE
        distance, how = _porespy(distance, values, alone, length_unit(titles[first]) or (1.0, "px"))
    start, straight = _volume_fraction(distance, values)
    if scaled and relative is not None:
        share = numbers[relative]
        p = float(np.median(values[share > 0] / share[share > 0])) if (share > 0).any() else start
        return Curve(name, distance, values, False, p, f"PoreSpy: {titles[second]} is S2, p1 = S2 / probability.{how}")
    near = abs(float(values[0]) - 1) < (ONE if values.min() < 0.99 else 1e-9)
    if (distance[0] == 0 and near) or (second == relative and start > 1 - 50 * ONE):
        told = (
            "PoreSpy: probability is S2 / p1" if second == relative else "It starts at 1, so it is taken to be S2 / p1"
        )
        if values.min() > 1 - ONE:
            raise bad(Path(name), "is 1 at every distance: there are no two phases")
        return Curve(name, distance, values, True, None, f"{told}; the file does not contain p1: set it as well.{how}")
    _two_phases(name, start)
    known = f"PoreSpy: {titles[second]} is S2. " if scaled else ""
    return Curve(name, distance, values, False, start, known + straight + how)


def _porespy(distance: Array, values: Array, alone: bool, unit: tuple[float, str]) -> tuple[Array, str]:
    """True mean distances of PoreSpy's bins, which it lists by their centres, and a sentence on them.

    Its first bin holds r = 0 alone (`alone`). Without a unit of length its bins are whole pixels wide, as many as the
    image is large, unless their width is no whole number; then, and with a unit, they are one pixel wide. The others
    hold the displacements of a plane in [k, k + 1) or, by version, (k - 1, k] bins; of bins of one pixel those are
    taken that give the smoother beginning of the curve, the first kind unless the second is clearly smoother. Other
    distances are returned unchanged.
    """
    width = float(distance[1] - distance[0])
    k = np.rint(distance / width - 0.5)
    if abs(distance[0] - width / 2) > 1e-3 * width or np.abs(distance / width - 0.5 - k).max() > 1e-2:
        return distance, ""
    whole = round(width) if unit[1] == "px" and abs(width - round(width)) < 1e-6 and 1 <= width <= LATTICE else 1
    ways = [(whole, False)] if not alone else [(whole, True)] if whole > 1 else [(1, False), (1, True)]
    found = [bins(k, n, closed) * (width / n) for n, closed in ways]
    rough = [_roughness(at, values) for at in found]
    best = int(np.argmin(rough))
    at = found[best if rough[best] < 0.5 * rough[0] else 0]
    return at, f" Its bins of {whole} px stand at their mean distances, {at[0]:.4g}, {at[1]:.4g}, {at[2]:.4g}, ... ."


def _roughness(at: Array, values: Array) -> float:
    """Sum of the changes of slope at the beginning of a curve, relative to its slopes."""
    slopes = np.diff(values[:6]) / np.diff(at[:6])
    return float(np.abs(np.diff(slopes)).sum() / max(np.abs(slopes).sum(), 1e-30))


def bins(k: Array, width: int, closed: bool) -> Array:
    """Mean length (m,) in px of the displacements of a plane in the bins k, which are `width` px wide.

    Args:
        k: numbers of the bins (m,), from 0.
        width: width of a bin in px.
        closed: whether the bins are (k - 1, k] instead of [k, k + 1), in widths.
    """
    low = (k - closed) * width
    high = low + width
    centre = np.where(high > 0, 2 / 3 * (high**2 + high * low + low**2) / np.maximum(high + low, 1e-30), 0.0)
    reach = LATTICE + width
    lengths = np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1]).ravel()
    index = (np.ceil(lengths / width - 1e-9) if closed else np.floor(lengths / width + 1e-9)).astype(int)
    sums, counts = np.bincount(index, lengths), np.bincount(index)
    near = np.flatnonzero(high <= LATTICE)
    centre[near] = (sums / np.maximum(counts, 1))[k[near].astype(int)]
    return centre


def _check(name: str, distance: Array, values: Array) -> None:
    """Raises `ValueError` unless distances ascend from 0 or more and values are probabilities that fall from S2(0)."""
    if not (np.isfinite(distance).all() and np.isfinite(values).all()):
        raise bad(Path(name), "holds values that are not finite (NaN or infinity)")
    if distance[0] < 0 or (np.diff(distance) <= 0).any() or distance[-1] > 1e30 or distance[-1] < 1e-30:
        raise bad(Path(name), "has distances that are negative, repeated or beyond 1e30; each may occur once")
    if values.min() < -1e-6 or values.max() > 1 + 1e-6:
        raise bad(
            Path(name),
            f"has values from {values.min():.4g} to {values.max():.4g}; a two-point correlation S2 is a probability, "
            "0 to 1 (no autocovariance)",
        )
    if values[0] < 0.5 * values.max():
        raise bad(
            Path(name),
            f"starts at {values[0]:.4g} and rises to {values.max():.4g}: this is a cross-correlation of two phases; S2 "
            "of one phase, which is largest at r = 0, is needed",
        )


def _two_phases(name: str, p: float) -> None:
    """Raises `ValueError` where p1 leaves no two phases."""
    if not FRACTION <= p <= 1 - FRACTION:
        raise bad(Path(name), f"has the volume fraction p1 = S2(0) = {p:.6g}: there are no two phases")


def _volume_fraction(distance: Array, values: Array) -> tuple[float, str]:
    """p1 = S2(0), extrapolated linearly where the curve starts later, and a sentence on how it was obtained."""
    first = float(values[0])
    if distance[0] == 0:
        return first, "S2(0) is the volume fraction p1."
    slope = (values[1] - first) / (distance[1] - distance[0])
    p = float(np.clip(first - slope * distance[0], first, 1))
    return p, f"It starts at r = {distance[0]:g}; p1 = S2(0) is continued in a straight line."


def of_json(name: str, text: str) -> Curve:
    """The curve in a JSON file of this software: S2 of the micrograph or of the file, else of the first structure.

    Raises:
        ValueError: the text is no such file.
    """
    try:
        whole = json.loads(text)
        like, sizes = whole.get("like", {}), whole.get("pixel_size", {})
        distance = like["distance"] if like else correlations.distances().double().tolist()
        values = like["S2"] if like else whole["measured"]["correlation"][0]
        pairs = np.array([distance, values], dtype=np.float64)
        pixel, unit = float(sizes.get("micrograph_pixel", 1)), str(sizes.get("unit", "px"))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise bad(Path(name), "is no JSON file of this software with a two-point correlation") from error
    if pairs.ndim != 2 or pairs.shape[1] < FEWEST or not 1e-30 < pixel < 1e30:
        raise bad(Path(name), f"has no {FEWEST} distances with S2")
    distance, values = pairs[0], pairs[1]
    _check(name, distance, values)
    p, how = _volume_fraction(distance, values)
    _two_phases(name, p)
    known = length_unit(f"({unit})") or (1.0, "")
    note = f"S2 of {'the file that structures were requested for' if like else 'the first structure'}. {how}"
    return Curve(name, distance, values, False, p, note, pixel * known[0], known[1])


def of_map(name: str, plane: Array) -> Curve | None:
    """The curve of a map of S2 over displacements (H, W), as PyMKS writes them; None for any other array.

    Such a map lies within 0 .. 1, is largest at displacement 0, which is the middle pixel or the first, and is the same
    at d and at -d. The curve is its mean over annuli.

    Raises:
        ValueError: a map of a cross-correlation, which is 0 at displacement 0, or of an autocovariance.
    """
    if plane.dtype.kind != "f" or min(plane.shape) < FEWEST or not -0.25 <= plane.min() < plane.max() < 1:
        return None
    if origin := _origin(plane, plane.min()):
        if -NOISE < plane.min() < NOISE and _symmetric(plane, origin):
            raise bad(Path(name), "is a map of a cross-correlation of two phases; S2 of one phase is needed")
        return None
    origin = _origin(plane, plane.max())
    if not origin or not _symmetric(plane, origin):
        return None
    if plane.min() < -NOISE:
        raise bad(Path(name), "is a map of an autocovariance, with negative values; S2 is a probability, 0 to 1")
    middle = tuple(n // 2 for n in plane.shape)
    centred = _centred(plane, origin)
    offsets = [np.arange(n) - m for n, m in zip(plane.shape, middle, strict=True)]
    distance, values = windows.annuli(np.hypot(offsets[0][:, None], offsets[1]), centred, min(plane.shape) // 2)
    position = "in the middle" if any(origin) else "at the first pixel"
    note = f"PyMKS: a map of S2 over displacements with its origin {position}; the curve is its mean over annuli."
    return Curve(name, distance, values, False, float(values[0]), note)


def _origin(plane: Array, value: float) -> tuple[int, ...]:
    """The pixel of displacement 0, the middle or the first, if it alone has this value; else empty."""
    places = np.argwhere(plane == value)
    middle = tuple(n // 2 for n in plane.shape)
    place = tuple(int(v) for v in places[0])
    return place if len(places) == 1 and place in ((0, 0), middle) else ()


def _centred(plane: Array, origin: tuple[int, ...]) -> Array:
    """The map with displacement 0 in the middle."""
    return np.roll(plane, [n // 2 - t for n, t in zip(plane.shape, origin, strict=True)], (0, 1)).astype(np.float64)


def _symmetric(plane: Array, origin: tuple[int, ...]) -> bool:
    """Whether the values at d and at -d are the same; an even map has one line at -n / 2 without its opposite."""
    core = _centred(plane, origin)[1 - plane.shape[0] % 2 :, 1 - plane.shape[1] % 2 :]
    return bool(np.allclose(core, core[::-1, ::-1], rtol=1e-4, atol=1e-7))


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
