"""One process and two, started once for all tests here."""

import numpy as np
import pytest
import safetensors.torch

from core.training.loop import Trainer
from tests.calibration import shorten
from tests.distributed import together
from tests.distributed.launch import launch
from tests.distributed.trainer import CONFIG, PRESET, PROBLEM


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """Folder with what one process and two have written: one.* and two.*, see `together.main`."""
    folder = tmp_path_factory.mktemp("distributed")
    images = PROBLEM.source.draw(range(CONFIG.images), (CONFIG.size, CONFIG.size))
    np.save(folder / "images.npy", images)
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch)
        start = {k: v.contiguous() for k, v in Trainer(PROBLEM, PRESET, CONFIG, images).state().items()}
    safetensors.torch.save_file(start, folder / "start.safetensors")
    for processes, name in ((1, "one"), (2, "two")):
        launch(processes, together.main, folder, name)
    return folder
