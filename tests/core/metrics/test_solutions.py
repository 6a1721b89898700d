"""Measures of solutions on fields made to order, and the tables made of them on a problem small enough to know the
answer."""

import dataclasses
import json
import time

import numpy as np
import pandas as pd
import pytest

from core import metrics, sampling
from core.metrics import solutions
from core.types import Evaluation, Field, GroundTruth, Problem, Quantity, Rival, Sample, Threshold

LEVEL = Quantity("level", "Level", "l", "", 0.0, 10.0, 1.0)
SHAPE = (8, 5)


def test_relative_error_leaves_the_initial_condition_out():
    exact = np.full(SHAPE, 2.0)
    found = exact + 0.5
    found[:, 0] = 99.0
    assert solutions.relative(found, exact) == pytest.approx(0.25) == solutions.relative(found, exact, 1)
    spike = exact.copy()
    spike[3, 2] += 8.0
    assert solutions.relative(spike, exact) == pytest.approx(8 / (2 * np.sqrt(32)))
    assert solutions.relative(spike, exact, 1) == pytest.approx(8 / 64)
    assert solutions.relative(exact, exact) == 0


def test_overshoot_is_measured_by_the_range_of_the_initial_condition():
    field = np.linspace(-1, 1, 8)[:, None] * np.linspace(1, 0.5, 5)
    assert solutions.overshoot(field) == 0
    field[4, 3] = 1.1
    assert solutions.overshoot(field) == pytest.approx(5.0)
    field[5, 2] = -1.3
    assert solutions.overshoot(field) == pytest.approx(15.0)


def test_drift_is_the_largest_change_of_the_mean():
    field = np.ones(SHAPE)
    assert solutions.drift(field) == 0
    field[:, 2] += 0.25
    field[:, 4] -= 0.5
    assert solutions.drift(field) == pytest.approx(0.5)
    assert solutions.drift(np.roll(np.random.default_rng(0).random(SHAPE)[:, :1], 3, 0) * np.ones(5)) == pytest.approx(
        0, abs=1e-15
    )


def flat(factor):
    """A maker of fields of the level times a factor."""
    return lambda conditions, n, seed, shape: np.stack([np.full(shape, factor * v) for v in conditions["level"]])


class Toy:
    """A model whose raw field is 4 % off and whose polished one is 1 % off."""

    conditions = (LEVEL,)
    field = Field("continuous", SHAPE)

    def __init__(self, **changes):
        rules = {
            "baselines": (
                Rival("good", "Good", flat(1.02), "yardstick"),
                Rival("better", "Better", flat(0.98), "yardstick"),
                Rival("bad", "Bad", flat(2.0)),
                Rival("itself", "Itself", flat(1.0), "exact"),
            ),
            "thresholds": (
                Threshold("few.l2_max", "<=", 0.05),
                Threshold("few.l2_max", "<=", 0.02, "polished"),
                Threshold("few.best_ratio", "<=", 1.2),
            ),
        }
        cases = {
            "few": lambda n: [{"level": v} for v in (1.0, 2.0, 4.0)][:n],
            "other": lambda n: [{"colour": 1.0}],
        }
        self.problem = Problem(
            "toy",
            "Toy",
            "",
            "",
            self.field,
            presets=(),
            invariances=(),
            source=None,
            truth=GroundTruth(flat(1.0), test_cases=cases, published={"few": {"them": (0.5, 0.3, 0.1)}}),
            evaluation=Evaluation(**rules | changes),
        )

    def shape(self, size):
        return SHAPE

    def sample(self, conditions=None, n=1, seed=0, project=True, size=None):
        conditions = conditions or {"level": 1.0}
        field = flat(1.01 if project else 1.04)({"level": [conditions["level"]]}, 1, 0, SHAPE).astype(np.float32)
        return Sample(None, field, field[:, None], {}, {}, {}, np.zeros(1, np.int64))


def test_quality_says_what_was_put_in():
    table = metrics.quality(Toy(), 3)
    assert list(table.columns) == ["label", "bar", "raw", "polished", "good", "better", "bad"]
    numbers = table.drop(columns=["label", "bar"]).astype(float)
    for row in ("few.l2_mean", "few.l2_p95", "few.l2_max", "few.l1_max"):
        assert numbers.loc[row].tolist() == pytest.approx([0.04, 0.01, 0.02, 0.02, 1.0], rel=1e-4)
    assert numbers.loc["few.best_ratio"].tolist() == pytest.approx([2, 0.5, 1, 1, 50], rel=1e-4)
    assert not any(str(row).startswith("other") for row in table.index)
    assert table.loc["few.l2_max", "bar"] == "<= 0.05" and table.loc["few.l2_mean", "bar"] == ""


def test_bars_speak_of_the_raw_network_unless_they_name_a_column():
    model = Toy()
    table = metrics.quality(model, 3)
    found = metrics.verdicts(model.problem, table)
    assert {(t.column, t.row): met for t, met in found.items()} == {
        ("", "few.l2_max"): True,
        ("polished", "few.l2_max"): True,
        ("", "few.best_ratio"): False,
    }
    lines = metrics.verdict_lines(model.problem, table)
    assert [line.split()[0] for line in lines] == ["met", "met", "not"] and lines[1].endswith(": 0.01")
    tight, absent = (Threshold(row, "<=", 0.009, "polished") for row in ("few.l2_max", "gone.l2_max"))
    assert metrics.verdicts(Toy(thresholds=(tight, absent)).problem, table) == {tight: False}
    assert lines[:2] == ["met      few, max <= 0.05: 0.04", "met      polished: few, max <= 0.02: 0.01"]


def test_without_yardsticks_there_is_no_row_that_compares_with_them():
    model = Toy()
    rest = dataclasses.replace(model.problem.evaluation, baselines=model.problem.evaluation.baselines[2:])
    model.problem = dataclasses.replace(model.problem, evaluation=rest)
    assert not any(row.endswith("best_ratio") for row in metrics.quality(model, 3).index)


def test_cell_by_cell_stands_beside_what_others_published_and_what_was_measured(monkeypatch, tmp_path):
    monkeypatch.setattr(sampling, "CHECKPOINTS", tmp_path)
    assert "baseline, here" not in solutions.cell_by_cell(Toy(), "few").columns
    found = {f"level {k}": {"error": e, "seconds": 1.0} for k, e in ((1, 0.2), (2, 0.2), (4, 0.5))}
    half = {"level 1": {"error": 9.0, "seconds": 1.0}}
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "baselines.json").write_text(
        json.dumps({"settings": {"steps": 1}, "baseline": found, "unfinished": half})
    )
    table = solutions.cell_by_cell(Toy(), "few")
    assert list(table.columns) == ["raw", "polished", "baseline, here", "them", "good", "better", "bad"]
    assert list(table.index) == ["level 1", "level 2", "level 4", "mean"]
    assert table["them"].tolist() == pytest.approx([0.5, 0.3, 0.1, 0.3]) and table["baseline, here"][
        "mean"
    ] == pytest.approx(0.3)
    assert table["raw"].tolist() == pytest.approx([0.04] * 4, rel=1e-4) and isinstance(table, pd.DataFrame)


def test_speed_tells_the_milliseconds_of_everybody():
    def slow(conditions, n, seed, shape):
        return [time.sleep(0.01), flat(1.0)(conditions, n, seed, shape)][1]

    model = Toy(baselines=(Rival("slow", "Slow one", slow), Rival("itself", "Itself", flat(1.0), "exact")))
    found = metrics.speed(model, runs=3)
    assert {"ms per sample", "ms per sample, not projected", "simulation, ms", "Slow one, ms", "Itself, ms"} <= set(
        found
    )
    assert found["Slow one, ms"] > 9 and all(v > 0 for v in found.values())
