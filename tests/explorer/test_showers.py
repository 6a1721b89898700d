"""The page of the showers: figures of measured networks, sentences with and without the tricks, and the page itself."""

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.metrics.showers import RESPONSE, W1
from explorer import pages, shower_figures
from explorer.views import showers as view

ENERGIES = [10.0, 17.5, 25.0]
CURVES = {
    "energy": ENERGIES, "mean": {"simulated": [1.0] * 3, "network": [0.99, 1.01, 1.0]},
    "deviation": {"simulated": [0.11, 0.09, 0.07], "network": [0.1, 0.1, 0.1]},
}  # fmt: skip


@pytest.mark.parametrize("dark", [False, True])
def test_the_figures_are_what_was_measured(dark):
    drawn = shower_figures.response({"A": CURVES, "B": CURVES}, dark)
    assert [t.name for t in drawn.data] == ["A", "B"] and list(drawn.data[0].y) == [0.99, 1.01, 1.0]
    assert list(drawn.data[0].marker.symbol) == ["circle", "circle-open", "circle"]
    assert shower_figures.resolution({"A": CURVES}, dark).data[-1].name == "simulated"
    bars = shower_figures.histogram({"simulated": np.array([0.5, 1.5, 1.6]), "A": np.array([1.2])}, dark)
    assert list(bars.data[0].y)[:2] == pytest.approx([1 / 3, 2 / 3]) and list(bars.data[1].y)[:2] == [0.0, 1.0]
    right, printed = shower_figures.formulas(dark).data
    assert right.y[0] == 0 and printed.y[0] == 1 and right.y[-1] > 0.99


def test_the_sentences_compare_with_the_network_without_tricks():
    rows = pd.DataFrame({"other simulations": [0.1, 1.0], "All tricks": [0.5, 2.0], "Without tricks": [2.0, 9.0]}, [W1, RESPONSE])
    (said,) = view.sentences(rows)
    assert said.startswith("All tricks: ") and "is 0.25 of that" in said and "within 2.0 %" in said
    assert view.sentences(rows[["All tricks"]]) == []


def test_the_page_says_what_to_do_where_nothing_was_trained(tmp_path, monkeypatch):
    from core import sampling

    monkeypatch.setattr(sampling, "CHECKPOINTS", tmp_path)
    page = AppTest.from_file(str(pages.view("showers")), default_timeout=60)
    page.session_state["on_show"] = "showers"
    page.run()
    assert not page.exception and any("python train.py showers" in i.value for i in page.info)
