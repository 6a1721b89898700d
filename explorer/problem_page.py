"""The page of a problem: the live panel; on release the link, the files and the charts; then the comparison.

The three fragments are siblings, none inside another: what is left in the queue of a nested one when its parent runs
again breaks the page."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from core import discovery
from core.sampling import Model
from core.types import Problem, Sample
from explorer import panel_spec
from explorer.live import component, frames, models, protocol, solutions
from explorer.live.dial import Dial, ResolvedRequest, resolve
from explorer.sections import baselines, batches, correlation_baselines, solution, statistics
from explorer.session import loaded, remember, remembered

SIDE_BY_SIDE = 4
"""Most presets that are offered next to each other; more of them in a list, with a sentence about the selected one."""
KEPT = "The last good picture is shown."


def show(name: str, words: str = "") -> None:
    """The whole page of the problem `name`, with `words` of its own below the panel.

    A missing or damaged checkpoint is a sentence that says what to do.
    """
    problem = discovery.problem(name)
    model = choose(problem)
    if model is None:
        return
    dial, notes = remembered(model)
    for note in notes:
        st.warning(note, icon=":material/link_off:")
    if st.session_state.pop(f"switched:{problem.name}", False):
        remember(model, dial)
    st.session_state[f"dial:{model.name}"] = dial
    live(model.name, dial)
    released(model.name, dial, words)
    if solutions.applies(model):
        solution.published(model.name)
    elif correlation_baselines.applies(model):
        correlation_baselines.show(model.name)
    elif model.problem.truth.simulate or model.problem.evaluation.baselines:
        baselines.show(model.name)
    if batches.applies(model):
        batches.show(model.name)


def choose(problem: Problem) -> Model | None:
    """The heading with the choice of preset, and the model of the selected one."""
    names = [p.name for p in problem.presets]
    key, many = f"preset:{problem.name}", len(names) > SIDE_BY_SIDE
    requested = st.query_params.get("preset", names[0])
    if len(names) > 1:
        st.session_state.setdefault(key, requested if requested in names else names[0])
    requested = st.session_state.get(key) or names[0]
    preset = problem.presets[names.index(requested)] if requested in names else problem.presets[0]
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.markdown(f"##### {problem.title}", width="content")
        st.caption(preset.summary if many else "", width="stretch")
        if len(names) > 1:
            titles = {p.name: p.title for p in problem.presets}
            pick: Any = partial(st.selectbox, width=300) if many else st.segmented_control
            pick(
                "Preset",
                names,
                format_func=titles.__getitem__,
                key=key,
                label_visibility="collapsed",
                on_change=switched,
                args=(problem.name,),
            )
    return loaded(f"{problem.name}/{preset.name}")


def switched(problem: str) -> None:
    """Another preset: the link no longer describes the page; `remembered` transfers the request."""
    st.query_params.clear()
    st.session_state[f"switched:{problem}"] = True


def parse_request(model: Model, message: dict[str, Any] | None, start: Dial) -> tuple[ResolvedRequest, int, str]:
    """The resolved request of a message from the page, its number, and a sentence when it cannot be used (then the
    start is resolved)."""
    if message is None:
        return resolve(model, start), 0, ""
    number = message["id"] if isinstance(message.get("id"), int) else 0
    try:
        request = protocol.request(message)
        return resolve(model, request.dial), request.id, ""
    except ValueError as error:
        return resolve(model, start), number, f"{error} {KEPT}"


def sample_or_fallback(model: Model, request: ResolvedRequest, start: Dial) -> tuple[ResolvedRequest, Sample, str]:
    """The sample of a request, or of the start with a sentence when the model refuses the request."""
    try:
        return request, models.SAMPLES.sample(model, request)[0], ""
    except ValueError as error:
        request = resolve(model, start)
        return request, models.SAMPLES.sample(model, request)[0], f"{error} {KEPT}"


@st.fragment
def live(name: str, start: Dial) -> None:
    """The panel. It runs again only where there is no live route, once for each step of a drag."""
    model = loaded(name)
    if model is None:
        return
    request, number, error_text = parse_request(model, component.newest(name), start)
    base = st.get_option("server.baseUrlPath") or ""
    describe = partial(panel_spec.panel, model, base=f"/{base}" if base else "")
    try:
        frame = frames.frame(model, request, number, describe(request.dial), error_text)
    except ValueError as error:
        error_text = error_text or f"{error} {KEPT}"
        frame = frames.frame(model, resolve(model, start), number, describe(start), error_text)
    component.mount(frame, name)
    if error_text:
        st.error(error_text)


@st.fragment
def released(name: str, start: Dial, words: str = "") -> None:
    """Link, files and charts of the released request; runs again on every release."""
    model = loaded(name)
    if model is None:
        return
    message = component.committed(component.relay_key(name))
    start = st.session_state.get(f"dial:{model.name}", start)
    request, _, error_text = parse_request(model, message, start)
    request, sample, refusal = sample_or_fallback(model, request, start)
    if message is not None and not error_text and not refusal:
        remember(model, request.dial)
    if solutions.applies(model):
        solution.show(model, request, words)
    else:
        statistics.show(model, request, sample)
    component.mount_relay(name)
