"""The page of the showers: the panel, occupancy and energy response with and without the tricks, the formula as it is
printed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

import core
from core.metrics.showers import (
    CUT,
    DELIVERED,
    RESPONSE,
    SHARE,
    SIMULATED,
    W1,
    WITHOUT,
    curves,
    verdicts,
    with_delivered,
)
from core.sampling import Model
from explorer import problem_page, routes
from explorer.figures import showers
from explorer.live import models

SHORT = {
    W1: "W₁, all cells, %",
    CUT: "W₁, above the cut, %",
    DELIVERED: "W₁, delivered, %",
    RESPONSE: "response off, %",
}
COMMAND = "python -m core.metrics.showers"


@st.cache_data(show_spinner="Measuring the network at 13 energies ...", max_entries=16)
def measured(name: str, digest: str) -> dict[str, Any]:
    """What `core.metrics.showers.curves` measures of a model, once for each checkpoint."""
    return curves(models.MODELS.get(name))


def table(found: Mapping[str, Model]) -> pd.DataFrame:
    """A row for each preset and other simulations, of what the checkpoints say of themselves; see `verdicts`. A
    checkpoint that was not measured has none."""
    columns: dict[str, pd.Series] = {}
    for title, model in found.items():
        rows = [row for rows in model.manifest["metrics"].values() for row in rows]
        if not any(row.get("quantity") == W1 for row in rows):
            continue
        quality = pd.DataFrame(rows).set_index("quantity")[["data", "raw", "all"]].astype(float)
        columns[SIMULATED], columns[title] = (with_delivered(quality, c) for c in ("data", "raw"))
    return verdicts(pd.DataFrame(columns), WITHOUT) if columns else pd.DataFrame()


def beside(found: Mapping[str, Model], chosen: str) -> dict[str, Model]:
    """The chosen preset and the one without tricks, by title."""
    titles = {model.preset.name: title for title, model in found.items()}
    return {titles[name]: found[titles[name]] for name in dict.fromkeys((chosen, "plain")) if name in titles}


def short(name: str) -> str:
    """The heading of a column of the table."""
    whole = name.removesuffix(SHARE)
    heading = SHORT.get(whole, whole)
    return heading if whole == name else heading.removesuffix(", %") + ", share"


@st.fragment
def tricks() -> None:
    """Figures of the chosen preset beside the one without tricks, and a table of all."""
    st.markdown("##### With and without the tricks")
    found, night = {m.preset.title: m for m in models.trained("showers").values()}, routes.dark()
    if not found:
        st.info("No network was trained yet. Run `python train.py showers`.", icon=":material/model_training:")
        return
    shown = beside(found, st.session_state.get("preset:showers", core.presets("showers")[0])) or found
    told = {title: measured(m.name, m.digest) for title, m in shown.items()}
    occupancies = {"simulated": next(iter(told.values()))["occupancy"]["simulated"]}
    occupancies |= {title: c["occupancy"]["network"] for title, c in told.items()}
    figures = (
        showers.histogram(occupancies, night),
        showers.response(told, night),
        showers.resolution(told, night),
        showers.formulas(night),
    )
    routes.in_pairs({f"showers:{number}": figure for number, figure in enumerate(figures)})
    st.caption(
        "Full dots: energies of training; open ones: between them. Band: 3 %. The exact energy of a delivered shower "
        "also takes "
        "its fluctuation away; switch the projection off for the resolution of a calorimeter. As printed, soft "
        "sparsity is 1 for "
        "an empty cell and for a full one, and tells nothing of occupancy."
    )
    rows = table(found)
    if rows.empty:
        return
    numbers = {name: st.column_config.NumberColumn(short(name), help=name, format="%.3g") for name in rows.columns}
    st.dataframe(rows, width="stretch", height=36 * (len(rows) + 1) + 2, column_config=numbers)
    st.caption(
        "The networks alone unless it says delivered, at held-out energies; Wasserstein distances from simulated "
        "occupancies, and "
        f"their shares of the distances without tricks. Printed again by `{COMMAND}`."
    )


if __name__ == "__main__":
    problem_page.show("showers")
    tricks()
