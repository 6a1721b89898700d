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
    """The table of `core.metrics.fractions`, target by target, under a bar of progress."""
    progress, parts = st.progress(0.0), []
    for i, (name, target) in enumerate(fractions.TARGETS.items()):
        progress.progress(i / len(fractions.TARGETS), f"{n} samples for the target “{name}”")
        parts.append(fractions.table(model, n, {name: target}))
    progress.empty()
    return pd.concat(parts, ignore_index=True)


@st.fragment
def figure_7(name: str) -> None:
    """A button that samples every target of the paper's figure, and the figure; dragging goes on meanwhile, live."""
    model = session.loaded(name)
    if model is None:
        return
    st.markdown("##### The paper's Figure 7: delivered shares for many targets")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        n = st.selectbox("Samples for each target", COUNTS, index=1, width=180, key="figure7:n")
        asked = st.button("Sample all targets", key="figure7:run", icon=":material/bar_chart:")
    if asked:
        st.session_state["figure7"] = (model.digest, n, computed(model, n))
    digest, count, table = st.session_state.get("figure7", ("", 0, None))
    if table is None or digest != model.digest:
        st.caption("Equal shares, skewed ones, absent ones: most of them never seen in training.")
        return
    colours = palette.stops(model.field, routes.dark())
    figure = paper.fractions(table, model.field.labels, colours, routes.dark())
    st.plotly_chart(figure, theme=None, config=routes.PLOTLY, key="figure7:chart", height=figure.layout.height)
    worst, raw = table["delivered, worst px"].max(), table["raw, mean |error|"].mean()
    st.caption(
        f"{count} samples for each of {table['target'].nunique()} targets: a delivered share is never further than "
        f"{worst:.2g} px "
        f"from the request; before the exact labelling the shares are off by {raw:.2g} on average."
    )


if __name__ == "__main__":
    problem_page.show("polycrystal")
    figure_7(f"polycrystal/{discovery.problem('polycrystal').presets[0].name}")
