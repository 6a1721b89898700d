"""The lab of the inverse problem without a browser: frames against the shipped checkpoint, flags, links, the route's
answers."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import core
from core import card, checkpoint, discovery, sampling
from core.metrics.inverse import INSIDE, evaluate, scan
from core.sampling.inverse import CANDIDATES, candidates, solve, warnings
from core.simulation.rosenbrock import Prior, Target, inside, rosenbrock
from core.types import TrainConfig
from explorer import routes
from explorer.labs import component as lab_component
from explorer.labs import inverse
from explorer.labs.inverse import LAB
from explorer.live import protocol
from explorer.live.service import Service

PAGE = str(routes.VIEWS / "inverse.py")
KEY = f"relay:{LAB.model}"
FAR = Prior((-1.5, 0.0), 0.4)


@pytest.fixture(autouse=True)
def shipped(monkeypatch):
    """What is said of the numbers is said of the checkpoints that ship."""
    monkeypatch.setattr(inverse.MODELS, "_models", {})


@pytest.fixture(scope="module")
def model():
    return core.load("inverse/invnet")


@pytest.fixture
def page():
    return AppTest.from_file(PAGE, default_timeout=60)


def framed(**change):
    return protocol.decode(inverse.frame(LAB.dial(change), 7, {}))


def number(header, row, column="W1"):
    return next(r for r in header["table"] if r["name"].startswith(row))[column][0]


@pytest.mark.parametrize("name", INSIDE)
def test_inside_the_trained_range_the_pushforward_is_the_target(model, name):
    """Wasserstein-1 at most 5 % of the sd of P_Y, raw and delivered; delivered points are on their levels to 1e-6, in
    the box."""
    found = evaluate(model, INSIDE[name], Prior(), 2000, 8)
    assert found["raw"]["W1"][0] <= 0.05 and found["all"]["W1"][0] <= 0.002
    answer = solve(model, INSIDE[name], Prior(), 2000)
    assert np.abs(rosenbrock(answer.points) - answer.levels).max() < 1e-6
    assert (
        answer.outside < 0.01
        and inside(answer.points).mean() > 0.99
        and warnings(model, INSIDE[name], Prior(), answer) == ()
    )


def test_so_it_is_between_the_named_targets(model):
    found = scan(model, 2000, 0)
    assert list(found) == list(range(50, 1901, 50)) and max(found.values()) <= 0.05


def test_the_raw_networks_points_are_those_of_the_exact_answer(model):
    """The branches' shares and both parameters at once: W1 of each below 10 % of its sd for every target inside."""
    for target in INSIDE.values():
        raw = evaluate(model, target, Prior(), 2000, 2)["raw"]
        assert max(raw["W1 x1"][0], raw["W1 x2"][0], raw["branches"][0]) <= 0.1


def test_under_the_trained_prior_the_first_point_in_the_box_is_taken(model):
    answer = solve(model, Target(), Prior(), 500, exact=False)
    inside_ = inside(answer.raw)
    np.testing.assert_array_equal(answer.points[inside_], answer.raw[inside_])
    assert inside(answer.points).mean() >= inside_.mean() and 0.9 < answer.effective <= 1


def test_points_depend_on_seed_and_index_alone(model):
    levels = Target().draw(64, 3)
    many = candidates(model, levels, 3)
    assert many.shape == (64, CANDIDATES, 2)
    np.testing.assert_allclose(candidates(model, levels[:5], 3), many[:5], atol=1e-5)
    assert not np.allclose(candidates(model, levels, 4), many)


def test_another_prior_is_reached_by_resampling(model):
    """Towards the exact answer of that prior: at least twice as near as the trained prior's points, in both
    parameters."""
    prior = Prior((0.5, 1.0), 1.0)
    found = evaluate(model, Target(), prior, 2000, 4)
    trained = evaluate(model, Target(), Prior(), 2000, 4)["all"]
    for k in ("W1 x1", "W1 x2"):
        assert found["all"][k][0] < 0.5 * found["raw"][k][0] or found["all"][k][0] < 2 * trained[k][0] + 0.05
    assert found["all"]["W1"][0] <= 0.002


def test_beyond_the_trained_range_it_fails_and_says_so():
    header, arrays = framed(mean=3500.0)
    assert number(header, "before correction") > 100
    assert any(f.startswith("Out of range: 100 %") for f in header["flags"])
    assert any("No answer: 100 %" in f for f in header["flags"]) and arrays["exact"].shape == (0, 2)
    header, _ = framed(mean=2000.0)
    assert [f[:12] for f in header["flags"]] == ["Out of range"] and "50 %" in header["flags"][0]
    assert framed()[0]["flags"] == []


def test_a_prior_far_from_the_level_is_flagged(model):
    answer = solve(model, Target(350, 20, 290, 410), FAR)
    assert answer.effective < 0.25 and "under this prior" in " ".join(
        warnings(model, Target(350, 20, 290, 410), FAR, answer)
    )


def test_a_frame_holds_what_was_asked():
    header, arrays = framed(mean=600.0, sd=80.0, below=1.0, above=0.5, prior="normal")
    assert header["id"] == 7 and header["bounds"] == [520.0, 640.0]
    pushed = rosenbrock(arrays["points"].astype(float))
    assert pushed.min() > 519 and pushed.max() < 641, "points travel as float32"
    for name, (low, high) in {
        "pushed": header["view"],
        "points.x1": inverse.edges(0),
        "exact.x2": inverse.edges(1),
    }.items():
        assert arrays[name].sum() * (high - low) / inverse.BINS == pytest.approx(1, abs=0.03)
    raw, _ = framed(delivered="raw")
    assert number(raw, "delivered") == number(raw, "before correction") > number(framed()[0], "delivered")


NARROW = {"sd": 5.0, "below": 0.1, "above": 0.1}
CORNER = {"prior": "normal", "x1": -2.0, "x2": 3.0, "width": 0.4}


@pytest.mark.parametrize(
    "change",
    [
        {"mean": 5.0, "sd": 400.0},
        {"mean": 3900.0, **NARROW},
        {"mean": 5.0, **NARROW, **CORNER},
        {"network": "cgan", "sd": 400.0},
    ],
)
def test_every_corner_of_the_dial_has_a_frame(change):
    header, arrays = framed(**change)
    assert all(np.isfinite(a).all() for a in arrays.values()) and len(arrays["points"]) == inverse.POINTS
    json.dumps(header, allow_nan=False)


@pytest.mark.parametrize(
    ("dial", "said"),
    [
        ({"mean": 9000}, "mean must be a number from 5 to 3900"),
        ({"prior": "cauchy"}, "prior must be one of uniform, normal"),
        ({"colour": 1}, "Unknown name 'colour'"),
    ],
)
def test_the_route_answers_bad_requests_with_a_sentence(dial, said):
    header, arrays = protocol.decode(
        Service(labs={LAB.name: LAB}).answer(json.dumps({"id": 5, "lab": "inverse", "dial": dial}))
    )
    assert header["id"] == 5 and said in header["error"] and not arrays


def test_the_route_answers():
    header, arrays = protocol.decode(
        Service(labs={LAB.name: LAB}).answer(json.dumps({"id": 5, "lab": "inverse", "dial": {"mean": 500}}))
    )
    assert header["id"] == 5 and "error" not in header and arrays["points"].shape == (inverse.POINTS, 2)


def test_the_page_shows_the_panel_and_a_link_sets_it(page, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        lab_component, "mount_lab", lambda frame, name, model: drawn.append(protocol.decode(frame)[0]["panel"])
    )
    page.query_params["mean"], page.query_params["prior"], page.query_params["sd"] = "800", "normal", "x"
    page.run()
    assert not page.exception and drawn[-1]["dial"] == LAB.dial({"mean": 800, "prior": "normal"})
    assert drawn[-1]["trained"] == [0.0, 2000.0] and len(page.warning) == 1


def test_release_writes_the_link(page):
    page.run()
    dial = LAB.dial({"mean": 500.0, "delivered": "raw"})
    page.session_state[KEY] = {"dial": {"lab": "inverse", "dial": dial, "id": 3}}
    page.run()
    query = {k: v[0] if isinstance(v, list) else v for k, v in dict(page.query_params).items()}
    assert not page.exception and query == LAB.query(dial)


def test_without_a_checkpoint_the_page_says_how_to_make_one(page, monkeypatch):
    def missing(name):
        raise FileNotFoundError(f"Make one with: python train.py {name}")

    monkeypatch.setattr(inverse.MODELS, "get", missing)
    page.run()
    assert not page.exception and "python train.py inverse/invnet" in page.warning[0].value


@pytest.mark.parametrize("name", core.presets("inverse"))
def test_the_card_is_the_one_that_the_code_writes(name):
    path = sampling.CHECKPOINTS / "inverse" / f"{name}.safetensors"
    found = checkpoint.load(path)
    assert path.with_suffix(".md").read_text() == card.render(found.manifest, found.digest)

    def plain(config):
        return json.loads(json.dumps(asdict(config)))

    assert plain(TrainConfig(**found.manifest["config"])) == plain(discovery.split(f"inverse/{name}")[1].config)
