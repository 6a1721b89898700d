"""Errors of many samples at one request, delivered and before correction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from core.sampling import Model
from core.types import Array, Quantity
from explorer.figures import base as figures
from explorer.live import models
from explorer.live.dial import ResolvedRequest

COUNT, FEWEST, SECONDS = 32, 8, 0.8
"""Most samples, fewest samples, and about how many seconds they may take."""
PER_CENT = "%"


@dataclass(frozen=True)
class Departure:
    """One condition: its label and symbol, the unit of its errors, and measured minus requested of each sample,
    delivered and before correction."""

    label: str
    symbol: str
    unit: str
    delivered: Array
    raw: Array


def departures(model: Model, request: ResolvedRequest) -> list[Departure]:
    """Errors over the first samples of the request's seed, for each scalar condition that is measured.

    Errors of areas are in per cent of the request, so that they can be compared.
    """
    count = int(np.clip(SECONDS / models.seconds_per_sample(model, request, 1), FEWEST, COUNT))
    sample = models.sample_request(model, request, count)
    errors = []
    for q in model.conditions:
        if q.kind == "scalar" and q.name in sample.measured:
            off = [
                off_by(model, q, values[q.name], sample.requested[q.name]) for values in (sample.measured, sample.raw)
            ]
            errors.append(Departure(q.label, q.symbol, unit_of(model, q), *off))
    return errors


def is_area(model: Model, q: Quantity) -> bool:
    """True for the size of a shape that is dragged by its area."""
    return any(h.size == q.name and h.measure == "area" for h in model.problem.requests.handles)


def unit_of(model: Model, q: Quantity) -> str:
    """The unit of errors of this condition: pixels for fractions, per cent for areas, else its own unit."""
    return model.field.unit if q.kind == "simplex" else PER_CENT if is_area(model, q) else q.unit


def off_by(model: Model, q: Quantity, measured: Array, requested: Array, pixels: int = 1) -> Array:
    """Measured minus requested in `unit_of`; `pixels` is the number of pixels of the image."""
    scale = pixels if q.kind == "simplex" else 100 / requested if is_area(model, q) else 1.0
    return np.asarray((measured - requested) * scale)


def charts(model: Model, request: ResolvedRequest, dark: bool) -> list[go.Figure]:
    """A figure per unit, for problems with draggable shapes: the request as the zero line, mean and standard
    deviation as bars."""
    if not model.problem.requests.handles:
        return []
    errors = departures(model, request)
    return [
        figures.departures([(d.label, d.symbol, d.delivered, d.raw) for d in errors if d.unit == unit], unit, dark)
        for unit in dict.fromkeys(d.unit for d in errors)
    ]
