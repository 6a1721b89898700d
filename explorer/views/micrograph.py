"""The page of a user's own micrograph: upload, crop and segment it, see its statistics, generate structures with
them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import streamlit as st
import torch

from core.descriptors import two_phase, windows
from core.readers import curves
from core.readers import otsu as thresholds
from core.readers.curves import Curve
from core.readers.uploads import Picture
from core.sampling import Model
from core.simulation import correlations
from core.types import Array
from explorer import routes, session
from explorer.figures import micrograph as drawn
from explorer.files import micrograph as micrograph_files
from explorer.micrograph import request, scale, upload
from explorer.micrograph.request import Made, Target
from explorer.micrograph.scale import STAY
from explorer.micrograph.upload import Held

KEPT = "micrograph:made"
LEAST = 0.001
"""Smallest volume fraction of either phase that can be set, unless the file holds a smaller one."""
EMPTY = (
    "Drop a micrograph, or try the example. Its volume fraction and two-point correlation are measured without "
    "assuming that it is periodic, and structures with exactly these two statistics are generated. Other statistics "
    "are not matched. Nothing leaves this machine or is kept on its disk."
)


def show() -> None:
    """The whole page."""
    upload.heading()
    left, middle, right = st.columns([31, 33, 36], gap="medium")
    with left:
        held = upload.offer()
    if held is None:
        middle.info(EMPTY, icon=":material/biotech:")
        middle.caption(upload.ABOUT)
        return
    try:
        target = (
            of_curve(held, held.data, middle)
            if isinstance(held.data, Curve)
            else of_picture(held, held.data, left, middle)
        )
    except ValueError as error:
        middle.error(str(error))
        return
    model = session.loaded(request.MODEL)
    best = request.suggested(target, model) if model else 1.0
    with left:
        pixel, unit, step = scale.inputs(held, best, target)
    with right:
        measurements(target, pixel, unit, step, model)
    made: Made | None = st.session_state.get(KEPT)
    if made is not None and model is not None:
        likeness(model, made, pixel, unit, same=(made.target.settings, made.step) == (target.settings, step))


def of_curve(held: Held, curve: Curve, column: Any) -> Target:
    """The target of a correlation from a file; the user sets the volume fraction if the file does not contain it."""
    with column:
        st.markdown(f"**{held.name}**: S2 at {len(curve.distance)} distances up to {curve.distance[-1]:g}.")
        st.caption(curve.note)
        likely = float(np.clip(curve.likely, curves.FRACTION, 1 - curves.FRACTION))
        least = min(LEAST, likely, 1 - likely)
        p = st.number_input(
            "Volume fraction p1",
            least,
            1 - least,
            likely,
            0.005,
            format="%.4f" if least == LEAST else "%g",
            key=f"micrograph:p:{held.serial}",
            **STAY,
            help="S2(0). Correct it if the file does not contain it; the rest of the curve is unchanged.",
        )
    settings = {"file": held.name, "read as": curve.note, "volume_fraction": p, "serial": held.serial}
    return request.of_curve(held.name, curve, float(p), settings)


def of_picture(held: Held, picture: Picture, left: Any, middle: Any) -> Target:
    """The target of a window of an image, segmented into two phases."""
    with left:
        box = crop(held, picture.values)
    window = picture.values[box[1] : box[3], box[0] : box[2]]
    with middle:
        above = st.container()
        chosen, smoothing = st.columns([3, 2], vertical_alignment="bottom")
        sigma = smoothing.slider(
            "Smooth / px",
            0.0,
            3.0,
            0.0,
            0.1,
            key=f"micrograph:smooth:{held.serial}",
            **STAY,
            help="Gaussian blur against noise, before segmentation.",
        )
        side = chosen.segmented_control(
            "Phase 1", ["bright", "dark"], default="bright", key=f"micrograph:side:{held.serial}", required=True, **STAY
        )
        values = windows.smoothed(window, sigma)
        cut = threshold(held, values, side == "bright")
        phase = windows.phases(values, cut, side == "bright")
        above.image(drawn.coloured(phase, routes.dark()), width="stretch", output_format="PNG")
        for note in picture.notes:
            st.caption(f"Read as: {note}.")
    settings = {
        "file": held.name,
        "picture": picture.number + 1,
        "array": picture.array,
        "crop": box,
        "smoothing_px": sigma,
        "threshold": cut,
        "phase_1": side,
        "serial": held.serial,
    }
    return remembered(phase, settings)


def remembered(phase: Array, settings: dict[str, Any]) -> Target:
    """The measurements at these settings, computed once."""
    last: Target | None = st.session_state.get("micrograph:target")
    if last is None or last.settings != settings:
        last = st.session_state["micrograph:target"] = request.measured(str(settings["file"]), phase, settings)
    return last


def crop(held: Held, values: Array) -> drawn.Box:
    """The window, set by two range sliders below the image."""
    rows, columns = values.shape
    side = int(windows.LARGEST**0.5)
    fits = rows * columns <= windows.LARGEST
    spans = [(0, n) if fits or n <= side else ((n - side) // 2, (n + side) // 2) for n in (columns, rows)]
    above = st.container()
    (left, right), (top, bottom) = (
        st.slider(label, 0, n, span, key=f"micrograph:{label}:{held.serial}", help="From and to, in pixels.", **STAY)
        for label, n, span in zip(("Columns", "Rows"), (columns, rows), spans, strict=True)
    )
    box = (left, top, right, bottom)
    above.image(drawn.framed(values, box), width="stretch", output_format="PNG")
    if min(right - left, bottom - top) < windows.SMALLEST:
        least = windows.SMALLEST
        raise ValueError(
            f"The window has {right - left} × {bottom - top} pixels; each side needs {least} or more. Make it larger."
        )
    return box


def threshold(held: Held, values: Array, bright: bool) -> float:
    """The threshold: Otsu's until the user moves it."""
    key, own = f"micrograph:cut:{held.serial}", f"micrograph:own:{held.serial}"
    otsu = thresholds.otsu(values)
    low, high = (float(v) for v in (held.data.values.min(), held.data.values.max()))
    if not st.session_state.get(own):
        st.session_state[key] = otsu
    above = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        moved: dict[str, Any] = {"on_change": by_hand, "args": (own, True)}
        cut = st.slider("Threshold", low, high, step=(high - low) / 512, format="%.4g", key=key, **moved)
        st.button(
            "Otsu",
            on_click=by_hand,
            args=(own, False),
            disabled=not st.session_state.get(own),
            help=f"Back to {otsu:.4g}",
        )
    bins = thresholds.edges(low, high, values.dtype.kind == "u")
    figure = drawn.grey_levels(thresholds.histogram(values, bins), bins, cut, bright, routes.dark())
    above.plotly_chart(figure, theme=None, config={"displayModeBar": False}, key="micrograph:levels", height=128)
    return float(cut)


def by_hand(key: str, moved: bool) -> None:
    """Records that the threshold was moved, or returns it to Otsu's."""
    st.session_state[key] = moved


def measurements(target: Target, pixel: float, unit: str, step: float, model: Model | None) -> None:
    """The measurements, and the button that generates structures."""
    st.html(table(numbers(target, pixel, unit)))
    figures = [drawn.correlation(target, step, pixel, unit, routes.dark())]
    figures += [drawn.lineal_path(target, step, pixel, unit, routes.dark())] if target.statistics else []
    for i, figure in enumerate(figures):
        st.plotly_chart(figure, theme=None, config=routes.PLOTLY, key=f"micrograph:of:{i}", height=figure.layout.height)
    if step != 1:
        st.caption(f"One pixel of a structure corresponds to {step:g} of these; exported files carry that pixel size.")
    if st.button("Generate structures like this", type="primary", width="stretch", disabled=model is None) and model:
        try:
            with st.spinner("Generating…"):
                st.session_state[KEPT] = request.make(model, target, step)
            st.toast("The structures are displayed below.", icon=":material/south:")
        except ValueError as error:
            st.error(str(error))


def numbers(target: Target, pixel: float, unit: str) -> list[tuple[str, str]]:
    """Labels and values of the measurements, with standard errors where they are known."""
    s = target.statistics
    p = f"{target.p:.4f}" + (f" ± {s.p_error:.2g}" if s else "")
    length = s.length if s else windows.first_zero(target.at, target.s2, target.p)
    rows = [("Volume fraction p1", p), ("First zero of S2 − p1²", reach(length, target, pixel, unit))]
    if s:
        rows += [
            ("Specific surface", f"{s.surface / pixel:.4g} / {unit}"),
            ("Euler number", f"{s.euler:.3g} per 10⁴ px"),
            ("Mean chord length of phase 1", f"{mean_run(target) * pixel:.4g} {unit}"),
        ]
    return rows


def reach(length: float, target: Target, pixel: float, unit: str) -> str:
    """A first zero, or the statement that there is none."""
    return f"{'beyond ' if length >= target.at[-1] else ''}{length * pixel:.4g} {unit}"


def mean_run(target: Target) -> float:
    """Mean chord of phase 1 in px: p1 over the chords that begin in a pixel, L(0) - L(1)."""
    assert target.statistics is not None
    path = target.statistics.lineal_path
    return float(path[0] / max(path[0] - path[1], 1e-12))


def table(rows: Sequence[tuple[str, ...]], head: tuple[str, ...] = ()) -> str:
    """A small table of text."""

    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{c}</{tag}>" for c in cells) + "</tr>"

    style = (
        "<style>.facts{width:100%;border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}.facts "
        ":is(td,th){padding:2px 6px 2px 0;text-align:right;font-weight:400;border-bottom:1px solid rgb(128 128 "
        "128/.25)}.facts :is(td,th):first-child{text-align:left}.facts td:nth-child(2){font-weight:600}</style>"
    )
    return (
        f"{style}<table class='facts'>{line(head, 'th') if head else ''}{''.join(line(r, 'td') for r in rows)}</table>"
    )


def likeness(model: Model, made: Made, pixel: float, unit: str, same: bool) -> None:
    """The generated structures next to the micrograph: images, curves, numbers, and exports."""
    st.markdown("##### Generated structures")
    if not same:
        st.info(
            "These belong to earlier settings; generate them again for the settings above.", icon=":material/history:"
        )
    for note in made.sample.warnings:
        st.warning(note, icon=":material/info:")
    target, off = made.target, request.correlation_errors(made)
    tiles = [*([] if target.phase is None else [request.window(target.phase, made.step)]), *made.sample.array]
    st.image(drawn.sheet(tiles, routes.dark(), target.phase is not None), width="stretch", output_format="PNG")
    summary = (
        f"p1 exact to a pixel, mean |S2 − S2 requested| {off.mean():.5f} (largest {off.max():.5f}), "
        f"{1e3 * made.seconds:.0f} ms each."
    )
    size = request.WINDOW * made.step * pixel
    st.caption(
        ("Framed: the centre of the micrograph. " if target.phase is not None else "")
        + f"{len(off)} structures of {size:.4g} {unit}, periodic: {summary}"
    )
    charts(made, pixel, unit)
    actions(model, made, pixel, unit)


def charts(made: Made, pixel: float, unit: str) -> None:
    """The curves of both overlaid, and the numbers of both."""
    night, (first, second, third) = routes.dark(), st.columns(3, gap="medium")
    figures = [(first, drawn.correlation(made.target, made.step, pixel, unit, night, made))]
    if made.target.statistics:
        paths = two_phase.lineal_path(torch.from_numpy(made.sample.array), longest=correlations.BINS - 1).numpy()
        figures.append((second, drawn.lineal_path(made.target, made.step, pixel, unit, night, paths)))
    for i, (column, figure) in enumerate(figures):
        column.plotly_chart(
            figure, theme=None, config=routes.PLOTLY, key=f"micrograph:like:{i}", height=figure.layout.height
        )
    rows = [
        (
            label + (f", {u}" if u else ""),
            "–" if requested is None else f"{requested:.4g}",
            f"{np.mean(v):.4g} ± {np.std(v):.2g}",
        )
        for label, u, v, requested in request.comparison(made)
    ]
    third.html(table(rows, ("", "micrograph" if made.target.statistics else "file", "structures")))
    third.caption(
        "Mean ± standard deviation of the structures; lengths in pixels of the micrograph. Only p1 and S2 are "
        "matched; other statistics are not matched. To learn them too, train on the micrograph: `python train.py "
        "two_phase --data FILE`."
    )


def actions(model: Model, made: Made, pixel: float, unit: str) -> None:
    """Links to the two-phase page with this request, and to a file."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if st.button("Open in the two-phase page", icon=":material/tune:"):
            session.remember_for(model, made.dial)
            st.switch_page(routes.page("two_phase"))
        n = int(st.number_input("Structures", 1, micrograph_files.MOST, 64, key="micrograph:n", width=130))
        make = partial(micrograph_files.bundle, model, made, n, pixel, unit)
        stem = made.target.name.rsplit(".", 1)[0]
        st.download_button(
            f"Export {n}",
            make,
            f"like_{stem}_n{n}.zip",
            "application/zip",
            key="micrograph:zip",
            on_click="ignore",
            icon=":material/folder_zip:",
            help="PNG with the pixel size, NPY, CSV of curves, JSON.",
        )


if __name__ == "__main__":
    show()
