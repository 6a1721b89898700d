"""Below the panel of a solution: files, charts, other solvers at the same request, and the table of a paper."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.metrics import solutions as measured
from core.sampling import Model
from core.types import Array
from explorer import palette, routes
from explorer.figures import base as figures
from explorer.files import exports
from explorer.live import frames, models, solutions
from explorer.live.dial import Dial, ResolvedRequest
from explorer.live.solutions import Solved
from explorer.sections.baselines import timed_call

Curve = tuple[str, Array, dict[str, object]]


def show(model: Model, request: ResolvedRequest, words: str = "") -> None:
    """Everything about one released solution, after the problem's own paragraph `words`."""
    solved = solutions.solve(model, request)
    draw_files(model, request.dial, solved)
    for column, figure, name in zip(
        st.columns(3), charts(model, request.dial, solved, routes.dark()), "fpe", strict=True
    ):
        column.plotly_chart(
            figure, theme=None, config=routes.PLOTLY, key=f"solved:{model.name}:{name}", height=figures.HEIGHT
        )
    text, table = st.columns([4, 5], gap="large")
    text.markdown(words or model.preset.summary)
    text.caption(notes(model, solved))
    table.dataframe(ways(model, request, solved), hide_index=True, width="stretch", column_config=columns())


def columns() -> dict[str, Any]:
    """Number formats of the comparison."""
    return {
        "milliseconds": st.column_config.NumberColumn(format="%.2f"),
        "relative error": st.column_config.NumberColumn(format="scientific"),
    }


def charts(model: Model, dial: Dial, solved: Solved, night: bool) -> list[go.Figure]:
    """The field, the profile at the cut and the error over time."""
    across, along = model.field.axes
    x, t = solved.sample.coords[across], solved.sample.coords[along]
    level = int(np.abs(t - dial.at.get(along, solutions.cut(model))).argmin())
    limits = (min(model.field.low, float(solved.field.min())), max(model.field.high, float(solved.field.max())))
    colours = palette.stops(model.field, night)
    field = figures.field_map(t, x, solved.field, f"u({across}, {along})", (along, across), colours, limits, night)
    start: dict[str, object] = {"dash": "dash", "width": 1.4}
    profile: list[Curve] = [
        ("this model", solved.field[:, level], {}),
        ("initial condition", solved.field[:, 0], start),
    ]
    if solved.exact is not None:
        profile.insert(0, ("exact", solved.exact[:, level], {"width": 6}))
    title = f"Profile at {along} = {t[level]:.4g}"
    drawn = [field, figures.lines(x, profile, title, (across, "u"), night)]
    return [
        *drawn,
        figures.lines(t[1:], over_time(solved), f"Relative error over {along}", (along, ""), night, log=True),
    ]


def over_time(solved: Solved) -> list[Curve]:
    """Relative L2 error of each level after the first, delivered and (where they differ) before correction."""
    exact = solved.exact
    if exact is None:
        return []
    norm = np.linalg.norm(exact[:, 1:], axis=0)

    def curve(field: Array) -> Array:
        return np.maximum(np.linalg.norm((field - exact)[:, 1:], axis=0) / norm, 1e-9)

    out: list[Curve] = [("this model", curve(solved.field), {})]
    if not np.array_equal(solved.field, solved.raw):
        out.append(("before correction", curve(solved.raw), {"dash": "dot"}))
    return out


def notes(model: Model, solved: Solved) -> str:
    """A sentence about the time and the gain of the correction."""
    step = model.problem.projection.label
    before, after = solutions.error(solved.raw, solved.exact), solutions.error(solved.field, solved.exact)
    if step not in solved.ms or before is None or after is None:
        return ""
    return f"{step}: {solved.ms[step]:.1f} ms reduce the relative error from {before:.2g} to {after:.2g}."


def ways(model: Model, request: ResolvedRequest, solved: Solved) -> pd.DataFrame:
    """This model and each baseline at the same request: milliseconds (median of a few, one run) and relative error."""
    problem, exact = model.problem, solved.exact
    raw = request.without_projection()
    seconds = timed_call(lambda: models.sample_request(model, raw))[0]
    rows = [("This model", 1e3 * seconds, solutions.error(solved.raw, exact))]
    if request.project and problem.projection.label:
        seconds = timed_call(lambda: models.sample_request(model, request))[0]
        rows.append((f"This model + {problem.projection.label}", 1e3 * seconds, solutions.error(solved.field, exact)))
    rivals = {problem.truth.interactive.name: problem.truth.interactive} if problem.truth.interactive else {}
    rivals |= {r.name: r for r in problem.evaluation.baselines if r.name not in rivals}
    for rival in rivals.values():
        seconds, made = timed_call(partial(rival.make, solved.sample.requested, 1, request.seed, model.field.shape))
        rows.append((rival.label, 1e3 * seconds, None if rival.role == "exact" else solutions.error(made[0], exact)))
    return pd.DataFrame(rows, columns=["way", "milliseconds", "relative error"])


def draw_files(model: Model, dial: Dial, solved: Solved) -> None:
    """One row of downloads; each file is made when it is requested."""
    stem, field = exports.stem(model, dial), model.field
    picture = partial(exports.png, frames.picture(field, solved.sample), field, 4, routes.dark())
    files = [
        ("PNG", "png", "image/png", picture),
        ("CSV of the field", "csv", "text/csv", partial(exports.solution_csv, model, solved)),
        ("JSON", "json", "application/json", partial(exports.solution_sidecar, model, dial, solved)),
        ("NPZ + JSON", "zip", "application/zip", partial(exports.solution_bundle, model, dial, solved)),
    ]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        for label, ending, mime, make in files:
            key = f"file:{ending}"
            st.download_button(
                label, make, f"{stem}.{ending}", mime, key=key, on_click="ignore", icon=":material/download:"
            )


@st.fragment
def published(name: str) -> None:
    """The published table, next to this model and trivial predictors on the same cases."""
    model = models.MODELS.get(name)
    for group in model.problem.truth.published:
        st.markdown(f"##### {group} of the paper: relative error of each case")
        with st.spinner("Solving every case of the table; the result is kept for this checkpoint…"):
            table = case_table(name, model.digest, group)
        st.dataframe(table, width="stretch", height=36 * (len(table) + 1) + 2)
        st.caption(
            "This model is measured here against the exact solution; the paper's numbers are relative to its own "
            "numerical reference, on its own grid."
        )


@st.cache_data(show_spinner=False, max_entries=16)
def case_table(name: str, digest: str, group: str) -> pd.DataFrame:
    """The table of a group of cases: this model, published methods, trivial predictors; cached per checkpoint."""
    model = copy.copy(models.MODELS.get(name))
    assert digest == model.digest, "the digest is part of the cache's key"
    trivial = tuple(r for r in model.problem.evaluation.baselines if not r.role)
    model.problem = replace(model.problem, evaluation=replace(model.problem.evaluation, baselines=trivial))
    table = measured.cell_by_cell(model, group)
    labels = {
        "raw": "this network",
        "polished": f"+ {model.problem.projection.label}",
        **{r.name: r.label for r in trivial},
    }
    if not model.problem.projection.label:
        table = table.drop(columns="polished")
    return table.rename(columns=labels).round(5)
