"""One thread for every test: small arrays run faster on one, and times do not depend on what else the machine does.

What takes seconds to make is made once, by one of the workers; tests must not change it (copy it first).
"""

import gc
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


TOGETHER = {
    "tests/browser": ("tests/browser/",),
    "processes": (
        "tests/faults/test_kill.py",
        "tests/faults/test_bulk.py",
        "tests/distributed/",
        "tests/core/test_data.py",
    ),
}
"""Tests that one worker runs: they share an explorer and a browser, or the process that others are forked from."""
LONGEST = (
    "tests/browser",
    "processes",
    "tests/contract/test_contract.py",
    "tests/core/theory/test_linear_game.py",
    "tests/faults/test_training.py",
    "tests/core/theory/test_gan_lab.py",
    "tests/contract/test_new_problem.py",
    "tests/contract/test_problem.py",
    "tests/core/training/test_game.py",
    "tests/core/training/test_data_free.py",
    "tests/statistics/test_cahn_hilliard.py",
    "tests/explorer/test_sets.py",
    "tests/core/models/test_polycrystal.py",
    "tests/explorer/test_micrograph.py",
    "tests/explorer/labs/test_gan_lab.py",
    "tests/core/sampling/test_sampling.py",
    "tests/core/metrics/test_rivals.py",
    "tests/convergence/test_burgers.py",
    "tests/core/test_train_micrograph.py",
    "tests/core/test_train_data.py",
    "tests/statistics/test_grains.py",
    "tests/explorer/test_showers.py",
    "tests/core/metrics/test_baselines.py",
    "tests/statistics/test_length_requests.py",
    "tests/core/sampling/test_bulk.py",
)
"""Units of work that take longest, which therefore begin first: what is left at the end is short."""


def unit(nodeid):
    """The unit of work that a test belongs to: a name of TOGETHER, or its file."""
    for name, starts in TOGETHER.items():
        if nodeid.startswith(starts):
            return name
    return nodeid.split("::")[0]


class Scheduling(LoadFileScheduling):
    """A unit of work goes to one worker, in the order of collection (`--no-loadscope-reorder`)."""

    def _split_scope(self, nodeid):
        return unit(nodeid)


def pytest_xdist_make_scheduler(config, log):
    return Scheduling(config, log)


def pytest_collection_modifyitems(items):
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(unit(item.nodeid), len(place)))


def pytest_collection_finish(session):
    """What is imported stays: the collector need not walk through it again and again."""
    gc.collect()
    gc.freeze()


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
