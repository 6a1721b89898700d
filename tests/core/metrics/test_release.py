"""From a run to a checkpoint: pictures, the averaged generator, and what `finish` writes."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from core import checkpoint, discovery, sampling
from core.metrics import release
from core.training import precision
from core.training.run import Folders, Run
from core.types import Field

PROBLEM, PRESET = discovery.split("burgers/sobel")


@pytest.fixture(params=[True, False], ids=["with bf16 hardware", "without"])
def run(tmp_path, monkeypatch, request):
    """A run of one step on either machine."""
    monkeypatch.setattr(precision, "cpu_capabilities", lambda: {"avx512_bf16": request.param})
    made = Run(PROBLEM, PRESET, replace(PRESET.tiny, steps=1), Folders(tmp_path / "runs", tmp_path / "out"))
    made.start(None, None)
    made.trainer.step()
    made.expected = "bf16" if request.param else "fp32"
    return made


def test_finish_writes_checkpoint_card_and_contact_sheet(run, monkeypatch, capsys):
    table = pd.DataFrame({"all": {"error": 0.5}})
    monkeypatch.setattr(release, "quality", lambda model, samples: table)
    monkeypatch.setattr(release, "reference", lambda problem, knots, n: {"at": torch.tensor(knots)})
    monkeypatch.setattr(release, "verdict_lines", lambda problem, table: [])
    release.finish(run, None, samples=16, quick=True)
    made = checkpoint.load(run.target)
    assert made.manifest["training"] == {
        "steps": 1,
        "minutes": 0.0,
        "device": "cpu",
        "precision": run.expected,
        "images per second": made.manifest["training"]["images per second"],
    }
    assert made.manifest["config"]["precision"] == "auto"
    assert f"| precision | {run.expected} |" in run.target.with_suffix(".md").read_text()
    assert (run.folder / "samples" / "final.png").exists() and f"written: {run.target}" in capsys.readouterr().out
    averaged = {f"generator.{k}": v for k, v in run.trainer.ema.module.state_dict().items()}
    assert all(torch.equal(made.tensors[k], v) for k, v in averaged.items())
    assert sampling.load(run.target).sample(n=1).field is not None


def test_grey_levels_span_the_field_and_labels_have_colours_of_their_own():
    grey = release.as_pictures(np.array([[[0.0, 0.5, 1.0, 7.0]]]), Field("continuous", shape=(1, 4)))
    assert grey.shape == (1, 1, 4, 1) and grey.dtype == np.uint8 and grey.ravel().tolist() == [0, 127, 255, 255]
    field = Field("categorical", (1, 3), ("a", "b", "c"), channels=3)
    colours = release.as_pictures(np.array([[[0, 1, 2]]]), field)
    assert colours.shape == (1, 1, 3, 3) and len({tuple(c) for c in colours[0, 0]}) == 3
