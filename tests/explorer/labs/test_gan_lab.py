"""The GAN lab without a browser: runs on the server, frames against the game, sentences, presets, the route's
answers."""

import json
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.theory.gan_lab import LOSSES, PRESETS, GanLab
from core.training.schemes import SCHEMES
from explorer import routes
from explorer.labs import component as lab_component
from explorer.labs import gan
from explorer.labs.gan import LAB, Runs
from explorer.live import component, protocol
from explorer.live.service import Service

PAGE = str(routes.VIEWS / "gan_lab.py")


@pytest.fixture
def page():
    return AppTest.from_file(PAGE, default_timeout=60)


def asked(run=None, **change):
    """The route's answer, decoded."""
    request = {"id": 5, "lab": "gan_lab", "dial": change, **({} if run is None else {"run": run})}
    return protocol.decode(Service(labs={LAB.name: LAB}).answer(json.dumps(request)))


def played(name, to, **change):
    """The answer at step `to`, asked for as often as the time of one answer makes it needed."""
    header, arrays = asked({"name": name, "to": to}, **change)
    while header.get("step", to) < to:
        header, arrays = asked({"name": name, "to": to}, **change)
    return header, arrays


def test_every_preset_is_a_dial_and_the_other_way_round():
    assert set(gan.OUTCOMES) == set(PRESETS) and set(gan.CURES) == {n for n, (_, cure) in PRESETS.items() if cure}
    assert [word for word, _, _ in gan.CHOICES[1].options] == list(LOSSES)
    for preset in gan.presets():
        game, cure = PRESETS[preset["name"]]
        assert gan.setting(LAB.dial(preset["dial"])) == game
        assert gan.setting(LAB.dial(preset["dial"] | preset["cure"])) == replace(game, **cure)
    assert gan.setting(LAB.defaults()) == PRESETS["converges"][0]


def test_a_run_is_the_trainers_game_whatever_the_pieces():
    header, arrays = played("pieces", 7)
    header, arrays = played("pieces", 23)
    lab = GanLab(gan.setting(LAB.defaults()))
    lab.play(23)
    assert header["step"] == 23 and header["facts"]["learnt"] == pytest.approx(lab.measure().learnt, abs=1e-9)
    np.testing.assert_allclose(arrays["q"], gan.curves(lab)["q"], rtol=1e-6)
    np.testing.assert_allclose(arrays["trace.step"], [1, 5, 10, 15, 20])
    again, _ = played("pieces", 23)
    assert again["step"] == 23, "the same request again takes no step"
    back, _ = played("pieces", 0)
    assert back["step"] == 0 and back["facts"]["generator"] is None


def test_a_run_goes_on_when_the_dial_moves():
    before, _ = played("moves", 10)
    after, arrays = played("moves", 20, centre=1.0, loss="wgan_gp")
    assert before["step"] == 10 and after["step"] == 20
    assert np.isnan(arrays["trace.learnt"]).tolist() == [True, True, True, False, False][: len(arrays["trace.learnt"])]
    assert np.isfinite(arrays["trace.generator"]).all()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_update_rule_of_the_trainer_is_played(scheme):
    """The words are those of the trainer, and the numbers those of its game; only alternating heeds the critic's
    turns."""
    assert sorted(word for word, _, _ in gan.CHOICES[3].options) == sorted(SCHEMES)
    lab = GanLab(replace(gan.setting(LAB.defaults()), scheme=scheme))
    lab.play(5)
    found = [played(f"{scheme}-{turns}", 5, scheme=scheme, turns=turns)[0]["facts"]["learnt"] for turns in (2, 3)]
    assert found[0] == pytest.approx(lab.measure().learnt, abs=1e-9) and (found[0] == found[1]) == (
        scheme != "alternating"
    )


def test_the_oldest_run_gives_way():
    runs, game = Runs(2), gan.setting(LAB.defaults())
    first = runs.play("a", game, 3)
    runs.play("b", game, 1)
    assert runs.play("a", game, 3) is first
    runs.play("c", game, 1)
    assert list(runs.games) == ["a", "c"]


@pytest.mark.parametrize("loss", LOSSES)
def test_frames_have_what_the_page_draws(loss):
    header, arrays = asked({"name": f"frame-{loss}", "to": 2}, loss=loss)
    assert header["id"] == 5 and "error" not in header and header["verdict"][0] and header["view"] == gan.VIEW
    x = arrays["x"]
    assert all(arrays[n].shape == x.shape for n in ("p", "q", "learnt", "optimal")) and np.abs(x).max() < gan.VIEW
    assert arrays["p"].sum() * (x[1] - x[0]) == pytest.approx(1, abs=1e-3)
    inside = np.isfinite(arrays["optimal"])
    if loss != "wgan_gp":
        ratio = arrays["p"][inside] / (arrays["p"] + arrays["q"])[inside]
        np.testing.assert_allclose(arrays["optimal"][inside], ratio, atol=1e-5)
    else:
        assert np.abs(np.diff(arrays["optimal"]) / np.diff(x)).max() <= 1 + 1e-3


def test_verdicts_follow_the_numbers():
    def said(name, steps, cure=False):
        preset = next(p for p in gan.presets() if p["name"] == name)
        dial = LAB.dial(preset["dial"] | (preset["cure"] if cure else {}))
        return played(f"{name}{cure}", steps, **dial)[0]["verdict"]

    assert "though W₁ is 0.463" in asked(loss="wgan_gp")[0]["verdict"][1]
    assert said("converges", 0)[0] == "ready" and said("converges", 150)[0] == "converged"
    word, sentence = said("vanishing", 3)
    assert word == "vanishing" and "non-saturating loss would give 0." in sentence
    assert said("exploding", 60)[0] == "exploding" and said("exploding", 60, cure=True)[0] == "learning"
    assert said("collapse", 200)[0] == "collapsed" and said("collapse", 200, cure=True)[0] in ("learning", "converged")


@pytest.mark.parametrize(
    ("run", "dial", "said"),
    [
        ({"name": "", "to": 1}, {}, "name of 1 to 40"),
        ({"name": "x", "to": -1}, {}, "step from 0"),
        (7, {}, "name of 1 to 40"),
        ({"name": "x", "to": True}, {}, "step from 0"),
        ({"name": "x", "to": 1e9}, {}, "step from 0"),
        ({"name": "x", "to": 1}, {"density": "eight", "gap": 3, "centre": 8}, "make the gap smaller"),
        (None, {"loss": "hinge"}, "loss must be one of"),
        (None, {"turns": 0}, "whole number from 1 to 10"),
    ],
)
def test_bad_requests_get_a_sentence(run, dial, said):
    header, arrays = asked(run, **dial)
    assert said in header["error"] and not arrays


def test_the_page_shows_the_panel_and_reads_links(page, monkeypatch):
    drawn = []
    monkeypatch.setattr(lab_component, "mount_lab", lambda frame, name, model: drawn.append(protocol.decode(frame)[0]))
    page.query_params["loss"], page.query_params["width"] = "minimax", "9"
    page.run()
    assert not page.exception and drawn[-1]["panel"]["dial"] == LAB.dial({"loss": "minimax"}) and len(page.warning) == 1
    assert [p["name"] for p in drawn[-1]["panel"]["presets"]] == list(PRESETS)


def test_without_the_route_page_reruns_play_it(page, monkeypatch):
    drawn = []
    monkeypatch.setattr(lab_component, "mount_lab", lambda frame, name, model: drawn.append(protocol.decode(frame)[0]))
    request = {"lab": "gan_lab", "dial": LAB.defaults(), "id": 3, "run": {"name": "reruns", "to": 2}}
    monkeypatch.setattr(component, "newest", lambda model: request)
    while not drawn or drawn[-1]["step"] < 2:  # one answer has its time, on a busy machine less than two steps
        assert not page.run().exception
    assert drawn[-1]["step"] == 2 and drawn[-1]["id"] == 3


def test_the_router_lists_the_page(home):
    assert not home.run().exception
    assert not home.switch_page("views/gan_lab.py").run().exception
