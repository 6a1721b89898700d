"""The comparison of two checkouts (`tests.benchmarks.same`) reports what differs."""

import numpy as np
import pytest

from tests.benchmarks.same import compare, difference

FIELD = np.linspace(0, 1, 6, dtype=np.float32)


def load(path, **values):
    np.savez(path, **values)
    return np.load(path, allow_pickle=False)


def test_equal_values_are_counted_by_group(tmp_path):
    values = {"samples/a/field": FIELD, "samples/a/n": np.asarray(3), "files/b": np.asarray("text")}
    old, new = (load(tmp_path / f"{name}.npz", **values) for name in ("old", "new"))
    assert compare(old, new) == {"samples": (2, []), "files": (1, [])}


@pytest.mark.parametrize(
    ("new", "sentence"),
    [
        (np.nextafter(FIELD, 2, dtype=np.float32), "6 of 6 values differ"),
        (FIELD.astype(np.float64), "float32 (6,) became float64 (6,)"),
        (FIELD[:5], "became float32 (5,)"),
        (None, "only in the old checkout"),
    ],
)
def test_a_difference_in_the_last_bit_type_or_shape_is_named(new, sentence):
    assert sentence in difference("samples/a", FIELD, new)


def test_other_text_and_new_names_are_named():
    assert "'a' became 'b'" in difference("files/x", np.asarray("a"), np.asarray("b"))
    assert "only in the new checkout" in difference("files/x", None, FIELD)
    assert difference("files/x", FIELD, FIELD.copy()) == ""
