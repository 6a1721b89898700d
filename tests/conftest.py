"""One thread for every test: small arrays run faster on one, and times do not depend on what else the machine does.

What takes seconds to make is made once, by one of the workers; tests must not change it (copy it first).
"""

import os

import pytest
import torch
from filelock import FileLock
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

from core import discovery, sampling
from core.types import Checkpoint

torch.set_num_threads(1)
settings.register_profile("house", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("house")


class Scheduling(LoadFileScheduling):
    """A file goes to one worker, and all browser tests to the same one: they share an explorer and a browser."""

    def _split_scope(self, nodeid):
        return "tests/browser" if nodeid.startswith("tests/browser/") else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config, log):
    return Scheduling(config, log)


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """once(name, make): the tensors that `make()` gives, made by the first worker that asks, read from a file by the
    others."""
    base = tmp_path_factory.getbasetemp()
    folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def get(name, make):
        path = folder / f"{name}.pt"
        with FileLock(f"{path}.lock"):
            if not path.exists():
                torch.save(make(), path)
        return torch.load(path)

    return get


@pytest.fixture(scope="session")
def structures(once):
    """256 simulated two-phase structures, uint8 (256, 64, 64)."""

    def draw():
        return torch.from_numpy(discovery.problem("two_phase").source.draw(range(256), (64, 64)))

    return once("structures", draw).numpy()


@pytest.fixture(scope="session")
def fitted(structures, once):
    """A two-phase generator fitted to `structures`, its network untrained; frozen. `fitted.left`: deviations after the
    fit."""
    torch.manual_seed(0)
    generator = discovery.split("two_phase/fraction")[1].generator().eval().requires_grad_(False)

    def fit():
        return (generator.fit(torch.from_numpy(structures), range(256)), generator.state_dict())

    generator.left, state = once("fitted", fit)
    generator.load_state_dict(state)
    return generator


@pytest.fixture(scope="session")
def model(fitted):
    """A model around `fitted`, as if loaded from a checkpoint; its reference tables are known numbers."""
    tensors = {f"generator.{k}": v for k, v in fitted.state_dict().items()}
    tensors |= {"reference.at": torch.tensor([0.2, 0.4, 0.8]), "reference.length.mean": torch.tensor([6.0, 8.0, 12.0])}
    tensors |= {"reference.length.sd": torch.tensor([1.0, 2.0, 3.0]), "reference.lineal_path.mean": torch.eye(3)}
    tensors |= {"reference.lineal_path.sd": torch.ones(3, 3)}
    return sampling.Model(Checkpoint(tensors, {"problem": "two_phase", "preset": "fraction"}))
