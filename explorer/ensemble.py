"""Many samples at one request: how far the delivered and the raw ones are from it, over z."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from core.sampling import Model
from core.types import Array
from explorer import figures
from explorer.live import store
from explorer.live.protocol import Dial

COUNT, FEWEST, SECONDS = 32, 8, 0.8
"""As many samples, as few, and about so many seconds for them."""
PER_CENT = "%"


@dataclass(frozen=True)
class Departure:
    """One condition: its label, the unit of the deviations, and measured less requested of each sample, delivered and raw."""

    label: str
    unit: str
    delivered: Array
    raw: Array


def departures(model: Model, dial: Dial) -> list[Departure]:
    """Deviations from the request over the first samples of the dial's seed, for every scalar condition that is measured.

    Areas are in per cent of what was asked: beside a centre's pixels they would hide it.
    """
    count = int(np.clip(SECONDS / store.timed(model, dial, 1), FEWEST, COUNT))
    sample = store.take(model, dial, count)
    areas = {h.size for h in model.problem.handles if h.measure == "area"}
    found = []
    for q in model.conditions:
        if q.kind == "scalar" and q.name in sample.measured:
            asked = sample.requested[q.name]
            scale, unit = (100 / asked, PER_CENT) if q.name in areas else (1.0, q.unit)
            off = [(values[q.name] - asked) * scale for values in (sample.measured, sample.raw)]
            found.append(Departure(q.label, unit, *off))
    return found


def charts(model: Model, dial: Dial, dark: bool) -> list[go.Figure]:
    """A figure per unit, of problems with shapes to drag: the request as the zero line, mean and standard deviation as bars."""
    if not model.problem.handles:
        return []
    found = departures(model, dial)
    return [
        figures.departures([(d.label, d.delivered, d.raw) for d in found if d.unit == unit], unit, dark)
        for unit in dict.fromkeys(d.unit for d in found)
    ]
