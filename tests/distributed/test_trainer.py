"""One process or two: the real trainer ends with the same weights, averages and optimiser state, to rounding."""

import numpy as np
import pytest
import safetensors.torch
import torch

from core.training.loop import Trainer
from tests.distributed.launch import launch
from tests.distributed.trainer import CONFIG, PRESET, PROBLEM, SCHEMES, main


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Folder with the final states of one run on one process and one on two."""
    folder = tmp_path_factory.mktemp("trained")
    images = PROBLEM.source.draw(range(CONFIG.images), (CONFIG.size, CONFIG.size))
    np.save(folder / "images.npy", images)
    start = {k: v.contiguous() for k, v in Trainer(PROBLEM, PRESET, CONFIG, images).state().items()}
    safetensors.torch.save_file(start, folder / "start.safetensors")
    for processes, name in ((1, "one"), (2, "two")):
        launch(processes, main, folder / "images.npy", folder / "start.safetensors", folder / name)
    return folder


@pytest.mark.parametrize("scheme", SCHEMES)
def test_two_processes_train_as_one(trained, scheme):
    names = (f"one.{scheme}.0", f"two.{scheme}.0", f"two.{scheme}.1")
    one, first, second = (safetensors.torch.load_file(trained / f"{name}.safetensors") for name in names)
    assert one.keys() == first.keys()
    assert {k.split(".")[0] for k in one} == {"step", "critic", "generator", "ema", "optimiser0", "optimiser1"}
    assert all(torch.equal(first[k], second[k]) for k in first)
    assert {v.dtype for k, v in one.items() if k.split(".")[0] in ("critic", "generator")} == {torch.float64}
    gaps = {k: float((one[k].double() - first[k].double()).abs().max()) for k in one if one[k].numel()}
    worst = max(gaps, key=gaps.get)
    assert gaps[worst] < 1e-12, (worst, gaps[worst])
