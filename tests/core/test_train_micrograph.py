"""`python train.py two_phase --data FILE` on what people have: one large grey micrograph, or the file layout of Zenodo
2580293."""

from dataclasses import replace

import h5py
import numpy as np
import pytest
from PIL import Image

import train
from core import checkpoint, sampling
from core.descriptors import windows as micrographs
from core.metrics import ensembles, release
from core.problems import two_phase
from core.training import inputs
from tests.calibration import shorten


@pytest.fixture(autouse=True)
def quick(tmp_path, monkeypatch):
    """Seconds instead of minutes: small fields, few images to calibrate on; the working folder is `tmp_path`."""
    monkeypatch.chdir(tmp_path)
    small = replace(two_phase.PROBLEM.field, shape=(64, 64))
    alone = replace(two_phase.PROBLEM.evaluation, baselines=())
    monkeypatch.setattr(two_phase, "PROBLEM", replace(two_phase.PROBLEM, field=small, evaluation=alone))
    monkeypatch.setenv("INVNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(inputs, "CALIBRATION_IMAGES", 16)
    shorten(monkeypatch)
    monkeypatch.setattr(ensembles, "STAGES", {"all": {}})
    monkeypatch.setattr(release, "contact_sheet", lambda model: Image.new("L", (8, 8)))


def large(folder):
    Image.fromarray(micrographs.example(3, (300, 400))).save(folder / "discs.tif")
    return folder / "discs.tif"


def zenodo(folder):
    structures = two_phase.SOURCE.draw(range(40), (64, 64))
    with h5py.File(folder / "2D_binary_morphologies.h5", "w") as file:
        file["morphology"] = structures.reshape(40, -1).astype(np.float32)
    return folder / "2D_binary_morphologies.h5"


@pytest.mark.parametrize(("make", "preset", "maps"), [(large, "correlation", 1), (zenodo, "fraction", 40)])
def test_training_on_a_micrograph(tmp_path, capsys, make, preset, maps):
    given = [
        f"two_phase/{preset}",
        "--data",
        str(make(tmp_path)),
        "--tiny",
        "--steps",
        "2",
        "--samples",
        "16",
        "--out",
        "out",
    ]
    assert train.main(given) == 0, capsys.readouterr().err
    made = tmp_path / "out" / "two_phase" / f"{preset}.safetensors"
    told = checkpoint.load(made).manifest["data"]
    assert told["maps"] == maps and "threshold of Otsu" in told["labels"]
    sample = sampling.load(made).sample({"volume_fraction": 0.42}, n=2, size=64)
    assert np.abs(sample.labels.mean((1, 2)) - 0.42).max() <= 1 / 64**2
    assert np.isfinite(sample.soft).all()


def test_windows_of_one_micrograph_have_its_statistics(tmp_path):
    source = two_phase.PROBLEM.training.read_data(large(tmp_path), {})
    windows = source.draw(range(300), (64, 64))
    assert set(np.unique(windows)) == {0, 1}
    assert abs(windows.mean() - source.maps[0].mean()) < 0.02, "standard error about .006 of overlapping windows"
    assert (source.draw([7], (64, 64)) == source.draw([7], (64, 64))).all()
