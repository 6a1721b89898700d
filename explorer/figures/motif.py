"""Fig. 2 of the first paper, from training logs: pure functions from records to figures and sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from core.metrics.digits import CONFIDENCE_RATIO, MOTIF_ERROR
from core.types import Array, Row
from explorer.figures.base import DELIVERED, GREY, INK, blank
from explorer.palette import OKABE_ITO

Lines = Sequence[Mapping[str, float]]
HEIGHT = 300
FLOOR = 1e-6
MOMENTS, SAMPLES = 9, 4
"""Number of moments of a training that are displayed, and samples at each."""


def colours(traces: Mapping[str, Lines], dark: bool) -> dict[str, str]:
    """Title -> colour: the first in the colour of delivered values, then orange, then grey."""
    return dict(zip(traces, (DELIVERED[dark], OKABE_ITO[1], GREY[dark]), strict=False))


def along(
    traces: Mapping[str, Lines],
    row: Row | str,
    title: str,
    axis: str,
    dark: bool = False,
    log: bool = False,
    level: float | None = None,
) -> go.Figure:
    """One logged number, or measured row, of each training over the iterations; `level` is drawn as a dashed line. On a
    logarithmic axis values below `FLOOR` are drawn at `FLOOR`."""
    figure = blank(dark, title, "iteration", axis, HEIGHT)
    for label, colour in colours(traces, dark).items():
        points = [(line["step"], value(row, line)) for line in traces[label]]
        kept = [(step, v) for step, v in points if v is not None]
        values = [v for _, v in kept]
        figure.add_scatter(
            x=[step for step, _ in kept],
            y=[max(v, FLOOR) if log else v for v in values],
            customdata=values,
            name=label,
            mode="lines",
            line={"color": colour, "width": 2},
            hovertemplate="%{customdata:.3g}",
        )
    figure.update_xaxes(type="log", dtick=1)
    if level is not None:
        figure.add_hline(y=level, line={"color": INK[dark], "width": 1.2, "dash": "dash"})
    if log:
        figure.update_yaxes(type="log", exponentformat="power", dtick=1)
    return figure


def value(row: Row | str, line: Mapping[str, float]) -> float | None:
    """A row, or a logged number by its name, in a line of a trace; None where it is not there."""
    return line.get(row) if isinstance(row, str) else row.of(line)


def chosen(steps: Sequence[int], count: int = MOMENTS) -> list[int]:
    """About `count` of the steps: the first, the last, and others evenly spaced in their logarithm."""
    wanted = np.geomspace(max(1, min(steps)), max(steps), count)
    return sorted({min(steps, key=lambda s: abs(s - w)) for w in wanted})


def evolution(film: Mapping[int, Array], title: str, dark: bool = False) -> go.Figure:
    """Samples of the same latents along a training, a column per moment; images uint8 (n, H, W, 1) by step."""
    steps = chosen(list(film))
    columns = [np.concatenate([np.pad(one[..., 0], 1, constant_values=96) for one in film[s][:SAMPLES]]) for s in steps]
    picture = np.concatenate(columns, 1)
    figure = blank(dark, title, "iteration", "", HEIGHT + 30)
    figure.add_image(z=np.repeat(picture[..., None], 3, 2), hoverinfo="skip")
    wide = columns[0].shape[1]
    at = [wide * (i + 0.5) - 0.5 for i in range(len(steps))]
    figure.update_xaxes(tickvals=at, ticktext=[str(s) for s in steps], showgrid=False, constrain="domain")
    figure.update_yaxes(visible=False, scaleanchor="x", constrain="domain")
    figure.update_layout(hovermode=False, margin={"l": 12})
    return figure


def gap(lines: Lines) -> tuple[float, float]:
    """The critic's mean score gap along a training: its largest value, and its mean over the last fifth."""
    gaps = [line["critic.gap"] for line in lines if "critic.gap" in line]
    return max(gaps), float(np.mean(gaps[-max(1, len(gaps) // 5) :]))


def first_exact(lines: Lines, limit: float = 1e-3) -> int | None:
    """The first logged iteration from which on the motif error stays within the limit; None if it does not."""
    first = None
    for line in reversed(lines):
        error = MOTIF_ERROR.of(line)
        if error is None or error > limit:
            break
        first = int(line["step"])
    return first


def sentences(traces: Mapping[str, Lines]) -> list[str]:
    """A sentence about each training, from its numbers."""
    out = []
    for title, lines in traces.items():
        (largest, last), since = gap(lines), first_exact(lines)
        when = f"within 10⁻³ from iteration {since} on" if since else "not within 10⁻³"
        sure = CONFIDENCE_RATIO.of(lines[-1])
        out.append(
            f"{title}: the motif error before correction is {when}. The critic's score gap is {largest:.3g} at most "
            f"and {last:.3g} over the last fifth ({100 * last / largest:.0f} %)"
            + (f"; confidence ends at {100 * sure:.0f} % of that on real digits." if sure else ".")
        )
    return out
