"""Requests are parsed strictly; frames are what was put in, bit by bit."""

import json

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.live import protocol
from explorer.live.dial import Dial

GOOD = {
    "model": "two_phase/fraction",
    "conditions": {"volume_fraction": 0.3},
    "latent": {"length": 8.0},
    "seed": 4,
    "size": 64,
    "off": ["physics"],
}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def test_a_good_request_is_read():
    request = protocol.parse(json.dumps(GOOD | {"id": 3, "project": False}))
    assert (request.id, request.model) == (3, "two_phase/fraction")
    assert request.dial == Dial(
        {"volume_fraction": float(np.float32(0.3))}, {"length": 8.0}, 4, 64, False, ("physics",)
    )


def test_locks_are_places_each_once():
    request = protocol.parse(json.dumps(GOOD | {"locked": {"fractions": [3, 0, 3], "none": []}}))
    assert request.dial.locked == {"fractions": (0, 3)}


def test_what_is_missing_takes_its_default():
    assert protocol.parse('{"model": "a/b"}') == protocol.Request("a/b")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"colour": 1}, "Unknown key 'colour'"),
        ({"model": 5}, "model must be a name"),
        ({"model": None}, "model must be a name"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"seed": True}, "seed must be"),
        ({"seed": 1.5}, "seed must be"),
        ({"size": 99999}, "size must be"),
        ({"project": 1}, "project must be true or false"),
        ({"off": "physics"}, "off must be a list"),
        ({"off": ["a"] * 17}, "off must be a list"),
        ({"conditions": [1]}, "conditions must be an object"),
        ({"conditions": {"volume_fraction": "0.3"}}, "volume_fraction must be a number"),
        ({"conditions": {"volume_fraction": True}}, "volume_fraction must be a number"),
        ({"latent": {"length": 1e40}}, "finite"),
        ({"latent": {"length": []}}, "1 to 512 numbers"),
        ({"latent": {"length": [0.0] * 513}}, "1 to 512 numbers"),
        ({"latent": {"length": None}}, "length must be a number"),
        ({"locked": [1]}, "locked must be an object"),
        ({"locked": {"fractions": "0"}}, "locked must be an object"),
        ({"locked": {"fractions": [-1]}}, "locked must be a whole number"),
        ({"locked": {"fractions": [0.5]}}, "locked must be a whole number"),
    ],
)
def test_a_bad_request_is_refused_with_a_sentence(change, words):
    with pytest.raises(ValueError, match=words):
        protocol.parse(json.dumps(GOOD | change))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "5", "null", "{", "{}", '{"model": NaN}', '{"model":"a","seed":Infinity}', "[" * 9000, "x" * 20_000],
)
def test_garbage_is_refused_with_a_sentence(text):
    with pytest.raises(ValueError, match=r"\w+ .*\.$"):
        protocol.parse(text)


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text):
    try:
        protocol.parse(text)
    except ValueError as error:
        assert str(error)


@given(st.dictionaries(st.sampled_from(protocol.KEYS) | st.text(max_size=6), json_values, max_size=6))
def test_any_object_is_read_or_refused(thing):
    try:
        request = protocol.parse(json.dumps(thing))
    except ValueError as error:
        assert str(error)
    else:
        assert all(abs(np.float32(v)) < 1e31 for v in request.dial.conditions.values() if isinstance(v, float))


@given(
    st.dictionaries(
        st.text(max_size=8),
        hnp.arrays(st.sampled_from([np.uint8, np.float32]), hnp.array_shapes(max_dims=3, max_side=9)),
        max_size=4,
    ),
    st.dictionaries(
        st.text(max_size=5).filter(lambda k: k != "arrays"), st.integers() | st.text(max_size=20), max_size=4
    ),
)
def test_a_frame_comes_back_as_it_was(arrays, header):
    got, back = protocol.decode(protocol.encode(header, arrays))
    assert got == header
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype
        np.testing.assert_array_equal(back[name], array)


def test_numbers_that_are_not_finite_become_null():
    header, _ = protocol.decode(
        protocol.encode({"a": float("nan"), "b": np.float32("inf"), "c": np.array([1.0, np.nan])}, {})
    )
    assert header == {"a": None, "b": None, "c": [1.0, None]}
