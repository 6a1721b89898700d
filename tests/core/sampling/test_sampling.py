"""From conditions to samples: validation in sentences, the same arrays whatever is asked beside them, honest
warnings."""

import copy
import re

import numpy as np
import pytest
import torch

from core import discovery, fields, sampling
from core.types import HELD_OUT, Checkpoint, Field, Quantity

LEVEL = Quantity("level", "Level", "l", "mm", 1.0, 3.0, 2.0, trained=(1.5, 2.5))
PARTS = Quantity("parts", "Parts", "f", "", 0.0, 1.0, (0.2, 0.3, 0.5), kind="simplex", size=3)
CURVE = Quantity("curve", "Curve", "c", "", -1.0, 1.0, (0.0,) * 4, kind="curve", size=4)
LONG = Quantity(
    "long", "Long", "u", "", -1.0, 2.0, (), kind="curve", size=32, optional=True, replaces="level", heights=(1.0, 2.0)
)


@pytest.mark.parametrize(
    ("quantity", "value", "says"),
    [
        (LEVEL, "much", "level must be numbers; got 'much'"),
        (LEVEL, None, "level must be finite"),
        (LEVEL, [1, 2], "level must be one number (or one set for each of the 3 samples); got shape (2,)"),
        (LEVEL, [[2.0]] * 3, "level must be one number"),
        (LEVEL, float("nan"), "level must be finite; got nan. Allowed: 1 to 3 mm."),
        (LEVEL, [1, 2, float("inf")], "level must be finite"),
        (LEVEL, 3.1, "level = 3.1 is out of range. Allowed: 1 to 3 mm."),
        (LEVEL, [2, 2, 0.9], "level = [2, 2, 0.9] is out of range. Allowed: 1 to 3 mm."),
        (PARTS, 0.5, "parts must be 3 numbers"),
        (PARTS, [0.2, 0.3, 0.4], "parts must sum to 1; got [0.2, 0.3, 0.4]"),
        (PARTS, [1.5, -0.5, 0.0], "parts = [1.5, -0.5, 0.0] is out of range. Allowed: 0 to 1."),
        (LONG, [float("nan"), *[0.5] * 31], "long must be finite; got 32 numbers from nan to nan. Allowed: -1 to 2."),
        (LONG, [0.0] * 31 + [2.5], "long = 32 numbers from 0.0 to 2.5 is out of range. Allowed: -1 to 2."),
        (LONG, [-0.5] * 16 + [1.75] * 16, "long spans 2.25 from its lowest to its highest value. Allowed: at most 2."),
        (CURVE, [0.0] * 5, "curve must be 4 numbers (or one set for each of the 3 samples); got shape (5,)"),
    ],
)
def test_a_bad_value_is_refused_in_a_sentence(quantity, value, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        sampling.validate(quantity, value, 3)


@pytest.mark.parametrize(
    ("quantity", "value", "shape"),
    [
        (LEVEL, 1, (3,)),
        (LEVEL, [1, 2, 3], (3,)),
        (LEVEL, np.float64(3.0), (3,)),
        (PARTS, [0, 0, 1], (3, 3)),
        (CURVE, np.zeros((3, 4)), (3, 4)),
    ],
)
def test_a_good_value_is_broadcast_to_the_samples(quantity, value, shape):
    got = sampling.validate(quantity, value, 3)
    assert got.dtype == np.float32 and got.shape == shape
    np.testing.assert_allclose(got, np.broadcast_to(np.asarray(value), shape))


@pytest.mark.parametrize(("value", "warned"), [(1.4, True), (2.6, True), (1.5, False), (2.5, False), (2.0, False)])
def test_outside_the_trained_range_is_a_warning(value, warned):
    got = sampling.range_warning(LEVEL, np.array([2.0, value], np.float32))
    assert got == ("Level is outside the range seen in training (1.5 to 2.5 mm)." if warned else None)
    assert sampling.range_warning(CURVE, np.full((1, 4), 9.0)) is None


@pytest.mark.parametrize(
    ("low", "high", "warned"), [(0, 1, False), (1, 2, False), (-0.7, 0.2, False), (0, 1.1, True), (-1, 1, True)]
)
def test_a_curve_whose_level_does_not_matter_is_judged_by_its_height(low, high, warned):
    warning = sampling.range_warning(LONG, np.linspace(low, high, 32, dtype=np.float32)[None])
    assert (warning is not None) == warned
    assert warning is None or warning == f"Long spans {high - low:g}, more than what was seen in training (1)."


def test_what_is_replaced_takes_no_default_and_cannot_be_given_beside_it(model):
    def ask(given):
        return sampling.Model.request(model, given, 2, (LEVEL, PARTS, LONG), fill=True)

    row = np.linspace(0, 1, 32)
    assert set(ask({})) == {"level", "parts"} and set(ask({"long": row})) == {"parts", "long"}
    assert ask({"long": np.stack([row, row + 1])})["long"].shape == (2, 32)
    with pytest.raises(ValueError, match=r"long replaces level; set one of the two, not both\."):
        ask({"long": row, "level": 2.0})


def test_soft_fields_harden_by_kind():
    soft = torch.tensor([[[[0.5, 0.6]], [[0.2, 0.9]]]])
    assert fields.harden(soft[:, :1], Field("binary", (1, 2))).tolist() == [[[0, 1]]]
    assert fields.harden(soft, Field("categorical", (1, 2), channels=2)).tolist() == [[[0, 1]]]
    assert torch.equal(fields.harden(soft, Field("continuous", (1, 2))), soft[:, 0])


# --- a model
# --------------------------------------------------------------------------------------------------------------


def draw(model, n=3, **changes):
    return model.sample(**{"conditions": {"volume_fraction": 0.35}, "n": n, "seed": 4, "size": 64, **changes})


def test_same_arrays_whatever_n(model):
    one, five = draw(model, 1), draw(model, 5)
    assert np.array_equal(one.labels, five.labels[:1]) and np.array_equal(one.soft, five.soft[:1])
    assert len({a.tobytes() for a in five.labels}) == 5
    each = model.sample({"volume_fraction": [0.35, 0.5, 0.35, 0.7, 0.35]}, 5, 4, size=64)
    assert [np.array_equal(a, b) for a, b in zip(each.labels, five.labels, strict=True)] == [
        True,
        False,
        True,
        False,
        True,
    ]


def test_the_seed_counts_and_latents_are_told(model):
    assert not np.array_equal(draw(model).labels, draw(model, seed=5).labels)
    sample = draw(model)
    assert set(sample.latent) == {q.name for q in model.latents} and len(set(sample.latent["length"])) == 3
    again = draw(model, latent={"length": sample.latent["length"]})
    assert np.array_equal(again.labels, sample.labels) and sample.seeds.tolist() == [4, 4, 4]
    assert not np.array_equal(draw(model, latent={"length": 12.0}).labels, sample.labels)


def test_what_is_delivered_is_what_was_asked_and_what_was_measured(model):
    sample = draw(model)
    assert sample.labels.dtype == np.uint8 and sample.labels.shape == (3, 64, 64) and sample.field is None
    assert sample.soft.dtype == np.float32 and sample.soft.shape == (3, 1, 64, 64)
    np.testing.assert_array_equal(sample.labels.sum((1, 2)), [round(0.35 * 4096)] * 3)
    np.testing.assert_allclose(sample.measured["volume_fraction"], sample.labels.mean((1, 2)), atol=1e-6)
    np.testing.assert_allclose(sample.raw["volume_fraction"], (sample.soft[:, 0] > 0.5).mean((1, 2)), atol=1e-6)
    np.testing.assert_allclose(sample.requested["volume_fraction"], 0.35, atol=1e-7)
    raw = draw(model, project=False)
    assert np.array_equal(raw.labels, sample.soft[:, 0] > 0.5)
    np.testing.assert_array_equal(raw.measured["volume_fraction"], raw.raw["volume_fraction"])


def test_missing_conditions_take_their_defaults(model):
    default = {"volume_fraction": model.conditions[0].default}
    assert np.array_equal(draw(model, conditions=None).labels, draw(model, conditions=default).labels)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"size": 60}, "size must be a multiple of 8 up to 4096; got 60"),
        ({"size": 0}, "size must be a multiple of 8"),
        ({"size": 8192}, "size must be a multiple of 8"),
        ({"n": 0}, "n must be 1 to 1000000; got 0"),
        ({"conditions": {"colour": 1}}, "two_phase/fraction has no 'colour'. It has: volume_fraction"),
        ({"latent": {"mood": 1}}, "two_phase/fraction has no 'mood'. It has: length"),
        ({"conditions": {"volume_fraction": 0.99}}, "volume_fraction = 0.99 is out of range. Allowed: 0.05 to 0.95."),
        ({"latent": {"length": 99}}, "length = 99 is out of range. Allowed: 5 to 20 px."),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(model, asked, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        draw(model, **asked)


def test_sizes(model):
    assert draw(model, 1, size=72).labels.shape == (1, 72, 72) and model.shape(None) == model.field.shape
    fixed = copy.copy(model)
    fixed.problem = type(model.problem)(**{**model.problem.__dict__, "field": Field("binary", (64, 64))})
    assert fixed.shape(64) == (64, 64)
    with pytest.raises(ValueError, match=r"size 128 is not available; two_phase/fraction makes 64 pixels\."):
        fixed.shape(128)


def test_warnings_name_what_lies_outside_the_trained_range(model):
    assert draw(model).warnings == ()
    far = draw(model, 1, conditions={"volume_fraction": 0.9}, latent={"length": 18.0, "morph_a": 1.0})
    assert [w.split(" is outside")[0] for w in far.warnings] == ["Volume fraction", "Length scale"]
    assert abs(int(far.labels.sum()) - 0.9 * 4096) <= 0.5


def test_stages_are_handed_on(model):
    whole, seed = draw(model, 1), draw(model, 1, physics=False)
    assert not np.array_equal(whole.labels, seed.labels) and np.array_equal(
        whole.labels, draw(model, 1, network=False).labels
    )


def test_reference_is_read_between_its_knots(model):
    """Knots .2, .4, .8 with lengths 6, 8, 12 and deviations 1, 2, 3; linear in between."""
    for asked, mean, sd in [
        (0.2, 6, 1),
        (0.3, 7, 1.5),
        (0.4, 8, 2),
        (0.5, 9, 2.25),
        (0.8, 12, 3),
        (0.05, 6, 1),
        (0.95, 12, 3),
    ]:
        got = model.reference({"volume_fraction": asked})
        assert got["length"] == pytest.approx((mean, sd), abs=1e-5)
    np.testing.assert_allclose(model.reference({"volume_fraction": 0.3})["lineal_path"][0], [0.5, 0.5, 0], atol=1e-6)
    assert set(model.reference()) == {"length", "lineal_path"}
    with pytest.raises(ValueError, match="out of range"):
        model.reference({"volume_fraction": 2.0})


def test_without_reference_tables_there_is_no_reference(model):
    bare = copy.copy(model)
    bare.references = {}
    assert bare.reference() == {}


def test_a_checkpoint_of_another_shape_is_refused(fitted):
    tensors = {f"generator.{k}": v for k, v in fitted.state_dict().items() if "leave" not in k}
    with pytest.raises(ValueError, match="does not fit the networks of two_phase/fraction"):
        sampling.Model(Checkpoint(tensors, {"problem": "two_phase", "preset": "fraction"}))


# --- the data's own arrays
# ------------------------------------------------------------------------------------------------


def test_drawn_arrays_are_functions_of_their_seed():
    three, last = sampling.draw("two_phase", 3, HELD_OUT, 64), sampling.draw("two_phase", 1, HELD_OUT + 2, 64)
    assert np.array_equal(three.labels[2:], last.labels) and three.seeds.tolist() == [
        HELD_OUT,
        HELD_OUT + 1,
        HELD_OUT + 2,
    ]
    np.testing.assert_allclose(three.requested["volume_fraction"], three.labels.mean((1, 2)), atol=1e-6)
    assert three.soft.shape == (3, 1, 64, 64) and np.array_equal(three.soft[:, 0], three.labels)


@pytest.mark.parametrize("bad", [{"n": 0, "seed": 1}, {"n": 1, "seed": -1}])
def test_impossible_draws_are_refused(bad):
    with pytest.raises(ValueError, match="n must be at least 1 and seed at least 0"):
        sampling.draw("two_phase", **bad)


def test_a_missing_checkpoint_says_how_to_make_it(monkeypatch, tmp_path):
    monkeypatch.setattr(sampling, "CHECKPOINTS", tmp_path)
    preset = discovery.split("two_phase")[1].name
    with pytest.raises(
        FileNotFoundError, match=rf"no checkpoint .* yet\. Make one with: python train\.py two_phase/{preset}"
    ):
        sampling.load("two_phase")
    assert sampling.path_of("two_phase") == tmp_path / "two_phase" / f"{preset}.safetensors"
