"""Modules found by file name: listed, allow-listed, never imported directly."""

import subprocess
import sys
from pathlib import Path

import pytest

import core
from core import discovery

BAD = [
    "",
    "nothing",
    "..types",
    "two_phase.os",
    "two_phase ",
    "__init__",
    "_private",
    "os",
    "core.problems.two_phase",
    "two-phase",
]


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with two modules, a private one, a folder and a text file."""
    folder = tmp_path / "shelf_of_tests"
    (folder / "inner").mkdir(parents=True)
    for name in ("__init__", "pear", "apple", "_hidden", "inner/__init__"):
        (folder / f"{name}.py").write_text(f"NAME = {name!r}\n")
    (folder / "notes.txt").write_text("not a module")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder.name
    discovery.names.cache_clear()
    for name in [m for m in sys.modules if m.startswith(folder.name)]:
        del sys.modules[name]


def test_names_are_sorted_without_private_ones_and_folders(package):
    assert discovery.names(package) == ("apple", "pear")


def test_listing_imports_nothing(package):
    discovery.names(package)
    assert f"{package}.apple" not in sys.modules
    assert discovery.module(package, "apple").NAME == "apple" and f"{package}.pear" not in sys.modules


@pytest.mark.parametrize("name", BAD)
def test_other_names_are_refused_with_the_allowed_ones(package, name):
    with pytest.raises(ValueError, match=r"Choose one of: apple, pear\."):
        discovery.module(package, name)
    with pytest.raises(ValueError, match="two_phase"):
        discovery.problem(name)


def test_the_face_lists_problems_before_and_after_one_is_imported():
    """Importing core.problems.two_phase puts the package where the function was: in a fresh interpreter, both must
    answer."""
    lines = "import core; first = core.problems(); core.presets('two_phase'); assert first == core.problems() and first"
    subprocess.run([sys.executable, "-c", lines], check=True, cwd=Path(core.__file__).parent.parent)


def test_problems_and_presets():
    assert "two_phase" in discovery.problems() == core.problems() == tuple(sorted(core.problems()))
    for name in core.problems():
        assert discovery.problem(name).name == name and core.presets(name)
        problem, first = discovery.split(name)
        assert first is problem.presets[0] and discovery.split(f"{name}/{first.name}") == (problem, first)


def test_a_preset_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match=r"'two_phase' has no preset 'speed'\. Choose one of: .*fraction"):
        discovery.split("two_phase/speed")


def test_a_file_must_define_the_problem_of_its_name(package, monkeypatch):
    from core.problems import two_phase

    module = discovery.module(package, "pear")
    module.PROBLEM = two_phase.PROBLEM
    monkeypatch.setattr(discovery, "module", lambda package, name: module)
    with pytest.raises(AssertionError, match=r"core/problems/pear\.py must define PROBLEM named 'pear'"):
        discovery.problem("pear")
