"""Compare methods at a request with a curve: level cut, simulation and other presets at once, annealing in the
background.

`core.metrics.rivals` measures each of them, and prints the same table for held-out data from the command line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core import sampling
from core.metrics import describe, rivals
from core.sampling import Model
from core.types import Array, Rival
from explorer import jobs, routes
from explorer.figures import base as figures
from explorer.files import exports
from explorer.live import models
from explorer.live.dial import Dial, ResolvedRequest, resolve, size_of
from explorer.sections import baselines, batches

SIMULATIONS, EFFORT = 6, 6 * 128 * 128
"""Most simulations in the reference, and most pixels of them (at least one simulation)."""
REPEATS = 3
FILE, NO_REFINEMENT = "one.npz", "refine"
POLL = 0.7


@dataclass
class BaselineRun:
    """Results so far at one request: images and table rows by label."""

    dial: Dial
    requested: dict[str, Array]
    expected: dict[str, Array]
    pictures: dict[str, Array] = field(default_factory=dict)
    rows: dict[str, dict[str, float]] = field(default_factory=dict)


def applies(model: Model) -> bool:
    """True if a baseline takes the whole request, with its curve."""
    return any(r.truth for r in model.problem.evaluation.baselines)


def show(name: str) -> None:
    """The section of the model `name`: a fragment that queries its job while it runs."""
    running = is_running(name)
    st.session_state[f"contest-polled:{name}"] = running
    st.fragment(section, run_every=POLL if running else None)(name)


def slow(model: Model) -> list[Rival]:
    """The baselines that run in the background because they take long."""
    return [r for r in model.problem.evaluation.baselines if r.run]


def key(name: str) -> str:
    """The key of this model's job."""
    return f"contest:{name}"


def is_running(name: str) -> bool:
    """Whether a slow baseline is running for this model."""
    job = jobs.mine().get(key(name))
    return job is not None and job.state == "running"


def section(name: str) -> None:
    """The button that runs all methods, the background job, images and table."""
    model = models.MODELS.get(name)
    if is_running(name) != st.session_state[f"contest-polled:{name}"]:
        st.rerun()
    st.markdown("##### Compare methods")
    if st.button("Compare methods at this request", key=f"compare:{name}", icon=":material/speed:"):
        begin(model)
    held: BaselineRun | None = st.session_state.get(key(name))
    if held is None:
        st.caption(
            "One sample each, timed on this machine. Methods that take seconds run in the background and can be "
            "cancelled."
        )
        return
    follow(model, held)
    draw(model, held)


def begin(model: Model) -> None:
    """Runs the fast methods and starts the slow one."""
    dial = st.session_state.get(f"dial:{model.name}", Dial())
    try:
        with st.spinner("Simulating…"):
            st.session_state[key(model.name)] = run(model, dial)
        for rival in slow(model):
            jobs.mine().start(key(model.name), partial(command, model, dial, rival))
    except ValueError as error:
        st.error(str(error))
    else:
        st.rerun()


def command(model: Model, dial: Dial, rival: Rival, folder: Path) -> list[str]:
    """The command with which a baseline makes one sample at the dial's request."""
    plain = replace(dial, latent={}, off=(), project=True)
    given = batches.flags("set", batches.request(model, plain, 1, None).conditions)
    fixed = ["--size", str(size_of(model, dial)), "--seed", str(dial.seed), "--lines"]
    where = ["--only", rival.name, "--out", str(folder / FILE)]
    return ["-m", "core.metrics.rivals", str(sampling.path_of(model.name)), *where, *fixed, *given]


def follow(model: Model, held: BaselineRun) -> None:
    """Progress of the slow baseline, with a cancel button; its result is added when it is finished."""
    job = jobs.mine().get(key(model.name))
    if job is None:
        return
    label = slow(model)[0].label
    if job.state == "running":
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(job.share, f"{label}: {100 * job.share:.0f} % of its steps, or until the curve is reached")
            batches.cancel(key(model.name))
    elif job.state == "failed":
        st.error(job.sentence)
    elif label not in held.rows:
        with np.load(job.folder / FILE, allow_pickle=False) as made:
            enter(model, held, label, made["labels"][None], 1e3 * float(made["seconds"]))


def run(model: Model, dial: Dial) -> BaselineRun:
    """Runs this model, the other presets and each fast baseline at the dial's request; the mean of a few simulations
    is the reference."""
    request = resolve(model, dial)
    sample, shape = models.sample_request(model, request), request.shape
    requested = {q.name: sample.requested[q.name] for q in model.conditions if q.name in sample.requested}
    truth = next(r for r in model.problem.evaluation.baselines if r.truth)
    several = int(np.clip(EFFORT // (shape[0] * shape[1]), 1, SIMULATIONS))
    true = truth.make({k: np.repeat(v, several, 0) for k, v in requested.items()}, several, dial.seed + 1, shape)
    expected = {name: values.mean(0, keepdims=True) for name, values in describe(model.problem, true).items()}
    held = BaselineRun(dial, requested, expected)
    for label, make in ways(model, request, requested):
        make(0)  # what is fitted or built once is not counted
        arrays, ms = rivals.clocked(make, 1 if label == truth.label else REPEATS)
        enter(model, held, label, arrays[:1], ms)
    return held


def ways(
    model: Model, request: ResolvedRequest, requested: dict[str, Array]
) -> Sequence[tuple[str, Callable[[int], Array]]]:
    """(label, maker) of each fast method, this model first."""
    dial = request.dial
    refined = NO_REFINEMENT in model.stages and NO_REFINEMENT not in dial.off and dial.project
    methods: list[tuple[str, Callable[[int], Array]]] = [
        (rivals.OURS, lambda i: models.sample_request(model, request).array)
    ]
    if refined:
        plain = resolve(model, replace(dial, off=(*dial.off, NO_REFINEMENT)))
        methods.append((f"{rivals.OURS}, not refined", lambda i: models.sample_request(model, plain).array))
    methods += [(title, lambda i, make=make: make()) for title, make in baselines.siblings(model, dial)]  # type: ignore[misc]
    quick = [r for r in model.problem.evaluation.baselines if not r.run]
    return methods + [(r.label, lambda i, r=r: r.make(requested, 1, request.seed, request.shape)) for r in quick]


def enter(model: Model, held: BaselineRun, label: str, arrays: Array, ms: float) -> None:
    """Adds a result to the images and the table."""
    held.pictures[label] = arrays[0]
    held.rows[label] = {**rivals.evaluate(model, arrays, held.requested, held.expected), rivals.MILLISECONDS: ms}


def draw(model: Model, held: BaselineRun) -> None:
    """Images side by side, then the table."""
    st.caption(f"At {baselines.request(model, held.dial)}:")
    across = max(4, min(len(held.pictures), baselines.MOST))
    columns = [c for _ in range(0, len(held.pictures), across) for c in st.columns(across)]
    for (label, array), column in zip(held.pictures.items(), columns, strict=False):
        picture = exports.png(array.astype(np.uint8), model.field, max(1, 384 // len(array)), routes.dark())
        milliseconds = figures.short(held.rows[label][rivals.MILLISECONDS])
        column.image(picture, f"{label[0].upper()}{label[1:]}, {milliseconds} ms", width="stretch")
    st.dataframe(table(model, held), width="stretch")
    minutes = rivals.training_seconds(model) / 60
    trained = f"; the training took {minutes:.3g} minutes" if math.isfinite(minutes) else ""
    st.caption(
        "Errors: mean absolute deviation from the request; for other curves, from the mean of simulations at this "
        f"request. Times are processor times, one sample at a time{trained}; training pays off after the listed "
        f"number of samples. The same table for held-out curves: `python -m core.metrics.rivals {model.name}`."
    )


def table(model: Model, held: BaselineRun) -> pd.DataFrame:
    """The rows with the break-even count, as text."""
    rows = rivals.with_break_even(model, held.rows)
    frame = rivals.words(pd.DataFrame.from_dict(rows, orient="index"))

    def text(v: Any) -> str:
        return v if isinstance(v, str) else "" if pd.isna(v) else figures.short(v)

    return frame.map(text)
