"""Wasserstein distances of pooled numbers, positions of requests, the table of Fig. 7: what was put in is what comes
out."""

import dataclasses

import numpy as np
import pytest
import torch

from core import discovery, sampling
from core.metrics import fractions, pooled
from core.types import Checkpoint, Descriptor, Evaluation, Row


def sides(shift, n=40, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=30) for _ in range(n)], [rng.normal(shift, size=30) for _ in range(n)]


@pytest.mark.parametrize("shift", [0.5, 3.0])
def test_the_distance_of_a_shift_is_the_shift(shift):
    ours, theirs = sides(shift)
    assert pooled.distance(ours, theirs) == pytest.approx(shift, abs=4 * pooled.standard_error(ours, theirs))
    assert pooled.distance(ours, ours) == 0


def test_the_distance_is_of_all_numbers_not_of_arrays():
    assert pooled.distance([np.zeros(3), np.ones(1)], [np.zeros(4)]) == 0.25
    assert pooled.distance([np.zeros(0)], [np.ones(2)]) == np.inf


def test_the_standard_error_is_the_scatter_of_repeated_ensembles():
    found = [pooled.distance(*sides(1.0, seed=seed)) for seed in range(60)]
    assert pooled.standard_error(*sides(1.0)) == pytest.approx(np.std(found, ddof=1), rel=0.4)


def test_arrays_count_as_wholes_in_the_standard_error():
    """Numbers that are alike within an array scatter more than as many independent ones."""
    rng = np.random.default_rng(0)
    alike = [np.full(30, v) for v in rng.normal(1, size=40)]
    assert pooled.standard_error(alike, sides(1.0)[0]) > 2 * pooled.standard_error(*sides(1.0))


def test_rows_are_those_of_the_descriptors_with_samples():
    plain = Descriptor("mean", "Mean", "", lambda x: x.float().mean((1, 2)))
    given = Descriptor("level", "Level", "", plain.measure, samples=lambda x: [one.flatten().numpy() for one in x])
    toy = dataclasses.replace(discovery.problem("polycrystal"), evaluation=Evaluation((plain, given)))
    theirs = pooled.pools(toy, np.zeros((3, 4, 4), np.uint8))
    assert pooled.rows(toy, np.full((3, 4, 4), 2, np.uint8), theirs) == {
        Row("level.wasserstein", "level, Wasserstein distance"): 2.0,
        Row("level.wasserstein_error", "level, Wasserstein distance, standard error"): 0.0,
    }


def test_positions_of_scalar_and_of_simplex_requests():
    crystal, two = discovery.split("polycrystal"), discovery.split("two_phase")
    asked = {"fractions": np.array([[0.2] * 5, [0.1, 0.6, 0.1, 0.1, 0.1]], np.float32)}
    np.testing.assert_allclose(sampling.position(crystal[0], crystal[1].conditions, asked), [0.2, 0.6])
    volume = {"volume_fraction": np.array([0.3, 0.7], np.float32)}
    np.testing.assert_array_equal(sampling.position(two[0], two[1].conditions, volume), volume["volume_fraction"])
    assert sampling.places(two[0], two[1].conditions) == two[1].conditions[0].trained
    for problem, preset in (crystal, two):
        low, high = sampling.places(problem, preset.conditions)
        for place in np.linspace(low, high, 4):
            request = sampling.representative(problem, preset.conditions, float(place), 3)
            np.testing.assert_allclose(sampling.position(problem, preset.conditions, request), place, atol=1e-6)
            assert all(v.shape[0] == 3 for v in request.values())


@pytest.fixture(scope="module")
def untrained():
    """A model of polycrystals without training; references at two positions."""
    torch.manual_seed(0)
    tensors = {f"generator.{k}": v for k, v in discovery.split("polycrystal")[1].generator().state_dict().items()}
    tensors |= {"reference.at": torch.tensor([0.2, 0.6]), "reference.misfit.mean": torch.tensor([0.1, 0.5])}
    tensors |= {"reference.misfit.sd": torch.tensor([0.01, 0.03])}
    return sampling.Model(Checkpoint(tensors, {"problem": "polycrystal", "preset": "fractions"}))


def test_references_are_read_at_the_position_of_the_request(untrained):
    mean, deviation = untrained.reference({"fractions": [0.1, 0.1, 0.4, 0.2, 0.2]})["misfit"]
    assert float(mean) == pytest.approx(0.3) and float(deviation) == pytest.approx(0.02)
    assert untrained.position({"fractions": [0.1, 0.1, 0.4, 0.2, 0.2]}) == pytest.approx(0.4)


def test_fig_7_says_what_was_asked_and_delivered(untrained):
    found = fractions.table(untrained, 3, {"a": (0.5, 0.5, 0, 0, 0), "b": (0.7, 0.1, 0.1, 0.05, 0.05)}, size=64)
    assert list(found["target"].unique()) == ["a", "b"] and list(found["channel"]) == [*range(5)] * 2
    np.testing.assert_allclose(found["requested"], [0.5, 0.5, 0, 0, 0, 0.7, 0.1, 0.1, 0.05, 0.05])
    assert (
        (found["delivered, largest error (px)"] <= 1).all()
        and (found["delivered sd"] == 0).all()
        and (found["raw sd"] >= 0).all()
    )
    short = fractions.summary(found)
    assert list(short.index) == ["a", "b"] and (short["before correction, mean |error|"] < 0.01).all()


def test_fig_7_needs_fractions(model):
    with pytest.raises(ValueError, match="two_phase/fraction has no condition of fractions"):
        fractions.table(model)
