"""The panel and its relay as Streamlit components: constants in, one frame as raw bytes, the dial back.

The panel sends what is dragged only where there is no live route; what is released travels through the relay, which
stands at the end of the details. So a drag never reruns the details, and a release never sends the panel again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

PANEL = Path(__file__).parent / "browser"
LAB = Path(__file__).parents[1] / "labs" / "browser"
SCRIPTS = ("draw", "link", "picture", "simplex", "handles", "maps", "pull", "panel")
HTML, CSS, RELAY, *PARTS = (
    (PANEL / name).read_text(encoding="utf-8")
    for name in ("panel.html", "panel.css", "relay.js", *(f"{s}.js" for s in SCRIPTS))
)
_PANEL = st.components.v2.component("explorer_panel", html=HTML, css=CSS, js="".join(PARTS))
LABS = {"linear_game": "linear", "gan_lab": "gan", "inverse": "inverse"}
"""Lab -> the name of its script and its page; each stands on the scripts of `LAB_SCRIPTS`."""
LAB_SCRIPTS = ("draw", "axes", "link", "transport")
LAB_STYLES = {"gan": ("gan.css",)}
"""Script -> what its page adds to the style of a lab."""
_RELAY = st.components.v2.component("explorer_relay", js=RELAY)


def read(folder: Path, *names: str) -> str:
    """These files of a folder, one after the other."""
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)


_LABS = {
    lab: st.components.v2.component(
        f"explorer_{lab}",
        html=read(LAB, f"{name}.html"),
        css=CSS + read(LAB, "lab.css", *LAB_STYLES.get(name, ())),
        js=read(PANEL, *(f"{s}.js" for s in LAB_SCRIPTS)) + "\n" + read(LAB, "lab.js", f"{name}.js"),
    )
    for lab, name in LABS.items()
}


def panel_key(model: str) -> str:
    """Where the session holds what the panel of this model sent."""
    return f"panel:{model}"


def relay_key(model: str) -> str:
    """Where the session holds what was released."""
    return f"relay:{model}"


def mount(frame: bytes, model: str) -> None:
    """Mounts the panel showing `frame` (see `render.frame`, with `panel`)."""
    _PANEL(data=frame, key=panel_key(model), on_dial_change=_keep)


def mount_lab(frame: bytes, name: str, model: str) -> None:
    """Mounts the panel of the lab `name`, showing `frame`; what it sends is held under `model`."""
    _LABS[name](data=frame, key=panel_key(model), on_dial_change=_keep)


def mount_relay(model: str) -> None:
    """Mounts the relay of this model: the fragment it stands in runs again on every release."""
    _RELAY(data={"model": model}, key=relay_key(model), on_dial_change=_keep)


def committed(key: str) -> dict[str, Any] | None:
    """The last request under `panel_key` or `relay_key`."""
    state = st.session_state.get(key)
    dial = (state or {}).get("dial")
    return dict(dial) if isinstance(dial, dict) else None


def newest(model: str) -> dict[str, Any] | None:
    """The last request, dragged or released."""
    given = [g for key in (panel_key(model), relay_key(model)) if (g := committed(key))]
    return max(given, key=lambda g: g["id"] if isinstance(g.get("id"), int) else 0, default=None)


def _keep() -> None:
    """A callback is what makes Streamlit hold the value."""
