"""The best of several draws, on the shipped model: never further from the request, the same whatever is asked beside
it."""

import numpy as np
import pytest

import core
from core.sampling.bulk import Job
from core.sampling.request import Request

REQUEST = {"volume_fraction": 0.4, "length": 8.0}
ASKED = {"seed": 5, "size": 64, "refine": False}


@pytest.fixture(scope="module")
def model():
    return core.load("two_phase/correlation")


def gaps(sample):
    """Mean |S2 - S2*| of each sample."""
    return np.abs(sample.measured["correlation"] - sample.requested["correlation"]).mean(1)


def test_the_draw_with_the_smallest_residual_is_taken(model):
    alone, best = (model.sample(REQUEST, 12, best_of=k, **ASKED) for k in (1, 8))
    assert alone.tried is None and best.tried.shape == (12, 8)
    wanted = 50 * (best.measured["correlation"] - best.requested["correlation"]) ** 2
    np.testing.assert_allclose(
        best.tried.min(1), wanted.mean(1), rtol=1e-3, atol=1e-6
    )  # the fraction is met to a pixel
    kept = best.tried.argmin(1) == 0
    assert 0 < kept.sum() < 12
    np.testing.assert_array_equal((best.labels == alone.labels).all((1, 2)), kept)
    np.testing.assert_array_equal(best.labels.sum((1, 2)), np.full(12, round(0.4 * 64**2)))
    assert gaps(best).mean() < 0.7 * gaps(alone).mean()  # measured: .53


def test_more_draws_are_the_same_and_more(model):
    few, many = (model.sample(REQUEST, 2, best_of=k, **ASKED) for k in (3, 6))
    np.testing.assert_allclose(many.tried[:, :3], few.tried, rtol=1e-4)
    one = model.sample(REQUEST, 1, first=1, best_of=6, **ASKED)
    np.testing.assert_array_equal(one.labels[0], many.labels[1])


def test_the_best_draw_is_refined_like_any_other(model):
    best = model.sample(REQUEST, 2, 5, size=64, best_of=4)
    assert gaps(best).max() <= 0.001


@pytest.mark.parametrize("count", [0, 65, 2.5, "4", None, float("nan"), True])
def test_a_choice_that_cannot_be_made_is_refused(model, count):
    with pytest.raises(ValueError, match=r"best_of must be a whole number from 1 to 64; got"):
        model.sample(None, 1, best_of=count)


def test_a_large_set_that_cannot_be_made_is_refused_before_it_begins(tmp_path):
    for name, says in (
        ("two_phase/correlation", "from 1 to 64; got 100"),
        ("two_phase/wgan_gp", "1: no condition of two_phase"),
    ):
        with pytest.raises(ValueError, match=says):
            Job(Request(name, 4, best_of=100), tmp_path / "set.h5")
    assert not list(tmp_path.iterdir())


def test_a_large_set_takes_the_best_draws_too(model):
    asked = Request("two_phase/correlation", 4, 5, 64, conditions=REQUEST, off=("refine",), best_of=3)
    part, alone = asked.sample(model, 2, 4), model.sample(REQUEST, 4, best_of=3, **ASKED)
    np.testing.assert_array_equal(part.labels, alone.labels[2:])
