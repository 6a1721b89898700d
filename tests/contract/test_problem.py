"""What every problem promises; a new file in core/problems is held to all of it without an edit here."""

import json

import numpy as np
import pytest
import torch

import core
from core import discovery
from core.fields import as_soft, harden, soft_field
from core.types import HELD_OUT, Invariance
from tests.contract.promises import (
    PROBLEMS,
    WITH_SOURCE,
    assert_fits,
    each_preset,
    each_problem,
    each_source,
    exact,
    inward,
    noise,
    some,
    tensors,
    true_arrays,
    ways,
)

# --- the problem ------------------------------------------------------------------------------------------------------


def test_the_names_are_sorted_files():
    assert tuple(sorted(PROBLEMS)) == PROBLEMS and "two_phase" in PROBLEMS


@each_problem
def test_a_problem_is_named_as_its_file_and_says_what_it_is(name):
    problem = discovery.problem(name)
    assert problem.name == name
    assert all([problem.title, problem.summary, problem.citation, problem.presets, problem.invariances])
    for named in (problem.presets, problem.invariances, problem.evaluation.descriptors, problem.evaluation.baselines):
        assert len({n.name for n in named}) == len(named)
    assert core.presets(name) == tuple(p.name for p in problem.presets)
    assert problem.source is not None or problem.truth.simulate is not None


@each_preset
def test_the_field_is_consistent(preset):
    field = discovery.split(preset)[0].field
    assert all(side % field.divisor == 0 for side in (*field.shape, *field.sizes))
    assert field.low < field.high
    assert {
        "binary": field.channels == 1 and len(field.labels) == 2,
        "categorical": len(field.labels) == field.channels > 1,
        "continuous": field.channels == 1,
    }[field.kind]


@each_preset
def test_quantities_are_consistent(preset):
    _, found = discovery.split(preset)
    quantities = (*found.conditions, *found.latents)
    assert len({q.name for q in quantities}) == len(quantities)
    plain = {q.name for q in ways(found.conditions)[0]}
    for q in quantities:
        low, high = q.trained or (q.low, q.high)
        assert q.low <= low < high <= q.high and q.step > 0 and q.label and q.help, q.name
        assert q.optional == (q.default == ()) and (q.replaces in plain if q.replaces else True), q.name
        assert not q.heights or (q.kind == "curve" and 0 < q.heights[0] <= q.heights[1] <= q.high - q.low), q.name
        if q.optional:
            continue
        default = np.atleast_1d(np.asarray(q.default, np.float64))
        assert len(default) == q.size and (default >= low - 1e-9).all() and (default <= high + 1e-9).all(), q.name
        assert q.kind != "simplex" or default.sum() == pytest.approx(1)


def test_unknown_names_are_refused_with_what_exists():
    with pytest.raises(ValueError, match=r"no 'rubber'\. Choose one of: .*two_phase"):
        core.presets("rubber")
    with pytest.raises(ValueError, match=r"no preset 'rubber'\. Choose one of: .*fraction"):
        core.load("two_phase/rubber")
    with pytest.raises(ValueError, match="There is no 'os'"):
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
    assert set(drawn.measured) == {i.pins for i in problem.invariances if i.pins}
    with pytest.raises(ValueError, match=r"n must be at least 1.*got n = 0"):
        core.draw(name, 0, 0)


@each_problem
def test_a_data_free_problem_says_that_it_has_nothing_to_draw(name):
    if name not in WITH_SOURCE:
        with pytest.raises(ValueError, match=f"{name} is data-free"):
            core.draw(name, 1, 0)


# --- the invariances --------------------------------------------------------------------------------------------------


@each_preset
def test_an_invariance_holds_on_true_arrays_and_not_on_noise(preset):
    """Root of the residual within the tolerance on data of the source (or the exact solution), beyond it on white
    noise."""
    problem, found = discovery.split(preset)
    arrays, conditions = true_arrays(problem, found)
    for invariance in problem.invariances:
        assert (
            isinstance(invariance, Invariance) and invariance.tolerance > 0 and invariance.source and invariance.label
        )
        true = invariance.residual(as_soft(inward(problem, arrays), problem.field), conditions)
        false = invariance.residual(noise(problem, len(arrays)), conditions)
        assert true.shape == false.shape == (len(arrays),)
        assert (true.sqrt() <= invariance.tolerance).all(), invariance.name
        assert (false.sqrt() > invariance.tolerance).all(), invariance.name


@each_preset
def test_invariances_pin_conditions_and_each_at_most_once(preset):
    problem, found = discovery.split(preset)
    names = [i.pins for i in problem.invariances if i.pins]
    assert names and len(set(names)) == len(names)
    assert problem.source is not None or set(names) <= {q.name for q in found.conditions} | {"initial"}


@each_preset
def test_what_people_see_goes_back_to_where_it_was_made(preset):
    """`receive` undoes `deliver`, which leaves the first column and the mass of every column alone."""
    problem, found = discovery.split(preset)
    assert (problem.frame.to_lab is None) == (problem.frame.from_lab is None)
    if problem.frame.to_lab is not None:
        arrays, _ = true_arrays(problem, found, 3)
        made = problem.frame.from_lab(arrays)
        assert (made - arrays).abs().max() > 0.1
        assert float((problem.frame.to_lab(made) - arrays).norm() / arrays.norm()) < 0.03
        torch.testing.assert_close(problem.frame.to_lab(made)[:, :, 0], arrays[:, :, 0], atol=1e-6, rtol=1e-6)
        torch.testing.assert_close(made.mean(1), arrays.mean(1), atol=1e-6, rtol=1e-6)


@each_preset
def test_an_invariance_measures_each_sample_by_itself(preset):
    problem, _ = discovery.split(preset)
    fields = noise(problem, 3)
    for invariance in problem.invariances:
        together = invariance.measure(fields)
        alone = torch.cat([invariance.measure(fields[i : i + 1]) for i in range(3)])
        torch.testing.assert_close(together, alone, atol=1e-6, rtol=1e-5)


@each_preset
def test_gradients_of_the_residuals_are_exact(preset):
    """Against finite differences in float64, along random directions; residuals are scaled to the order of 1."""
    problem, found = discovery.split(preset)
    _, conditions = true_arrays(problem, found, 1)
    asked = {k: v.double() for k, v in conditions.items()}
    fields = noise(problem, 1, dtype=torch.float64).requires_grad_()
    for invariance in problem.invariances:
        scale = max(1.0, float(invariance.residual(fields, asked).detach().max()))

        def call(f, i=invariance, s=scale):
            return i.residual(f, asked) / s

        assert torch.autograd.gradcheck(call, fields, fast_mode=True), invariance.name


# --- descriptors, projection, rivals ----------------------------------------------------------------------------------


@each_preset
def test_descriptors_fit_their_abscissa_and_are_always_finite(preset):
    problem, found = discovery.split(preset)
    arrays, _ = true_arrays(problem, found, 3)
    for descriptor in problem.evaluation.descriptors:
        for given in (arrays, torch.zeros_like(arrays)):
            values = descriptor.measure(given)
            expected = (3,) if descriptor.abscissa is None else (3, len(descriptor.abscissa(problem.field.shape)))
            assert values.shape == expected and values.isfinite().all(), descriptor.name


@each_preset
def test_projection_is_exact_whatever_the_network_says(preset):
    """Noise as logits: scalar conditions that the projection enforces are met to one pixel, raw noise misses them."""
    problem, found = discovery.split(preset)
    logits = torch.randn(3, problem.field.channels, *problem.field.shape, generator=torch.Generator().manual_seed(0))
    asked = tensors(some(ways(found.conditions)[0], 3, problem=problem))
    apply = problem.projection.apply or (lambda x, conditions: harden(soft_field(x, problem.field), problem.field))
    delivered = apply(logits, asked)
    assert_fits(delivered.numpy(), problem, (3, *problem.field.shape))
    assert torch.equal(delivered, apply(logits, asked))
    pixels = problem.field.shape[0] * problem.field.shape[1]
    for name in exact(problem):
        values = next(i for i in problem.invariances if i.name == name).measure(as_soft(delivered, problem.field))
        assert (values - asked[name]).abs().max() * pixels <= 1


@each_preset
def test_rivals_and_oracle_answer_the_same_question(preset):
    problem, found = discovery.split(preset)
    for way in ways(found.conditions):
        asked = some(way, 2, problem=problem)
        rivals = [r.make for r in problem.evaluation.baselines if r.role not in ("exact", "single")]
        for make in [*rivals, *([problem.truth.simulate] if problem.truth.simulate else [])]:
            arrays = make(asked, 2, 5, problem.field.shape)
            assert_fits(arrays, problem, (2, *problem.field.shape))
            np.testing.assert_array_equal(arrays, make(asked, 2, 5, problem.field.shape))
            if (
                problem.source is not None and not problem.requests.handles
            ):  # where every shape is asked for nothing is left to chance
                assert not np.array_equal(arrays, make(asked, 2, 7, problem.field.shape))
            for condition in exact(problem):
                invariance = next(i for i in problem.invariances if i.name == condition)
                values = invariance.measure(as_soft(torch.from_numpy(arrays), problem.field)).numpy()
                assert np.abs(values - asked[condition]).max() * arrays[0].size <= 1


@each_preset
def test_the_reference_is_nearer_to_a_yardstick_than_to_a_trivial_rival(preset):
    """Where there are exact solutions: the numerical rivals approach them, the trivial ones do not."""
    problem, found = discovery.split(preset)
    if problem.source is None:
        asked = some(ways(found.conditions)[0], 2)
        true = problem.truth.simulate(asked, 2, 0, problem.field.shape)
        rivals = [r for r in problem.evaluation.baselines if r.role != "single"]
        off = {r.name: np.linalg.norm(r.make(asked, 2, 0, problem.field.shape) - true) for r in rivals}
        numerical = [off[r.name] for r in rivals if r.role == "yardstick"]
        trivial = [off[r.name] for r in rivals if not r.role]
        assert trivial and max(numerical, default=0.0) < min(trivial)
        assert all(off[r.name] == 0 for r in rivals if r.role == "exact")


@each_preset
def test_groups_of_cases_can_be_asked_and_match_what_is_published(preset):
    problem, found = discovery.split(preset)
    names = [{q.name for q in way} for way in ways(found.conditions)]
    assert problem.source is not None or problem.truth.test_cases
    for make in problem.truth.test_cases.values():
        assert len(make(2)) <= 2 and all(set(case) in names for case in make(3))
    for group, methods in problem.truth.published.items():
        count = len(problem.truth.test_cases[group](1000))
        assert methods and all(len(numbers) == count for numbers in methods.values())
