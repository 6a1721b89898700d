"""What a problem's page shows: the live panel first; on release the link, the files and the charts; then the
comparison.

Three fragments stand side by side, none inside another: what is left in the queue of a nested one when its parent runs
again breaks the page."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from core import discovery
from core.sampling import Model
from core.types import Problem, Sample
from explorer import link, panel_spec
from explorer.live import component, frames, models, protocol, solutions
from explorer.live.protocol import Dial
from explorer.sections import baselines, batches, correlation_baselines, solution, statistics

SIDE_BY_SIDE = 4
"""So many presets are offered next to each other; more of them in a list, with a sentence about the chosen one."""


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
    """The heading with the choice of preset, and the model behind it."""
    names = [p.name for p in problem.presets]
    key, many = f"preset:{problem.name}", len(names) > SIDE_BY_SIDE
    asked = st.query_params.get("preset", names[0])
    if len(names) > 1:
        st.session_state.setdefault(key, asked if asked in names else names[0])
    asked = st.session_state.get(key) or names[0]
    chosen = problem.presets[names.index(asked)] if asked in names else problem.presets[0]
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.markdown(f"##### {problem.title}", width="content")
        st.caption(chosen.summary if many else "", width="stretch")
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
    return loaded(f"{problem.name}/{chosen.name}")


def switched(problem: str) -> None:
    """Another preset: the link no longer says what is shown; `remembered` carries the request over."""
    st.query_params.clear()
    st.session_state[f"switched:{problem}"] = True


def loaded(name: str) -> Model | None:
    """The model of that name; None, and a sentence on the page, when it is missing or damaged."""
    try:
        return models.MODELS.get(name)
    except (FileNotFoundError, ValueError) as error:
        st.warning(str(error), icon=":material/model_training:")
        return None


def remembered(model: Model) -> tuple[Dial, tuple[str, ...]]:
    """The dial to start from: the link's when it says anything, else what this session left and last asked of this
    problem, else the defaults."""
    query = st.query_params.to_dict()
    if query:
        return link.from_query(model, query)
    held, last = (st.session_state.get(key) for key in (f"dial:{model.name}", f"last:{model.problem.name}"))
    return link.carried(model, held or Dial(), last), ()


def asked(model: Model, given: dict[str, Any] | None, start: Dial) -> tuple[Dial, int, str]:
    """The dial in a request from the page, its number, and a sentence when it cannot be used (then the start is)."""
    if given is None:
        return start, 0, ""
    number = given["id"] if isinstance(given.get("id"), int) else 0
    try:
        request = protocol.request(given)
        models.check(model, request.dial)
        return request.dial, request.id, ""
    except ValueError as error:
        return start, number, f"{error} The last good picture is shown."


def taken(model: Model, dial: Dial, start: Dial) -> tuple[Dial, Sample, str]:
    """The sample of a dial, or of the start with a sentence when the dial is refused."""
    try:
        return dial, models.RECENT.take(model, dial)[0], ""
    except ValueError as error:
        return start, models.RECENT.take(model, start)[0], f"{error} The last good picture is shown."


@st.fragment
def live(name: str, start: Dial) -> None:
    """The panel. It runs again only where there is no live route, once for each step of a drag."""
    model = loaded(name)
    if model is None:
        return
    dial, number, flaw = asked(model, component.newest(name), start)
    base = st.get_option("server.baseUrlPath") or ""
    describe = partial(panel_spec.panel, model, base=f"/{base}" if base else "")
    try:
        framed = frames.frame(model, dial, number, describe(dial), flaw)
    except ValueError as error:
        flaw = flaw or f"{error} The last good picture is shown."
        framed = frames.frame(model, start, number, describe(start), flaw)
    component.mount(framed, name)
    if flaw:
        st.error(flaw)


@st.fragment
def released(name: str, start: Dial, words: str = "") -> None:
    """Link, files and charts of what was released; runs again on every release."""
    model = loaded(name)
    if model is None:
        return
    given = component.committed(component.relay_key(name))
    start = st.session_state.get(f"dial:{model.name}", start)
    dial, _, flaw = asked(model, given, start)
    dial, sample, refused = taken(model, dial, start)
    if given is not None and not flaw and not refused:
        remember(model, dial)
    if solutions.applies(model):
        solution.show(model, dial, words)
    else:
        statistics.show(model, dial, sample)
    component.mount_relay(name)


def remember_for(model: Model, dial: Dial) -> None:
    """The problem's page will open with this preset at this dial."""
    st.session_state[f"dial:{model.name}"] = st.session_state[f"last:{model.problem.name}"] = dial
    st.session_state[f"preset:{model.problem.name}"] = model.preset.name
    st.session_state[f"switched:{model.problem.name}"] = True


def remember(model: Model, dial: Dial) -> None:
    """Keeps the dial for this session and writes it into the address: same address, same pixels.

    What was asked of one preset stays known when the next one does not have it: the one after may.
    """
    st.session_state[f"dial:{model.name}"] = dial
    key = f"last:{model.problem.name}"
    before = st.session_state[key].conditions if key in st.session_state else {}
    ours = {q.name for q in model.conditions}
    st.session_state[key] = replace(
        dial, conditions={k: v for k, v in before.items() if k not in ours} | dict(dial.conditions)
    )
    query = link.to_query(model, dial)
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
