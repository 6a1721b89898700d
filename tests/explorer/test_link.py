"""A link holds the dial to the last bit, and a bad link is a sentence."""

import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from explorer import link
from explorer.live import models
from explorer.live.dial import Dial, resolve, sizes

SAME = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)


def between(q):
    return st.floats(q.low, q.high, width=64).map(
        lambda v: float(np.clip(np.float32(v), np.float32(q.low), np.float32(q.high)))
    )


@SAME
@given(data=st.data())
def test_a_dial_comes_back_from_its_link(model, data):
    chosen = data.draw(st.sets(st.sampled_from(model.latents))) if model.latents else set()
    dial = Dial(
        {q.name: data.draw(between(q)) for q in model.conditions},
        {q.name: data.draw(between(q)) for q in model.latents if q in chosen},
        data.draw(st.integers(0, 2**31 - 1)),
        data.draw(st.sampled_from(sizes(model))),
        data.draw(st.booleans()),
        tuple(s for s in model.stages if data.draw(st.booleans())),
        data.draw(st.sampled_from(model.problem.projection.best_of or (1,))),
    )
    back, notes = link.from_query(model, link.to_query(model, dial))
    assert back == dial and notes == ()


@given(st.floats(-1e6, 1e6, width=32))
def test_written_numbers_are_the_same_float32(value):
    assert np.float32(link.write_number(value)) == np.float32(value)


@SAME
@given(query=st.dictionaries(st.sampled_from([*link.RESERVED, "volume_fraction", "x"]), st.text(max_size=30)))
def test_any_link_gives_a_dial_that_samples(model, query):
    dial, notes = link.from_query(model, query)
    resolve(model, dial)
    assert all(0.05 - 1e-6 <= v <= 0.95 + 1e-6 for v in dial.conditions.values())
    assert all(note.endswith(".") and "Traceback" not in note for note in notes)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"volume_fraction": "1.7"}, "volume_fraction must be a number from 0.05 to 0.95"),
        ({"volume_fraction": "nan"}, "volume_fraction"),
        ({"volume_fraction": "much"}, "'much'"),
        ({"seed": "-3"}, "seed must be 0 to"),
        ({"size": "100"}, "size must be one of 64, 128"),
        ({"z": "!!!"}, "damaged"),
        ({"z": "AAAA"}, "damaged"),
        ({"off": "thinking"}, "off in this link"),
        ({"best_of": "5"}, "best_of must be one of"),
        ({"m": "00000000"}, "another version"),
        ({"colour": "red"}, "ignored"),
    ],
)
def test_a_bad_part_is_a_sentence_and_its_default(model, query, words):
    dial, notes = link.from_query(model, query)
    assert any(words in note for note in notes)
    assert dataclasses.replace(dial, size=0) == Dial()


def test_latents_of_another_model_are_refused(model):
    text = link.pack(model.latents, {"length": 8.0})
    with pytest.raises(ValueError, match="another model"):
        link.unpack(model.latents[1:], text)


def test_the_same_dial_gives_the_same_pixels(model):
    dial = Dial({"volume_fraction": 0.41}, {"length": 7.3}, 12)
    again, _ = link.from_query(model, link.to_query(model, dial))
    np.testing.assert_array_equal(models.sample_dial(model, dial).labels, models.sample_dial(model, again).labels)


def test_the_last_samples_are_kept_and_no_others(model):
    cache, requests = models.SampleCache(2), [resolve(model, Dial(seed=i, size=64)) for i in range(3)]
    first, seconds = cache.sample(model, requests[0])
    np.testing.assert_array_equal(first.labels, models.sample_dial(model, requests[0].dial).labels)
    again, same = cache.sample(model, resolve(model, Dial(seed=0, size=64)))
    assert again is first and same == seconds > 0
    for request in requests[1:]:
        cache.sample(model, request)
    assert cache.sample(model, requests[2])[0] is cache.sample(model, requests[2])[0]
    assert cache.sample(model, requests[0])[0] is not first, "the oldest makes room"
    with pytest.raises(ValueError, match="Size 100"):
        resolve(model, Dial(size=100))
