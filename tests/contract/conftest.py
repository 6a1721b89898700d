"""Every preset comes with a model: the shipped checkpoint, or where there is none one trained for seconds (`train.py
--tiny`)."""

import pytest
import torch

import core
import train
from core import sampling


@pytest.fixture(scope="session")
def checkpoint_of(tmp_path_factory):
    """name -> path of its checkpoint."""
    made = {}

    def find(name):
        if not sampling.path_of(name).exists() and name not in made:
            made[name] = tiny(name, tmp_path_factory.mktemp("tiny"))
        return made.get(name, sampling.path_of(name))

    return find


def tiny(name, folder):
    """The checkpoint of a run of seconds, everything it writes within `folder`."""
    asked = [
        name,
        "--tiny",
        "--device",
        "cpu",
        "--runs",
        str(folder / "runs"),
        "--out",
        str(folder / "out"),
        "--samples",
        "16",
    ]
    strict = torch.are_deterministic_algorithms_enabled()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INVNET_CACHE", str(folder / "cache"))
        assert train.main(asked) == 0
    torch.use_deterministic_algorithms(strict)
    return folder / "out" / f"{name}.safetensors"


@pytest.fixture(scope="module")
def model(preset, checkpoint_of):
    """The model of the preset at hand."""
    return core.load(checkpoint_of(preset))
