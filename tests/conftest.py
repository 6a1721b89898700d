"""One thread for every test: small arrays run faster on one, and times do not depend on what else the machine does.

What takes seconds to make is made once per session; tests must not change it (copy it first).
"""

import pytest
import torch
from hypothesis import settings

from core import discovery, sampling
from core.types import Checkpoint

torch.set_num_threads(1)
settings.register_profile("house", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("house")


@pytest.fixture(scope="session")
def structures():
    """256 simulated two-phase structures, uint8 (256, 64, 64)."""
    return discovery.problem("two_phase").source.draw(range(256), (64, 64))


@pytest.fixture(scope="session")
def fitted(structures):
    """A two-phase generator fitted to `structures`, its network untrained; frozen. `fitted.left`: deviations after the fit."""
    torch.manual_seed(0)
    generator = discovery.split("two_phase/fraction")[1].generator().eval().requires_grad_(False)
    generator.left = generator.fit(torch.from_numpy(structures), range(256))
    return generator


@pytest.fixture(scope="session")
def model(fitted):
    """A model around `fitted`, as if loaded from a checkpoint; its reference tables are known numbers."""
    tensors = {f"generator.{k}": v for k, v in fitted.state_dict().items()}
    tensors |= {"reference.at": torch.tensor([0.2, 0.4, 0.8]), "reference.length.mean": torch.tensor([6.0, 8.0, 12.0])}
    tensors |= {"reference.length.sd": torch.tensor([1.0, 2.0, 3.0]), "reference.lineal_path.mean": torch.eye(3)}
    tensors |= {"reference.lineal_path.sd": torch.ones(3, 3)}
    return sampling.Model(Checkpoint(tensors, {"problem": "two_phase", "preset": "fraction"}))
