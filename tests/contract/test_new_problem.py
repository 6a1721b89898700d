"""A data-driven problem with its own source, generator and descriptor is one new file in each of those rooms and one in
`core/problems`; no existing file is edited.

The four files are kept in `tests/fixtures/new_problem` and put into a copy of the packages, where the contract suite
finds the problem as it finds every other one."""

import ast
import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core import types

ROOT = Path(__file__).parents[2]
FILES = Path(__file__).parents[1] / "fixtures" / "new_problem"
NOT_OF_ALL_PROBLEMS = ("test_before.py", "test_new_problem.py", "test_ten_minutes.py")
"""Tests of the contract that name their problems: links and files of 0.1, and new problems."""
MOST_FIELDS = 60
RECORDS = {"Problem", "Preset", "Quantity", "Field", "Descriptor", "TrainConfig", "Threshold"} | {
    "Evaluation",
    "Frame",
    "GroundTruth",
    "Projection",
    "RequestRules",
    "TrainingHooks",
}
PROTOCOLS = ("Source", "Generator", "Critic", "Invariance")
FRAME = """
import json
import core, train
from core import discovery
from explorer.live.protocol import decode
from explorer.live.service import Service
assert "stripes" in core.problems() and core.presets("stripes") == ("fraction",)
assert train.main(["stripes", "--tiny", "--device", "cpu", "--runs", "runs", "--samples", "16"]) == 0
sample = core.load("stripes").sample({"volume_fraction": 0.3}, n=2)
assert [int(a.sum()) for a in sample.labels] == [round(0.3 * 64 * 64)] * 2
request = {"id": 1, "model": "stripes/fraction", "conditions": {"volume_fraction": 0.25}, "seed": 3}
header, arrays = decode(Service().answer(json.dumps(request)))
print(json.dumps({"measured": header["measured"]["volume_fraction"], "shape": arrays["picture"].shape}))
"""


def new_files():
    return sorted(FILES.rglob("*.py"))


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The packages with the four new files among theirs; no checkpoints."""
    root = tmp_path_factory.mktemp("copy")
    ignored = shutil.ignore_patterns("__pycache__", *NOT_OF_ALL_PROBLEMS)
    for folder in ("core", "explorer", "tests/contract"):
        shutil.copytree(ROOT / folder, root / folder, ignore=ignored)
    for file in ("train.py", "pyproject.toml", "tests/__init__.py", "tests/conftest.py"):
        shutil.copy(ROOT / file, root / file)
    (root / "checkpoints").mkdir()
    for file in new_files():
        target = root / file.relative_to(FILES)
        assert not target.exists(), f"{target.name} is no new file"
        shutil.copy(file, target)
    return root


def python(root, *arguments):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "INVNET"))}
    environment = {**kept, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "INVNET_CACHE": str(root / "cache")}
    return subprocess.run(
        [sys.executable, *arguments], cwd=root, env=environment, capture_output=True, text=True, timeout=600
    )


def test_it_is_one_file_in_each_room():
    assert [str(f.relative_to(FILES)) for f in new_files()] == [
        f"core/{room}/stripes.py" for room in ("descriptors", "models", "problems", "simulation")
    ]


def test_it_is_listed_trained_sampled_and_drawn(copy):
    done = python(copy, "-c", FRAME)
    assert done.returncode == 0, done.stderr[-2000:]
    frame = json.loads(done.stdout.splitlines()[-1])
    assert frame["measured"] == pytest.approx(0.25, abs=1 / 64**2) and frame["shape"] == [64, 64]


def test_it_keeps_the_contract(copy):
    done = python(copy, "-m", "pytest", "tests/contract", "-k", "stripes", "-rp", "-n0", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout[-3000:]
    assert done.stdout.count("PASSED tests/contract/") > 20, done.stdout[-500:]


# --- what an author has to know ---------------------------------------------------------------------------------------


def required(record):
    """Fields of a dataclass without a default."""
    missing = dataclasses.MISSING
    return {f.name for f in dataclasses.fields(record) if f.default is missing and f.default_factory is missing}


def names_set(record, trees):
    """Fields that the example sets, by keyword or by position."""
    found, order = set(), [f.name for f in dataclasses.fields(record)]
    for node in (n for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Call)):
        if isinstance(node.func, ast.Name) and node.func.id == record.__name__:
            found |= {*order[: len(node.args)], *(k.arg for k in node.keywords)}
    return found


def members(protocol):
    """What an implementation must have: abstract methods, and attributes that are declared without a value."""
    declared = {name for name in protocol.__annotations__ if name not in vars(protocol)}
    return set(protocol.__abstractmethods__) | declared


def test_an_author_meets_at_most_60_fields():
    """Counted are, over the types that the example needs: of records, every field without a default and every field
    with one that the example sets; of protocols, every member without a default, whether the example implements it or
    uses an existing implementation."""
    trees = [ast.parse(f.read_text(encoding="utf-8")) for f in new_files()]
    calls = [n.func for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Call)]
    used = RECORDS & {call.id for call in calls if isinstance(call, ast.Name)}
    records = {name: getattr(types, name) for name in sorted(used)}
    met = {name: required(record) | names_set(record, trees) for name, record in records.items()}
    met |= {name: members(getattr(types, name)) for name in PROTOCOLS}
    count = sum(len(names) for names in met.values())
    assert {"Problem", "Preset", "Quantity", "Evaluation", "TrainConfig"} <= met.keys() and len(met["Source"]) == 2
    assert count <= MOST_FIELDS, "\n".join(f"{name}: {len(names)} {sorted(names)}" for name, names in met.items())
