"""A checkpoint file that tests of faults may damage."""

import pytest

from core.checkpoint import save
from core.types import Checkpoint
from tests.faults.checkpoints import MANIFEST, tensors


@pytest.fixture
def path(tmp_path):
    target = tmp_path / "two_phase" / "fraction.safetensors"
    save(target, Checkpoint(tensors(), MANIFEST))
    return target
