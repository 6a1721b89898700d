"""The page of the polycrystals: the panel, and the paper's Fig. 7 computed here."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core import discovery
from core.metrics import fractions
from core.sampling import Model
from explorer import palette, problem_page, routes, session
from explorer.figures import paper

COUNTS = (10, 30, 100)


def computed(model: Model, n: int) -> pd.DataFrame:
    """The table of `core.metrics.fractions`, target by target, with a progress bar."""
    progress, parts = st.progress(0.0), []
    for i, (name, target) in enumerate(fractions.TARGETS.items()):
        progress.progress(i / len(fractions.TARGETS), f"{n} samples for the target “{name}”")
        parts.append(fractions.table(model, n, {name: target}))
    progress.empty()
    return pd.concat(parts, ignore_index=True)


@st.fragment
def figure_7(name: str) -> None:
    """A button that samples each target of the paper's figure, and the figure; dragging continues meanwhile."""
    model = session.loaded(name)
    if model is None:
        return
    st.markdown("##### Figure 7 of the paper: delivered fractions for many targets")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        n = st.selectbox("Samples for each target", COUNTS, index=1, width=180, key="figure7:n")
        pressed = st.button("Sample all targets", key="figure7:run", icon=":material/bar_chart:")
    if pressed:
        st.session_state["figure7"] = (model.digest, n, computed(model, n))
    digest, count, table = st.session_state.get("figure7", ("", 0, None))
    if table is None or digest != model.digest:
        st.caption("Equal fractions, skewed ones, some equal to 0; most of them were not seen in training.")
        return
    colours = palette.stops(model.field, routes.dark())
    figure = paper.fractions(table, model.field.labels, colours, routes.dark())
    st.plotly_chart(figure, theme=None, config=routes.PLOTLY, key="figure7:chart", height=figure.layout.height)
    worst, raw = table["delivered, largest error (px)"].max(), table["before correction, mean |error|"].mean()
    st.caption(
        f"{count} samples for each of {table['target'].nunique()} targets: the largest error of a delivered fraction "
        f"is {worst:.2g} px; before correction the mean error is {raw:.2g}."
    )


if __name__ == "__main__":
    problem_page.show("polycrystal")
    figure_7(f"polycrystal/{discovery.problem('polycrystal').presets[0].name}")
