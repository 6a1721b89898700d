"""kill -9 at any moment, then the same command: the final weights are the bits of a run that nobody disturbed."""

import shutil

import pytest
import torch

from tests.faults import quick
from tests.faults.killing import Training, differing, moments
from tests.processes import FRESH

STEPS = ("--steps", "12")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, cache):
    training = Training(tmp_path_factory.mktemp("undisturbed"), cache, quick.main, *STEPS, context=FRESH)
    said = training.finish()
    assert "starting afresh" in said and "finished" in said
    return training


def test_killed_training_ends_with_the_same_bits(tmp_path, cache, undisturbed):
    training = Training(tmp_path, cache, quick.main, *STEPS)
    kills = [training.kill_after(seconds, lines) for seconds, lines in moments(1, 3, undisturbed)]
    said = training.finish()
    assert all(running for running, _ in kills), kills
    assert "continuing at step" in said and "finished" in said
    assert differing(training.weights(), undisturbed.weights()) == []


def test_the_comparison_sees_one_bit(undisturbed):
    weights, other = undisturbed.weights(), undisturbed.weights()
    name = next(k for k in weights if k.startswith("ema."))
    other[name].view(torch.int32).reshape(-1)[-1] ^= 1
    assert differing(weights, other) == [name]


def test_a_damaged_state_stops_with_a_sentence(tmp_path, cache, undisturbed):
    shutil.copytree(undisturbed.folder, tmp_path, dirs_exist_ok=True)
    state = tmp_path / "runs" / "two_phase" / "fraction" / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-1])
    status, said = Training(tmp_path, cache, quick.main, *STEPS).start().wait()
    assert status == 1 and "Traceback" not in said
    assert "is truncated" in said and "Delete it and make it again: python train.py two_phase/fraction" in said
