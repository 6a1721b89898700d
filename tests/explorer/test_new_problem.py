"""A problem is one file: dropped into the folder, it has a page, sliders, a link and files, with no edit elsewhere."""

import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import discovery, sampling
from explorer import link, panel_spec
from explorer.files import exports
from explorer.live import frames, models, protocol
from explorer.live.dial import Dial
from explorer.live.service import Service
from tests.explorer import untrained


@pytest.fixture(autouse=True)
def invented(tmp_path, monkeypatch, checkpoints):
    monkeypatch.setattr(sampling, "CHECKPOINTS", tmp_path)
    with untrained.invented():
        yield


def made(name):
    untrained.write(sampling.CHECKPOINTS, name)
    return models.MODELS.get(name)


def opened(problem):
    script = f"from explorer import problem_page\nproblem_page.show({problem!r})"
    return AppTest.from_string(script, default_timeout=60).run()


@pytest.mark.parametrize("name", ["rings/shares", "waves/sine"])
def test_it_has_a_page(name):
    made(name)
    page = opened(name.split("/")[0])
    assert not page.exception and len(page.get("bidi_component")) == 2


def test_the_home_page_lists_it(home):
    made("waves/sine")
    home.run()
    assert not home.exception
    titles = [s.value for s in home.subheader]
    assert titles == [discovery.problem(name).title for name in discovery.problems()] and {"Rings", "Waves"} <= set(
        titles
    )


def test_without_its_model_the_page_says_what_to_do():
    page = opened("rings")
    assert not page.exception and "python train.py rings/shares" in page.warning[0].value


@pytest.mark.parametrize("preset", ["sine", "chirp"])
def test_its_presets_are_offered(preset):
    made("waves/sine"), made("waves/chirp")
    page = AppTest.from_string("from explorer import problem_page\nproblem_page.show('waves')", default_timeout=60)
    page.query_params["preset"] = preset
    page.run()
    assert not page.exception and not page.warning
    assert page.session_state["preset:waves"] == preset


def test_fractions_travel_as_lists():
    model = made("rings/shares")
    dial = Dial({"fractions": (0.5, 0.125, 0.125, 0.125, 0.125)}, seed=2)
    text = json.dumps({"id": 1, "model": model.name, "conditions": dial.conditions, "seed": 2})
    header, arrays = protocol.decode(Service().answer(text))
    assert header["requested"]["fractions"] == [0.5, 0.125, 0.125, 0.125, 0.125]
    np.testing.assert_array_equal(arrays["picture"], models.sample_dial(model, dial).labels[0])
    assert header["descriptors"]["edges"][0] > 0
    assert link.from_query(model, link.to_query(model, dial))[0].conditions == dial.conditions


@pytest.mark.parametrize("text", ["0.5,0.5", "0.5,0.5,0.5,0.5,0.5", "a,b,c,d,e", "0.2,0.2,0.2,0.2,nan"])
def test_bad_fractions_in_a_link_are_a_sentence(text):
    dial, notes = link.from_query(made("rings/shares"), {"fractions": text})
    assert dial.conditions == {} and len(notes) == 1 and notes[0].endswith("The default is used.")


def test_a_continuous_field_is_scaled_to_its_range():
    model = made("waves/sine")
    sample = models.sample_dial(model, Dial(seed=1))
    picture = frames.picture(model.field, sample)
    np.testing.assert_allclose(picture / 127.5 - 1, sample.field[0], atol=1 / 127)
    assert exports.png(picture, model.field).startswith(b"\x89PNG")


def test_the_panel_is_told_what_there_is():
    told = panel_spec.panel(made("waves/sine"), Dial(), "/lab/")
    assert told["route"] == "/lab/api/live" and told["sizes"] == (32,) and told["stages"] == ()
    assert [q["name"] for q in told["latents"]] == ["tilt"]
    assert [(c["name"], c["axis"]) for c in told["curves"]] == [("profile", "column")]
    assert panel_spec.panel(made("rings/shares"), Dial())["stages"] == ("blur",)
