"""The pixel size of a micrograph, or the unit of a curve, and the scale of the structures: the inputs of the page."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.readers.curves import Curve
from explorer.files.formats import UNITS
from explorer.micrograph import request, upload
from explorer.micrograph.request import Target
from explorer.micrograph.upload import Held

STAY: dict[str, Any] = {"persist_state": "session"}
"""Settings are kept when the page is left and visited again."""


def inputs(held: Held, best: float, target: Target) -> tuple[float, str, float]:
    """The pixel size (or the unit of a curve's distances), its unit, and how many of them one pixel of a structure
    is."""
    first, second, third = st.columns([3, 3, 4])
    about = "Length of one distance unit of the file." if isinstance(held.data, Curve) else "Edge length of a pixel."
    st.session_state.setdefault(upload.PIXEL, upload.NO_SIZE[0])
    low, high = upload.SMALLEST, upload.LARGEST
    side = first.number_input("Pixel", low, high, format="%g", key=upload.PIXEL, help=about, **STAY)
    unit = second.selectbox("Unit", UNITS, key=upload.UNIT, **STAY)
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
