"""The panels of the labs as Streamlit components."""

from __future__ import annotations

import streamlit as st

from explorer.live import component
from explorer.live.component import PANEL, read

LAB = PANEL.parents[1] / "labs" / "browser"
LABS = {"linear_game": "linear", "gan_lab": "gan", "inverse": "inverse"}
"""Lab -> the name of its script and its page; each uses the scripts of `LAB_SCRIPTS`."""
LAB_SCRIPTS = ("draw", "axes", "link", "transport")
LAB_STYLES = {"gan": ("gan.css",)}
"""Script -> style sheets of its page besides that of every lab."""

_LABS = {
    lab: st.components.v2.component(
        f"explorer_{lab}",
        html=read(LAB, f"{name}.html"),
        css=component.CSS + read(LAB, "lab.css", *LAB_STYLES.get(name, ())),
        js=read(PANEL, *(f"{s}.js" for s in LAB_SCRIPTS)) + "\n" + read(LAB, "lab.js", f"{name}.js"),
    )
    for lab, name in LABS.items()
}


def mount_lab(frame: bytes, name: str, model: str) -> None:
    """Mounts the panel of the lab `name`, showing `frame`; its requests are held under `model`."""
    _LABS[name](data=frame, key=component.panel_key(model), on_dial_change=component.keep)
