"""The page of the showers: the panel, occupancy and energy response with and without the tricks, the formula as it is printed."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

import core
from core.metrics.showers import RESPONSE, W1, curves
from core.sampling import Model
from explorer import pages, shower_figures, workbench
from explorer.live import store

COMMAND = "python -m core.metrics.showers"


def models() -> dict[str, Model]:
    """Title of the preset -> its model, of those that there are."""
    found = {}
    for name in core.presets("showers"):
        try:
            model = store.MODELS.get(f"showers/{name}")
        except (FileNotFoundError, ValueError):
            continue
        found[model.preset.title] = model
    return found


@st.cache_data(show_spinner="Measuring the networks at 13 energies ...", max_entries=8)
def measured(name: str, digest: str) -> dict[str, Any]:
    """What `core.metrics.showers.curves` measures of a model, once for each checkpoint."""
    return curves(store.MODELS.get(name))


def table(found: dict[str, Model]) -> pd.DataFrame:
    """Rows of quality; columns: other simulations, and of every preset the network alone."""
    columns: dict[str, dict[str, float]] = {}
    for title, model in found.items():
        for rows in model.manifest["metrics"].values():
            for row in rows:
                columns.setdefault("other simulations", {}).setdefault(row["quantity"], row.get("data"))
                columns.setdefault(title, {})[row["quantity"]] = row.get("raw")
    return pd.DataFrame(columns).astype(float)


def sentences(found: pd.DataFrame, reference: str = "Without tricks") -> list[str]:
    """What the table says of each preset: distance of the occupancies beside that without tricks, and the response."""
    if reference not in found.columns or W1 not in found.index:
        return []
    usual = found.loc[W1, reference]
    return [
        f"{title}: the distance between generated and simulated occupancies is {found.loc[W1, title] / usual:.2f} of that without "
        f"tricks; the energy response is within {found.loc[RESPONSE, title]:.1f} % at energies that training never saw."
        for title in found.columns if title not in (reference, "other simulations")
    ]  # fmt: skip


@st.fragment
def tricks() -> None:
    """Figures and table of all presets that there are."""
    st.markdown("##### With and without the tricks")
    found, night = models(), pages.dark()
    if not found:
        st.info("No network was trained yet. Run `python train.py showers`.", icon=":material/model_training:")
        return
    told = {title: measured(m.name, m.digest) for title, m in found.items()}
    occupancies = {"simulated": next(iter(told.values()))["occupancy"]["simulated"]}
    occupancies |= {title: c["occupancy"]["network"] for title, c in told.items()}
    figures = (
        shower_figures.histogram(occupancies, night), shower_figures.response(told, night),
        shower_figures.resolution(told, night), shower_figures.formulas(night),
    )  # fmt: skip
    places = [column for _ in range(0, len(figures), 2) for column in st.columns(2, gap="large")]
    for number, (column, figure) in enumerate(zip(places, figures, strict=True)):
        column.plotly_chart(figure, theme=None, config=pages.PLOTLY, key=f"showers:{number}", height=figure.layout.height)
    st.caption(
        "Full dots: energies of training; open ones: between them. Band: 3 %. The exact energy of a delivered shower also takes "
        "its fluctuation away; switch the projection off for the resolution of a calorimeter. As printed, soft sparsity is 1 for "
        "an empty cell and for a full one, and tells nothing of occupancy."
    )
    rows = table(found)
    st.markdown("\n".join(f"- {s}" for s in sentences(rows)))
    if not rows.empty:
        numbers = {name: st.column_config.NumberColumn(format="%.3g") for name in rows.columns}
        st.dataframe(rows, width="stretch", height=36 * (len(rows) + 1) + 2, column_config=numbers)
        st.caption(f"The networks alone, before read-out, at held-out energies; printed by `{COMMAND}`.")


if __name__ == "__main__":
    workbench.show("showers")
    tricks()
