"""The panel as a Streamlit component: constants in, one frame as raw bytes, the committed dial back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

HERE = Path(__file__).parent
HTML, CSS, DRAW, PANEL = ((HERE / name).read_text(encoding="utf-8") for name in ("panel.html", "panel.css", "draw.js", "panel.js"))
_PANEL = st.components.v2.component("explorer_panel", html=HTML, css=CSS, js=DRAW + PANEL)


def mount(frame: bytes, key: str) -> None:
    """Mounts the panel showing `frame` (see `render.frame`, with `panel`); what it commits is `committed(key)`."""
    _PANEL(data=frame, key=key, on_dial_change=_keep)


def committed(key: str) -> dict[str, Any] | None:
    """The last request that the panel under `key` sent through the page, with its `phase` (drag or release)."""
    state = st.session_state.get(key)
    dial = (state or {}).get("dial")
    return dict(dial) if isinstance(dial, dict) else None


def _keep() -> None:
    """A callback is what makes Streamlit hold the value."""
