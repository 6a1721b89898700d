"""One process or two: the same training. And the check can tell: without averaging it is not."""

import numpy as np
import pytest
import torch

from core.training import distributed
from tests.distributed import game, points
from tests.distributed.launch import launch


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    out = tmp_path_factory.mktemp("alone") / "weights"
    launch(1, game.main, out)
    return np.load(f"{out}.0.npy")


def test_two_processes_train_as_one(tmp_path, alone):
    launch(2, game.main, tmp_path / "weights")
    first, second = (np.load(tmp_path / f"weights.{rank}.npy") for rank in (0, 1))
    assert first.tobytes() == second.tobytes()
    assert np.abs(first - alone).max() < 1e-12


def test_without_averaging_it_would_be_noticed(tmp_path, alone):
    launch(2, game.main, tmp_path / "weights", True)
    first, second = (np.load(tmp_path / f"weights.{rank}.npy") for rank in (0, 1))
    assert np.abs(first - alone).max() > 1e-6
    assert np.abs(first - second).max() > 1e-6


def test_two_processes_find_the_same_gradients_of_points(tmp_path):
    """The shares of the branches too, whose baseline is the mean over the whole batch."""
    launch(1, points.main, tmp_path / "alone")
    launch(2, points.main, tmp_path / "two")
    alone, first = (np.load(tmp_path / f"{name}.0.npy") for name in ("alone", "two"))
    assert np.abs(alone).max() > 1e-3 and np.abs(first - alone).max() < 1e-12 * np.abs(alone).max()


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
