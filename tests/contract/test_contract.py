"""What the model of every preset promises; a new file in core/problems is held to all of it without an edit here."""

import json

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

import core
from core import card, checkpoint, sampling
from core.fields import as_soft
from core.types import HELD_OUT, Checkpoint
from explorer.routes import VIEWS, view
from tests.contract.promises import PRESETS, assert_fits, each_preset, exact, inward, some, usual, ways

# --- the model of each preset -----------------------------------------------------------------------------------------


@each_preset
def test_a_sample_is_the_same_whatever_n(preset, model):
    for way in ways(model.conditions):
        values = some(way, 4, problem=model.problem)
        four = model.sample(values, n=4, seed=3)
        again = model.sample({k: v[:2] for k, v in values.items()}, n=2, seed=3)
        np.testing.assert_array_equal(again.array, four.array[:2])
        np.testing.assert_array_equal(again.soft, four.soft[:2])
        for name, value in again.measured.items():
            np.testing.assert_array_equal(value, four.measured[name][:2])
        assert model.problem.source is None or not np.array_equal(model.sample(values, n=4, seed=4).array, four.array)
        assert len({a.tobytes() for a in four.array}) == 4


@each_preset
def test_a_sample_says_what_was_asked_and_measures_what_is_delivered(preset, model):
    problem = model.problem
    for way in ways(model.conditions):
        values = some(way, 3, problem=problem)
        sample = model.sample(values, n=3, seed=1)
        assert_fits(sample.array, problem, (3, *problem.field.shape))
        assert (sample.labels is None) == (problem.field.kind == "continuous") != (sample.field is None)
        assert sample.soft.dtype == np.float32 and sample.soft.shape == (
            3,
            problem.field.channels,
            *problem.field.shape,
        )
        assert problem.field.kind == "continuous" or (sample.soft.min() >= 0 and sample.soft.max() <= 1)
        assert sample.warnings == () and set(sample.latent) == {q.name for q in model.latents}
        assert set(values) <= set(sample.requested) <= {q.name for q in model.conditions}
        for name, value in values.items():
            np.testing.assert_array_equal(sample.requested[name], value)
        assert set(sample.measured) == set(sample.raw) == {i.pins for i in problem.invariances if i.pins}
        soft = as_soft(inward(problem, torch.from_numpy(sample.array)), problem.field)
        for invariance in (i for i in problem.invariances if i.pins):
            expected, close = (
                invariance.measure(soft).numpy(),
                {"rtol": 1e-2, "atol": 1e-6} if problem.frame.from_lab else {"atol": 1e-6},
            )
            np.testing.assert_allclose(sample.measured[invariance.pins], expected, **close)
        for name in set(exact(problem)) & set(values):
            assert np.abs(sample.measured[name] - values[name]).max() * sample.array[0].size <= 1


@each_preset
def test_a_sample_knows_where_its_cells_are(preset, model):
    field, coords = model.problem.field, model.sample(seed=0).coords
    assert (model.problem.frame.coords is None) == (coords == {})
    if coords:
        assert tuple(coords) == field.axes and tuple(len(v) for v in coords.values()) == field.shape
        assert all((np.diff(v) > 0).all() for v in coords.values())


@each_preset
def test_what_is_missing_takes_its_default_and_raw_is_not_projected(preset, model):
    usual_one = model.sample(seed=2)
    spelled = model.sample({q.name: q.default for q in ways(model.conditions)[0]}, seed=2)
    np.testing.assert_array_equal(usual_one.array, spelled.array)
    raw = model.sample(seed=2, project=False)
    for name, value in raw.measured.items():
        np.testing.assert_array_equal(value, usual_one.raw[name])
    if model.problem.field.kind == "continuous":
        np.testing.assert_array_equal(raw.array, raw.soft[:, 0])
        np.testing.assert_array_equal(raw.soft, usual_one.soft)
    if model.problem.field.sizes:
        side = min(model.problem.field.sizes)
        assert model.sample(size=side).array.shape == (1, side, side)


@each_preset
def test_a_condition_takes_the_place_of_another_or_is_refused_beside_it(preset, model):
    for q in (q for q in model.conditions if q.replaces):
        value = some([q], 1, problem=model.problem)[q.name]
        given = model.sample({q.name: value})
        np.testing.assert_array_equal(given.requested[q.name], value)
        replaced = next(k for k in model.conditions if k.name == q.replaces)
        with pytest.raises(
            ValueError, match=f"{q.name} takes the place of {q.replaces}; give one of the two, not both"
        ):
            model.sample({q.name: value, q.replaces: replaced.default})


@each_preset
def test_a_curve_far_from_level_is_flagged_and_one_too_far_is_refused(preset, model):
    for q in (q for q in model.conditions if q.heights):
        shape = (usual(q) - usual(q).mean()) / np.ptp(usual(q))
        middle = (q.low + q.high) / 2
        assert model.sample({q.name: middle + q.heights[0] * shape}).warnings == ()
        assert model.sample({q.name: q.high - 1e-3 - q.heights[0] * (shape.max() - shape)}).warnings == ()
        tall = model.sample({q.name: middle + (q.heights[0] + q.heights[1]) / 2 * shape})
        assert len(tall.warnings) == 1 and q.label in tall.warnings[0] and f"{q.heights[0]:g}" in tall.warnings[0]
        assert np.isfinite(tall.array).all()
        with pytest.raises(ValueError, match=rf"{q.name} spans .*Allowed: at most {q.heights[1]:g}"):
            model.sample({q.name: middle + (1.1 * q.heights[1]) * (shape - shape.mean())})


@each_preset
def test_every_latent_can_be_dialled_and_moves_the_picture(preset, model):
    still = model.sample(seed=6, latent={q.name: q.default for q in model.latents})
    for q in model.latents:
        value = q.high if q.high != q.default else q.low
        moved = model.sample(seed=6, latent={k.name: (value if k is q else k.default) for k in model.latents})
        assert moved.latent[q.name][0] == pytest.approx(value)
        assert (moved.array != still.array).mean() > 0.001, q.name


@each_preset
def test_bad_requests_are_named_with_the_value_and_what_is_allowed(preset, model):
    for q, where in [*((q, "conditions") for q in model.conditions), *((q, "latent") for q in model.latents)]:
        allowed = rf"{q.low:g} to {q.high:g}"
        whole = (lambda v, k=q: v) if q.kind == "scalar" else (lambda v, k=q: [v] * k.size)
        for bad in (q.high + 1, q.low - 1, np.inf, np.nan):
            with pytest.raises(ValueError) as caught:
                model.sample(**{where: {q.name: whole(bad)}})
            text = str(caught.value)
            assert q.name in text and str(bad) in text and allowed in text
        with pytest.raises(ValueError, match=rf"{q.name} must be .*number.*got shape \({q.size + 2},\)"):
            model.sample(**{where: {q.name: np.full(q.size + 2, q.low)}})
        with pytest.raises(ValueError, match=f"{q.name} must be numbers; got 'much'"):
            model.sample(**{where: {q.name: "much"}})
    with pytest.raises(ValueError, match="has no 'colour'"):
        model.sample({"colour": 1.0})
    with pytest.raises(ValueError, match="n must be 1 to 1000000; got 0"):
        model.sample(n=0)
    with pytest.raises(ValueError, match=r"size .*; got 13|size 13 is not available"):
        model.sample(size=13)


@each_preset
def test_outside_the_trained_range_works_with_a_warning(preset, model):
    for q in model.conditions:
        if q.kind == "scalar" and q.trained and q.trained[1] < q.high:
            sample = model.sample({q.name: q.high})
            assert (
                len(sample.warnings) == 1
                and q.label in sample.warnings[0]
                and f"{q.trained[1]:g}" in sample.warnings[0]
            )
            assert_fits(sample.array, model.problem, (1, *model.problem.field.shape))
        assert model.sample(some([q], 1, problem=model.problem)).warnings == ()


@each_preset
def test_a_checkpoint_survives_the_round_trip(preset, model, checkpoint_of, tmp_path):
    found = checkpoint.load(checkpoint_of(preset))
    again = tmp_path / f"{preset}.safetensors"
    assert checkpoint.save(again, Checkpoint(found.tensors, found.manifest)) == found.digest == model.digest
    assert again.read_bytes() == checkpoint_of(preset).read_bytes()
    np.testing.assert_array_equal(core.load(again).sample(seed=9).array, model.sample(seed=9).array)


@each_preset
def test_the_card_is_the_one_that_the_code_writes(preset, model, checkpoint_of):
    path = checkpoint_of(preset)
    text = card.render(model.manifest, model.digest)
    assert path.with_suffix(".md").read_text(encoding="utf-8") == text
    assert model.digest in text and all(f"| {q.name} |" in text for q in (*model.conditions, *model.latents))
    assert f"python train.py {preset}" in text and model.problem.citation in text


@each_preset
def test_the_manifest_tells_where_the_weights_come_from(preset, model):
    manifest = model.manifest
    assert f"{manifest['problem']}/{manifest['preset']}" == preset
    assert {"torch", "numpy", "python"} <= set(manifest["versions"]) and manifest["config"]["seed"] >= 0
    if model.preset.critic is not None:
        identity = json.loads(json.dumps(model.problem.source.identity()))
        assert {k: manifest["data"][k] for k in identity} == identity
        assert str(HELD_OUT) in str(manifest["seeds"])


@each_preset
def test_the_reference_at_a_condition_fits_the_descriptors(preset, model):
    reference = model.reference()
    curves = {d.name: d for d in model.problem.evaluation.descriptors}
    assert (model.problem.truth.simulate is None or not model.conditions) or set(reference) == set(curves)
    for name, (mean, deviation) in reference.items():
        points = 1 if curves[name].abscissa is None else len(curves[name].abscissa(model.problem.field.shape))
        assert np.size(mean) == np.size(deviation) == points and (np.asarray(deviation) >= 0).all()


@pytest.mark.parametrize(
    "preset", [p for p in PRESETS if p.split("/")[1] == core.presets(p.split("/")[0])[0]], scope="module"
)
def test_the_page_of_the_problem_runs(preset, model, checkpoint_of, monkeypatch):
    """Headless, with no trace of an exception, showing the problem's title and its conditions."""
    from explorer.live.models import MODELS

    monkeypatch.setattr(sampling, "CHECKPOINTS", checkpoint_of(preset).parent.parent)
    monkeypatch.setattr(MODELS, "_models", {})
    page = AppTest.from_file(str(view(model.problem.name)), default_timeout=60)
    page.session_state["on_show"] = model.problem.name
    page.run()
    assert not page.exception and not page.error
    assert model.problem.title in "\n".join(str(e.value) for e in (*page.title, *page.header, *page.markdown))
    assert view(model.problem.name).parent == VIEWS
