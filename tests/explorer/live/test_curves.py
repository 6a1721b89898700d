"""Curves that were asked for: drawn beside the delivered one, pulled by hand, carried by links; stages that can be left
out."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import sampling
from core.simulation import correlations
from explorer import link, panel_spec
from explorer.live import curves, frames, models, protocol
from explorer.live.dial import Dial, resolve
from explorer.live.service import Service
from tests.explorer import untrained

NAME = "two_phase/correlation"
FELL = (0.75, 0.42, 0.05, -0.14, -0.05, 0.02, 0.0, 0.0)
DRAWN = Dial({"volume_fraction": 0.4}, size=64, drawn={"correlation": tuple(float(np.float32(v)) for v in FELL)})


@pytest.fixture
def quantity(curved):
    return next(q for q in curved.conditions if q.name == "correlation")


def test_a_frame_carries_the_requested_curve_and_how_far_the_delivered_one_is(curved):
    header, arrays = protocol.decode(
        frames.frame(curved, resolve(curved, Dial({"volume_fraction": 0.4, "length": 9.0}, size=64)))
    )
    asked, live = arrays["asked.correlation"], arrays["live.correlation"]
    assert asked.shape == arrays["asked_at.correlation"].shape == (correlations.BINS,)
    assert asked[0] == pytest.approx(0.4, abs=1e-6) and header["scales"]["correlation"] == pytest.approx(
        [0.16, 0.24], abs=1e-6
    )
    (label, delivered, raw) = header["checks"][0]
    assert label == "S2, mean |error|" and delivered == pytest.approx(np.abs(live - asked).mean(), abs=1e-5)
    assert delivered < 0.3 * raw


def test_refinement_is_a_stage_that_can_be_left_out(curved, model):
    assert curved.stages == ("network", "physics", "refine") and "refine" not in model.stages
    dial = Dial({"volume_fraction": 0.4, "length": 9.0}, size=64)
    errors = [
        protocol.decode(frames.frame(curved, resolve(curved, dataclasses.replace(dial, off=off))))[0]["checks"][0][1]
        for off in ((), ("refine",))
    ]
    assert errors[0] < 0.3 * errors[1]


def test_a_pulled_curve_is_asked_for_in_the_place_of_the_length(curved, quantity):
    sample = models.sample_dial(curved, dataclasses.replace(DRAWN, conditions={"volume_fraction": 0.4, "length": 15.0}))
    curve = sample.requested["correlation"][0]
    implied = correlations.first_zero(torch.from_numpy(curve)[None]).item()
    wanted = [0.16 + 0.24 * v for v in FELL]
    at = np.interp(quantity.stroke.knots, quantity.stroke.at, curve)
    np.testing.assert_allclose(at, wanted, atol=0.006)  # linear between the bins of a bent curve
    assert np.abs(sample.measured["correlation"][0] - curve).mean() < 0.005 and sample.labels.mean() == pytest.approx(
        0.4, abs=2e-4
    )
    assert sample.requested["length"][0] == pytest.approx(implied, abs=1e-4)


@given(
    points=st.lists(st.floats(-1, 1, width=32), min_size=8, max_size=8),
    p=st.floats(0.05, 0.95),
    q=st.floats(0.05, 0.95),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_the_shape_stays_when_the_fraction_moves(quantity, points, p, q):
    """S2(0) = p1 at any fraction, and c(r) = (S2 - p1^2) / (p1 (1 - p1)) is the same curve, between its control
    points."""
    shapes = []
    for fraction in (p, q):
        curve = curves.ordinates(points, quantity.stroke, {"volume_fraction": fraction})
        assert curve[0] == pytest.approx(fraction, abs=1e-9)
        shapes.append((curve - fraction**2) / (fraction * (1 - fraction)))
    np.testing.assert_allclose(shapes[0], shapes[1], atol=1e-9)
    assert min(points) - 1e-9 <= shapes[0][1:].min() and shapes[0].max() <= 1 + 1e-9


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    st.lists(st.floats(-0.25, 0.875, width=32), min_size=8, max_size=8),
    st.sets(st.sampled_from(("network", "physics", "refine"))),
)
def test_a_pulled_curve_comes_back_from_its_link(curved, points, off):
    dial = Dial(
        {"volume_fraction": 0.5, "length": 8.0}, size=64, drawn={"correlation": tuple(points)}, off=tuple(sorted(off))
    )
    back, notes = link.from_query(curved, link.to_query(curved, dial))
    assert (back, notes) == (dial, ()) or "defaults are used" in " ".join(notes)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"drawn": {"correlation": [0.5] * 7}}, "with 8 control points; got 7"),
        ({"drawn": {"correlation": [0.5] * 7 + [1.5]}}, "must be from -1 to 1"),
        ({"drawn": {"correlation": [-1.0] * 8}}, "No structure has this correlation"),
        ({"drawn": {"length": [0.5] * 8}}, "cannot be drawn here"),
        ({"off": ["refining"]}, "has no stage 'refining'"),
    ],
)
def test_a_bad_request_is_a_sentence(change, words):
    header, arrays = protocol.decode(Service().answer(json.dumps({"id": 3, "model": NAME, "size": 64, **change})))
    assert words in header["error"] and "Traceback" not in header["error"] and not arrays


def test_a_weight_is_drawn_and_the_heavier_part_is_held_more_strictly(tmp_path, monkeypatch):
    """An impossible curve is missed least where it counts most."""
    made = untrained.folder(tmp_path, "two_phase/data_free")
    monkeypatch.setattr(sampling, "CHECKPOINTS", made)
    free = models.MODELS.get("two_phase/data_free")
    told = {d["name"]: d["stroke"] for d in panel_spec.panel(free, Dial())["drawable"]}
    assert told["weight"]["below"] == "correlation" and told["correlation"]["below"] == "" and made.exists()
    errors = []
    for heavy in (0, 7):
        weight = tuple(16.0 if i == heavy else 0.0625 for i in range(8))
        dial = Dial({"volume_fraction": 0.4}, size=64, drawn={**DRAWN.drawn, "weight": weight})
        back, notes = link.from_query(free, link.to_query(free, dial))
        assert back.drawn == dial.drawn and notes == ()
        sample = models.sample_dial(free, dial)
        gap = np.abs(sample.measured["correlation"] - sample.requested["correlation"])[0]
        errors.append(gap[1:4].mean())
    assert errors[0] < errors[1]


def test_the_panel_is_told_how_to_pull_it(curved):
    told = panel_spec.panel(curved, DRAWN)
    (drawn,) = told["drawable"]
    assert drawn["replaces"] == "length" and len(drawn["stroke"]["knots"]) == 8 and drawn["presets"] == []
    assert told["dial"]["drawn"]["correlation"] == DRAWN.drawn["correlation"]
    assert told["late"] == ("refine",) and set(told["late"]) <= set(told["stages"])
