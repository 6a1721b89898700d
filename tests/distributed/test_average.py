"""One process or two: the same training. And the check can tell: without averaging it is not."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from core.training import distributed

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def launch(processes, *arguments):
    """Run game.py as torchrun would, one child per rank; an error in any rank fails."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    common = {**os.environ, "PYTHONPATH": str(ROOT), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": str(processes)}
    running = [
        subprocess.Popen(
            [sys.executable, str(HERE / "game.py"), *arguments],
            env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank), "OMP_NUM_THREADS": "1"}, stderr=subprocess.PIPE, text=True,
        )
        for rank in range(processes)
    ]  # fmt: skip
    for child in running:
        _, errors = child.communicate(timeout=120)
        assert child.returncode == 0, errors


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    out = tmp_path_factory.mktemp("alone") / "weights"
    launch(1, str(out))
    return np.load(f"{out}.0.npy")


def test_two_processes_train_as_one(tmp_path, alone):
    launch(2, str(tmp_path / "weights"))
    first, second = (np.load(tmp_path / f"weights.{rank}.npy") for rank in (0, 1))
    assert first.tobytes() == second.tobytes()
    assert np.abs(first - alone).max() < 1e-12


def test_without_averaging_it_would_be_noticed(tmp_path, alone):
    launch(2, str(tmp_path / "weights"), "--naive")
    first, second = (np.load(tmp_path / f"weights.{rank}.npy") for rank in (0, 1))
    assert np.abs(first - alone).max() > 1e-6
    assert np.abs(first - second).max() > 1e-6


def test_one_process_has_identities():
    grads = [torch.ones(2, 3), torch.zeros(4)]
    assert all(a is b for a, b in zip(distributed.average(grads), grads, strict=True))
    assert distributed.average([]) == []
    assert distributed.share(5) == range(5)
    assert (distributed.rank(), distributed.world()) == (0, 1)
    assert distributed.agree(True) is True and distributed.agree(False) is False
    assert distributed.identical({"a": grads[0]})


def test_unequal_shares_are_refused(monkeypatch):
    monkeypatch.setattr(distributed, "world", lambda: 3)
    with pytest.raises(ValueError, match=r"batch of 8 cannot be shared equally by 3 processes. Use a multiple of 3"):
        distributed.share(8)
