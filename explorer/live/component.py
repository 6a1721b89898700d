"""The panel and its relay as Streamlit components: constants in, one frame as raw bytes, the dial back.

The panel sends a drag through its component only where there is no live route; a release travels through the relay at
the end of the details. So a drag never reruns the details, and a release never sends the panel again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from explorer.live.bundle import bundle

PANEL = Path(__file__).parent / "browser"
STYLES = ("panel", "controls", "picture", "readout", "solution", "tooltip", "narrow")


def styles(folder: Path, names: tuple[str, ...]) -> str:
    """These style sheets of a folder, one after the other."""
    return "\n".join((folder / f"{name}.css").read_text(encoding="utf-8") for name in names)


CSS = styles(PANEL, STYLES)
_PANEL = st.components.v2.component(
    "explorer_panel",
    html=(PANEL / "panel.html").read_text(encoding="utf-8"),
    css=CSS,
    js=bundle(PANEL / "panel.js"),
)
_RELAY = st.components.v2.component("explorer_relay", js=bundle(PANEL / "relay.js"))


def panel_key(model: str) -> str:
    """The session key of the latest request from this model's panel."""
    return f"panel:{model}"


def relay_key(model: str) -> str:
    """The session key of the latest released request."""
    return f"relay:{model}"


def mount(frame: bytes, model: str) -> None:
    """Mounts the panel showing `frame` (see `frames.frame`, with `panel`)."""
    _PANEL(data=frame, key=panel_key(model), on_dial_change=keep)


def mount_relay(model: str) -> None:
    """Mounts the relay of this model: the fragment it stands in runs again on every release."""
    _RELAY(data={"model": model}, key=relay_key(model), on_dial_change=keep)


def committed(key: str) -> dict[str, Any] | None:
    """The last request under `panel_key` or `relay_key`."""
    state = st.session_state.get(key)
    dial = (state or {}).get("dial")
    return dict(dial) if isinstance(dial, dict) else None


def newest(model: str) -> dict[str, Any] | None:
    """The last request, dragged or released."""
    requests = [r for key in (panel_key(model), relay_key(model)) if (r := committed(key))]
    return max(requests, key=lambda r: r["id"] if isinstance(r.get("id"), int) else 0, default=None)


def keep() -> None:
    """The callback of a panel; without one Streamlit does not keep the value."""
