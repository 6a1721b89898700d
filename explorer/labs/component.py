"""The panels of the labs as Streamlit components."""

from __future__ import annotations

import streamlit as st

from explorer.live import component
from explorer.live.bundle import bundle
from explorer.live.component import PANEL, styles

LAB = PANEL.parents[1] / "labs" / "browser"
LABS = {"linear_game": "linear", "gan_lab": "gan", "inverse": "inverse"}
"""Lab -> the name of its script and its page."""
LAB_STYLES = {"linear": ("lab",), "gan": ("lab", "gan"), "inverse": ("lab", "inverse")}
"""Script -> style sheets of its page besides the panel's."""

_LABS = {
    lab: st.components.v2.component(
        f"explorer_{lab}",
        html=(LAB / f"{name}.html").read_text(encoding="utf-8"),
        css=component.CSS + styles(LAB, LAB_STYLES[name]),
        js=bundle(LAB / f"{name}.js"),
    )
    for lab, name in LABS.items()
}


def mount_lab(frame: bytes, name: str, model: str) -> None:
    """Mounts the panel of the lab `name`, showing `frame`; its requests are held under `model`."""
    _LABS[name](data=frame, key=component.panel_key(model), on_dial_change=component.keep)
