"""The page of the showers: figures of measured networks, sentences with and without the tricks, and the page itself."""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import core
from core.metrics.showers import CUT, RESPONSE, SIMULATED, W1, WITHOUT, quality
from explorer import routes
from explorer.figures import showers
from explorer.views import showers as view

SHIPPED = Path(__file__).parents[2] / "checkpoints" / "showers"
ENERGIES = [10.0, 17.5, 25.0]
CURVES = {
    "energy": ENERGIES,
    "mean": {"simulated": [1.0] * 3, "network": [0.99, 1.01, 1.0]},
    "deviation": {"simulated": [0.11, 0.09, 0.07], "network": [0.1, 0.1, 0.1]},
}


@pytest.mark.parametrize("dark", [False, True])
def test_the_figures_are_what_was_measured(dark):
    drawn = showers.response({"A": CURVES, "B": CURVES}, dark)
    assert [t.name for t in drawn.data] == ["A", "B"] and list(drawn.data[0].y) == [0.99, 1.01, 1.0]
    assert list(drawn.data[0].marker.symbol) == ["circle", "circle-open", "circle"]
    assert showers.resolution({"A": CURVES}, dark).data[-1].name == "simulated"
    bars = showers.histogram({"simulated": np.array([0.5, 1.5, 1.6]), "A": np.array([1.2])}, dark)
    assert list(bars.data[0].y)[:2] == pytest.approx([1 / 3, 2 / 3]) and list(bars.data[1].y)[:2] == [0.0, 1.0]
    right, printed = showers.formulas(dark).data
    assert right.y[0] == 0 and printed.y[0] == 1 and right.y[-1] > 0.99


@pytest.fixture(scope="module")
def trained():
    models = [core.load(SHIPPED / f"{name}.safetensors") for name in core.presets("showers")]
    return {m.preset.title: m for m in models}


def test_the_chosen_network_stands_beside_the_one_without_tricks(trained):
    assert list(view.chosen_and_plain(trained, "sparsity")) == ["Soft sparsity alone", "Without tricks"]
    assert list(view.chosen_and_plain(trained, "plain")) == ["Without tricks"]


def test_the_table_says_by_how_much_the_tricks_help(trained):
    """The bars, on the shipped checkpoints: occupancies at most half as far from the simulated ones, the response
    within 3 %."""
    rows = view.table(trained)
    assert rows.index[0] == SIMULATED and rows.loc[WITHOUT, f"{W1.id} / without"] == 1
    tricks = rows.loc["tricks"]
    assert (tricks[[f"{row.id} / without" for row in (W1, CUT)]] <= 0.5).all() and tricks[RESPONSE.id] <= 3
    assert rows.loc["sparsity", f"{W1.id} / without"] <= 0.5
    assert view.short(f"{W1.id} / without") == "W₁, all cells, share" and view.long(W1.id) == W1.label


def test_the_shipped_networks_are_as_good_as_their_cards_say(trained):
    """Measured again on fewer showers: the tricks halve the distances, the response is within 3 % of the energy asked
    for."""
    plain, tricks = (quality(trained[title], 128)["raw"] for title in ("Without tricks", "All tricks"))
    distances = [W1.id, CUT.id]
    assert (tricks[distances] < 0.6 * plain[distances]).all() and tricks[RESPONSE.id] <= 3
    for found, name in ((plain, WITHOUT), (tricks, "tricks")):
        assert found[W1.id] == pytest.approx(view.table(trained).loc[name, W1.id], rel=0.15)


def test_the_page_says_what_to_do_where_nothing_was_trained(tmp_path, monkeypatch):
    from core import sampling

    monkeypatch.setattr(sampling, "CHECKPOINTS", tmp_path)
    page = AppTest.from_file(str(routes.view("showers")), default_timeout=60)
    page.session_state["on_show"] = "showers"
    page.run()
    assert not page.exception and any("python train.py showers" in i.value for i in page.info)
