"""Many samples at one request: how far the delivered and the raw ones are from it, over z."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from core.sampling import Model
from core.types import Array, Quantity
from explorer.figures import base as figures
from explorer.live import models
from explorer.live.protocol import Dial

COUNT, FEWEST, SECONDS = 32, 8, 0.8
"""As many samples, as few, and about so many seconds for them."""
PER_CENT = "%"


@dataclass(frozen=True)
class Departure:
    """One condition: its label and symbol, the unit of the deviations, and measured less requested of each sample,
    delivered and raw."""

    label: str
    symbol: str
    unit: str
    delivered: Array
    raw: Array


def departures(model: Model, dial: Dial) -> list[Departure]:
    """Deviations from the request over the first samples of the dial's seed, for every scalar condition that is
    measured.

    Areas are in per cent of what was asked, so that they compare with one another.
    """
    count = int(np.clip(SECONDS / models.timed(model, dial, 1), FEWEST, COUNT))
    sample = models.take(model, dial, count)
    found = []
    for q in model.conditions:
        if q.kind == "scalar" and q.name in sample.measured:
            off = [
                off_by(model, q, values[q.name], sample.requested[q.name]) for values in (sample.measured, sample.raw)
            ]
            found.append(Departure(q.label, q.symbol, unit_of(model, q), *off))
    return found


def is_area(model: Model, q: Quantity) -> bool:
    """True for the size of a shape that is dragged by its area."""
    return any(h.size == q.name and h.measure == "area" for h in model.problem.requests.handles)


def unit_of(model: Model, q: Quantity) -> str:
    """The unit of deviations from this condition: the pixel of the field for shares, per cent for areas, else its
    own."""
    return model.field.unit if q.kind == "simplex" else PER_CENT if is_area(model, q) else q.unit


def off_by(model: Model, q: Quantity, found: Array, asked: Array, pixels: int = 1) -> Array:
    """Found less asked in `unit_of`; `pixels` is how many the picture has."""
    scale = pixels if q.kind == "simplex" else 100 / asked if is_area(model, q) else 1.0
    return np.asarray((found - asked) * scale)


def charts(model: Model, dial: Dial, dark: bool) -> list[go.Figure]:
    """A figure per unit, of problems with shapes to drag: the request as the zero line, mean and standard deviation as
    bars."""
    if not model.problem.requests.handles:
        return []
    found = departures(model, dial)
    return [
        figures.departures([(d.label, d.symbol, d.delivered, d.raw) for d in found if d.unit == unit], unit, dark)
        for unit in dict.fromkeys(d.unit for d in found)
    ]
