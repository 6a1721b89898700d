"""What the contract is spoken in: every problem and preset there is, what can be asked of it, arrays that obey its
laws."""

import functools

import numpy as np
import pytest
import torch

import core
from core import discovery
from core.fields import as_soft
from core.types import HELD_OUT

PROBLEMS = core.problems()
PRESETS = [f"{problem}/{preset}" for problem in PROBLEMS for preset in core.presets(problem)]
WITH_SOURCE = [p for p in PROBLEMS if discovery.problem(p).source is not None]
each_problem = pytest.mark.parametrize("name", PROBLEMS)
each_source = pytest.mark.parametrize("name", WITH_SOURCE)
each_preset = pytest.mark.parametrize("preset", PRESETS, scope="module")


def ways(quantities):
    """The sets of quantities that a person can give together: all but the optional ones, then each of those in its
    place."""
    plain = [q for q in quantities if not q.optional]
    return [plain, *([*(p for p in plain if p.name != q.replaces), q] for q in quantities if q.optional)]


@functools.cache
def drawn(name, seed, n):
    """Arrays of the problem's source from a seed on, as a tensor; made once, as many promises ask for the same."""
    problem = discovery.problem(name)
    return torch.from_numpy(problem.source.draw(range(seed, seed + n), problem.field.shape))


def some(quantities, n, seed=0, problem=None):
    """n usual values of each quantity, stacked; those of held-out arrays where not all can be asked for together."""
    found = {q.name: np.stack([usual(q, seed + i) for i in range(n)]) for q in quantities}
    if problem is None or not (problem.requests.infeasible or problem.requests.reconcile):
        return found
    soft = as_soft(drawn(problem.name, HELD_OUT + seed, n), problem.field)
    measured = {i.pins: i.measure(soft).numpy() for i in problem.invariances}
    return found | {k: v for k, v in measured.items() if k in found}


def tensors(values):
    return {k: torch.from_numpy(v) for k, v in values.items()}


def inward(problem, fields):
    """Arrays (B, H, W) that people see, in the frame that invariances are measured in."""
    return problem.frame.from_lab(fields) if problem.frame.from_lab else fields


def true_arrays(problem, preset, n=4):
    """At most 4 arrays that obey the problem's laws, as people see them, and all their conditions as tensors: from its
    source, else from its oracle; conditions that were not asked for are measured."""
    arrays, conditions = four_true_arrays(f"{problem.name}/{preset.name}")
    return arrays[:n].clone(), {k: v[:n].clone() for k, v in conditions.items()}


@functools.cache
def four_true_arrays(name):
    """Made once, as many promises ask for the same."""
    problem, preset = discovery.split(name)
    if problem.source is not None:
        simulated = core.draw(name, 4, HELD_OUT)
        return torch.from_numpy(simulated.array), tensors(simulated.measured)
    requested = some(ways(preset.conditions)[0], 4)
    arrays = torch.from_numpy(problem.truth.simulate(requested, 4, 0, problem.field.shape))
    soft = as_soft(inward(problem, arrays), problem.field)
    measured = {i.pins: i.measure(soft) for i in problem.invariances if i.pins}
    return arrays, measured | tensors(requested)


def usual(quantity, seed=0):
    """A value in the trained range: random for scalars, fractions and optional curves, the default for other curves."""
    rng = np.random.default_rng(seed)
    low, high = quantity.trained or (quantity.low, quantity.high)
    if quantity.kind == "scalar":
        return np.float32(rng.uniform(low, high))
    if quantity.kind == "simplex":
        return (0.5 * rng.dirichlet(np.ones(quantity.size)) + 0.5 / quantity.size).astype(np.float32)
    if not quantity.optional:
        return np.asarray(quantity.default, np.float32)
    turn = 2 * np.pi * (np.arange(quantity.size) / quantity.size + rng.random())
    wave = np.sin(turn) + rng.uniform(-0.5, 0.5) * np.cos(2 * turn)
    return (low + (high - low) * (wave - wave.min()) / np.ptp(wave)).astype(np.float32)


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


def exact(problem):
    """Conditions that the problem promises to deliver to a pixel (its bars say so)."""
    rows = {t.row for t in problem.evaluation.thresholds}
    return [i.name for i in problem.invariances if f"{i.name}.delivered_worst" in rows]
