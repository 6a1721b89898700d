"""Plotly figures of measured statistics: pure functions from numbers to figures, in a light and a dark template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from core.types import Array
from explorer.palette import OKABE_ITO

INK = {False: "#1B2430", True: "#E6EBF0"}
GREY = {False: "#5B6570", True: "#A9B4C0"}
GRID = {False: "rgba(27,36,48,.12)", True: "rgba(230,235,240,.14)"}
DELIVERED = {False: "#0072B2", True: "#56B4E9"}
HEIGHT = 270
"""Height of a figure in pixels; fixed, so that a page does not move when its figures are drawn again."""


def template(dark: bool) -> go.layout.Template:
    """The layout template: transparent paper, thin grid, text in the colour of the page."""
    line = GRID[dark]
    axis = {
        "gridcolor": line,
        "zeroline": False,
        "linecolor": line,
        "ticks": "outside",
        "tickcolor": line,
        "ticklen": 4,
    }
    return go.layout.Template(
        layout={
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "colorway": list(OKABE_ITO),
            "font": {"color": INK[dark], "size": 12, "family": "Source Sans, Source Sans Pro, sans-serif"},
            "xaxis": axis,
            "yaxis": axis,
            "hoverlabel": {"font": {"size": 12}},
            "title": {
                "font": {"size": 14},
                "x": 0,
                "xref": "container",
                "xanchor": "left",
                "y": 0.97,
                "yanchor": "top",
            },
            "margin": {"l": 52, "r": 12, "t": 54, "b": 44},
            "hovermode": "x unified",
            "legend": {
                "orientation": "h",
                "y": 1.0,
                "yanchor": "bottom",
                "x": 1,
                "xanchor": "right",
                "bgcolor": "rgba(0,0,0,0)",
            },
        }
    )


def blank(dark: bool, title: str, x: str, y: str, height: int = HEIGHT) -> go.Figure:
    """An empty figure in the template, with its title and axis titles."""
    figure = go.Figure()
    figure.update_layout(template=template(dark), title_text=title, height=height)
    figure.update_xaxes(title={"text": x, "standoff": 6})
    figure.update_yaxes(title={"text": y, "standoff": 6})
    return figure


def curve(
    x: ArrayLike,
    y: ArrayLike,
    reference: tuple[Array, Array, Array] | None,
    title: str,
    axes: tuple[str, str],
    dark: bool = False,
) -> go.Figure:
    """One measured curve; `reference` is (positions, mean, standard deviation) of the simulated reference, drawn as
    a band."""
    figure = blank(dark, title, *axes)
    if reference is not None:
        at, mean, sd = (np.asarray(a, dtype=float) for a in reference)
        band = {"line_width": 0, "hoverinfo": "skip", "mode": "lines"}
        dashed = {"color": GREY[dark], "width": 1.6, "dash": "dash"}
        figure.add_scatter(x=at, y=mean - sd, showlegend=False, **band)
        figure.add_scatter(x=at, y=mean + sd, fill="tonexty", fillcolor=fade(GREY[dark], 0.28), name="± 1 sd", **band)
        figure.add_scatter(x=at, y=mean, name="simulated reference", line=dashed, hovertemplate="%{y:.4f}")
    points = {"x": np.asarray(x, dtype=float), "y": np.asarray(y, dtype=float)}
    figure.add_scatter(
        **points, name="delivered", line={"color": DELIVERED[dark], "width": 2.4}, hovertemplate="%{y:.4f}"
    )
    return figure


def deviations(rows: Sequence[tuple[str, float, float, float]], title: str, dark: bool = False) -> go.Figure:
    """Measured scalars relative to the simulated reference, in standard deviations: rows of (label, delivered, mean,
    sd)."""
    figure = blank(dark, title, "deviation from the reference mean / sd", "")
    scores = [(value - mean) / sd if sd > 0 else 0.0 for _, value, mean, sd in rows]
    reach = max(3.4, *(abs(s) + 0.6 for s in scores)) if scores else 3.4
    for width, alpha in ((2, 0.14), (1, 0.2)):
        figure.add_vrect(x0=-width, x1=width, fillcolor=fade(GREY[dark], alpha), line_width=0, layer="below")
    labels = [f"{label}<br><b>{short(value)}</b> ({short(mean)} ± {short(sd)})" for label, value, mean, sd in rows]
    dot = {"size": 13, "color": DELIVERED[dark], "line": {"width": 1.5, "color": INK[dark]}}
    figure.add_scatter(
        x=scores,
        y=labels,
        mode="markers",
        marker=dot,
        hovertemplate="%{x:+.2f} sd<extra></extra>",
        showlegend=False,
    )
    figure.update_xaxes(range=[-reach, reach])
    figure.update_yaxes(autorange="reversed", gridcolor="rgba(0,0,0,0)", ticks="")
    figure.update_layout(hovermode="closest", margin={"l": 150})
    return figure


def departures(rows: Sequence[tuple[str, str, Array, Array]], unit: str, dark: bool = False) -> go.Figure:
    """Errors over many samples, mean and standard deviation: rows of (label, symbol, delivered, before correction)."""
    count = len(rows[0][2])
    figure = blank(dark, f"Error over latent samples, n = {count}", "", f"deviation / {unit}" if unit else "deviation")
    labels, symbols, delivered, raw = zip(*rows, strict=True)
    for name, values, colour in (("before correction", raw, GREY[dark]), ("delivered", delivered, DELIVERED[dark])):
        means, sds = [float(np.nanmean(v)) for v in values], [float(np.nanstd(v)) for v in values]
        error = {"type": "data", "array": sds, "color": INK[dark], "thickness": 1.4, "width": 4}
        hover = [f"{label}: {m:+.3g} ± {short(s)} {unit}" for label, m, s in zip(labels, means, sds, strict=True)]
        figure.add_bar(
            x=symbols,
            y=means,
            error_y=error,
            name=name,
            marker_color=colour,
            customdata=hover,
            hovertemplate="%{customdata}",
        )
    figure.add_hline(y=0, line={"color": INK[dark], "width": 1.4, "dash": "dash"})
    figure.update_layout(bargap=0.35, bargroupgap=0.08)
    figure.update_xaxes(gridcolor="rgba(0,0,0,0)", ticks="")
    figure.update_layout(hovermode="closest")
    return figure


def bubbles(
    requested: Array, clouds: Sequence[tuple[str, Array]], label: str, dark: bool = False, height: int = HEIGHT
) -> go.Figure:
    """Delivered against requested values, as bubbles whose area is the number of samples: (name, values like
    `requested`), the last one delivered. After fig. 5c of the InvNet paper."""
    figure = blank(dark, "Delivered against requested", f"requested {label}", label, height)
    every = np.concatenate([requested.ravel(), *(v.ravel() for _, v in clouds)])
    low, high = float(every.min()), float(every.max())
    room = 0.08 * (high - low) or 0.05 * abs(high) or 0.05
    low, high = low - room, high + room
    inks = [GREY[dark]] * (len(clouds) - 1) + [DELIVERED[dark]]
    for (name, values), ink in zip(clouds, inks, strict=True):
        x, y, count = _counted(requested.ravel(), values.ravel(), low, high)
        marker = {
            "size": count,
            "sizemode": "area",
            "sizeref": count.max() / 13**2,
            "sizemin": 3,
            "color": fade(ink, 0.55),
            "line": {"color": ink, "width": 1},
        }
        hover = f"%{{customdata}} samples, requested %{{x:.4g}}, {name} %{{y:.4g}}<extra></extra>"
        figure.add_scatter(x=x, y=y, mode="markers", name=name, marker=marker, customdata=count, hovertemplate=hover)
    line = {"color": INK[dark], "width": 1.2, "dash": "dash"}
    figure.add_scatter(x=[low, high], y=[low, high], mode="lines", line=line, showlegend=False, hoverinfo="skip")
    figure.update_xaxes(range=[low, high])
    figure.update_yaxes(range=[low, high])
    figure.update_layout(hovermode="closest", legend={"itemsizing": "constant"})
    return figure


def _counted(x: Array, y: Array, low: float, high: float, bins: int = 24) -> tuple[Array, Array, Array]:
    """Mean x and y, and the number of points, in each occupied cell of a grid."""
    cells = [np.clip((v - low) / (high - low) * bins, 0, bins - 1).astype(int) for v in (x, y)]
    _, place, count = np.unique(cells[0] * bins + cells[1], return_inverse=True, return_counts=True)
    return np.bincount(place, x) / count, np.bincount(place, y) / count, count


def durations(seconds: Mapping[str, float], title: str, dark: bool = False) -> go.Figure:
    """Time per sample of each method on a logarithmic axis, the first method in the colour of delivered values."""
    figure = blank(dark, title, "milliseconds per sample", "", 100 + 36 * len(seconds))
    names, values = list(seconds), [1e3 * s for s in seconds.values()]
    colours = [DELIVERED[dark]] + [GREY[dark]] * (len(names) - 1)
    figure.add_bar(
        x=values,
        y=names,
        orientation="h",
        marker_color=colours,
        text=[f"{short(v)} ms" for v in values],
        textposition="auto",
        hovertemplate="%{x:.3g} ms<extra></extra>",
        width=0.55,
    )
    figure.update_xaxes(type="log")
    figure.update_yaxes(autorange="reversed", gridcolor="rgba(0,0,0,0)", ticks="")
    figure.update_layout(hovermode="closest", margin={"l": 150})
    return figure


def correlation_map(labels: Array, title: str, dark: bool = False) -> go.Figure:
    """Two-point correlation of phase 1 for each displacement of one binary array (H, W), zero displacement in the
    centre.

    S2(d) = mean over q of x(q) x(q + d), periodic, by FFT. It displays the anisotropy that a radial mean averages out.
    """
    x = np.asarray(labels, dtype=float)
    power = np.abs(np.fft.rfft2(x)) ** 2
    plane = np.fft.fftshift(np.fft.irfft2(power, s=x.shape)) / x.size
    rows, columns = (min(s // 2, 32) for s in x.shape)
    middle = [s // 2 for s in x.shape]
    cut = plane[middle[0] - rows : middle[0] + rows + 1, middle[1] - columns : middle[1] + columns + 1]
    figure = blank(dark, title, "Δx / px", "Δy / px")
    figure.add_heatmap(
        z=cut.astype(np.float32),
        x0=-columns,
        y0=-rows,
        dx=1,
        dy=1,
        colorscale="Cividis",
        colorbar={"thickness": 10, "outlinewidth": 0},
        hovertemplate="Δ = (%{x}, %{y})<br>S2 = %{z:.4f}<extra></extra>",
    )
    figure.update_yaxes(scaleanchor="x", constrain="domain")
    figure.update_xaxes(constrain="domain")
    figure.update_layout(hovermode="closest")
    return figure


def field_map(
    x: Array,
    y: Array,
    values: Array,
    title: str,
    axes: tuple[str, str],
    colours: Sequence[str],
    limits: tuple[float, float],
    dark: bool = False,
) -> go.Figure:
    """A field (len(y), len(x)) over physical axes, rows upwards, in a given colour scale between the limits."""
    figure = blank(dark, title, *axes)
    scale = [(i / (len(colours) - 1), c) for i, c in enumerate(colours)]
    figure.add_heatmap(
        x=np.asarray(x, dtype=float),
        y=np.asarray(y, dtype=float),
        z=values.astype(np.float32),
        colorscale=scale,
        zmin=limits[0],
        zmax=limits[1],
        colorbar={"thickness": 10, "outlinewidth": 0},
        hovertemplate=f"{axes[0]} = %{{x:.4f}}<br>{axes[1]} = %{{y:.4f}}<br>%{{z:.5g}}<extra></extra>",
    )
    figure.update_layout(hovermode="closest")
    return figure


def lines(
    x: ArrayLike,
    curves: Sequence[tuple[str, Array, Mapping[str, object]]],
    title: str,
    axes: tuple[str, str],
    dark: bool = False,
    log: bool = False,
) -> go.Figure:
    """Curves over the same positions: (name, values, line style without its colour)."""
    figure = blank(dark, title, *axes)
    inks = {"exact": "#E69F00" if dark else "#D98A00", "initial condition": GREY[dark], "before correction": GREY[dark]}
    for name, values, style in curves:
        line = {"color": inks.get(name, DELIVERED[dark]), "width": 2.2, **style}
        figure.add_scatter(
            x=np.asarray(x, dtype=float), y=values.astype(float), name=name, line=line, hovertemplate="%{y:.5g}"
        )
    if log:
        figure.update_yaxes(type="log", exponentformat="power", dtick=1)
    return figure


def short(value: float) -> str:
    """A number with three significant digits (all digits from 1000 on), without an exponent where possible."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def fade(colour: str, alpha: float) -> str:
    """A colour `#RRGGBB` with this opacity."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"
