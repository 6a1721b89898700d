"""The page of the motifs: figures of logged trainings, a motif of one's own, the table of quality."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from core import checkpoint, sampling
from core.metrics.digits import MOTIF_ERROR
from core.types import Checkpoint
from explorer import palette, panel_spec, routes
from explorer.figures import motif
from explorer.files import exports
from explorer.live import models
from explorer.live.dial import Dial
from explorer.sections import custom_motif
from explorer.views import motif as view
from tests.explorer import untrained

TRACE = [
    {"step": s, "critic.loss": 1 / s, "critic.gap": g, "motif MSE": e, "confidence / real": 0.9}
    for s, g, e in ((1, 0.5, 0.3), (10, 4.0, 0.01), (100, 3.0, 0.002), (200, 1.0, 5e-4), (300, 0.4, 1e-4))
]
ROWS = [
    {"quantity": "motif MSE", "bar": "<= 0", "data": 0.0, "raw": 1e-4, "all": 0.0},
    {"quantity": "critic's gap", "all": 0.4},
]
FILM = {s: np.full((12, 32, 32, 1), s % 256, np.uint8) for s in (1, 10, 30, 100, 200, 300)}


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Untrained networks with the record of a training."""
    for name in ("projected", "standard", "any"):
        path = untrained.write(tmp_path, f"motif/{name}")
        found = checkpoint.load(path)
        told = {**found.manifest, "trace": TRACE, "metrics": {"Quality": ROWS}}
        film = {f"film.{s:07d}": torch.from_numpy(v) for s, v in FILM.items()}
        checkpoint.save(path, Checkpoint({**found.tensors, **film}, told))
    monkeypatch.setattr(sampling, "CHECKPOINTS", tmp_path)
    return tmp_path


@pytest.fixture
def page(trained):
    made = AppTest.from_file(str(routes.view("motif")), default_timeout=60)
    made.session_state["on_show"] = "motif"
    return made.run()


def test_the_page_shows_everything(page):
    assert not page.exception and not page.error
    assert len(page.get("plotly_chart")) == 6 and len(page.dataframe) == 1
    said = "\n".join(m.value for m in page.markdown)
    assert "Projected critic: the motif error before correction is within 10⁻³ from iteration 200 on." in said
    assert "is 4 at most and 0.4 over the last fifth (10 %); confidence ends at 90 %" in said


@pytest.mark.parametrize("dark", [False, True])
def test_curves_are_what_was_logged(dark):
    figure = motif.along({"A": TRACE, "B": TRACE[:2]}, "critic.gap", "Gap", "gap", dark)
    assert [t.name for t in figure.data] == ["A", "B"] and figure.data[0].line.color != figure.data[1].line.color
    assert list(figure.data[0].x) == [1, 10, 100, 200, 300] and list(figure.data[1].y) == [0.5, 4.0]
    assert motif.gap(TRACE) == (4.0, 0.4)
    assert motif.first_exact(TRACE) == 200 and motif.first_exact(TRACE[:3]) is None
    level = motif.along({"A": TRACE}, MOTIF_ERROR, "E", "e", dark, log=True, level=1e-3)
    assert min(motif.along({"A": [{"step": 1, "e": 0.0}]}, "e", "E", "e", dark, log=True).data[0].y) == motif.FLOOR
    assert level.layout.yaxis.type == "log" and level.layout.shapes[0].y0 == 1e-3


def test_samples_stand_over_their_iteration():
    assert motif.chosen(list(FILM)) == [1, 10, 30, 100, 300] and motif.chosen([5]) == [5]
    figure = motif.evolution(FILM, "F")
    picture = np.asarray(figure.data[0].z)
    assert picture.shape == (4 * 34, 5 * 34, 3) and list(figure.layout.xaxis.ticktext)[-1] == "300"
    for at, step in zip(figure.layout.xaxis.tickvals, figure.layout.xaxis.ticktext, strict=True):
        assert picture[17, round(at), 0] == int(step) % 256


def test_the_table_puts_presets_beside_each_other(trained):
    table = view.measured(models.trained("motif"))
    assert (
        table.loc["motif MSE", "Projected critic, before correction"] == pytest.approx(1e-4)
        and table.loc["motif MSE", "Any motif"] == 0
    )
    assert table.loc["critic's gap"].isna().sum() == 4


def test_an_own_motif_is_drawn_and_made_exact(page):
    assert "**0** as delivered" in caption(page)
    page.text_area[0].set_value("##\n##").run()
    assert "on the 4 pixels" in caption(page)
    page.checkbox(key="motif:exact").uncheck().run()
    assert "**0** as delivered" not in caption(page) and not page.exception
    page.text_area[0].set_value("##x").run()
    assert "'x' means nothing here" in page.error[0].value and not page.exception


def test_a_motif_that_is_larger_than_those_of_training_is_flagged(page):
    page.text_area[0].set_value("\n".join(["#" * 32] * 20)).run()
    assert "covers 62 %" in page.warning[0].value and not page.exception


def caption(page):
    return next(c.value for c in page.caption if "pixels of the motif" in c.value)


def test_pictures_are_tiled_in_two_rows(trained):
    model = models.MODELS.get("motif/any")
    with Image.open(io.BytesIO(custom_motif.tiled(model.sample(n=8).array, model.field, False))) as picture:
        assert picture.size == (4 * 34 * custom_motif.SCALE, 2 * 34 * custom_motif.SCALE)


def test_the_panel_is_told_what_can_be_dragged_and_shows_greys(trained):
    told = {name: panel_spec.panel(models.MODELS.get(f"motif/{name}"), Dial()) for name in ("projected", "any")}
    assert all("latent directions" in t["note"] and t["projection"] == "Exact motif" for t in told.values())
    assert [q["name"] for q in told["any"]["latents"]] == ["x", "y", "arm", "turn", "z1", "z2", "z3"]
    assert told["any"]["field"]["light"] == palette.GREYS


def test_the_facts_beside_a_file_hold_no_pictures(trained):
    model = models.MODELS.get("motif/projected")
    told = exports.facts(model, Dial(), model.sample())
    assert told["measured"] == {} == told["measured_before_projection"] and len(str(told)) < 2000


def test_without_models_the_page_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(sampling, "CHECKPOINTS", tmp_path)
    page = AppTest.from_file(str(routes.view("motif")), default_timeout=60)
    page.session_state["on_show"] = "motif"
    page.run()
    assert not page.exception and any("python train.py motif/projected" in w.value for w in page.warning)
