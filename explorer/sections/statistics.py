"""Below the panel: files, and charts of each descriptor."""

from __future__ import annotations

from functools import partial

import plotly.graph_objects as go
import streamlit as st

from core.sampling import Model
from core.types import Array, Sample
from explorer import routes
from explorer.figures import base as figures
from explorer.files import exports, formats
from explorer.live import frames, models
from explorer.live.dial import Dial, ResolvedRequest
from explorer.sections import request_error

COLUMNS = 3


def show(model: Model, request: ResolvedRequest, sample: Sample) -> None:
    """Everything about one released sample."""
    measured = models.describe(model, sample)
    reference = models.reference(model, request)
    draw_files(model, request.dial, sample, measured, reference)
    st.markdown(
        "##### Statistics of this sample and the simulated reference"
        if reference
        else "##### Statistics of this sample"
    )
    drawn = [
        *request_error.charts(model, request, routes.dark()),
        *charts(model, sample, measured, reference, routes.dark()),
    ]
    draw_charts(model, drawn, explanations(model, bool(reference)))


def charts(
    model: Model, sample: Sample, measured: dict[str, Array], reference: dict[str, tuple[Array, Array]], night: bool
) -> list[go.Figure]:
    """A figure per curve, one for all scalars, and the map of correlations for a binary field."""
    shape = sample.array.shape[1:]
    at, home = models.abscissae(model, (int(shape[0]), int(shape[1]))), models.abscissae(model, model.field.shape)
    unit = model.field.unit
    out = []
    for d in (d for d in model.problem.evaluation.descriptors if d.abscissa):
        band = (home[d.name], *reference[d.name]) if d.name in reference else None
        out.append(
            figures.curve(
                at[d.name], measured[d.name][0], band, d.label, (d.axis or f"distance / {unit}", d.unit), night
            )
        )
    rows = []
    for d in (d for d in model.problem.evaluation.descriptors if not d.abscissa and d.name in reference):
        mean, sd = reference[d.name]
        if float(sd) > 0:
            rows.append(
                (f"{d.label}{f', {d.unit}' if d.unit else ''}", float(measured[d.name][0]), float(mean), float(sd))
            )
    if rows:
        out.append(figures.deviations(rows, "Scalars, in standard deviations of the reference", night))
    if model.field.kind == "binary":
        out.append(figures.correlation_map(sample.array[0], "S2 for each displacement", night))
    return out


def draw_charts(model: Model, drawn: list[go.Figure], notes: list[str]) -> None:
    """The figures in rows of three, each of fixed height; the notes follow in the next free cell."""
    cells: list[go.Figure | list[str]] = [*drawn, notes]
    for start in range(0, len(cells), COLUMNS):
        for i, (column, cell) in enumerate(zip(st.columns(COLUMNS), cells[start : start + COLUMNS], strict=False)):
            if isinstance(cell, list):
                column.caption("  \n".join(cell))
            else:
                key = f"chart:{model.name}:{start + i}"
                column.plotly_chart(cell, theme=None, config=routes.PLOTLY, key=key, height=figures.HEIGHT)


def explanations(model: Model, compared: bool) -> list[str]:
    """What each statistic is, and what the grey bands mean."""
    rows, columns = model.field.shape
    size = f"{rows} × {columns} {model.field.unit}"
    band = (
        f"Grey: simulated reference, mean ± standard deviation of single arrays of {size} at these conditions, not "
        "used in training."
    )
    spread = "Bars: mean and standard deviation over seeds; dashed line: the request."
    first = [*([spread] if model.problem.requests.handles and model.conditions else []), *([band] if compared else [])]
    return [*first, *(f"**{d.label}**: {d.help}" for d in model.problem.evaluation.descriptors if d.help)]


def draw_files(
    model: Model, dial: Dial, sample: Sample, measured: dict[str, Array], reference: dict[str, tuple[Array, Array]]
) -> None:
    """One row of downloads; each file is made when it is requested."""
    array, stem = sample.array[0], exports.stem(model, dial)
    shape = (int(array.shape[0]), int(array.shape[1]))
    scale = max(1, 1024 // max(shape))
    files = [
        ("PNG", "png", "image/png", partial(exports.png, frames.picture(model.field, sample), model.field, scale)),
        ("NPY", "npy", "application/octet-stream", partial(exports.npy, array)),
        ("JSON", "json", "application/json", partial(exports.sidecar, model, dial, sample)),
        ("CSV of curves", "csv", "text/csv", partial(exports.curves, model, measured, shape, reference)),
    ]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        for label, ending, mime, make in files:
            key = f"file:{ending}"
            st.download_button(
                label, make, f"{stem}.{ending}", mime, key=key, on_click="ignore", icon=":material/download:"
            )
        draw_more(model, dial, sample, stem)
        draw_bulk(model, dial, stem)


def draw_more(model: Model, dial: Dial, sample: Sample, stem: str) -> None:
    """Formats of other programs, with the pixel size to write into them."""
    with st.popover("More formats", icon=":material/download:"):
        left, right = st.columns(2)
        pixel = left.number_input(
            "Pixel", 1e-6, 1e6, 1.0, format="%g", key="file:pixel", help="Edge length of a pixel in this unit."
        )
        unit = right.selectbox("Unit", formats.UNITS, key="file:unit")
        for label, ending, mime, make in formats.formats(model, dial, sample, pixel, unit):
            st.download_button(
                f"{label} (.{ending})",
                make,
                f"{stem}.{ending}",
                mime,
                key=f"file:{ending}",
                on_click="ignore",
                width="stretch",
            )


def draw_bulk(model: Model, dial: Dial, stem: str) -> None:
    """Several structures at the same request, as one ZIP."""
    limit = exports.most(model, dial)
    about = f"At this size, at most {limit} at a time. The first one is the displayed sample."
    n = st.number_input("Structures", 1, limit, min(16, limit), key=f"bulk:{limit}", width=130, help=about)
    make = partial(exports.bundle, model, dial, int(n))
    name, mime = f"{stem}_n{n}.zip", "application/zip"
    st.download_button(
        f"NPZ + JSON of {n}", make, name, mime, key="file:zip", on_click="ignore", icon=":material/folder_zip:"
    )
