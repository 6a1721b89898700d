"""Every test here runs on the checkpoints that ship; where there are none, on an untrained one."""

from pathlib import Path

import pytest
import streamlit.testing.v1 as testing
import torch

from core import sampling
from explorer.live.models import MODELS
from tests.explorer import untrained

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory):
    torch.set_num_threads(1)
    return untrained.folder(untrained.folder(tmp_path_factory.mktemp("checkpoints")), "two_phase/correlation")


@pytest.fixture(autouse=True)
def shipped(checkpoints, monkeypatch):
    monkeypatch.setattr(sampling, "CHECKPOINTS", checkpoints)
    monkeypatch.setattr(MODELS, "_models", {})


@pytest.fixture
def model():
    return MODELS.get("two_phase/fraction")


@pytest.fixture
def curved():
    """The preset that takes a curve."""
    return MODELS.get("two_phase/correlation")


@pytest.fixture
def home():
    return testing.AppTest.from_file(str(ROOT / "explorer" / "main.py"), default_timeout=60)


@pytest.fixture
def visit(home):
    """visit(query) -> the page of two_phase, its preset `fraction`, run once with these query parameters."""

    def open_page(**query):
        home.run()
        home.session_state["preset:two_phase"] = "fraction"
        for key, value in query.items():
            home.query_params[key] = value
        return home.switch_page("views/two_phase.py").run()

    return open_page
