"""The page of the motifs: the panel, a custom motif, the paper's Fig. 2 and the quality of the digits."""

from __future__ import annotations

import math

import pandas as pd
import streamlit as st

from core.metrics.digits import CONFIDENCE_RATIO, MOTIF_ERROR
from core.sampling import Model
from explorer import problem_page, routes
from explorer.figures import motif
from explorer.live import models
from explorer.sections import custom_motif

COMMAND = "python -m core.metrics motif/"
PAPER = ("projected", "standard")
"""The presets of the paper's figure."""


@st.fragment
def figure_2() -> None:
    """Training with both critics side by side: critic loss, motif error, samples."""
    st.markdown("##### Figure 2 of the paper: training with both critics")
    used = [m for name, m in models.trained("motif").items() if name in PAPER]
    traces = {m.preset.title: m.manifest["trace"] for m in used if m.manifest.get("trace")}
    if not traces:
        st.info("No training was logged yet. Run `python train.py motif`.", icon=":material/model_training:")
        return
    night = routes.dark()
    figures = {
        "loss": motif.along(traces, "critic.loss", "Critic's loss", "loss", night, level=chance(used)),
        "gap": motif.along(
            traces, "critic.gap", "Score gap of the critic, real minus generated", "mean D(x) − D(G(z))", night
        ),
        "error": motif.along(traces, MOTIF_ERROR, "Motif error before correction", "mean (G − m)²", night, True, 1e-3),
        "confidence": motif.along(
            traces, CONFIDENCE_RATIO, "Classifier's confidence, relative to real digits", "", night, level=0.9
        ),
    }
    figures |= {f"film:{m.name}": motif.evolution(m.film, f"{m.preset.title}: samples", night) for m in used if m.film}
    routes.in_pairs({f"figure2:{name}": figure for name, figure in figures.items()})
    st.markdown("\n".join(f"- {s}" for s in motif.sentences(traces)))
    st.caption(
        "Means over the iterations between two points, logged by `train.py`; motif error and confidence are those of "
        "the averaged generator (values below 10⁻⁶ are drawn at 10⁻⁶). Dashed: the loss of a critic that cannot "
        "distinguish (ln 2), and the thresholds for a checkpoint."
    )


def chance(used: list[Model]) -> float | None:
    """The loss of a critic that finds no difference; None if the trainings used another loss than the relativistic
    one."""
    return (
        math.log(2) if all(m.manifest["config"].get("loss", "relativistic") == "relativistic" for m in used) else None
    )


@st.fragment
def quality() -> None:
    """The tables on the cards of all presets, next to each other."""
    st.markdown("##### Quality of the digits")
    table = measured(models.trained("motif"))
    if table.empty:
        return
    figures = {name: st.column_config.NumberColumn(format="%.3g") for name in table.columns}
    st.dataframe(table, width="stretch", height=36 * (len(table) + 1) + 2, column_config=figures)
    st.caption(
        f"Printed by `{COMMAND}projected`, and so on. The classifier is trained on real digits, half of them with the "
        "motif inserted; the reference is its confidence on held-out real digits with the motif inserted. Copies "
        "would be much nearer to a training image than held-out digits are."
    )


def measured(trained: dict[str, Model]) -> pd.DataFrame:
    """Quality rows; columns: held-out digits, and for each preset the values before correction and delivered."""
    columns: dict[str, dict[str, float]] = {}
    for model in trained.values():
        for rows in model.manifest["metrics"].values():
            for row in rows:
                name = row["quantity"]
                columns.setdefault("held-out digits, motif inserted", {}).setdefault(name, row.get("data"))
                columns.setdefault(f"{model.preset.title}, before correction", {})[name] = row.get("raw")
                columns.setdefault(model.preset.title, {})[name] = row.get("all")
    return pd.DataFrame(columns).astype(float)


if __name__ == "__main__":
    problem_page.show("motif")
    custom_motif.show("motif/any")
    figure_2()
    quality()
