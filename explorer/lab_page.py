"""The page of a lab: its panel; on release the link in the address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from explorer.labs import component as lab_component
from explorer.labs.lab import Dial, Lab
from explorer.live import component
from explorer.panel_spec import ROUTE

Describe = Callable[[Dial, str], dict[str, Any]]


def show(lab: Lab, describe: Describe) -> None:
    """The page of a lab; `describe(dial, route)` is the description of its controls."""
    start = remembered(lab)
    live(lab, start, describe)
    released(lab, start)


def remembered(lab: Lab) -> Dial:
    """The dial to start from: the link's when there is one, else the session's, else the defaults."""
    query = st.query_params.to_dict()
    if not query:
        return dict(st.session_state.get(f"dial:{lab.model}") or lab.defaults())
    dial, notes = lab.linked(query)
    for note in notes:
        st.warning(note, icon=":material/link_off:")
    return dial


def parse_request(lab: Lab, message: dict[str, Any] | None, start: Dial) -> tuple[Dial, int, str]:
    """The dial in a message from the page, its number, and a sentence when it cannot be used (then the start is)."""
    if message is None:
        return start, 0, ""
    number = message["id"] if isinstance(message.get("id"), int) else 0
    try:
        dial = lab.dial(message.get("dial", {}))
        lab.frame(dial, number, {})
        return dial, number, ""
    except ValueError as error:
        return start, number, str(error)


@st.fragment
def live(lab: Lab, start: Dial, describe: Describe) -> None:
    """The panel. It runs again only where there is no live route, once for each step of a drag."""
    message = component.newest(lab.model)
    dial, number, error_text = parse_request(lab, message, start)
    base = st.get_option("server.baseUrlPath") or ""
    route = (f"/{base}" if base else "").rstrip("/") + ROUTE
    panel = describe(dial, route)
    try:
        frame = lab.answer({"dial": dial, "run": (message or {}).get("run")}, number, {"panel": panel})
    except ValueError as error:
        error_text, dial = f"{error} The defaults are used.", lab.defaults()
        frame = lab.frame(dial, number, {"panel": describe(dial, route)})
    lab_component.mount_lab(frame, lab.name, lab.model)
    if error_text:
        st.error(error_text)


@st.fragment
def released(lab: Lab, start: Dial) -> None:
    """Keeps the released dial for this session and writes it into the address."""
    message = component.committed(component.relay_key(lab.model))
    dial, _, error_text = parse_request(lab, message, start)
    if message is not None and not error_text:
        st.session_state[f"dial:{lab.model}"] = dial
        if st.query_params.to_dict() != lab.query(dial):
            st.query_params.from_dict(lab.query(dial))
    component.mount_relay(lab.model)
