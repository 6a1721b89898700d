"""Where trained models lie, with a checkout, in an installed wheel, and in a folder that the environment names."""

from pathlib import Path

import pytest

from core import folders, sampling


@pytest.fixture
def checkout(tmp_path):
    """The folder of `core` in a checkout."""
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "core").mkdir()
    return tmp_path / "core"


@pytest.fixture
def installed(tmp_path):
    """The folder of `core` as a wheel installs it."""
    (tmp_path / "core" / "checkpoints").mkdir(parents=True)
    return tmp_path / "core"


def test_a_checkout_reads_and_writes_its_own_folder(checkout):
    own = checkout.parent / "checkpoints"
    assert folders.shipped(checkout) == folders.to_read({}, checkout) == folders.to_write(own, checkout) == own
    assert folders.command("train", checkout) == "python train.py"


def test_an_installed_package_is_read_and_never_written(installed):
    inside = installed / "checkpoints"
    assert folders.shipped(installed) == folders.to_read({}, installed) == inside
    assert folders.to_write(inside, installed) == Path("checkpoints")
    assert folders.command("train", installed) == "invnet train"
    assert folders.command("explorer", installed) == "invnet"


def test_a_folder_of_another_package_is_not_taken_for_a_checkout(installed):
    (installed.parent / "checkpoints").mkdir()
    assert folders.to_read({}, installed) == installed / "checkpoints"


def test_a_checkout_without_models_names_the_folder_where_they_are_missed(tmp_path):
    assert folders.to_read({}, tmp_path / "core") == tmp_path / "checkpoints"


@pytest.mark.parametrize("where", ["checkout", "installed"])
def test_the_environment_comes_first(where, request, monkeypatch):
    package = request.getfixturevalue(where)
    monkeypatch.setenv("HOME", "/somewhere")
    assert folders.to_read({folders.VARIABLE: "~/mine"}, package) == Path("/somewhere/mine")
    assert folders.to_read({folders.VARIABLE: ""}, package) == folders.shipped(package)
    assert folders.to_write(Path("mine"), package) == Path("mine")


def test_this_checkout_is_one():
    root = Path(__file__).resolve().parents[2]
    assert folders.shipped() == root / "checkpoints"
    assert folders.to_write(sampling.CHECKPOINTS) == sampling.CHECKPOINTS
