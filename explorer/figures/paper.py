"""The figures of the papers from measurements made here: pure functions from tables and records to figures and
sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from core.metrics.shapes import ERRORS, SPREAD
from explorer.figures.base import DELIVERED, GREY, INK, blank, fade
from explorer.palette import OKABE_ITO

Methods = Mapping[str, Mapping[str, Any]]
"""Preset -> its record from `core.metrics.comparison`."""
LINES = ("solid", "dash", "dot", "dashdot")


def fractions(table: pd.DataFrame, labels: Sequence[str], colours: Sequence[str], dark: bool = False) -> go.Figure:
    """Fig. 7: delivered fractions (bars, sd), fractions before correction (dots, sd) and requested ones (dashed), a
    group per target.

    Rows of `table`: target, channel, requested, delivered, delivered sd, raw, raw sd.
    """
    names, count = list(dict.fromkeys(table["target"])), len(labels)
    figure = blank(dark, "Shares delivered for each target", "", "share of the pixels", 330)

    def place(part: pd.DataFrame) -> list[float]:
        return (part["target"].map(names.index) + (part["channel"] - (count - 1) / 2) * 0.16).tolist()

    def error(sd: Any) -> dict[str, Any]:
        return {"type": "data", "array": sd, "color": INK[dark], "thickness": 1.2, "width": 2}

    for k, label in enumerate(labels):
        part = table[table["channel"] == k]
        figure.add_bar(
            x=place(part),
            y=part["delivered"],
            error_y=error(part["delivered sd"]),
            width=0.14,
            name=label,
            marker_color=colours[k],
            hovertemplate="%{y:.4f}",
        )
    dots = {"color": GREY[dark], "size": 6, "line": {"width": 1, "color": INK[dark]}}
    figure.add_scatter(
        x=place(table),
        y=table["raw"],
        error_y=error(table["raw sd"]),
        mode="markers",
        name="raw",
        marker=dots,
        hovertemplate="raw %{y:.4f}",
    )
    ends = [v for x in place(table) for v in (x - 0.08, x + 0.08, None)]
    levels = [v for y in table["requested"] for v in (y, y, None)]
    dashed = {"color": INK[dark], "width": 2, "dash": "2px,2px"}
    figure.add_scatter(x=ends, y=levels, mode="lines", name="requested", line=dashed, hoverinfo="skip")
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(tickvals=list(range(len(names))), ticktext=names, gridcolor="rgba(0,0,0,0)")
    return figure


def colours(methods: Methods, dark: bool) -> dict[str, str]:
    """Preset -> colour: the first in the colour of delivered values."""
    others = [*(c for c in OKABE_ITO[:-1] if c not in DELIVERED.values()), INK[dark]]
    return {name: DELIVERED[dark] if i == 0 else others[(i - 1) % len(others)] for i, name in enumerate(methods)}


def one_target(methods: Methods, dark: bool = False) -> go.Figure:
    """Fig. 1: at one target, mean and sd over latent samples of each measured condition minus its request."""
    figure = blank(dark, "One target: deviation, mean ± sd over z", "", "deviation / px", 330)
    for name, colour in colours(methods, dark).items():
        at = methods[name]["target"]
        error = {
            "type": "data",
            "array": [v["sd"] for v in at.values()],
            "color": INK[dark],
            "thickness": 1.2,
            "width": 2,
        }
        means = [v["mean"] - v["asked"] for v in at.values()]
        figure.add_bar(
            x=list(at),
            y=means,
            error_y=error,
            name=methods[name]["title"],
            marker_color=colour,
            hovertemplate="%{y:+.2f} px",
        )
    figure.add_hline(y=0, line={"color": INK[dark], "width": 1.4, "dash": "dash"})
    return figure


def random_requests(methods: Methods, dark: bool = False) -> go.Figure:
    """Fig. 1, over random requests: errors of centres and radii, mean and sd."""
    figure = blank(dark, "Random held-out requests: error, mean ± sd", "error / px", "", 330)
    titles = [m["title"] for m in methods.values()]
    for name, colour in (("centre", DELIVERED[dark]), ("radius", OKABE_ITO[1])):
        mean, sd = ([row.of(m["random"]) for m in methods.values()] for row in (ERRORS[name][0], SPREAD[name]))
        error = {"type": "data", "array": sd, "color": INK[dark], "thickness": 1.2, "width": 3}
        figure.add_bar(
            x=mean,
            y=titles,
            error_x=error,
            orientation="h",
            name=name,
            marker_color=colour,
            hovertemplate="%{x:.2f} px",
        )
    figure.update_xaxes(rangemode="tozero")
    return by_method(figure)


def by_method(figure: go.Figure) -> go.Figure:
    """A row per method, the first one on top."""
    figure.update_yaxes(autorange="reversed", gridcolor="rgba(0,0,0,0)", ticks="")
    figure.update_layout(hovermode="closest", margin={"l": 190})
    return figure


def several_targets(
    targets: Mapping[str, Sequence[Mapping[str, Any]]], methods: Methods, dark: bool = False
) -> go.Figure:
    """Fig. 3: delivered values (mean and sd over latent samples) against requested ones, for several targets;
    dashed: the request."""
    figure = blank(dark, "Several targets: delivered against requested", "requested / px", "delivered / px", 330)
    inks = colours(methods, dark)
    for name, made in targets.items():
        requested, mean, sd = ([v[of] for t in made for v in t.values()] for of in ("asked", "mean", "sd"))
        error = {"type": "data", "array": sd, "thickness": 1.2, "width": 2}
        hover = [
            f"{k}: requested {v['asked']:.1f}, delivered {v['mean']:.1f} ± {v['sd']:.1f} px"
            for t in made
            for k, v in t.items()
        ]
        figure.add_scatter(
            x=requested,
            y=mean,
            error_y=error,
            mode="markers",
            name=methods[name]["title"],
            marker={"color": inks[name], "size": 7},
            customdata=hover,
            hovertemplate="%{customdata}",
        )
    ends = [min(figure.data[0].x), max(figure.data[0].x)]
    figure.add_scatter(
        x=ends, y=ends, mode="lines", name="requested", line={"color": INK[dark], "width": 1.4, "dash": "dash"}
    )
    figure.update_layout(hovermode="closest")
    return figure


def iterations(methods: Methods, dark: bool = False) -> go.Figure:
    """Iterations after which each training stays acceptable; a faint bar over the whole training where it never was."""
    figure = blank(dark, "Iterations until acceptable", "iterations", "", 330)
    for m in methods.values():
        after, ink = m["acceptable after"], None if m["acceptable after"] else INK[dark]
        colour, text = (DELIVERED[dark], str(after)) if after else (fade(GREY[dark], 0.2), f"not within {m['steps']}")
        figure.add_bar(
            x=[after or m["steps"]],
            y=[m["title"]],
            orientation="h",
            marker_color=colour,
            text=[text],
            insidetextfont_color=ink,
            width=0.6,
            hovertemplate="%{text}<extra></extra>",
            showlegend=False,
        )
    figure.update_layout(barmode="overlay")
    return by_method(figure)


def critic_losses(methods: Methods, dark: bool = False) -> go.Figure:
    """Fig. 6: magnitude of the critic's loss along each training."""
    figure = blank(dark, "Critic's loss, magnitude", "iteration", "|loss|", 330)
    for i, (name, colour) in enumerate(colours(methods, dark).items()):
        kept = [line for line in methods[name]["trace"] if line.get("critic.loss")]
        style = {"color": colour, "width": 1.8, "dash": LINES[i % len(LINES)]}
        y = [abs(line["critic.loss"]) for line in kept]
        steps = [line["step"] for line in kept]
        figure.add_scatter(x=steps, y=y, name=methods[name]["title"], line=style, hovertemplate="%{y:.3g}")
    figure.update_yaxes(type="log", exponentformat="power")
    return figure


def extremes(methods: Methods, of: Mapping[str, float], unit: str) -> str:
    """The smallest and the largest of a number per preset, in words."""
    low, high = min(of, key=lambda k: of[k]), max(of, key=lambda k: of[k])
    return (
        f"smallest {of[low]:.3g} {unit} ({methods[low]['title']}), largest {of[high]:.3g} {unit} "
        f"({methods[high]['title']})"
    )


def captions(record: Mapping[str, Any]) -> dict[str, str]:
    """One sentence per figure, from its numbers."""
    methods, settings = record["methods"], record["settings"]
    worst = {k: max(abs(v["mean"] - v["asked"]) for v in m["target"].values()) for k, m in methods.items()}
    centre = {k: float(ERRORS["centre"][0].of(m["random"]) or 0.0) for k, m in methods.items()}
    farthest = {
        k: max(abs(v["mean"] - v["asked"]) for t in made for v in t.values()) for k, made in record["targets"].items()
    }
    losses = {k: max((abs(x.get("critic.loss", 0.0)) for x in m["trace"]), default=0.0) for k, m in methods.items()}
    done = {k: m["acceptable after"] for k, m in methods.items() if m["acceptable after"]}
    never = ", ".join(m["title"] for k, m in methods.items() if k not in done)
    first = ", ".join(f"{methods[k]['title']} from iteration {after} on" for k, after in done.items()) or "none was"
    criterion = ", ".join(f"{k} {v}" for k, v in settings["acceptable"].items())
    return {
        "one": f"{settings['images for a target']} images each; worst mean deviation: "
        f"{extremes(methods, worst, 'px')}.",
        "random": f"{settings['requests']} requests never trained on; mean error of centres: "
        f"{extremes(methods, centre, 'px')}.",
        "several": f"{len(next(iter(record['targets'].values())))} targets; worst mean deviation: "
        f"{extremes(methods, farthest, 'px')}.",
        "iterations": f"Acceptable ({criterion}): {first}" + (f"; never: {never}." if never else "."),
        "losses": f"Largest magnitude along the training: {extremes(methods, losses, '')}.".replace("  ", " "),
    }
