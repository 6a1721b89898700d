"""The page of the inverse problem: target and prior are dragged, the parameters that explain them follow."""

from __future__ import annotations

import streamlit as st

from explorer import lab_page
from explorer.labs import inverse


def show() -> None:
    """The panel, or what to do if a model is missing."""
    try:
        inverse.models()
    except (FileNotFoundError, ValueError) as error:
        st.warning(str(error), icon=":material/model_training:")
        return
    lab_page.show(inverse.LAB, inverse.panel)


if __name__ == "__main__":
    show()
