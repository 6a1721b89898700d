"""What every problem and every preset promises; a new file in core/problems is held to all of it without an edit here."""

import json

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

import core
from core import checkpoint, discovery, sampling
from core.training.game import as_soft
from core.types import HELD_OUT, Checkpoint, Invariance
from explorer.pages import VIEWS, view

PROBLEMS = core.problems()
PRESETS = [f"{problem}/{preset}" for problem in PROBLEMS for preset in core.presets(problem)]
WITH_SOURCE = [p for p in PROBLEMS if discovery.problem(p).source is not None]
each_problem = pytest.mark.parametrize("name", PROBLEMS)
each_source = pytest.mark.parametrize("name", WITH_SOURCE)
each_preset = pytest.mark.parametrize("preset", PRESETS, scope="module")


def true_arrays(problem, n=4):
    """Arrays that obey the problem's laws, and their conditions as tensors: from its source, else from its oracle."""
    if problem.source is not None:
        drawn = core.draw(problem.name, n, HELD_OUT)
        return torch.from_numpy(drawn.array), {k: torch.from_numpy(v) for k, v in drawn.measured.items()}
    asked = {q.name: np.stack([usual(q, i) for i in range(n)]) for q in problem.presets[0].conditions}
    return torch.from_numpy(problem.oracle(asked, n, 0, problem.field.shape)), {k: torch.from_numpy(v) for k, v in asked.items()}


def usual(quantity, seed=0):
    """A value in the trained range: random for scalars and fractions, the default for curves."""
    rng = np.random.default_rng(seed)
    low, high = quantity.trained or (quantity.low, quantity.high)
    if quantity.kind == "scalar":
        return np.float32(rng.uniform(low, high))
    if quantity.kind == "simplex":
        return (0.5 * rng.dirichlet(np.ones(quantity.size)) + 0.5 / quantity.size).astype(np.float32)
    return np.asarray(quantity.default, np.float32)


def noise(problem, n, seed=0, dtype=torch.float32):
    """A soft field of white noise within the field's bounds."""
    shape = (n, problem.field.channels, *problem.field.shape)
    values = torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)
    if problem.field.kind == "categorical":
        return values / values.sum(1, keepdim=True)
    return problem.field.low + (problem.field.high - problem.field.low) * values


def assert_fits(array, problem, shape):
    """Right shape, type and bounds."""
    field = problem.field
    assert array.shape == shape and np.isfinite(array).all()
    if field.kind == "continuous":
        assert array.dtype == np.float32
    else:
        assert array.dtype == np.uint8 and array.max() < max(2, field.channels)


# --- the problem ------------------------------------------------------------------------------------------------------


def test_the_names_are_sorted_files():
    assert tuple(sorted(PROBLEMS)) == PROBLEMS and "two_phase" in PROBLEMS


@each_problem
def test_a_problem_is_named_as_its_file_and_says_what_it_is(name):
    problem = discovery.problem(name)
    assert problem.name == name
    assert all([problem.title, problem.summary, problem.citation, problem.presets, problem.invariances])
    for named in (problem.presets, problem.invariances, problem.descriptors, problem.rivals):
        assert len({n.name for n in named}) == len(named)
    assert core.presets(name) == tuple(p.name for p in problem.presets)
    assert problem.source is not None or problem.oracle is not None


@each_problem
def test_the_field_is_consistent(name):
    field = discovery.problem(name).field
    assert all(side % field.divisor == 0 for side in (*field.shape, *field.sizes))
    assert field.low < field.high
    assert {"binary": field.channels == 1 and len(field.labels) == 2, "categorical": len(field.labels) == field.channels > 1,
            "continuous": field.channels == 1}[field.kind]  # fmt: skip


@each_preset
def test_quantities_are_consistent(preset):
    _, found = discovery.split(preset)
    quantities = (*found.conditions, *found.latents)
    assert len({q.name for q in quantities}) == len(quantities)
    for q in quantities:
        default = np.atleast_1d(np.asarray(q.default, np.float64))
        low, high = q.trained or (q.low, q.high)
        assert q.low <= low < high <= q.high and q.step > 0 and q.label and q.help, q.name
        assert len(default) == q.size and (default >= low - 1e-9).all() and (default <= high + 1e-9).all(), q.name
        assert q.kind != "simplex" or default.sum() == pytest.approx(1)


def test_unknown_names_are_refused_with_what_exists():
    with pytest.raises(ValueError, match=r"no 'rubber' here\. Choose one of: .*two_phase"):
        core.presets("rubber")
    with pytest.raises(ValueError, match=r"no preset 'rubber'\. Choose one of: .*fraction"):
        core.load("two_phase/rubber")
    with pytest.raises(ValueError, match="no 'os' here"):
        core.load("os")


# --- the data source --------------------------------------------------------------------------------------------------


@each_source
def test_a_source_depends_on_its_seeds_alone(name):
    problem = discovery.problem(name)
    shape = problem.field.shape
    together = problem.source.draw([3, 4, HELD_OUT, 5], shape)
    assert_fits(together, problem, (4, *shape))
    np.testing.assert_array_equal(problem.source.draw([5], shape)[0], together[3])
    np.testing.assert_array_equal(problem.source.draw([HELD_OUT, 3], shape), together[[2, 0]])
    assert not (together[0] == together[1]).all() and not (together[0] == together[2]).all()
    json.dumps(problem.source.identity(), allow_nan=False)


@each_source
def test_draw_gives_a_measured_sample(name):
    problem = discovery.problem(name)
    drawn = core.draw(name, 3, 11)
    assert_fits(drawn.array, problem, (3, *problem.field.shape))
    np.testing.assert_array_equal(drawn.array[1:], core.draw(name, 2, 12).array)
    assert drawn.seeds.tolist() == [11, 12, 13]
    assert set(drawn.requested) <= {q.name for p in problem.presets for q in p.conditions}
    assert set(drawn.measured) == {i.name for i in problem.invariances}
    with pytest.raises(ValueError, match=r"n must be at least 1.*got n = 0"):
        core.draw(name, 0, 0)


@each_problem
def test_a_data_free_problem_says_that_it_has_nothing_to_draw(name):
    if name not in WITH_SOURCE:
        with pytest.raises(ValueError, match=f"{name} is data-free"):
            core.draw(name, 1, 0)


# --- the invariances --------------------------------------------------------------------------------------------------


@each_problem
def test_an_invariance_holds_on_true_arrays_and_not_on_noise(name):
    """Root of the residual within the tolerance on data of the source (or the exact solution), beyond it on white noise."""
    problem = discovery.problem(name)
    arrays, conditions = true_arrays(problem)
    for invariance in problem.invariances:
        assert isinstance(invariance, Invariance) and invariance.tolerance > 0 and invariance.source and invariance.label
        true = invariance.residual(as_soft(arrays, problem.field), conditions)
        false = invariance.residual(noise(problem, len(arrays)), conditions)
        assert true.shape == false.shape == (len(arrays),)
        assert (true.sqrt() <= invariance.tolerance).all(), invariance.name
        assert (false.sqrt() > invariance.tolerance).all(), invariance.name


@each_problem
def test_an_invariance_measures_each_sample_by_itself(name):
    problem = discovery.problem(name)
    fields = noise(problem, 3)
    for invariance in problem.invariances:
        together = invariance.measure(fields)
        alone = torch.cat([invariance.measure(fields[i : i + 1]) for i in range(3)])
        torch.testing.assert_close(together, alone, atol=1e-6, rtol=1e-5)


@each_problem
def test_gradients_of_the_residuals_are_exact(name):
    """Against finite differences in float64, along random directions."""
    problem = discovery.problem(name)
    _, conditions = true_arrays(problem, 1)
    asked = {k: v.double() for k, v in conditions.items()}
    fields = noise(problem, 1, dtype=torch.float64).requires_grad_()
    for invariance in problem.invariances:
        assert torch.autograd.gradcheck(lambda f, i=invariance: i.residual(f, asked), fields, fast_mode=True)


# --- descriptors, projection, rivals ----------------------------------------------------------------------------------


@each_problem
def test_descriptors_fit_their_abscissa_and_are_always_finite(name):
    problem = discovery.problem(name)
    arrays, _ = true_arrays(problem, 3)
    for descriptor in problem.descriptors:
        for given in (arrays, torch.zeros_like(arrays)):
            values = descriptor.measure(given)
            expected = (3,) if descriptor.abscissa is None else (3, len(descriptor.abscissa(problem.field.shape)))
            assert values.shape == expected and values.isfinite().all(), descriptor.name


@each_preset
def test_projection_is_exact_whatever_the_network_says(preset):
    """Noise as logits: scalar conditions that the projection enforces are met to one pixel, raw noise misses them."""
    problem, found = discovery.split(preset)
    logits = torch.randn(3, problem.field.channels, *problem.field.shape, generator=torch.Generator().manual_seed(0))
    asked = {q.name: torch.from_numpy(np.stack([usual(q, i) for i in range(3)])) for q in found.conditions}
    delivered = problem.project(logits, asked)
    assert_fits(delivered.numpy(), problem, (3, *problem.field.shape))
    assert torch.equal(delivered, problem.project(logits, asked))
    pixels = problem.field.shape[0] * problem.field.shape[1]
    for name in exact(problem):
        values = next(i for i in problem.invariances if i.name == name).measure(as_soft(delivered, problem.field))
        assert (values - asked[name]).abs().max() * pixels <= 1


def exact(problem):
    """Conditions that the problem promises to deliver to a pixel (its bars say so)."""
    return [i.name for i in problem.invariances if f"{i.name.replace('_', ' ')} delivered, worst, px" in problem.bars]


@each_problem
def test_rivals_and_oracle_answer_the_same_question(name):
    problem = discovery.problem(name)
    asked = {q.name: np.stack([usual(q, i) for i in range(2)]) for q in problem.presets[0].conditions}
    makers = [r.make for r in problem.rivals] + ([problem.oracle] if problem.oracle else [])
    for make in makers:
        arrays = make(asked, 2, 5, problem.field.shape)
        assert_fits(arrays, problem, (2, *problem.field.shape))
        np.testing.assert_array_equal(arrays, make(asked, 2, 5, problem.field.shape))
        assert not np.array_equal(arrays, make(asked, 2, 7, problem.field.shape)) or problem.source is None
        for condition in exact(problem):
            invariance = next(i for i in problem.invariances if i.name == condition)
            values = invariance.measure(as_soft(torch.from_numpy(arrays), problem.field)).numpy()
            assert np.abs(values - asked[condition]).max() * arrays[0].size <= 1


# --- the model of each preset -----------------------------------------------------------------------------------------


@each_preset
def test_a_sample_is_the_same_whatever_n(preset, model):
    values = {q.name: np.stack([usual(q, i) for i in range(4)]) for q in model.conditions}
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
    values = {q.name: np.stack([usual(q, i) for i in range(3)]) for q in model.conditions}
    sample = model.sample(values, n=3, seed=1)
    assert_fits(sample.array, problem, (3, *problem.field.shape))
    assert (sample.labels is None) == (problem.field.kind == "continuous") != (sample.field is None)
    assert sample.soft.dtype == np.float32 and sample.soft.shape == (3, problem.field.channels, *problem.field.shape)
    assert problem.field.kind == "continuous" or (sample.soft.min() >= 0 and sample.soft.max() <= 1)
    assert sample.warnings == () and set(sample.latent) == {q.name for q in model.latents}
    for q in model.conditions:
        np.testing.assert_array_equal(sample.requested[q.name], values[q.name])
    for invariance in problem.invariances:
        expected = invariance.measure(as_soft(torch.from_numpy(sample.array), problem.field)).numpy()
        np.testing.assert_allclose(sample.measured[invariance.name], expected, atol=1e-6)
    for name in set(exact(problem)) & set(values):
        assert np.abs(sample.measured[name] - values[name]).max() * sample.array[0].size <= 1


@each_preset
def test_what_is_missing_takes_its_default_and_raw_is_not_projected(preset, model):
    usual_one = model.sample(seed=2)
    spelled = model.sample({q.name: q.default for q in model.conditions}, seed=2)
    np.testing.assert_array_equal(usual_one.array, spelled.array)
    raw = model.sample(seed=2, project=False)
    for name, value in raw.measured.items():
        np.testing.assert_array_equal(value, usual_one.raw[name])
    if model.problem.field.sizes:
        side = min(model.problem.field.sizes)
        assert model.sample(size=side).array.shape == (1, side, side)


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
            assert len(sample.warnings) == 1 and q.label in sample.warnings[0] and f"{q.trained[1]:g}" in sample.warnings[0]
            assert_fits(sample.array, model.problem, (1, *model.problem.field.shape))
        assert model.sample({q.name: q.default}).warnings == ()


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
    text = checkpoint.card(model.manifest, model.digest)
    assert path.with_suffix(".md").read_text(encoding="utf-8") == text
    assert model.digest in text and all(f"| {q.name} |" in text for q in (*model.conditions, *model.latents))
    assert f"python train.py {preset}" in text and model.problem.citation in text


@each_preset
def test_the_manifest_tells_where_the_weights_come_from(preset, model):
    manifest = model.manifest
    assert f"{manifest['problem']}/{manifest['preset']}" == preset
    assert {"torch", "numpy", "python"} <= set(manifest["versions"]) and manifest["config"]["seed"] >= 0
    if model.problem.source is not None:
        identity = json.loads(json.dumps(model.problem.source.identity()))
        assert {k: manifest["data"][k] for k in identity} == identity
        assert str(HELD_OUT) in str(manifest["seeds"])


@each_preset
def test_the_reference_at_a_condition_fits_the_descriptors(preset, model):
    reference = model.reference()
    curves = {d.name: d for d in model.problem.descriptors}
    assert (model.problem.oracle is None or not model.conditions) or set(reference) == set(curves)
    for name, (mean, deviation) in reference.items():
        points = 1 if curves[name].abscissa is None else len(curves[name].abscissa(model.problem.field.shape))
        assert np.size(mean) == np.size(deviation) == points and (np.asarray(deviation) >= 0).all()


@pytest.mark.parametrize("preset", [p for p in PRESETS if p.split("/")[1] == core.presets(p.split("/")[0])[0]], scope="module")
def test_the_page_of_the_problem_runs(preset, model, checkpoint_of, monkeypatch):
    """Headless, with no trace of an exception, showing the problem's title and its conditions."""
    from explorer.live.store import MODELS

    monkeypatch.setattr(sampling, "CHECKPOINTS", checkpoint_of(preset).parent.parent)
    monkeypatch.setattr(MODELS, "_models", {})
    page = AppTest.from_file(str(view(model.problem.name)), default_timeout=60)
    page.session_state["on_show"] = model.problem.name
    page.run()
    assert not page.exception and not page.error
    assert model.problem.title in "\n".join(str(e.value) for e in (*page.title, *page.header, *page.markdown))
    assert view(model.problem.name).parent == VIEWS
