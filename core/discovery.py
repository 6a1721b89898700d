"""Modules by file name, allow-listed: a name from outside is looked up in the listing, never imported directly.

There is no registry, and importing has no side effects: the file's name is the name, and the listing is the package's
folder.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from dataclasses import replace
from functools import lru_cache
from types import ModuleType

from core.types import Preset, Problem


@lru_cache(maxsize=8)
def names(package: str) -> tuple[str, ...]:
    """Sorted names of the modules in a package, without private ones (leading underscore)."""
    spec = importlib.util.find_spec(package)
    folders = list(spec.submodule_search_locations or []) if spec else []
    return tuple(sorted(m.name for m in pkgutil.iter_modules(folders) if not m.name.startswith("_") and not m.ispkg))


def module(package: str, name: str) -> ModuleType:
    """The module `package.name`.

    Raises:
        ValueError: there is no such module; the sentence lists the allowed names.
    """
    allowed = names(package)
    if name not in allowed:
        raise ValueError(f"There is no {name!r}. Choose one of: {', '.join(allowed)}.")
    return importlib.import_module(f"{package}.{name}")


def problems() -> tuple[str, ...]:
    """Names of all problems, sorted: one file in `core/problems` each."""
    return names("core.problems")


def point_problems() -> tuple[str, ...]:
    """Names of the problems whose samples are points, sorted: one file in `core/problems/points` each."""
    return names("core.problems.points")


def problem(name: str) -> Problem:
    """The problem with this name, of fields or of points: `PROBLEM` of its file.

    Raises:
        ValueError: there is no such problem.
    """
    package = "core.problems.points" if name in point_problems() else "core.problems"
    problem_of_file = module(package, name).PROBLEM
    file = f"{package.replace('.', '/')}/{name}.py"
    assert isinstance(problem_of_file, Problem) and problem_of_file.name == name, (
        f"{file} must define PROBLEM named {name!r}"
    )
    return problem_of_file


def split(name: str) -> tuple[Problem, Preset]:
    """The problem, with the preset's overrides, and the preset of a name `problem/preset` or `problem` (its first
    preset).

    Raises:
        ValueError: there is no such problem or preset; the sentence lists what exists.
    """
    head, _, tail = name.partition("/")
    selected = problem(head)
    for preset in selected.presets:
        if tail in ("", preset.name):
            return replace(selected, **preset.overrides), preset
    raise ValueError(f"{head!r} has no preset {tail!r}. Choose one of: {', '.join(p.name for p in selected.presets)}.")
