"""Inputs made after public reports of users, which stand beside the checkout; tests of them are skipped without."""

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("INVNET_CASES", Path(__file__).resolve().parents[2] / "shared" / "cases"))


def case(name):
    """The path of a case; skips the test where the folder is missing, and fails where the file is."""
    if not FOLDER.is_dir():
        pytest.skip("the folder of cases is missing: set INVNET_CASES")
    assert (FOLDER / name).exists(), f"{name} is missing in the folder of cases"
    return FOLDER / name
