"""Figures of the showers (occupancies, energy response, the two forms of soft sparsity): pure functions from
numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch

from core.invariances.sparsity import printed_sparsity, soft_sparsity
from core.simulation.showers import TRAINED
from core.types import Array
from explorer.figures.base import DELIVERED, GREY, blank
from explorer.palette import OKABE_ITO

HEIGHT = 300


def histogram(occupancies: Mapping[str, Array], dark: bool = False) -> go.Figure:
    """Histograms of occupancies in per cent: title -> occupancies of all images, as outlines over common bins; the
    first, the simulation, filled."""
    figure = blank(dark, "Occupancy, at the same energies", "cells that are not 0, %", "share of images", HEIGHT)
    highest = max(float(np.max(v)) for v in occupancies.values())
    edges = np.arange(0, highest + 2, 1.0)
    colours = (GREY[dark], DELIVERED[dark], *OKABE_ITO[1:])
    for number, ((name, values), colour) in enumerate(zip(occupancies.items(), colours, strict=False)):
        share = np.histogram(values, edges)[0] / len(values)
        figure.add_scatter(
            x=(edges[1:] + edges[:-1]) / 2,
            y=share,
            name=name,
            line={"color": colour, "width": 2, "shape": "hvh"},
            fill="tozeroy" if number == 0 else None,
            hovertemplate="%{y:.3f}",
        )
    return figure


def response(curves: Mapping[str, Mapping[str, Any]], dark: bool = False) -> go.Figure:
    """Calibrated over requested energy, title -> record of `core.metrics.showers.curves`; training energies as
    filled dots, others open."""
    figure = blank(dark, "Energy response before correction", "requested energy, GeV", "calibrated / requested", HEIGHT)
    figure.add_hrect(y0=0.97, y1=1.03, fillcolor=GREY[dark], opacity=0.15, line_width=0, layer="below")
    for (name, measured), colour in zip(curves.items(), (DELIVERED[dark], *OKABE_ITO[1:]), strict=False):
        seen = ["circle" if e in TRAINED else "circle-open" for e in measured["energy"]]
        figure.add_scatter(
            x=measured["energy"],
            y=measured["mean"]["network"],
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 1.4},
            marker={"symbol": seen, "size": 9, "color": colour},
            hovertemplate="%{y:.3f}",
        )
    return figure


def resolution(curves: Mapping[str, Mapping[str, Any]], dark: bool = False) -> go.Figure:
    """Standard deviation of the calibrated energy over the requested energy; the simulation dashed."""
    figure = blank(
        dark, "Energy resolution before correction", "requested energy, GeV", "standard deviation / energy", HEIGHT
    )
    for (name, measured), colour in zip(curves.items(), (DELIVERED[dark], *OKABE_ITO[1:]), strict=False):
        figure.add_scatter(
            x=measured["energy"], y=measured["deviation"]["network"], name=name, line={"color": colour, "width": 2}
        )
    first = next(iter(curves.values()))
    dashed = {"color": GREY[dark], "width": 1.6, "dash": "dash"}
    figure.add_scatter(x=first["energy"], y=first["deviation"]["simulated"], name="simulated", line=dashed)
    return figure


def formulas(dark: bool = False) -> go.Figure:
    """Soft sparsity of one cell, as the authors computed it and as published."""
    x = torch.linspace(0, 4, 401)
    figure = blank(dark, "Soft sparsity of one cell", "energy / unit", "", HEIGHT)
    for name, soft, colour in (
        ("right", soft_sparsity, DELIVERED[dark]),
        ("as published", printed_sparsity, OKABE_ITO[5]),
    ):
        line = {"color": colour, "width": 2.4}
        figure.add_scatter(x=x.numpy(), y=soft(x).numpy(), name=name, line=line, hovertemplate="%{y:.3f}")
    return figure
