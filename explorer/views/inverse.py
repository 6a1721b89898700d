"""The page of the inverse problem: the target and the prior are dragged, the parameters that explain it follow."""

from __future__ import annotations

import streamlit as st

from explorer import laboratory
from explorer.live import inverse

if __name__ == "__main__":
    try:
        laboratory.show(inverse.LAB, inverse.panel)
    except FileNotFoundError as error:
        st.warning(str(error), icon=":material/model_training:")
