"""The pixel size of a micrograph, or the unit of a curve, and the scale of the structures: the inputs of the page."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from core.readers.curves import Curve
from explorer.files.formats import UNITS
from explorer.micrograph import request
from explorer.micrograph.request import Target
from explorer.micrograph.upload import Held

STAY: dict[str, Any] = {"persist_state": "session"}
"""Settings are kept when the page is left and visited again."""
STATED = "micrograph:stated"
"""The upload whose pixel size was set last, and the unit that its file states."""


def inputs(held: Held, best: float, target: Target) -> tuple[float, str, float]:
    """The pixel size (or the unit of a curve's distances), its unit, and how many of them one pixel of a structure
    is."""
    first, second, third = st.columns([3, 3, 4])
    stated(held)
    about = "Length of one distance unit of the file." if isinstance(held.data, Curve) else "Edge length of a pixel."
    side = first.number_input("Pixel", 1e-6, 1e6, 1.0, format="%g", key="micrograph:pixel", help=about, **STAY)
    unit = second.selectbox("Unit", UNITS, key="micrograph:unit", **STAY)
    low, high = request.scale_bounds(target, best)
    step = third.number_input(
        "Scale",
        low,
        high,
        best,
        step=float(f"{best / 20:.1g}"),
        format="%g",
        key=f"micrograph:step:{held.serial}:{best}",
        **STAY,
        help="Pixels of the micrograph (or distance units of the file) per pixel of a structure, chosen so that the "
        "correlation decays within the lengths that the model was trained on. The pixel size of exported files "
        "is scaled accordingly.",
    )
    return float(side), unit, float(step)


def stated(held: Held) -> None:
    """Sets the pixel size and its unit once to those that a new file states; a file without them resets only those of
    another file."""
    pixel, unit = (held.data.pixel, held.data.unit) if isinstance(held.data, Curve) else (1.0, "")
    serial, before = st.session_state.get(STATED, (0, ""))
    if serial == held.serial:
        return
    if unit or before:
        st.session_state["micrograph:pixel"] = float(np.clip(pixel, 1e-6, 1e6))
        st.session_state["micrograph:unit"] = unit or UNITS[0]
    st.session_state[STATED] = held.serial, unit
