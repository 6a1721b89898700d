"""Images and charts of a micrograph and of the structures generated from it: pure functions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from core.simulation import correlations
from core.types import Array
from explorer import palette
from explorer.figures.base import DELIVERED, GREY, INK, blank
from explorer.micrograph.request import WINDOW, Made, Target

SIDE, HIGH, LOW = 640, 224, 168
"""Largest image side in pixels, height of a chart of both, and height of a chart of the target alone."""
FRAME = "#E69F00"
TIGHT = {"l": 52, "r": 8, "t": 30, "b": 38}
INSIDE = {"orientation": "v", "y": 1, "yanchor": "top", "x": 1, "xanchor": "right", "font_size": 11}
"""The legend lies where the curves have decayed."""
Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; the last two are exclusive."""


def reduced(values: Array) -> tuple[Array, int]:
    """Every k-th pixel, so that at most `SIDE` remain along a side, and k."""
    k = max(1, -(-max(values.shape) // SIDE))
    return values[::k, ::k], k


def framed(values: Array, box: Box) -> Image.Image:
    """The grey-scale image, contrast stretched, the selected window in a frame and the rest dimmed."""
    small, k = reduced(values)
    low, high = (float(v) for v in np.percentile(small, (0.5, 99.5)))
    grey = np.clip((small - low) / max(high - low, 1e-30) * 255, 0, 255)
    left, top, right, bottom = (v // k for v in box)
    inside = np.zeros(small.shape, bool)
    inside[top:bottom, left:right] = True
    picture = Image.fromarray(np.where(inside, grey, 0.45 * grey).astype(np.uint8)).convert("RGB")
    thick = max(1, max(small.shape) // 200)
    ImageDraw.Draw(picture).rectangle(
        (left, top, max(left, right - 1), max(top, bottom - 1)), outline=FRAME, width=thick
    )
    return picture


def coloured(phase: Array, dark: bool) -> NDArray[np.uint8]:
    """Phases in the colours of the explorer: uint8 (h, w, 3)."""
    return np.array([rgb(c) for c in palette.PHASES[dark]], np.uint8)[reduced(phase)[0]]


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of `#RRGGBB`."""
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def sheet(arrays: Sequence[Array], dark: bool, first: bool, gap: int = 8) -> NDArray[np.uint8]:
    """Structures of at most `WINDOW` px in a row with transparent gaps, the first framed if `first`: uint8 (h, w,
    4)."""
    tile = 2 * WINDOW
    out = np.zeros((tile, len(arrays) * (tile + gap) - gap, 4), np.uint8)
    for i, one in enumerate(arrays):
        large = np.kron(one, np.ones((2, 2), np.uint8))
        part = out[: large.shape[0], i * (tile + gap) : i * (tile + gap) + large.shape[1]]
        part[..., :3], part[..., 3] = coloured(large, dark), 255
        if first and not i:
            part[[0, 1, 2, -3, -2, -1], :, :3] = part[:, [0, 1, 2, -3, -2, -1], :3] = rgb(FRAME)
    return out


def grey_levels(counts: Array, bins: Array, cut: float, bright: bool, dark: bool) -> go.Figure:
    """The histogram of grey values with the threshold; the part that is phase 1 in its colour."""
    figure = blank(dark, "", "grey value", "", 128)
    centres = (bins[1:] + bins[:-1]) / 2
    chosen = (centres > cut) == bright
    for name, part, colour in (("phase 1", chosen, DELIVERED[dark]), ("phase 0", ~chosen, GREY[dark])):
        figure.add_bar(x=centres[part], y=counts[part], width=bins[1] - bins[0], marker_color=colour, name=name)
    figure.add_vline(x=cut, line={"color": FRAME, "width": 2})
    figure.update_layout(margin={"l": 8, "r": 8, "t": 6, "b": 34}, showlegend=False, bargap=0, hovermode="closest")
    figure.update_traces(hovertemplate="%{x:.4g}: %{y}<extra></extra>", marker_line_width=0)
    figure.update_xaxes(range=[bins[0], bins[-1]])
    return figure.update_yaxes(showticklabels=False, ticks="", title_text="")


def correlation(
    target: Target, step: float, pixel: float, unit: str, dark: bool, made: Made | None = None
) -> go.Figure:
    """S2 of the target with its standard error, and of the generated structures, over the distances that are
    matched."""
    figure = blank(dark, "Two-point correlation S2", f"distance / {unit}", "", HIGH if made else LOW)
    within = target.at <= 33 * step
    x, y = target.at[within] * pixel, target.s2[within]
    if target.statistics:
        off = target.statistics.s2_error[within]
        band = {"line_width": 0, "hoverinfo": "skip", "mode": "lines"}
        figure.add_scatter(x=x, y=y - off, showlegend=False, **band)
        figure.add_scatter(
            x=x, y=y + off, fill="tonexty", fillcolor="rgba(230,159,0,.25)", name="± standard error", **band
        )
    if made:
        at = correlations.distances().numpy() * step * pixel
        for i, one in enumerate(made.sample.measured["correlation"]):
            line = {"color": DELIVERED[dark], "width": 1.6}
            figure.add_scatter(
                x=at, y=one, line=line, name="structures", showlegend=i == 0, hoverinfo="skip" if i else None
            )
    ink = {"color": INK[dark] if made else DELIVERED[dark], "width": 2, "dash": "dot" if made else "solid"}
    figure.add_scatter(x=x, y=y, name="micrograph" if target.statistics else "file", line=ink, hovertemplate="%{y:.4f}")
    figure.add_hline(y=target.p**2, line={"color": GREY[dark], "width": 1, "dash": "dash"}, annotation_text="p1²")
    return figure.update_layout(margin=TIGHT, legend=INSIDE).update_yaxes(rangemode="tozero", title_text="")


def lineal_path(
    target: Target, step: float, pixel: float, unit: str, dark: bool, made: Array | None = None
) -> go.Figure:
    """The lineal path of phase 1 of the micrograph, and of structures (n, k) at 0, 1, ... of their pixels."""
    assert target.statistics is not None
    figure = blank(dark, "Lineal path of phase 1", f"distance / {unit}", "", LOW if made is None else HIGH)
    for i, one in enumerate(() if made is None else made):
        line = {"color": DELIVERED[dark], "width": 1.6}
        at = np.arange(len(one)) * step * pixel
        figure.add_scatter(
            x=at, y=one, line=line, name="structures", showlegend=i == 0, hoverinfo="skip" if i else None
        )
    values = target.statistics.lineal_path[: int(33 * step) + 1]
    ink = {
        "color": DELIVERED[dark] if made is None else INK[dark],
        "width": 2,
        "dash": "solid" if made is None else "dot",
    }
    figure.add_scatter(
        x=np.arange(len(values)) * pixel, y=values, name="micrograph", line=ink, hovertemplate="%{y:.4f}"
    )
    return figure.update_layout(margin=TIGHT, legend=INSIDE).update_yaxes(rangemode="tozero", title_text="")
