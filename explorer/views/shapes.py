"""The page of the shapes: the panel, and the comparison of methods measured by `python -m core.metrics.comparison
shapes`."""

from __future__ import annotations

import json
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from core import sampling
from explorer import problem_page, routes
from explorer.figures import paper

COMMAND = "python -m core.metrics.comparison shapes"


def recorded() -> dict[str, Any] | None:
    """The recorded comparison next to the checkpoints; None if there is none, or if it cannot be read."""
    try:
        record = json.loads((sampling.CHECKPOINTS / "shapes" / "comparison.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return (
        record
        if isinstance(record, dict) and {"methods", "settings", "targets", "sentences"} <= record.keys()
        else None
    )


def drawn(record: dict[str, Any], dark: bool) -> dict[str, go.Figure]:
    """Key of the caption -> figure."""
    methods = record["methods"]
    return {
        "one": paper.one_target(methods, dark),
        "random": paper.random_requests(methods, dark),
        "several": paper.several_targets(record["targets"], methods, dark),
        "iterations": paper.iterations(methods, dark),
        "losses": paper.critic_losses(methods, dark),
    }


@st.fragment
def comparison() -> None:
    """The paper's figures 1, 3 and 6 and the iterations until acceptable, each with its sentence."""
    st.markdown("##### Compare methods at the same requests")
    record = recorded()
    if record is None:
        st.info(f"The methods have not been measured yet. Train them and run `{COMMAND}`.", icon=":material/speed:")
        return
    st.caption(f"Measured by `{COMMAND}`. Choose a method above to try it at your own request.")
    notes, figures = paper.captions(record), drawn(record, routes.dark())
    places = [column for _ in range(0, len(figures), 2) for column in st.columns(2, gap="large")]
    for column, (name, figure) in zip(places, figures.items(), strict=False):
        column.plotly_chart(figure, theme=None, config=routes.PLOTLY, key=f"paper:{name}", height=figure.layout.height)
        column.caption(notes[name])
    places[len(figures)].markdown("\n".join(f"- {s}" for s in record["sentences"]))


if __name__ == "__main__":
    problem_page.show("shapes")
    comparison()
