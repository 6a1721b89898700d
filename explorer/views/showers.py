"""The page of the showers: the panel, occupancy and energy response with and without the tricks, the published
formula."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

import core
from core.metrics.showers import (
    CUT,
    DELIVERED,
    RESOLUTION,
    RESPONSE,
    SHARE,
    SIMULATED,
    W1,
    curves,
    verdicts,
    with_delivered,
)
from core.sampling import Model
from explorer import problem_page, routes
from explorer.figures import showers
from explorer.live import models

SHORT = {
    W1.id: "W₁, all cells, %",
    CUT.id: "W₁, above the cut, %",
    DELIVERED.id: "W₁, delivered, %",
    RESPONSE.id: "response error, %",
}
COMMAND = "python -m core.metrics.showers"


@st.cache_data(show_spinner="Measuring the network at 13 energies ...", max_entries=16)
def measured(name: str, digest: str) -> dict[str, Any]:
    """The record of `core.metrics.showers.curves` for a model, once per checkpoint."""
    return curves(models.MODELS.get(name))


def table(trained: Mapping[str, Model]) -> pd.DataFrame:
    """A row per preset, by its name, and one for other simulations, from the metrics in the checkpoints; see
    `verdicts`. A checkpoint without metrics has none."""
    columns: dict[str, pd.Series] = {}
    for model in trained.values():
        lines = {str(line["quantity"]): line for lines in model.manifest["metrics"].values() for line in lines}
        if W1.of(lines) is None:
            continue
        by_row = {row.id: row.of(lines) for row in (W1, CUT, RESPONSE, RESOLUTION)}
        quality = pd.DataFrame(by_row).T[["data", "raw", "all"]].astype(float)
        columns[SIMULATED], columns[model.preset.name] = (with_delivered(quality, c) for c in ("data", "raw"))
    return verdicts(pd.DataFrame(columns)) if columns else pd.DataFrame()


def chosen_and_plain(trained: Mapping[str, Model], chosen: str) -> dict[str, Model]:
    """The chosen preset and the one without tricks, by title."""
    titles = {model.preset.name: title for title, model in trained.items()}
    return {titles[name]: trained[titles[name]] for name in dict.fromkeys((chosen, "plain")) if name in titles}


def short(name: str) -> str:
    """The heading of a column of the table."""
    whole = name.removesuffix(SHARE)
    heading = SHORT.get(whole, RESOLUTION.label)
    return heading if whole == name else heading.removesuffix(", %") + ", share"


def long(name: str) -> str:
    """The whole label of a column of the table."""
    labels = {row.id: row.label for row in (W1, CUT, DELIVERED, RESPONSE, RESOLUTION)}
    whole = name.removesuffix(SHARE)
    return labels[whole] + name[len(whole) :]


@st.fragment
def tricks() -> None:
    """Figures of the chosen preset next to the one without tricks, and a table of all presets."""
    st.markdown("##### With and without the tricks")
    trained, night = {m.preset.title: m for m in models.trained("showers").values()}, routes.dark()
    if not trained:
        st.info("No network was trained yet. Run `python train.py showers`.", icon=":material/model_training:")
        return
    displayed = chosen_and_plain(trained, st.session_state.get("preset:showers", core.presets("showers")[0])) or trained
    measurements = {title: measured(m.name, m.digest) for title, m in displayed.items()}
    occupancies = {"simulated": next(iter(measurements.values()))["occupancy"]["simulated"]}
    occupancies |= {title: c["occupancy"]["network"] for title, c in measurements.items()}
    figures = (
        showers.histogram(occupancies, night),
        showers.response(measurements, night),
        showers.resolution(measurements, night),
        showers.formulas(night),
    )
    routes.in_pairs({f"showers:{number}": figure for number, figure in enumerate(figures)})
    st.caption(
        "Filled dots: training energies; open dots: energies between them. Band: 3 %. Correcting the energy also "
        "removes its fluctuation; switch the correction off to see the resolution of a calorimeter. In the published "
        "form, soft sparsity is 1 for an empty cell and for a full one, and does not measure occupancy."
    )
    rows = table(trained)
    if rows.empty:
        return
    rows = rows.rename(index={model.preset.name: title for title, model in trained.items()})
    numbers = {n: st.column_config.NumberColumn(short(n), help=long(n), format="%.3g") for n in rows.columns}
    st.dataframe(rows, width="stretch", height=36 * (len(rows) + 1) + 2, column_config=numbers)
    st.caption(
        "Before correction unless the column says delivered, at held-out energies: Wasserstein distances from "
        f"simulated occupancies, and their ratios to the distances without tricks. Printed by `{COMMAND}`."
    )


if __name__ == "__main__":
    problem_page.show("showers")
    tricks()
