"""The other ways at a request with a curve: level cut, simulation, other presets at once; annealing in the background.

Each is judged by `core.metrics.rivals`, which prints the same table for held-out data from the command line.
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
from explorer.live.protocol import Dial
from explorer.sections import baselines, batches

SIMULATIONS, EFFORT = 6, 6 * 128 * 128
"""Most simulations that the others are judged by, and most pixels of them (one at least)."""
REPEATS = 3
FILE, NO_REFINEMENT = "one.npz", "refine"
POLL = 0.7


@dataclass
class Contest:
    """Who has made a sample at this request so far: pictures and table rows by label."""

    dial: Dial
    asked: dict[str, Array]
    expected: dict[str, Array]
    pictures: dict[str, Array] = field(default_factory=dict)
    rows: dict[str, dict[str, float]] = field(default_factory=dict)


def applies(model: Model) -> bool:
    """True where a rival takes the whole request, curve and all."""
    return any(r.truth for r in model.problem.evaluation.baselines)


def show(name: str) -> None:
    """The section of the model `name`; a fragment of its own that looks at its job while it runs."""
    running = is_running(name)
    st.session_state[f"contest-polled:{name}"] = running
    st.fragment(section, run_every=POLL if running else None)(name)


def slow(model: Model) -> list[Rival]:
    """The rivals that take so long that they run in the background."""
    return [r for r in model.problem.evaluation.baselines if r.run]


def key(name: str) -> str:
    """What the job of this model is called."""
    return f"contest:{name}"


def is_running(name: str) -> bool:
    """Whether a slow rival is at work for this model."""
    job = jobs.mine().get(key(name))
    return job is not None and job.state == "running"


def section(name: str) -> None:
    """A button that runs everybody, the job of the slow one, pictures and table."""
    model = models.MODELS.get(name)
    if is_running(name) != st.session_state[f"contest-polled:{name}"]:
        st.rerun()
    st.markdown("##### Beside the other ways to make one")
    if st.button("Run the other ways at this request", key=f"compare:{name}", icon=":material/speed:"):
        begin(model)
    held: Contest | None = st.session_state.get(key(name))
    if held is None:
        st.caption(
            "One sample each, timed on this machine; what takes seconds runs in the background, and can be cancelled."
        )
        return
    follow(model, held)
    draw(model, held)


def begin(model: Model) -> None:
    """Runs the quick ways, starts the slow one, and shows what is there."""
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
    """The command by which a rival makes one sample at the dial's request."""
    plain = replace(dial, latent={}, off=(), project=True)
    given = batches.flags("set", batches.request(model, plain, 1, None).conditions)
    fixed = ["--size", str(models.size_of(model, dial)), "--seed", str(dial.seed), "--lines"]
    where = ["--only", rival.name, "--out", str(folder / FILE)]
    return ["-m", "core.metrics.rivals", str(sampling.path_of(model.name)), *where, *fixed, *given]


def follow(model: Model, held: Contest) -> None:
    """How far the slow rival is, with a button that stops it; what it made is added when it is done."""
    job = jobs.mine().get(key(model.name))
    if job is None:
        return
    label = slow(model)[0].label
    if job.state == "running":
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(job.share, f"{label}: {100 * job.share:.0f} % of its steps, or until the curve is met")
            batches.cancel(key(model.name))
    elif job.state == "failed":
        st.error(job.sentence)
    elif label not in held.rows:
        with np.load(job.folder / FILE, allow_pickle=False) as made:
            enter(model, held, label, made["labels"][None], 1e3 * float(made["seconds"]))


def run(model: Model, dial: Dial) -> Contest:
    """This model, the other presets and every quick rival at the dial's request; the mean of a few simulations is what
    they are judged by."""
    sample, shape = models.take(model, dial), models.shape_of(model, dial)
    asked = {q.name: sample.requested[q.name] for q in model.conditions if q.name in sample.requested}
    truth = next(r for r in model.problem.evaluation.baselines if r.truth)
    several = int(np.clip(EFFORT // (shape[0] * shape[1]), 1, SIMULATIONS))
    true = truth.make({k: np.repeat(v, several, 0) for k, v in asked.items()}, several, dial.seed + 1, shape)
    expected = {name: values.mean(0, keepdims=True) for name, values in describe(model.problem, true).items()}
    held = Contest(dial, asked, expected)
    for label, make in ways(model, dial, asked, shape):
        make(0)  # what is fitted or built once is not counted
        arrays, ms = rivals.clocked(make, 1 if label == truth.label else REPEATS)
        enter(model, held, label, arrays[:1], ms)
    return held


def ways(
    model: Model, dial: Dial, asked: dict[str, Array], shape: tuple[int, int]
) -> Sequence[tuple[str, Callable[[int], Array]]]:
    """(label, maker) of everybody who is quick, this model first."""
    refined = NO_REFINEMENT in model.stages and NO_REFINEMENT not in dial.off and dial.project
    found: list[tuple[str, Callable[[int], Array]]] = [(rivals.OURS, lambda i: models.take(model, dial).array)]
    if refined:
        plain = replace(dial, off=(*dial.off, NO_REFINEMENT))
        found.append((f"{rivals.OURS}, not refined", lambda i: models.take(model, plain).array))
    found += [(title, lambda i, make=make: make()) for title, make in baselines.siblings(model, dial)]  # type: ignore[misc]
    quick = [r for r in model.problem.evaluation.baselines if not r.run]
    return found + [(r.label, lambda i, r=r: r.make(asked, 1, dial.seed, shape)) for r in quick]  # type: ignore[misc]


def enter(model: Model, held: Contest, label: str, arrays: Array, ms: float) -> None:
    """Adds what somebody made to the pictures and the table."""
    held.pictures[label] = arrays[0]
    held.rows[label] = {**rivals.judge(model, arrays, held.asked, held.expected), rivals.MILLISECONDS: ms}


def draw(model: Model, held: Contest) -> None:
    """Pictures side by side, then the table."""
    st.caption(f"At {baselines.request(model, held.dial)}:")
    across = max(4, min(len(held.pictures), baselines.MOST))
    columns = [c for _ in range(0, len(held.pictures), across) for c in st.columns(across)]
    for (label, array), column in zip(held.pictures.items(), columns, strict=False):
        picture = exports.png(array.astype(np.uint8), model.field, max(1, 384 // len(array)), routes.dark())
        taken = figures.short(held.rows[label][rivals.MILLISECONDS])
        column.image(picture, f"{label[0].upper()}{label[1:]}, {taken} ms", width="stretch")
    st.dataframe(table(model, held), width="stretch")
    minutes = rivals.training_seconds(model) / 60
    trained = f"; the training took {minutes:.3g} minutes" if math.isfinite(minutes) else ""
    st.caption(
        "Errors: mean absolute deviation from the request; of other curves, from the mean of simulations at this "
        "request. Times are"
        f" the processor's, one sample at a time{trained}, which has paid from the break-even count on. The same "
        f"table at the"
        f" curves of held-out simulations: `python -m core.metrics.rivals {model.name}`."
    )


def table(model: Model, held: Contest) -> pd.DataFrame:
    """The rows with the break-even count, as text."""
    rows = rivals.with_break_even(model, held.rows)
    frame = rivals.words(pd.DataFrame.from_dict(rows, orient="index"))

    def text(v: Any) -> str:
        return v if isinstance(v, str) else "" if pd.isna(v) else figures.short(v)

    return frame.map(text)
