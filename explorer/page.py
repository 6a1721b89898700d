"""What every page's charts share."""

from __future__ import annotations

from typing import Any

import streamlit as st

CONFIG: dict[str, Any] = {"displaylogo": False, "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"]}
"""Plotly's tool bar: the camera stays, what nobody needs goes."""


def dark() -> bool:
    """True when the page is shown in the dark theme."""
    return st.context.theme.type == "dark"
