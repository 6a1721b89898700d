"""One process or two: the same training. And the check can tell: without averaging it is not."""

import numpy as np
import pytest
import torch

from core.training import distributed


def read(folder, *names):
    return [np.load(folder / f"{name}.npy") for name in names]


def test_two_processes_train_as_one(written):
    alone, first, second = read(written, "one.game.0", "two.game.0", "two.game.1")
    assert first.tobytes() == second.tobytes()
    assert np.abs(first - alone).max() < 1e-12


def test_without_averaging_it_would_be_noticed(written):
    alone, first, second = read(written, "one.game.0", "two.naive.0", "two.naive.1")
    assert np.abs(first - alone).max() > 1e-6
    assert np.abs(first - second).max() > 1e-6


def test_two_processes_find_the_same_gradients_of_points(written):
    """The shares of the branches too, whose baseline is the mean over the whole batch."""
    alone, first = read(written, "one.points.0", "two.points.0")
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
