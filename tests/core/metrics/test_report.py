"""Metrics on ensembles made to order: what was put in is what the rows say."""

import copy
import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
import torch

from core import discovery, metrics
from core.types import Descriptor, Evaluation, Field, GroundTruth, Problem, Sample, Threshold

MEAN = Descriptor("mean", "Mean level", "", lambda x: x.float().mean((1, 2)))
PROFILE = Descriptor("profile", "Profile S2", "", lambda x: x.float().mean(1), lambda shape: np.arange(float(shape[1])))
ERROR, SPREAD = Threshold("error", "<=", 0.5), Threshold("spread", ">=", 70.0)


def problem(**changes):
    made = Problem(
        "toy",
        "Toy",
        "",
        "",
        Field("binary", (8, 8)),
        presets=(),
        invariances=(),
        source=None,
        evaluation=Evaluation((MEAN, PROFILE), thresholds=(ERROR, SPREAD)),
    )
    return dataclasses.replace(made, **changes)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def contest(ours, theirs, at):
    """Two ensembles of the scalar and the curve."""
    return metrics.EnsemblePair(*({"mean": s, "profile": c} for s, c in (ours, theirs)), at)


def by_id(values):
    return {row.id: value for row, value in values.items()}


def test_describe_measures_every_descriptor_in_blocks():
    arrays = (normal(300, 8, 8) > 0).astype(np.uint8)
    found = metrics.describe(problem(), arrays)
    assert found["mean"].dtype == np.float64 and found["profile"].shape == (300, 8)
    np.testing.assert_allclose(found["mean"], arrays.mean((1, 2)), atol=1e-7)
    np.testing.assert_allclose(found["profile"], arrays.mean(1), atol=1e-7)


def test_frechet_distance_of_an_ensemble_to_itself_is_0():
    same = {"mean": normal(200), "profile": normal(200, 8, seed=1)}
    assert metrics.frechet(same, same) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("shift", [0.5, 2.0])
def test_frechet_distance_of_a_shift_is_its_square_in_standard_deviations(shift):
    theirs = {"a": 5 + 3 * normal(4000), "b": normal(4000, seed=1)}
    ours = {**theirs, "a": theirs["a"] + shift * theirs["a"].std()}
    assert metrics.frechet(ours, theirs) == pytest.approx(shift**2, rel=1e-4)


def test_frechet_distance_of_a_wider_ensemble_is_the_difference_of_deviations_squared():
    theirs = {"a": normal(4000)}
    assert metrics.frechet({"a": theirs["a"] * 1.5}, theirs) == pytest.approx(
        0.25 + (0.5 * theirs["a"].mean()) ** 2, rel=1e-2
    )


def test_a_descriptor_that_never_varies_does_not_count():
    theirs = {"a": normal(100), "flat": np.ones(100)}
    assert metrics.frechet({**theirs, "flat": np.full(100, 1.5)}, theirs) == pytest.approx(0, abs=1e-4)


def test_residual_spread_is_what_is_left_at_a_fixed_condition():
    at, noise = np.random.default_rng(0).uniform(0.2, 0.8, 2000), normal(2000, 3)
    values = (5 * at**3 - 2 * at)[:, None] + noise * [0.1, 0.5, 2.0]
    np.testing.assert_allclose(metrics.residual_spread(values, at), [0.1, 0.5, 2.0], rtol=0.05)
    assert metrics.residual_spread(values[:, 1], at).shape == ()


def test_thirds_split_the_range_not_the_samples():
    at = np.array([0.0, 0.1, 0.29, 0.31, 0.59, 0.61, 0.9])
    thirds = contest((at, at[:, None]), (at, at[:, None]), at).thirds()
    assert [t.sum() for t in thirds] == [3, 2, 2] and sum(thirds).tolist() == [1] * 7


def test_rows_of_an_ensemble_against_itself():
    at = np.linspace(0.2, 0.8, 90)
    values = (2 + at + 0.1 * normal(90), normal(90, 8, seed=2))
    rows = by_id(metrics.rows(problem(), contest(values, values, at)))
    zero = [name for name in rows if "spread" not in name]
    assert all(abs(rows[name]) < 1e-4 for name in zero)
    assert [rows[n] for n in rows if "spread" in n] == pytest.approx([100.0, 100.0])


def test_rows_say_what_was_put_in():
    """Ours: 10 % higher on the whole, 30 % higher in the upper third, the same noise half as wide; curves .2 higher
    there."""
    at = np.repeat([0.1, 0.5, 0.9], 400)
    noise, curve_noise = 0.05 * normal(1200), normal(1200, 8, seed=2)
    upper = at == 0.9
    theirs = (2 + noise, 1 + curve_noise)
    ours = (2 * np.where(upper, 1.3, 1.0) + noise / 2, 1 + curve_noise + 0.2 * upper[:, None])
    rows = by_id(metrics.rows(problem(), contest(ours, theirs, at)))
    assert rows["mean.deviation"] == pytest.approx(10, abs=0.3)
    assert rows["mean.worst_third_percent"] == pytest.approx(30, abs=0.5)
    assert rows["mean.worst_third_sd"] == pytest.approx(0.6 / 0.05, rel=0.1)
    assert rows["mean.spread"] == pytest.approx(50, rel=0.03)
    assert rows["profile.mean_deviation"] == pytest.approx(0.2 / 3, rel=1e-6)
    assert rows["profile.worst_third"] == pytest.approx(0.2, rel=1e-6)
    assert rows["profile.spread"] == pytest.approx(100, rel=1e-3)
    assert rows["frechet"] > 1


def test_percentages_are_left_out_where_the_data_have_no_sign():
    at = np.linspace(0, 1, 60)
    ours, theirs = ({"mean": normal(60, seed=k)} for k in (0, 1))
    rows = by_id(metrics.rows(problem(evaluation=Evaluation((MEAN,))), metrics.EnsemblePair(ours, theirs, at)))
    assert "mean.deviation" not in rows and "mean.worst_third_sd" in rows


def test_exactness_counts_pixels_and_tells_raw_from_delivered():
    asked, pixel = np.array([0.3, 0.5], dtype=np.float32), np.array([0, 1 / 64])
    length = np.array([8.0, 9.0])
    sample = Sample(
        labels=None,
        field=None,
        soft=np.zeros((2, 1, 8, 8), np.float32),
        seeds=np.zeros(2, np.int64),
        requested={"volume_fraction": asked, "length": length},
        measured={"volume_fraction": asked + pixel, "length": length - 0.5},
        raw={"volume_fraction": np.array([0.4, 0.2]), "length": length},
    )
    found = metrics.exactness(discovery.problem("two_phase"), sample, 64)
    rows = by_id(found)
    assert {row.label for row in found if row.id.endswith("delivered_worst")} == {
        "length, largest error (px)",
        "volume fraction, largest error (px)",
    }
    assert rows["length.delivered_worst"] == 0.5, "a length is counted in its own unit"
    assert rows["volume_fraction.delivered_worst"] == pytest.approx(1, abs=1e-5)
    assert rows["volume_fraction.raw_mean"] == pytest.approx(0.2, abs=1e-6)
    assert rows["volume_fraction.raw_worst"] == pytest.approx(0.3, abs=1e-6)


@pytest.mark.parametrize(
    ("error", "spread", "met"), [(0.4, 80, (True, True)), (0.6, 60, (False, False)), (0.5, 70, (True, True))]
)
def test_verdicts_both_ways(error, spread, met):
    table = pd.DataFrame({"all": {"error": error, "spread": spread}, "rival": {"error": 9.0, "spread": 99.0}})
    assert metrics.verdicts(problem(), table) == dict(zip((ERROR, SPREAD), met, strict=True))
    assert metrics.verdicts(problem(), table, "rival") == {ERROR: False, SPREAD: True}


def test_a_bar_on_what_was_not_a_number_is_not_met():
    table = pd.DataFrame({"all": {"error": math.nan, "spread": math.nan}})
    assert not any(metrics.verdicts(problem(), table).values())


def test_reference_is_mean_and_deviation_of_the_oracle_at_every_knot(monkeypatch):
    from core import discovery

    asked = []

    def oracle(conditions, n, seed, shape):
        asked.append((float(conditions["volume_fraction"][0]), seed))
        return np.random.default_rng(seed).random((n, *shape)) < conditions["volume_fraction"][:, None, None]

    real = discovery.problem("two_phase")
    toy = dataclasses.replace(
        real,
        evaluation=Evaluation((MEAN, PROFILE)),
        truth=GroundTruth(oracle),
        field=dataclasses.replace(real.field, shape=(8, 8)),
    )
    out = metrics.reference(toy, [0.2, 0.7], n=50, seed=10)
    assert out["at"].tolist() == pytest.approx([0.2, 0.7]) and asked[0][0] == 0.2 and len({s for _, s in asked}) == 2
    assert out["profile.mean"].shape == out["profile.sd"].shape == (2, 8) and out["mean.mean"].shape == (2,)
    for i, p in enumerate((0.2, 0.7)):
        assert float(out["mean.mean"][i]) == pytest.approx(p, abs=0.03)
        assert float(out["mean.sd"][i]) == pytest.approx(math.sqrt(p * (1 - p) / 64), rel=0.35)


def test_table_of_a_model(model):
    """Data against data, the whole generator and its stages, on a few small samples."""
    few = copy.copy(model)
    few.problem = dataclasses.replace(
        model.problem, evaluation=dataclasses.replace(model.problem.evaluation, baselines=())
    )
    table = metrics.quality(few, n=24, size=64)
    assert list(table.columns) == ["label", "bar", "data", *metrics.STAGES]
    assert float(table.loc["volume_fraction.delivered_worst", "all"]) <= 0.5
    assert table.loc["volume_fraction.delivered_worst", "bar"] == "<= 1"
    raw = table.loc["volume_fraction.raw_mean"]
    assert raw["all"] < raw["seed"] and math.isnan(raw["data"])
    assert "nan" not in metrics.text(table) and set(metrics.verdicts(few.problem, table)) == set(
        few.problem.evaluation.thresholds
    )


def test_milliseconds_is_a_median_after_a_warm_up():
    calls = []
    assert metrics.milliseconds(lambda i: calls.append(i) or torch.ones(3), repeats=5, warmups=2) > 0
    assert calls == list(range(7))
