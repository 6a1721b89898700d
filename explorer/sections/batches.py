"""Ensembles: many samples at the request on the screen or over a sweep, made in the background, summed up and handed
over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core import sampling
from core.sampling import Model
from core.sampling.request import Request, Sweep, validate
from core.types import Quantity
from explorer import jobs, link, routes
from explorer.figures import base as figures
from explorer.files import batches, formats
from explorer.files.batches import Found
from explorer.live import models
from explorer.live.dial import Dial, resolve

MOST, PIXELS = 10_000, 2500 * 512 * 512
"""Most samples in a set, and most pixels."""
POLL = 0.7
"""Seconds between two looks at a job."""
ACROSS, SHOWN = 16, 48
"""Thumbnails in a row and on a page."""
FILE = "samples.h5"
Span = tuple[str, float, float] | None
"""A condition and the ends between which it is swept; None: nothing varies."""


def applies(model: Model) -> bool:
    """True for fields of labels."""
    return model.field.kind != "continuous"


def show(name: str) -> None:
    """The section of the model `name`; a fragment of its own that looks at its job while it runs."""
    running = is_running(name)
    st.session_state[f"polled:{name}"] = running
    st.fragment(section, run_every=POLL if running else None)(name)


def is_running(name: str) -> bool:
    """Whether the set of this model is being made."""
    job = jobs.mine().get(key(name))
    return job is not None and job.state == "running"


def key(name: str) -> str:
    """What the job of this model is called."""
    return f"set:{name}"


def section(name: str) -> None:
    """What to make, the job, and what came out."""
    model, job = models.MODELS.get(name), jobs.mine().get(key(name))
    if is_running(name) != st.session_state[f"polled:{name}"]:
        st.rerun()
    st.markdown("##### Ensemble")
    form(model)
    if job is None:
        return
    if job.state == "running":
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(job.share, f"{job.done} of {job.total} samples" if job.total else "Loading the model…")
            cancel(key(name))
    elif job.state == "failed":
        st.error(job.sentence)
    else:
        finished(model, job.folder / FILE, job.seconds)


def cancel(job: str) -> None:
    """The button that ends a job."""
    st.button("Cancel", key=f"{job}:cancel", on_click=jobs.mine().drop, args=(job,), icon=":material/close:")


def form(model: Model) -> None:
    """How many, over what, and the button that starts. It does not know what is released meanwhile, so it shows nothing
    of it."""
    swept = {q.name: q for q in model.conditions if q.kind == "scalar"}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        n = int(st.number_input("Samples", 1, MOST, 200, key="set:n", width=130))
        over = st.selectbox(
            "Varied",
            ["", *swept],
            format_func=lambda v: swept[v].label if v else "nothing, all at the request above",
            key=f"set:over:{model.name}",
            width=280,
        )
        span = ends(swept[over]) if over else None
        pressed = st.button("Generate", key=f"{key(model.name)}:go", type="primary", icon=":material/grid_view:")
        st.caption("At the size, seed and stages above, in the background.", width="stretch")
    if pressed:
        begin(model, st.session_state.get(f"dial:{model.name}", Dial()), n, span)


def ends(q: Quantity) -> tuple[str, float, float]:
    """The ends of a sweep, within the hard range; at first the trained one."""
    low, high = q.trained or (q.low, q.high)
    first, last = (
        st.number_input(f"{word} {q.unit}".strip(), q.low, q.high, value, q.step, key=f"set:{q.name}:{word}", width=120)
        for word, value in (("from", low), ("to", high))
    )
    return (q.name, float(first), float(last))


def begin(model: Model, dial: Dial, n: int, span: Span) -> None:
    """Starts the job, or says why it cannot be."""
    try:
        validate(request(model, dial, n, span), model)
        jobs.mine().start(key(model.name), partial(command, model, dial, n, span))
    except ValueError as error:
        st.error(str(error))
    else:
        st.rerun()


def request(model: Model, dial: Dial, n: int, span: Span) -> Request:
    """The set as `core.sampling` knows it; `ValueError` with a sentence for what cannot be made."""
    resolved = resolve(model, dial)
    rows, columns = resolved.shape
    if n > (most := PIXELS // (rows * columns)):
        raise ValueError(
            f"A set holds up to {most} samples of {rows} × {columns} {model.field.unit}; {n} were asked for."
        )
    given = [q for q in model.conditions if q.kind == "curve" and (q.name in dial.drawn or q.name in dial.conditions)]
    for q in given:
        if span and span[0] in (q.replaces, *(q.stroke.needs if q.stroke else ())):
            raise ValueError(
                f"{q.label} is given as a curve, so {span[0].replace('_', ' ')} cannot vary. Go back to the slider."
            )
    conditions: dict[str, Any] = {k: tuple(np.ravel(v)) if np.ndim(v) else v for k, v in resolved.conditions.items()}
    swept = {span[0]: Sweep(*span[1:])} if span else {}
    return Request(
        str(sampling.path_of(model.name)),
        n,
        dial.seed,
        rows,
        dial.project,
        conditions | swept,
        dict(dial.latent),
        off=dial.off,
        best_of=dial.best_of,
    )


def command(model: Model, dial: Dial, n: int, span: Span, folder: Path) -> list[str]:
    """The command that writes the set into a folder."""
    asked = request(model, dial, n, span)
    given = [*flags("set", asked.conditions), *flags("latent", asked.latent)]
    stages = [*(["--raw"] if not asked.project else []), *(f"--off={stage}" for stage in asked.off)]
    stages += [f"--best-of={asked.best_of}"] if asked.best_of > 1 else []
    fixed = ["-n", str(n), "--seed", str(asked.seed), "--size", str(asked.size), "--workers", "1", "--lines"]
    return ["-m", "core.sampling", asked.name, "--out", str(folder / FILE), *fixed, *given, *stages]


def flags(flag: str, values: Mapping[str, Any]) -> list[str]:
    """`--set=name=value` for every value: a number, numbers with commas between, or a sweep."""

    def write(v: Any) -> str:
        return f"{v.low}:{v.high}" if isinstance(v, Sweep) else ",".join(map(link.write_number, np.atleast_1d(v)))

    return [f"--{flag}={name}={write(value)}" for name, value in values.items()]


def finished(model: Model, path: Path, seconds: float) -> None:
    """Summary, bubbles, thumbnails and files of a set."""
    try:
        found = batches.read(path)
    except ValueError as error:
        st.error(str(error))
        return
    unit = model.field.unit
    size = f"{found.shape[0]} × {found.shape[1]} {unit}"
    about = f"{found.n} samples of {size} in {seconds:.1f} s, the start of the process included."
    left, right = st.columns([1.5, 1], gap="medium")
    with left:
        table(batches.summary(model, found))
        st.caption(" ".join([about, *found.manifest["warnings"]]))
    chart = bubbles(model, found, routes.dark())
    if chart:
        right.plotly_chart(chart, theme=None, config=routes.PLOTLY, key=f"bubbles:{model.name}", height=figures.HEIGHT)
    gallery(model, found)
    files(model, found)


def table(rows: Sequence[dict[str, Any]]) -> None:
    """The summary, three or four figures each."""
    order = [
        "requested",
        "delivered, mean",
        "sd",
        "|error|, mean",
        "|error|, sd",
        "|error|, worst",
        "raw |error|, mean",
    ]
    frame = pd.DataFrame([{"quantity": f"{r['quantity']} {r['unit']}".strip(), **r} for r in rows]).set_index(
        "quantity"
    )

    def text(v: Any) -> str:
        return v if isinstance(v, str) else "" if pd.isna(v) else f"{v:.4g}"

    st.dataframe(frame.reindex(columns=[c for c in order if c in frame]).map(text), width="stretch")


def bubbles(model: Model, found: Found, dark: bool) -> Any:
    """Requested against delivered of the condition that varies most, or of all shares of a simplex; None without
    any."""
    known = [
        q for q in model.conditions if q.kind != "curve" and q.name in found.requested and q.name in found.measured
    ]
    if not known:
        return None
    q = max(known, key=lambda q: float(np.ptp(found.requested[q.name], axis=0).max()) / (q.high - q.low))
    clouds = [("raw", found.raw[q.name]), ("delivered", found.measured[q.name])]
    return figures.bubbles(
        found.requested[q.name], clouds, f"{q.label.lower()} {f'/ {q.unit}' if q.unit else ''}".strip(), dark
    )


def gallery(model: Model, found: Found) -> None:
    """A page of thumbnails in one picture."""
    count = -(-found.n // SHOWN)
    page = st.pagination(count, key=f"set:page:{model.name}") if count > 1 else 1
    start = (page - 1) * SHOWN
    stop = min(start + SHOWN, found.n)
    across = min(ACROSS, stop - start)
    image = batches.thumbnails(model, found.labels(start, stop), across, routes.dark())
    st.image(
        image, f"Samples {start} to {stop - 1}", width="stretch" if across == ACROSS else across * 76, alt="Thumbnails"
    )


def files(model: Model, found: Found) -> None:
    """One row of downloads; nothing is made before it is asked for."""
    stem = f"{model.name.replace('/', '_')}_n{found.n}_seed{found.manifest['request']['seed']}_{found.shape[0]}px"
    limit = batches.most(found.shape)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        give("HDF5", found.path.read_bytes, f"{stem}.h5", "application/x-hdf5")
        kind = st.selectbox("In the ZIP", batches.FORMATS, key="set:format", width=110)
        pixel = st.number_input(
            "Pixel", 1e-6, 1e6, 1.0, format="%g", key="set:pixel", width=110, help="For TIFF and VTI."
        )
        unit = st.selectbox("Unit", formats.UNITS, key="set:unit", width=90)
        zipped = partial(batches.archive, model, found, kind, pixel, unit)
        reason = (
            f"A ZIP holds up to {limit} structures of this size; the HDF5 holds them all." if found.n > limit else None
        )
        give(f"ZIP of {kind}", zipped, f"{stem}_{kind.lower()}.zip", "application/zip", reason)
        give("CSV of curves", partial(batches.curves, model, found), f"{stem}_curves.csv", "text/csv")
        give("JSON", partial(batches.sidecar, model, found), f"{stem}.json", "application/json")


def give(label: str, make: Any, name: str, mime: str, reason: str | None = None) -> None:
    """A download that is made when it is asked for; with a reason it cannot be."""
    state_of: dict[str, Any] = {"disabled": reason is not None, "help": reason}
    st.download_button(
        label, make, name, mime, key=f"set:file:{label}", on_click="ignore", icon=":material/download:", **state_of
    )
