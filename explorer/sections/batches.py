"""Batches: many samples at the current request or over a sweep, generated in the background, with a summary and
files."""

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
from explorer.files.batches import Batch
from explorer.live import models
from explorer.live.dial import Dial, resolve

MOST, PIXELS = 10_000, 2500 * 512 * 512
"""Most samples in a batch, and most pixels."""
POLL = 0.7
"""Seconds between two queries of a job."""
ACROSS, SHOWN = 16, 48
"""Thumbnails in a row and on a page."""
FILE = "samples.h5"
Span = tuple[str, float, float] | None
"""A condition and the ends between which it is swept; None: nothing varies."""


def applies(model: Model) -> bool:
    """True for fields of labels."""
    return model.field.kind != "continuous"


def show(name: str) -> None:
    """The section of the model `name`: a fragment that queries its job while it runs."""
    running = is_running(name)
    st.session_state[f"polled:{name}"] = running
    st.fragment(section, run_every=POLL if running else None)(name)


def is_running(name: str) -> bool:
    """Whether a batch of this model is being generated."""
    job = jobs.mine().get(key(name))
    return job is not None and job.state == "running"


def key(name: str) -> str:
    """The key of this model's job."""
    return f"set:{name}"


def section(name: str) -> None:
    """The form, the job, and its result."""
    model, job = models.MODELS.get(name), jobs.mine().get(key(name))
    if is_running(name) != st.session_state[f"polled:{name}"]:
        st.rerun()
    st.markdown("##### Batches")
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
    """The button that cancels a job."""
    st.button("Cancel", key=f"{job}:cancel", on_click=jobs.mine().drop, args=(job,), icon=":material/close:")


def form(model: Model) -> None:
    """Number of samples, the condition that varies, and the start button. The form is not rerun on release, so it
    displays nothing of the request."""
    swept = {q.name: q for q in model.conditions if q.kind == "scalar"}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        n = int(st.number_input("Samples", 1, MOST, 200, key="set:n", width=130))
        over = st.selectbox(
            "Varied",
            ["", *swept],
            format_func=lambda v: swept[v].label if v else "nothing: all at the request above",
            key=f"set:over:{model.name}",
            width=280,
        )
        span = ends(swept[over]) if over else None
        pressed = st.button("Generate", key=f"{key(model.name)}:go", type="primary", icon=":material/grid_view:")
        st.caption("With the size, seed and stages above, in the background.", width="stretch")
    if pressed:
        begin(model, st.session_state.get(f"dial:{model.name}", Dial()), n, span)


def ends(q: Quantity) -> tuple[str, float, float]:
    """The ends of a sweep, within the hard range; initially the trained range."""
    low, high = q.trained or (q.low, q.high)
    first, last = (
        st.number_input(f"{word} {q.unit}".strip(), q.low, q.high, value, q.step, key=f"set:{q.name}:{word}", width=120)
        for word, value in (("from", low), ("to", high))
    )
    return (q.name, float(first), float(last))


def begin(model: Model, dial: Dial, n: int, span: Span) -> None:
    """Starts the job, or displays why it cannot be started."""
    try:
        validate(request(model, dial, n, span), model)
        jobs.mine().start(key(model.name), partial(command, model, dial, n, span))
    except ValueError as error:
        st.error(str(error))
    else:
        st.rerun()


def request(model: Model, dial: Dial, n: int, span: Span) -> Request:
    """The batch as a request of `core.sampling`; `ValueError` if it cannot be generated."""
    resolved = resolve(model, dial)
    rows, columns = resolved.shape
    if n > (most := PIXELS // (rows * columns)):
        raise ValueError(
            f"A batch has at most {most} samples of {rows} × {columns} {model.field.unit}; {n} were requested."
        )
    given = [q for q in model.conditions if q.kind == "curve" and (q.name in dial.drawn or q.name in dial.conditions)]
    for q in given:
        if span and span[0] in (q.replaces, *(q.stroke.needs if q.stroke else ())):
            raise ValueError(
                f"{q.label} is set as a curve, so {span[0].replace('_', ' ')} cannot vary. Return to the slider first."
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
    """The command that writes the batch into a folder."""
    batch_request = request(model, dial, n, span)
    given = [*flags("set", batch_request.conditions), *flags("latent", batch_request.latent)]
    stages = [*(["--raw"] if not batch_request.project else []), *(f"--off={stage}" for stage in batch_request.off)]
    stages += [f"--best-of={batch_request.best_of}"] if batch_request.best_of > 1 else []
    fixed = [
        "-n",
        str(n),
        "--seed",
        str(batch_request.seed),
        "--size",
        str(batch_request.size),
        "--workers",
        "1",
        "--lines",
    ]
    return ["-m", "core.sampling", batch_request.name, "--out", str(folder / FILE), *fixed, *given, *stages]


def flags(flag: str, values: Mapping[str, Any]) -> list[str]:
    """`--set=name=value` for each value: a number, numbers separated by commas, or a sweep."""

    def write(v: Any) -> str:
        return f"{v.low}:{v.high}" if isinstance(v, Sweep) else ",".join(map(link.write_number, np.atleast_1d(v)))

    return [f"--{flag}={name}={write(value)}" for name, value in values.items()]


def finished(model: Model, path: Path, seconds: float) -> None:
    """Summary, bubbles, thumbnails and files of a batch."""
    try:
        batch = batches.read(path)
    except ValueError as error:
        st.error(str(error))
        return
    unit = model.field.unit
    size = f"{batch.shape[0]} × {batch.shape[1]} {unit}"
    about = f"{batch.n} samples of {size} in {seconds:.1f} s, including the start of the process."
    left, right = st.columns([1.5, 1], gap="medium")
    with left:
        table(batches.summary(model, batch))
        st.caption(" ".join([about, *batch.manifest["warnings"]]))
    chart = bubbles(model, batch, routes.dark())
    if chart:
        right.plotly_chart(chart, theme=None, config=routes.PLOTLY, key=f"bubbles:{model.name}", height=figures.HEIGHT)
    gallery(model, batch)
    files(model, batch)


def table(rows: Sequence[dict[str, Any]]) -> None:
    """The summary, with three or four significant digits."""
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


def bubbles(model: Model, batch: Batch, dark: bool) -> Any:
    """Delivered against requested for the condition that varies most, or for all fractions; None if there is none."""
    known = [
        q for q in model.conditions if q.kind != "curve" and q.name in batch.requested and q.name in batch.measured
    ]
    if not known:
        return None
    q = max(known, key=lambda q: float(np.ptp(batch.requested[q.name], axis=0).max()) / (q.high - q.low))
    clouds = [("before correction", batch.raw[q.name]), ("delivered", batch.measured[q.name])]
    return figures.bubbles(
        batch.requested[q.name], clouds, f"{q.label.lower()} {f'/ {q.unit}' if q.unit else ''}".strip(), dark
    )


def gallery(model: Model, batch: Batch) -> None:
    """A page of thumbnails as one image."""
    count = -(-batch.n // SHOWN)
    page = st.pagination(count, key=f"set:page:{model.name}") if count > 1 else 1
    start = (page - 1) * SHOWN
    stop = min(start + SHOWN, batch.n)
    across = min(ACROSS, stop - start)
    image = batches.thumbnails(model, batch.labels(start, stop), across, routes.dark())
    st.image(
        image, f"Samples {start} to {stop - 1}", width="stretch" if across == ACROSS else across * 76, alt="Thumbnails"
    )


def files(model: Model, batch: Batch) -> None:
    """One row of downloads; each file is made when it is requested."""
    stem = f"{model.name.replace('/', '_')}_n{batch.n}_seed{batch.manifest['request']['seed']}_{batch.shape[0]}px"
    limit = batches.most(batch.shape)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        download("HDF5", batch.path.read_bytes, f"{stem}.h5", "application/x-hdf5")
        kind = st.selectbox("In the ZIP", batches.FORMATS, key="set:format", width=110)
        pixel = st.number_input(
            "Pixel", 1e-6, 1e6, 1.0, format="%g", key="set:pixel", width=110, help="For TIFF and VTI."
        )
        unit = st.selectbox("Unit", formats.UNITS, key="set:unit", width=90)
        zipped = partial(batches.archive, model, batch, kind, pixel, unit)
        reason = (
            f"A ZIP contains at most {limit} structures of this size; the HDF5 file contains all."
            if batch.n > limit
            else None
        )
        download(f"ZIP of {kind}", zipped, f"{stem}_{kind.lower()}.zip", "application/zip", reason)
        download("CSV of curves", partial(batches.curves, model, batch), f"{stem}_curves.csv", "text/csv")
        download("JSON", partial(batches.sidecar, model, batch), f"{stem}.json", "application/json")


def download(label: str, make: Any, name: str, mime: str, reason: str | None = None) -> None:
    """A download that is made on request; disabled if there is a reason."""
    state_of: dict[str, Any] = {"disabled": reason is not None, "help": reason}
    st.download_button(
        label, make, name, mime, key=f"set:file:{label}", on_click="ignore", icon=":material/download:", **state_of
    )
