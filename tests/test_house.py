"""The rules of the house (`tests/house_rules.py`) hold, and each can fail."""

import pytest

from tests.house_rules import (
    LARGEST_CHECKPOINT,
    LONGEST_FILE,
    MEDIAN_FILE,
    MEDIAN_FUNCTION,
    MOST_MODULES,
    ROOT,
    checkpoints_are_small_and_carded,
    core_shows_nothing,
    dynamic_imports_stay_in_discovery,
    every_file_of_core_is_in_a_room,
    files_are_short,
    functions_are_short,
    inside,
    no_file_runs_code,
    no_path_of_one_machine,
    nobody_imports_the_explorer,
    nothing_is_left_unfinished,
    one_problem_per_file,
    own_types_are_not_probed,
    parameters_are_annotated,
    problems_are_found_not_imported,
    public_names_explain_themselves,
    rooms_are_small,
    rooms_import_to_the_left,
    sources,
    the_live_path_knows_no_streamlit,
    the_witness_is_not_bribed,
)

MINIMAL = {
    "core/__init__.py": '"""Face."""\nimport core.types\ndef load():\n    """Load."""\n    from core.sampling import '
    "load\n",
    "core/types.py": '"""Types."""\n',
    "core/discovery.py": '"""Find."""\nimport importlib\n\nimportlib.import_module("core.problems")\n',
    "core/data.py": '"""Data."""\nimport core.types\ndef f(a: int, *b: int, c: int) -> int:\n    """Sum."""\n    '
    "return a\n",
    "core/problems/rings.py": '"""Rings."""\nfrom core import data\n\nPROBLEM: Problem = Problem(name="rings")\n',
    "explorer/figures/base.py": '"""Figures."""\nimport core\n\nclass A:\n    """A."""\n\n    def m(self, x: int):\n  '
    '      """M."""\n',
    "explorer/main.py": '"""Main."""\nimport streamlit\n\nstreamlit.text_input(' + "place" + 'holder="x")\n',
    "train.py": '"""Train."""\nimport core\n',
    "checkpoints/rings/plain.md": "card",
    "checkpoints/rings/plain.safetensors": "tensors",
}
OFFENDERS = {
    rooms_import_to_the_left: [
        {"core/data.py": "def f():\n    from core.training import loop"},
        {"core/types.py": "import core.discovery"},
        {"core/models/unet.py": "from ..losses import wgan"},
        {"core/losses.py": "from core import load"},
        {"train.py": "import explorer.jobs"},
        {"explorer/jobs.py": "import train"},
    ],
    every_file_of_core_is_in_a_room: [{"core/extras.py": ""}, {"core/attic/old.py": ""}],
    the_witness_is_not_bribed: [
        {"core/invariances/p.py": "from core.simulation import descriptors"},
        {"core/simulation/p.py": "def f():\n    import core.invariances.p"},
        {"core/simulation/p.py": "from ..invariances import p"},
    ],
    core_shows_nothing: [
        {"core/metrics.py": "import streamlit as st"},
        {"core/metrics.py": "from plotly.graph_objects import Figure"},
    ],
    problems_are_found_not_imported: [
        {"core/sampling.py": "from core.problems import rings"},
        {"core/__init__.py": "from .problems import rings"},
    ],
    dynamic_imports_stay_in_discovery: [
        {"core/data.py": "import importlib\nimportlib.import_module('os')"},
        {"train.py": "__import__('os')"},
    ],
    the_live_path_knows_no_streamlit: [
        {"explorer/figures/base.py": "import streamlit"},
        {
            "explorer/live/protocol.py": "import explorer.link",
            "explorer/link.py": "def f():\n from streamlit import cache",
        },
        {"explorer/live/__init__.py": "import streamlit", "explorer/live/service.py": ""},
    ],
    nobody_imports_the_explorer: [{"core/data.py": "import explorer"}, {"train.py": "from explorer.jobs import run"}],
    one_problem_per_file: [
        {"core/problems/rings.py": ""},
        {"core/problems/rings.py": "PROBLEM = Problem(name='discs')"},
        {"core/problems/rings.py": "PROBLEM = Problem(name='rings')\nOTHER = Problem(name='discs')"},
    ],
    rooms_are_small: [
        {f"core/models/m{i}.py": "" for i in range(MOST_MODULES + 1)},
        {f"explorer/live/browser/m{i}.js": "" for i in range(MOST_MODULES + 1)},
    ],
    files_are_short: [
        {"core/data.py": "\n" * (LONGEST_FILE + 1)},
        {"tests/test_x.py": "\n" * (LONGEST_FILE + 1)},
        {f"core/models/m{i}.py": "\n" * (MEDIAN_FILE + 1) for i in range(9)},
    ],
    functions_are_short: [
        {
            "core/data.py": "def f():\n" + " x = 1\n" * (MEDIAN_FUNCTION + 1),
            "core/__init__.py": "",
            "explorer/figures/base.py": "",
        },
    ],
    public_names_explain_themselves: [
        {"core/data.py": "import os"},
        {"core/data.py": '"""D."""\ndef f():\n    pass'},
        {"core/data.py": '"""D."""\nclass A:\n    """A."""\n    def m(self):\n        pass'},
        {"explorer/main.py": '"""D."""\nclass A:\n    pass'},
    ],
    parameters_are_annotated: [
        {"core/data.py": "def f(a): pass"},
        {"core/data.py": "def f(*a): pass"},
        {"core/data.py": "class A:\n    def _m(self, *, a=1): pass"},
        {"core/data.py": "class A:\n    @staticmethod\n    def m(a): pass"},
    ],
    nothing_is_left_unfinished: [
        {"core/data.py": "# TO" + "DO later"},
        {"README.md": "a place" + "holder here"},
        {"tests/test_x.py": "raise NotImplemented" + "Error"},
        {"explorer/live/browser/panel.js": "// FIX" + "ME"},
    ],
    no_path_of_one_machine: [{"core/data.py": "PATH = '/ho" + "me/me/x'"}, {"README.md": "cd /wo" + "rk/x"}],
    own_types_are_not_probed: [
        {"core/data.py": "def f(a):\n    return hasattr(a, 'fit')"},
        {"core/models/unet.py": "x = getattr(net, 'group', 1)"},
        {"explorer/jobs.py": "import inspect\ninspect.signature(f)"},
        {"train.py": "getattr(torch.cpu, 'x')"},
        {"core/models/unet.py": "class A:\n    def __getattr__(self, name): pass"},
    ],
    no_file_runs_code: [
        {"core/data.py": "import pickle"},
        {"core/data.py": "x = torch.load(path)"},
        {"core/data.py": "eval('1')"},
    ],
    checkpoints_are_small_and_carded: [
        {"checkpoints/rings/big.safetensors": "x" * LARGEST_CHECKPOINT, "checkpoints/rings/big.md": ""},
        {"checkpoints/rings/other.safetensors": ""},
        {"checkpoints/rings/other.md": ""},
    ],
}
CASES = [
    pytest.param(rule, files, id=f"{rule.__name__}-{i}")
    for rule, trees in OFFENDERS.items()
    for i, files in enumerate(trees)
]


def plant(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("rule", OFFENDERS, ids=lambda rule: rule.__name__)
def test_the_house_keeps(rule):
    offences = list(rule(ROOT))
    assert not offences, "\n".join(offences)


@pytest.mark.parametrize("rule", OFFENDERS, ids=lambda rule: rule.__name__)
def test_a_good_house_passes(rule, tmp_path):
    plant(tmp_path, MINIMAL)
    assert not list(rule(tmp_path))


@pytest.mark.parametrize(("rule", "files"), CASES)
def test_a_bad_house_fails(rule, files, tmp_path):
    plant(tmp_path, {**MINIMAL, **files})
    assert list(rule(tmp_path))


def test_the_house_has_its_rooms():
    """Every room of the table exists, or the arrows between rooms would hold of nothing."""
    assert len(sources(ROOT)) > 20
    assert {"types", "discovery", "simulation", "invariances", "sampling"} <= {inside(ROOT, f) for f in sources(ROOT)}
