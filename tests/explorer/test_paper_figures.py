"""The figures of the paper show the numbers they are given, and their sentences name the right method."""

import json

import numpy as np
import pandas as pd
import pytest

from core import sampling
from explorer.figures import paper
from explorer.views import shapes

STATS = {"asked": 40.0, "mean": 41.5, "sd": 0.5}


def method(title, centre, after, loss):
    random = {f"{k} error, {of}, px": v for k, v in (("centre", centre), ("radius", 0.5)) for of in ("mean", "sd")}
    trace = [{"step": 100, "critic.loss": -loss}, {"step": 200, "critic.loss": 2 * loss}, {"step": 300}]
    target = {"x1": {**STATS, "mean": 40 + centre}, "r1": STATS}
    return {"title": title, "steps": 300, "target": target, "random": random, "acceptable after": after, "trace": trace}


METHODS = {"ours": method("Ours", 0.25, 200, 1.0), "other": method("Other", 30.0, None, 8.0)}
FOUND = {
    "settings": {"requests": 300, "images for a target": 100, "acceptable": {"centre error, mean, px": "<= 3"}},
    "methods": METHODS,
    "targets": {"ours": [METHODS["ours"]["target"]]},
    "sentences": ["Ours: fine.", "Other: not."],
}


@pytest.mark.parametrize("dark", [False, True])
def test_bars_and_lines_are_the_numbers(dark):
    one = paper.one_target(METHODS, dark)
    np.testing.assert_allclose(one.data[1].y, [30.0, 1.5])
    np.testing.assert_allclose(one.data[1].error_y.array, [0.5, 0.5])
    random = paper.random_requests(METHODS, dark)
    assert [t.name for t in random.data] == ["centre", "radius"] and list(random.data[0].x) == [0.25, 30.0]
    several = paper.several_targets(FOUND["targets"], METHODS, dark)
    assert list(several.data[0].x) == [40.0, 40.0] and list(several.data[0].y) == [40.25, 41.5]
    bars = paper.iterations(METHODS, dark).data
    assert [b.text[0] for b in bars] == ["200", "not within 300"] and bars[0].marker.color != bars[1].marker.color
    losses = paper.critic_losses(METHODS, dark).data
    assert list(losses[1].x) == [100, 200] and list(losses[1].y) == [8.0, 16.0]


def test_sentences_are_made_from_the_numbers():
    said = paper.captions(FOUND)
    assert said["one"] == "100 images each; worst mean deviation: smallest 1.5 px (Ours), largest 30 px (Other)."
    assert "smallest 0.25 px (Ours), largest 30 px (Other)" in said["random"]
    assert said["iterations"] == "Acceptable (centre error, mean, px <= 3): Ours from iteration 200 on; never: Other."
    assert said["losses"] == "Largest magnitude along the training: smallest 2 (Ours), largest 16 (Other)."


def test_shares_stand_beside_their_targets():
    targets = {"a": (0.3, 0.7), "b": (1.0, 0.0)}
    rows = [(t, k, v, v + 0.01, 0.002, v - 0.05, 0.02) for t, shares in targets.items() for k, v in enumerate(shares)]
    table = pd.DataFrame(rows, columns=["target", "channel", "requested", "delivered", "delivered sd", "raw", "raw sd"])
    figure = paper.fractions(table, ("p", "q"), ("#000000", "#ffffff"))
    bars, raw, asked = figure.data[:2], figure.data[2], figure.data[3]
    np.testing.assert_allclose(bars[1].y, [0.71, 0.01])
    np.testing.assert_allclose(np.asarray(bars[1].x) - np.asarray(bars[0].x), 0.16)
    np.testing.assert_allclose(raw.y, table["raw"])
    assert list(asked.y) == [0.3, 0.3, None, 0.7, 0.7, None, 1.0, 1.0, None, 0.0, 0.0, None]
    assert list(figure.layout.xaxis.ticktext) == ["a", "b"]


def test_the_comparison_is_read_from_beside_the_checkpoints(tmp_path, monkeypatch):
    monkeypatch.setattr(sampling, "CHECKPOINTS", tmp_path)
    assert shapes.recorded() is None
    (tmp_path / "shapes").mkdir()
    path = tmp_path / "shapes" / "comparison.json"
    for damaged in ("{", "[]", '{"methods": {}}'):
        path.write_text(damaged)
        assert shapes.recorded() is None
    path.write_text(json.dumps(FOUND))
    found = shapes.recorded()
    assert found == FOUND and set(shapes.drawn(found, True)) == set(paper.captions(found))
