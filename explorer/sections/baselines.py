"""Compare methods: simulator, baselines and other presets at the same request, timed on this machine in one run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import streamlit as st
import torch

from core import discovery, sampling
from core.fields import as_soft
from core.sampling import Model
from core.types import Array, Problem, Quantity
from explorer import palette, routes
from explorer.figures import base as figures
from explorer.files import exports
from explorer.live import curves as drawing
from explorer.live import models
from explorer.live.dial import Dial, Value, resolve, shape_of
from explorer.sections import request_error

REPEATS, PATIENCE = 5, 0.1
"""Number of timed calls, unless they take this many seconds in total."""
MOST = 6
"""Most images in a row."""
Maker = Callable[[Mapping[str, Array], int, int, tuple[int, int]], Array]


@dataclass(frozen=True)
class Made:
    """The result of one method: its label, seconds, array (H, W), scalar descriptors, and its largest error in each
    unit as (label of the condition or channel, error, unit)."""

    label: str
    seconds: float
    array: Array
    scalars: dict[str, float]
    request_errors: list[tuple[str, float, str]]


@st.fragment
def show(name: str) -> None:
    """A button that runs the simulator and the baselines at the released request; dragging continues meanwhile."""
    model = models.MODELS.get(name)
    st.markdown("##### Compare methods")
    st.caption(
        "One sample each, timed on this machine in one run. The other methods use the conditions only, not the latent "
        "directions."
    )
    key = f"compared:{name}"
    if st.button("Compare methods at this request", key=f"compare:{name}", icon=":material/speed:"):
        dial = st.session_state.get(f"dial:{name}", Dial())
        with st.spinner("Simulating; baselines that need fitting are fitted once…"):
            st.session_state[key] = (dial, run(model, dial))
    held = st.session_state.get(key)
    if held:
        draw(model, held[0], held[1])


def run(model: Model, dial: Dial) -> list[Made]:
    """Runs this model, other presets, the simulator and each baseline at the dial's conditions, one sample of the
    dial's size each."""
    request = resolve(model, dial)
    conditions = {
        q.name: np.asarray([dial.conditions.get(q.name, q.default)], dtype=np.float32)
        for q in model.conditions
        if not q.optional
    }
    ways: list[tuple[str, Callable[[], Array]]] = [
        ("This model", lambda: models.sample_request(model, request).array),
        *siblings(model, dial),
    ]
    for label, make in neighbours(model.problem):
        make(conditions, 1, request.seed, request.shape)  # the first call may fit; what is timed is the use
        ways.append((label, partial(make, conditions, 1, request.seed, request.shape)))
    return [measure(model, label, make, conditions) for label, make in ways]


def siblings(model: Model, dial: Dial) -> list[tuple[str, Callable[[], Array]]]:
    """The other presets with a checkpoint that take exactly the requested conditions, or none at all: (title,
    maker), their latents free."""
    makers: list[tuple[str, Callable[[], Array]]] = []

    def needed(conditions: Sequence[Quantity]) -> set[str]:
        return {q.name for q in conditions if not q.optional}

    asked_for = {*needed(model.conditions), *dial.conditions, *dial.drawn}
    for preset in discovery.problem(model.problem.name).presets:
        own = {q.name for q in preset.conditions}
        fits = asked_for <= own and needed(preset.conditions) == needed(model.conditions)
        if preset.name == model.preset.name or not (fits or not own):
            continue
        try:
            other = models.MODELS.get(f"{model.problem.name}/{preset.name}")
            blank = Dial(seed=dial.seed, size=dial.size)
            other_dial = (
                replace(blank, conditions=dial.conditions, drawn=dial.drawn, smooth=dial.smooth) if fits else blank
            )
            request = resolve(other, other_dial)
        except (FileNotFoundError, ValueError):
            continue
        title = preset.title if own else f"{preset.title}, unconditional"
        makers.append((title, partial(lambda m, r: models.sample_request(m, r).array, other, request)))
    return makers


def neighbours(problem: Problem) -> tuple[tuple[str, Maker], ...]:
    """The problem's simulator, then its baselines: (label, maker)."""
    simulator = (("Simulation", problem.truth.simulate),) if problem.truth.simulate else ()
    return (*simulator, *((r.label, r.make) for r in problem.evaluation.baselines))


def measure(model: Model, label: str, make: Callable[[], Array], conditions: Mapping[str, Array]) -> Made:
    """Runs and times one method; fast ones are repeated and the median counts."""
    seconds, array = timed_call(make)
    with torch.inference_mode():
        x = torch.from_numpy(np.ascontiguousarray(array))
        scalars = {d.name: float(d.measure(x)[0]) for d in model.problem.evaluation.descriptors if not d.abscissa}
        measured = sampling.measure(model.problem, as_soft(x, model.field))
    return Made(label, seconds, array[0], scalars, request_errors(model, measured, conditions, array[0].size))


def request_errors(
    model: Model, measured: Mapping[str, Array], conditions: Mapping[str, Array], pixels: int
) -> list[tuple[str, float, str]]:
    """The largest error in each unit: (label, error, unit). Fractions are counted in pixels of the image."""
    worst: dict[str, tuple[str, float, str]] = {}
    for q in (q for q in model.conditions if q.name in measured and q.kind != "curve"):
        off = np.abs(request_error.off_by(model, q, measured[q.name][0], conditions[q.name][0], pixels)).reshape(-1)
        i, unit = int(off.argmax()), request_error.unit_of(model, q)
        if unit not in worst or off[i] > worst[unit][1]:
            worst[unit] = (model.field.labels[i] if q.kind == "simplex" else q.label, float(off[i]), unit)
    return list(worst.values())


def timed_call(make: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds and result of a call; a fast one is repeated and the median counts."""
    seconds: list[float] = []
    made = None
    while not seconds or (len(seconds) < REPEATS and sum(seconds) < PATIENCE):
        start = time.perf_counter()
        made = make()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds)), made


def draw(model: Model, dial: Dial, ways: list[Made]) -> None:
    """Images side by side with their scalars, then the times."""
    field = model.field
    st.caption(f"At {request(model, dial)}:")
    across = max(4, len(ways)) if len(ways) <= MOST else MOST - 1
    places = [column for _ in range(0, len(ways), across) for column in st.columns(across)]
    for way, column in zip(ways, places, strict=False):
        indices = way.array.astype(np.uint8) if field.kind != "continuous" else palette.indices(field, way.array)
        column.image(exports.png(indices, field, max(1, 384 // len(indices)), routes.dark()), width="stretch")
        column.markdown(f"**{way.label}**, {1e3 * way.seconds:.3g} ms")
        lines = [
            f"**Error {off:.3g} {unit}** ({label})".replace(" **", "**") for label, off, unit in way.request_errors
        ]
        lines += [
            f"{d.label} {way.scalars[d.name]:.3g} {d.unit}"
            for d in model.problem.evaluation.descriptors
            if d.name in way.scalars
        ]
        column.caption("  \n".join(lines))
    figure = figures.durations(
        {w.label: w.seconds for w in ways}, "Time per sample, one run on this machine", routes.dark()
    )
    st.plotly_chart(
        figure, theme=None, config=routes.PLOTLY, height=figure.layout.height, key=f"durations:{model.name}"
    )


def request(model: Model, dial: Dial) -> str:
    """The request in words: conditions, size and seed."""
    replaced = drawing.replaced(model.conditions, dial.conditions, dial.drawn)
    values = [
        f"{q.label} {numbers(dial.conditions.get(q.name, q.default))} {q.unit}".strip()
        for q in model.conditions
        if q.kind != "curve" and q.name not in replaced
    ]
    rows, columns = shape_of(model, dial)
    curves = [
        f"{q.label} as drawn"
        for q in model.conditions
        if q.kind == "curve" and q.name in {*dial.drawn, *dial.conditions}
    ]
    return ", ".join([*values, *curves, f"{rows} × {columns} {model.field.unit}", f"seed {dial.seed}"])


def numbers(value: Value) -> str:
    """One number, or several with slashes between."""
    return " / ".join(f"{v:.6g}" for v in (value if isinstance(value, tuple) else (value,)))
