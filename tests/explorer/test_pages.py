"""Every page, run by Streamlit without a browser."""

import re
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import discovery, sampling
from explorer import link, routes
from explorer.files import exports
from explorer.live import component, protocol
from explorer.live.dial import Dial
from explorer.live.models import MODELS

REQUEST = {
    "id": 4,
    "model": "two_phase/fraction",
    "conditions": {"volume_fraction": 0.4},
    "latent": {"length": 9.0},
    "seed": 7,
    "size": 64,
    "project": True,
    "off": [],
}


def send(page, kind, **change):
    page.session_state[f"{kind}:two_phase/fraction"] = {"dial": {**REQUEST, **change}}
    return page.run()


def release(page, **change):
    return send(page, "relay", **change)


def sentences(page):
    return [e.value for e in (*page.warning, *page.error, *page.info)]


def test_the_home_page_shows_every_problem(home):
    home.run()
    assert not home.exception
    titles = [s.value for s in home.subheader]
    assert titles == [discovery.problem(name).title for name in discovery.problems()]


@pytest.mark.parametrize("name", discovery.problems())
def test_every_problem_has_a_page(name):
    script = f"from explorer import problem_page\nproblem_page.show({name!r})"
    page = AppTest.from_string(script, default_timeout=60).run()
    assert not page.exception
    assert page.get("bidi_component") or any("python train.py" in s for s in sentences(page))


def test_a_new_problem_gets_the_generic_view():
    assert routes.view("never_seen") == routes.VIEWS / "generic.py"
    assert routes.view("home") == routes.VIEWS / "home.py"


def test_the_page_shows_panel_charts_and_files(visit):
    page = visit()
    assert not page.exception and not sentences(page)
    assert len(page.get("bidi_component")) == 2
    assert len(page.get("plotly_chart")) >= 4
    assert len(page.get("download_button")) == 10


def test_release_writes_the_link(visit, model):
    page = release(visit())
    assert not page.exception
    expected = link.to_query(model, Dial({"volume_fraction": float(np.float32(0.4))}, {"length": 9.0}, 7, 64))
    assert {k: v[0] if isinstance(v, list) else v for k, v in dict(page.query_params).items()} == expected


def test_a_drag_through_the_page_commits_nothing(visit):
    page = send(visit(), "panel")
    assert not page.exception and not sentences(page) and not dict(page.query_params)


def test_the_newest_request_counts(visit, monkeypatch):
    drawn = []
    monkeypatch.setattr(component, "mount", lambda frame, model: drawn.append(protocol.decode(frame)[0]))
    page = release(send(visit(), "panel", id=9, seed=1), id=8, seed=2)
    assert not page.exception and [h["id"] for h in drawn][-2:] == [9, 9]
    release(page, id=10, seed=3)
    assert drawn[-1]["panel"]["dial"]["seed"] == 3


@pytest.mark.parametrize(
    "change", [{"conditions": {"volume_fraction": 7}}, {"seed": "x"}, {"off": ["y"]}, {"size": 65}, {"colour": 1}]
)
def test_a_bad_commit_is_a_sentence(visit, change):
    page = send(visit(), "panel", **change)
    assert not page.exception
    assert len(page.error) == 1 and "The last good picture is shown." in page.error[0].value


def test_a_link_sets_the_dial(visit, model):
    query = link.to_query(model, Dial({"volume_fraction": 0.25}, {}, 11, 64))
    page = visit(**query)
    assert not page.exception and not sentences(page)


def test_a_bad_link_is_a_sentence(visit):
    page = visit(volume_fraction="9", size="7")
    assert not page.exception
    assert len(page.warning) == 2 and all("the link has" in w.value for w in page.warning)


def test_the_session_remembers(visit):
    page = release(visit())
    page.query_params.clear()
    del page.session_state["relay:two_phase/fraction"]
    page.run()
    assert page.session_state["dial:two_phase/fraction"].seed == 7
    assert not page.exception


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_without_a_good_checkpoint_the_pages_say_what_to_do(home, visit, tmp_path, monkeypatch, damage):
    good = sampling.path_of("two_phase/fraction").read_bytes()
    monkeypatch.setattr(sampling, "CHECKPOINTS", tmp_path)
    if damage == "damaged":
        path = Path(tmp_path / "two_phase" / "fraction.safetensors")
        path.parent.mkdir()
        path.write_bytes(good[: len(good) // 2])
    home.run()
    assert not home.exception and any(re.search("python train.py", s) for s in sentences(home))
    page = visit()
    assert not page.exception and any(re.search("python train.py two_phase", s) for s in sentences(page))
    assert "Traceback" not in " ".join(sentences(page))


def test_a_new_checkpoint_is_picked_up_without_a_restart(tmp_path, monkeypatch):
    source = sampling.path_of("two_phase/fraction")
    monkeypatch.setattr(sampling, "CHECKPOINTS", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"python train\.py"):
        MODELS.get("two_phase/fraction")
    (tmp_path / "two_phase").mkdir()
    (tmp_path / "two_phase" / "fraction.safetensors").write_bytes(source.read_bytes())
    first = MODELS.get("two_phase/fraction")
    assert MODELS.get("two_phase/fraction") is first


def test_file_names_say_what_is_inside(model):
    assert exports.stem(model, Dial({"volume_fraction": 0.4}, {}, 7, 64)) == "two_phase_volume_fraction0.4_seed7_64px"
