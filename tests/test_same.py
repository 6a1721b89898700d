"""The comparison of two checkouts (`tests.benchmarks.same`) names what differs, and nothing else."""

import json

import numpy as np
import pytest

from tests.benchmarks.same.__main__ import compare, read
from tests.benchmarks.same.values import Record

FIELD = np.linspace(0, 1, 6, dtype=np.float32)


def found(folder, **changes):
    """What a probe would have found, with some values changed."""
    folder.mkdir()
    record = Record()
    values = {"field": FIELD, "count": 3, "stages": "network", "label": "some words", "ms": 1.0}
    with record.part("samples", "a") as add:
        add("one", values | changes)
    record.save(folder)
    return read(folder)


def test_equal_probes_are_equal_and_words_and_times_may_change(tmp_path, capsys):
    old, new = found(tmp_path / "old"), found(tmp_path / "new", label="other words", ms=2.0)
    assert compare(old, new, words=False)
    assert "0 different      1 reworded" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"field": np.nextafter(FIELD, 2, dtype=np.float32)}, "6 entries"),
        ({"field": FIELD.astype(np.float64)}, "float32[6] and float64[6]"),
        ({"count": 4}, "max |difference| 1"),
        ({"stages": "physics"}, "differs"),
        ({"more": 1}, "only in NEW"),
    ],
)
def test_a_difference_is_named(tmp_path, capsys, change, sentence):
    assert not compare(found(tmp_path / "old"), found(tmp_path / "new", **change), words=False)
    assert sentence in capsys.readouterr().out


def test_a_part_that_failed_is_a_difference(tmp_path, capsys):
    old, new = found(tmp_path / "old"), found(tmp_path / "new")
    new["failed"] = json.loads('{"samples|b": "ValueError"}')
    assert not compare(old, new, words=False) and "failed in NEW: samples|b" in capsys.readouterr().out
