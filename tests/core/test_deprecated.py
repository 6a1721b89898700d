"""The module paths of version 0.1 still work, with a `DeprecationWarning`."""

import importlib
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from core.deprecated import MOVED

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("old", sorted(MOVED))
def test_an_old_path_is_the_module_at_the_new_one(old, monkeypatch):
    monkeypatch.delitem(sys.modules, old, raising=False)
    with pytest.warns(DeprecationWarning, match=rf"{old} is now {MOVED[old]}"):
        module = importlib.import_module(old)
    assert module is importlib.import_module(MOVED[old])


def test_new_paths_do_not_warn():
    names = ("core.simulation.burgers", *sorted(set(MOVED.values())))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in names:
            importlib.import_module(name)


def test_names_below_an_old_package_and_functions_of_an_old_module(monkeypatch):
    from core import simulation

    monkeypatch.delitem(sys.modules, "core.simulation.descriptors", raising=False)
    monkeypatch.delattr(simulation, "descriptors", raising=False)
    with pytest.warns(DeprecationWarning):
        from core.simulation import descriptors
    assert descriptors.s2_radial.__module__ == "core.descriptors.two_phase"
    from core.simulation import burgers

    assert burgers.cole_hopf.__module__ == "core.simulation.burgers.exact"


@pytest.mark.parametrize(
    ("command", "says"),
    [("core.training.linear_game", "scheme"), ("core.training.gan_report", "The numbers of the GAN lab")],
)
def test_an_old_command_runs_the_new_one(command, says):
    options = ["--steps", "5"] if command.endswith("linear_game") else ["--help"]
    done = subprocess.run(
        [sys.executable, "-W", "always", "-m", command, *options], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0 and says in done.stdout, done.stderr[-1000:]
    assert f"{command} is now {MOVED[command]}" in done.stderr
