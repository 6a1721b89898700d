"""Curve conditions drawn by hand from a few control points: periodic ones as cell averages, others along an axis
(`Stroke`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.interpolate import PchipInterpolator

from core.types import Array, Quantity, Stroke

POINTS = 16
"""Control points in the panel."""
FEWEST, MOST = 8, 16
AROUND = 3
"""Control points repeated beyond each end, so that the curve closes."""


def centres(count: int) -> Array:
    """Positions of the control points in the period [0, 1]: the middles of `count` equal intervals."""
    return (np.arange(count) + 0.5) / count


@lru_cache(maxsize=64)
def _cells(points: tuple[float, ...], size: int, smooth: bool) -> Array:
    values, faces = np.asarray(points, dtype=np.float64), np.arange(size + 1) / size
    n = len(values)
    if smooth:
        around = np.arange(-AROUND, n + AROUND)
        primitive = PchipInterpolator((around + 0.5) / n, values[around % n]).antiderivative()(faces)
    else:
        primitive = np.interp(faces, np.arange(n + 1) / n, np.concatenate([[0.0], np.cumsum(values) / n]))
    return size * np.diff(primitive)


def cells(points: Sequence[float], size: int, smooth: bool) -> Array:
    """Exact averages over `size` cells of the periodic curve through the control points, float64 (size,).

    Smooth: piecewise cubic without new extrema (Fritsch and Carlson 1980); else one plateau per point.
    """
    return _cells(tuple(float(v) for v in points), size, smooth).copy()


def ordinates(points: Sequence[float], stroke: Stroke, conditions: Mapping[str, Any]) -> Array:
    """The curve (size,) through control points at the stroke's knots, in the scale that these conditions give it: a
    piecewise cubic without new extrema."""
    knots = np.array([stroke.at[0], *stroke.knots])
    zero, height = stroke.scale(*(float(conditions[name]) for name in stroke.needs))
    values = PchipInterpolator(knots, [stroke.start, *points])(np.clip(stroke.at, knots[0], knots[-1]))
    return np.asarray(zero + height * values)


def curve(q: Quantity, points: Sequence[float], smooth: bool, conditions: Mapping[str, Any]) -> Array:
    """The curve (size,) through these control points; `conditions` hold the scalars that a stroke needs."""
    return ordinates(points, q.stroke, conditions).clip(q.low, q.high) if q.stroke else cells(points, q.size, smooth)


def checked(quantities: Sequence[Quantity], drawn: Mapping[str, tuple[float, ...]]) -> dict[str, Quantity]:
    """The curve conditions that are drawn, by name; `ValueError` with a sentence for a wrong name, number or height of
    points."""
    curves = {q.name: q for q in quantities if q.kind == "curve" and q.optional}
    for name, points in drawn.items():
        if name not in curves:
            raise ValueError(f"{name!r} cannot be drawn here. What can: {', '.join(curves) or 'nothing'}.")
        stroke = curves[name].stroke
        fewest, most = (len(stroke.knots),) * 2 if stroke else (FEWEST, MOST)
        if not fewest <= len(points) <= most:
            count = f"{fewest} to {most}" if fewest < most else f"{most}"
            raise ValueError(f"{name} is drawn with {count} control points; got {len(points)}.")
        low, high = (stroke.low, stroke.high) if stroke else (curves[name].low, curves[name].high)
        if not all(low <= v <= high for v in points):
            got = f"{min(points):g} to {max(points):g}"
            raise ValueError(f"The control points of {name} must be from {low:g} to {high:g}; got {got}.")
    return {name: curves[name] for name in drawn}


def replaced(quantities: Sequence[Quantity], conditions: Mapping[str, Any], drawn: Mapping[str, Any]) -> set[str]:
    """Names of the conditions that a drawn or set curve replaces."""
    return {q.replaces for q in quantities if q.replaces and (q.name in drawn or q.name in conditions)}


def starting_curves(quantity: Quantity) -> list[dict[str, Any]]:
    """Initial drawings of a periodic curve: label, control points within the trained range (none: random ones) and
    whether they are joined smoothly."""
    if quantity.stroke:
        return []
    low, high = quantity.trained or (quantity.low, quantity.high)
    at = centres(POINTS)
    shapes: list[tuple[str, Array, bool]] = [
        ("Raised cosine", (1 - np.cos(4 * np.pi * at)) / 2, True),
        ("Sine", (1 + np.sin(2 * np.pi * at)) / 2, True),
        ("Step", np.where((at > 0.25) & (at < 0.75), 1.0, 0.0), False),
        ("N-wave", np.where(np.abs(at - 0.5) < 0.25, 0.5 + 2.15 * (at - 0.5), 0.5), True),
    ]
    presets: list[dict[str, Any]] = [
        {"label": label, "points": np.round(low + (high - low) * np.clip(v, 0, 1), 3).tolist(), "smooth": smooth}
        for label, v, smooth in shapes
    ]
    return [*presets, {"label": "Noise", "points": None, "smooth": False}]
