"""What a lab's page shows: its panel, and nothing else that moves; on release the link in the address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from explorer.labs.lab import Dial, Lab
from explorer.live import component
from explorer.panel_spec import ROUTE

Describe = Callable[[Dial, str], dict[str, Any]]


def show(lab: Lab, describe: Describe) -> None:
    """The page of a lab; `describe(dial, route)` is what its panel is told of the controls."""
    start = remembered(lab)
    live(lab, start, describe)
    released(lab, start)


def remembered(lab: Lab) -> Dial:
    """The dial to start from: the link's when it says anything, else what this session left, else the defaults."""
    query = st.query_params.to_dict()
    if not query:
        return dict(st.session_state.get(f"dial:{lab.model}") or lab.defaults())
    dial, notes = lab.linked(query)
    for note in notes:
        st.warning(note, icon=":material/link_off:")
    return dial


def asked(lab: Lab, given: dict[str, Any] | None, start: Dial) -> tuple[Dial, int, str]:
    """The dial in a request from the page, its number, and a sentence when it cannot be used (then the start is)."""
    if given is None:
        return start, 0, ""
    number = given["id"] if isinstance(given.get("id"), int) else 0
    try:
        dial = lab.dial(given.get("dial", {}))
        lab.frame(dial, number, {})
        return dial, number, ""
    except ValueError as error:
        return start, number, str(error)


@st.fragment
def live(lab: Lab, start: Dial, describe: Describe) -> None:
    """The panel. It runs again only where there is no live route, once for each step of a drag."""
    given = component.newest(lab.model)
    dial, number, flaw = asked(lab, given, start)
    base = st.get_option("server.baseUrlPath") or ""
    told: dict[str, Any] = {"panel": describe(dial, (f"/{base}" if base else "").rstrip("/") + ROUTE)}
    try:
        framed = lab.answer({"dial": dial, "run": (given or {}).get("run")}, number, told)
    except ValueError as error:
        flaw, dial = f"{error} The defaults are used.", lab.defaults()
        framed = lab.frame(dial, number, {"panel": describe(dial, told["panel"]["route"])})
    component.mount_lab(framed, lab.name, lab.model)
    if flaw:
        st.error(flaw)


@st.fragment
def released(lab: Lab, start: Dial) -> None:
    """Keeps what was released for this session and writes it into the address."""
    given = component.committed(component.relay_key(lab.model))
    dial, _, flaw = asked(lab, given, start)
    if given is not None and not flaw:
        st.session_state[f"dial:{lab.model}"] = dial
        if st.query_params.to_dict() != lab.query(dial):
            st.query_params.from_dict(lab.query(dial))
    component.mount_relay(lab.model)
