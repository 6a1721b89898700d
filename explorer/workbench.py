"""What a problem's page shows: the live panel first; on release the charts, the comparison, the link and the files."""

from __future__ import annotations

import time
from typing import Any

import streamlit as st

from core import discovery
from core.sampling import Model
from core.types import Problem
from explorer import controls, details, state
from explorer.live import component, protocol, render, store
from explorer.live.protocol import Dial


def show(name: str) -> None:
    """The whole page of the problem `name`; a missing or damaged checkpoint is a sentence that says what to do."""
    problem = discovery.problem(name)
    model = choose(problem)
    if model is None:
        return
    dial, notes = remembered(model)
    for note in notes:
        st.warning(note, icon=":material/link_off:")
    live(model.name, dial)


def choose(problem: Problem) -> Model | None:
    """The heading with the choice of preset, and the model behind it."""
    names = [p.name for p in problem.presets]
    asked: str | None = st.query_params.get("preset", names[0])
    title, choice = st.columns([3, 2], vertical_alignment="center")
    title.markdown(f"##### {problem.title}")
    if len(names) > 1:
        titles = {p.name: p.title for p in problem.presets}
        key = f"preset:{problem.name}"
        st.session_state.setdefault(key, asked if asked in names else names[0])
        asked = choice.segmented_control(
            "Preset", names, format_func=titles.__getitem__, key=key, label_visibility="collapsed", on_change=st.query_params.clear
        )
    chosen = asked if asked is not None and asked in names else names[0]
    try:
        return store.MODELS.get(f"{problem.name}/{chosen}")
    except (FileNotFoundError, ValueError) as error:
        st.warning(str(error), icon=":material/model_training:")
        return None


def remembered(model: Model) -> tuple[Dial, tuple[str, ...]]:
    """The dial to start from: the link's when it says anything, else what this session left, else the defaults."""
    query = st.query_params.to_dict()
    if query:
        return state.from_query(model, query)
    held = st.session_state.get(f"dial:{model.name}")
    return (held if isinstance(held, Dial) else Dial()), ()


def asked(model: Model, start: Dial, key: str) -> tuple[Dial, str, int, str]:
    """What the panel last committed: dial, phase, number and a sentence when it cannot be used (then the start is)."""
    given: dict[str, Any] | None = component.committed(key)
    if given is None:
        return start, "start", 0, ""
    phase = "drag" if given.pop("phase", None) == "drag" else "release"
    number = given["id"] if isinstance(given.get("id"), int) else 0
    try:
        request = protocol.request(given)
        store.check(model, request.dial)
        return request.dial, phase, request.id, ""
    except ValueError as error:
        return start, phase, number, str(error)


@st.fragment
def live(name: str, start: Dial) -> None:
    """The panel and, unless a finger is still on a slider, everything about what it delivered."""
    model, key = store.MODELS.get(name), f"panel:{name}"
    dial, phase, number, flaw = asked(model, start, key)
    began = time.perf_counter()
    try:
        sample = store.take(model, dial)
    except ValueError as error:
        dial, flaw = start, str(error)
        sample = store.take(model, dial)
    seconds = time.perf_counter() - began
    base = st.get_option("server.baseUrlPath") or ""
    about = controls.panel(model, dial, f"/{base}" if base else "")
    component.mount(render.compose(model, dial, sample, seconds, number, about), key)
    if flaw:
        st.error(f"{flaw} The last good picture is shown.")
    if phase == "drag":
        st.caption("The charts and files follow when you let go.")
        return
    if phase == "release":
        remember(model, dial)
    details.show(model, dial, sample)


def remember(model: Model, dial: Dial) -> None:
    """Keeps the dial for this session and writes it into the address: same address, same pixels."""
    st.session_state[f"dial:{model.name}"] = dial
    query = state.to_query(model, dial)
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
