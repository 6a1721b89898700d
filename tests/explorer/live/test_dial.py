"""A dial is resolved once for each frame and once for each release; what was resolved is passed on."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import sampling
from explorer import problem_page
from explorer.live import component, dial, models, protocol
from explorer.live.dial import Dial, resolve
from explorer.live.service import Service
from tests.explorer import untrained

LABELS, SOLUTION = "two_phase/fraction", "burgers/viscous"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("resolved")
    return untrained.folder(untrained.folder(made, LABELS), SOLUTION)


@pytest.fixture(autouse=True)
def here(folder, shipped, monkeypatch):
    monkeypatch.setattr(sampling, "CHECKPOINTS", folder)


MODULES = [m for name, m in sys.modules.items() if name.startswith("explorer") and m is not None]


@pytest.fixture
def resolved(monkeypatch):
    """The dials that each step of resolution was called with, in whichever module of the explorer."""
    assert problem_page in MODULES and len(MODULES) > 20
    calls = {"resolve": [], "to_conditions": [], "check": []}
    for name, dials in calls.items():
        original = getattr(dial, name)

        def counting(model, value, original=original, dials=dials):
            dials.append(value)
            return original(model, value)

        for module in (m for m in MODULES if vars(m).get(name) is original):
            monkeypatch.setattr(module, name, counting)
    return calls


def page(name):
    text = f"from explorer import problem_page\nproblem_page.show({name.split('/')[0]!r})"
    opened = AppTest.from_string(text, default_timeout=120)
    opened.query_params["preset"] = name.split("/")[1]
    return opened


@pytest.mark.parametrize("name", [LABELS, SOLUTION])
def test_a_frame_of_the_live_route_resolves_its_dial_once(name, resolved):
    for number in range(3):
        header, _ = protocol.decode(Service().answer(json.dumps({"id": number, "model": name, "seed": number})))
        assert "error" not in header
    expected = [Dial(seed=number) for number in range(3)]
    assert resolved == {"resolve": expected, "to_conditions": expected, "check": expected}


@pytest.mark.parametrize("name", [LABELS, SOLUTION])
def test_a_run_of_the_page_resolves_once_for_its_frame_and_once_for_its_details(name, resolved, monkeypatch):
    frames = []
    monkeypatch.setattr(component, "mount", lambda frame, model: frames.append(protocol.decode(frame)[0]))
    opened = page(name).run()
    for calls in resolved.values():
        calls.clear()
    opened.query_params.clear()
    opened.session_state[f"panel:{name}"] = {"dial": {"id": 3, "model": name, "seed": 7}}
    opened.run()
    assert not opened.exception and not opened.error and frames[-1]["id"] == 3
    assert len(frames) == 2
    for dials in resolved.values():
        assert [d.seed for d in dials].count(7) == 1, "the frame"
        assert len(dials) == 2, "the frame and the details"


def test_a_resolved_request_is_what_the_model_takes(model):
    request = resolve(model, Dial({"volume_fraction": 0.4}, {"length": 9.0}, 5, 64))
    assert request.shape == (64, 64) and request.size == 64 and request.has_reference and request.warnings == ()
    expected = model.sample({"volume_fraction": 0.4}, seed=5, latent={"length": 9.0}, size=64)
    np.testing.assert_array_equal(models.sample_request(model, request).labels, expected.labels)
    raw = request.without_projection()
    assert not raw.project and not raw.dial.project and request.project
    assert resolve(model, Dial(size=model.field.shape[0])).size is None


def test_beyond_the_references_a_request_says_so(model):
    request = resolve(model, Dial({"volume_fraction": 0.95}))
    assert not request.has_reference and models.reference(model, request) == {}
    assert "no reference data" in request.warnings[0]


def test_the_live_path_imports_no_lab():
    for file in Path(component.__file__).parent.glob("*.py"):
        assert "explorer.labs" not in file.read_text(encoding="utf-8"), file.name
