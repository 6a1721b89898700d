"""The pages of problems and labs, the current page and theme, and the layout of figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from core import discovery

VIEWS = Path(__file__).resolve().parent / "views"
PLOTLY: dict[str, Any] = {"displaylogo": False, "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"]}
"""Plotly's tool bar: the download button stays, unused tools are removed."""


def view(problem: str) -> Path:
    """`views/<problem>.py` when there is one, else the generic view."""
    own = VIEWS / f"{problem}.py"
    return own if own.is_file() else VIEWS / "generic.py"


def page(problem: str) -> st.Page:
    """The page of a problem, as the router lists it: to link to or to switch to."""
    return st.Page(view(problem), title=discovery.problem(problem).title, url_path=problem)


def micrograph() -> st.Page:
    """The page for the user's own micrograph."""
    return st.Page(VIEWS / "micrograph.py", title="Your micrograph", url_path="micrograph")


def inverse() -> st.Page:
    """The lab of the inverse problem."""
    return st.Page(VIEWS / "inverse.py", title="Inverse problem", url_path="inverse")


def linear_game() -> st.Page:
    """The lab of the linear game."""
    return st.Page(VIEWS / "linear_game.py", title="The linear game", url_path="linear_game")


def gan_lab() -> st.Page:
    """The lab of a GAN on a line."""
    return st.Page(VIEWS / "gan_lab.py", title="The GAN lab", url_path="gan_lab")


def enter(path: str) -> None:
    """Stores the path of the current page for its view."""
    st.session_state["on_show"] = path


def problem() -> str:
    """The problem of the current page; the first problem when a view is run by itself."""
    name = st.session_state.get("on_show", "")
    return name if name in discovery.problems() else discovery.problems()[0]


def dark() -> bool:
    """True in the dark theme."""
    return st.context.theme.type == "dark"


def in_pairs(figures: Mapping[str, go.Figure]) -> None:
    """Draws figures in two columns; each is named by the key of its element."""
    cells = [column for _ in range(0, len(figures), 2) for column in st.columns(2, gap="large")]
    for column, (key, figure) in zip(cells, figures.items(), strict=False):
        column.plotly_chart(figure, theme=None, config=PLOTLY, key=key, height=figure.layout.height)
