"""`python train.py PROBLEM --data PATH`: trains on a person's own maps, in folders of its own, compared with maps it
never saw."""

import json
import runpy
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import train
from core import checkpoint, sampling
from core.metrics import ensembles, release
from core.problems import two_phase
from core.readers import maps as own_maps
from core.simulation.cahn_hilliard import CahnHilliard
from core.training import inputs
from core.types import HELD_OUT, TrainingHooks
from tests.calibration import shorten


@pytest.fixture(scope="module")
def simulated():
    return two_phase.SOURCE.draw(range(20), (160, 144))


@pytest.fixture
def maps(tmp_path, monkeypatch, simulated):
    """A folder with twenty two-phase maps, in a problem that can read them; the working folder is `tmp_path`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INVNET_CACHE", str(tmp_path / "cache"))
    small = replace(two_phase.PROBLEM.field, shape=(64, 64))
    hooks = TrainingHooks(lambda p, o: own_maps.read(p, {**o, "labels": 2}))
    alone = replace(two_phase.PROBLEM.evaluation, baselines=())
    reads = replace(two_phase.PROBLEM, training=hooks, field=small, evaluation=alone)
    monkeypatch.setattr(two_phase, "PROBLEM", reads)
    (tmp_path / "My maps").mkdir()
    for i, one in enumerate(simulated):
        np.save(tmp_path / "My maps" / f"{i:02d}.npy", one * 0.8)
    return tmp_path / "My maps"


def test_training_on_own_maps(maps, tmp_path, monkeypatch, capsys):
    def refused(*given):
        raise AssertionError("no simulation may be asked for")

    seen = []
    drawn = own_maps.OwnMaps.draw
    monkeypatch.setattr(CahnHilliard, "draw", refused)
    monkeypatch.setattr(CahnHilliard, "at", refused)
    monkeypatch.setattr(
        own_maps.OwnMaps, "draw", lambda self, seeds, shape: (seen.extend(seeds), drawn(self, seeds, shape))[1]
    )
    monkeypatch.setattr(inputs, "CALIBRATION_IMAGES", 32)
    shorten(monkeypatch)
    monkeypatch.setattr(release, "contact_sheet", lambda model: Image.new("L", (8, 8)))
    monkeypatch.setattr(ensembles, "STAGES", {"all": {}})
    assert train.main(["two_phase", "--data", str(maps), "--tiny", "--samples", "16"]) == 0
    said = capsys.readouterr().out
    path = tmp_path / "checkpoints-My-maps" / "two_phase" / "correlation.safetensors"
    told = checkpoint.load(path).manifest["data"]
    assert told["files"] == [*(f"{i:02d}.npy" for i in range(8)), "and 12 more"]
    assert told["held out"] == "the last 4 of 20 maps" and told["digest"]
    assert str(tmp_path) not in json.dumps(checkpoint.load(path).manifest)
    assert "look at it: INVNET_CHECKPOINTS=checkpoints-My-maps streamlit run explorer/app.py" in said
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == [f"data-{told['content'][:12]}"]
    assert {s for s in seen if s >= HELD_OUT} == set(range(HELD_OUT, HELD_OUT + 16))
    assert sampling.load(path).sample(n=1, size=64).labels.shape == (1, 64, 64)
    rows = checkpoint.load(path).manifest["metrics"]
    assert all("data" not in row for row in next(iter(rows.values()))), "the oracle does not speak of these maps"


def test_windows_are_not_rolled(maps):
    given = train.arguments(["two_phase", "--data", str(maps)])
    preset = two_phase.PROBLEM.presets[0]
    problem, _ = train.with_data(two_phase.PROBLEM, preset, given)
    assert not problem.field.periodic and problem.truth.simulate is None
    assert train.with_data(two_phase.PROBLEM, preset, train.arguments(["two_phase"]))[0] is two_phase.PROBLEM


@pytest.mark.parametrize(
    ("more", "say"),
    [
        (["two_phase", "--data", "nowhere"], "nowhere does not exist"),
        (["two_phase", "--data", "My maps", "--scale", "3"], "scale must be more than 0 and at most 1"),
        (
            ["two_phase", "--data", "My maps", "--out", str(train.SHIPPED)],
            "holds the models that come with the software",
        ),
        (["burgers", "--data", "My maps"], "burgers cannot be trained on own data"),
        (["two_phase/data_free", "--data", "My maps"], "two_phase/data_free learns without data"),
    ],
)
def test_what_cannot_be_is_said_and_leaves_nothing(maps, tmp_path, capsys, more, say):
    assert train.main(more) == 1
    said = capsys.readouterr()
    assert say in said.err and "Traceback" not in said.err
    assert [p.name for p in tmp_path.iterdir()] == ["My maps"]


def test_data_need_one_problem(capsys):
    with pytest.raises(SystemExit):
        train.arguments(["--data", "x"])
    assert "--data trains one problem" in capsys.readouterr().err


def test_the_folder_of_checkpoints_can_be_chosen(tmp_path, monkeypatch):
    monkeypatch.setenv("INVNET_CHECKPOINTS", str(tmp_path))
    assert runpy.run_path(sampling.__file__)["CHECKPOINTS"] == tmp_path
    monkeypatch.delenv("INVNET_CHECKPOINTS")
    assert runpy.run_path(sampling.__file__)["CHECKPOINTS"] == train.SHIPPED
