"""Shares that are locked, shapes that are dragged and refused, and one request carried between presets."""

import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import sampling
from core.types import Field
from explorer import link as state
from explorer import palette, panel_spec
from explorer.live import component, models, protocol
from explorer.live.dial import Dial, resolve
from explorer.live.service import Service
from explorer.sections import baselines, request_error, statistics
from explorer.views import home
from tests.explorer import untrained
from tests.explorer.problems.discs import OFF

SKEWED = (0.5, 0.125, 0.125, 0.125, 0.125)
APART = {"x1": 15.0, "y1": 18.0, "r1": 8.0, "x2": 45.0, "y2": 44.0, "r2": 10.0}
OVER = {**APART, "x1": 40.0, "y1": 40.0}


@pytest.fixture(scope="module", autouse=True)
def invented(tmp_path_factory):
    folder = tmp_path_factory.mktemp("invented")
    with untrained.invented():
        for name in ("rings/shares", "discs/pair", "discs/mixed", "discs/free"):
            untrained.write(folder, name)
        yield folder


@pytest.fixture(autouse=True)
def folder(invented, monkeypatch, shipped):
    monkeypatch.setattr(sampling, "CHECKPOINTS", invented)


def get(name):
    return models.MODELS.get(name)


def page(problem, **query):
    made = AppTest.from_string(f"from explorer import problem_page\nproblem_page.show({problem!r})", default_timeout=60)
    for key, value in query.items():
        made.query_params[key] = value
    return made.run()


def release(made, model, number=1, **change):
    made.session_state[f"relay:{model}"] = {"dial": {"id": number, "model": model, **change}}
    return made.run()


def link(made):
    return {k: v[0] if isinstance(v, list) else v for k, v in dict(made.query_params).items()}


def test_locks_travel_in_the_link():
    dial = Dial({"fractions": SKEWED}, seed=2, size=64, locked={"fractions": (0, 3)})
    query = state.to_query(get("rings/shares"), dial)
    assert query["locked"] == "fractions.0.3"
    assert state.from_query(get("rings/shares"), query) == (dial, ())


@pytest.mark.parametrize("text", ["fractions.0.1.2.3", "fractions.7", "shares.0"])
def test_locks_that_cannot_be_are_a_sentence_and_nothing_is_locked(text):
    dial, notes = state.from_query(get("rings/shares"), {"locked": text, "fractions": "0.5,0.125,0.125,0.125,0.125"})
    assert len(notes) == 1 and "can be locked" in notes[0] and notes[0].endswith("Nothing is locked.")
    assert dial == Dial({"fractions": SKEWED}, size=64)


def test_a_request_may_lock_all_but_two():
    def ask(held):
        return protocol.decode(Service().answer(json.dumps({"model": "rings/shares", "locked": {"fractions": held}})))[
            0
        ]

    assert "error" not in ask([0, 1, 2]) and "3 shares can be locked" in ask([0, 1, 2, 3])["error"]


def test_the_panel_is_told_which_shapes_can_be_dragged():
    told = {name: panel_spec.panel(get(f"discs/{name}"), Dial()) for name in ("pair", "mixed", "free")}
    assert [h["size"] for h in told["pair"]["handles"]] == ["r1", "r2"] and told["pair"]["note"] == ""
    assert told["mixed"]["handles"][1] == {
        "label": "Square",
        "x": "x2",
        "y": "y2",
        "size": "area2",
        "measure": "area",
        "outline": "square",
    }
    assert told["free"]["handles"] == [] and "no request" in told["free"]["note"]


def test_a_refused_request_is_a_sentence_and_the_talk_goes_on():
    def ask(given):
        return protocol.decode(Service().answer(json.dumps({"id": 4, "model": "discs/pair", "conditions": given})))

    header, arrays = ask(OVER)
    assert (
        header == {"id": 4, "error": "The shapes overlap by 11.6 px. Move them apart or make one smaller."}
        and not arrays
    )
    assert "error" not in ask(APART)[0]


def test_what_is_released_but_refused_leaves_the_last_good_picture(monkeypatch):
    made = release(page("discs"), "discs/pair", conditions=APART, seed=5)
    good = link(made)
    assert good["x1"] == "15" and good["seed"] == "5"
    drawn, frames = [], []
    monkeypatch.setattr(statistics, "show", lambda model, request, sample: drawn.append(request.dial))
    monkeypatch.setattr(component, "mount", lambda frame, model: frames.append(protocol.decode(frame)))
    made = release(made, "discs/pair", 2, conditions=OVER, seed=5)
    assert not made.exception and link(made) == good
    assert drawn[-1].conditions == APART
    header, arrays = frames[-1]
    assert "overlap" in header["error"] and arrays["picture"].shape == (64, 64)
    assert header["panel"]["dial"]["conditions"] == APART


def test_a_link_to_what_is_refused_says_so_and_takes_the_defaults():
    made = page("discs", **{k: str(v) for k, v in OVER.items()})
    assert not made.exception and "overlap" in made.warning[0].value and "defaults" in made.warning[0].value


def test_a_request_is_carried_to_the_next_preset():
    last = Dial({**APART, "elsewhere": 3.0}, seed=9, size=64)
    kept = state.transfer_dial(get("discs/mixed"), Dial({"area2": 200.0, "x1": 30.0}), last)
    assert kept == Dial({**{k: v for k, v in APART.items() if k != "r2"}, "area2": 200.0}, seed=9, size=64)
    assert state.transfer_dial(get("discs/free"), Dial(), last) == Dial(seed=9, size=64)
    assert state.transfer_dial(get("discs/pair"), Dial(seed=1), None) == Dial(seed=1)


def test_what_the_next_preset_cannot_hold_stays_behind():
    wide = Dial({**APART, "r1": 99.0, "x2": float("nan")}, seed=3)
    assert state.transfer_dial(get("discs/pair"), Dial(), wide).conditions == {
        k: APART[k] for k in ("x1", "y1", "y2", "r2")
    }
    together = state.transfer_dial(
        get("discs/mixed"), Dial({"area2": 900.0}), Dial({**APART, "x1": 24.0, "y1": 44.0}, seed=3)
    )
    assert together == Dial({"area2": 900.0}, seed=3, size=0)


def test_switching_there_and_back_keeps_the_request():
    made = release(page("discs"), "discs/pair", conditions=APART, seed=5)
    for preset in ("free", "pair"):
        made.session_state["preset:discs"] = preset
        made.session_state["switched:discs"] = True
        made.query_params.clear()
        made.run()
        assert not made.exception
        assert link(made)["seed"] == "5" and link(made).get("preset", "pair") == preset
    assert link(made)["x2"] == "45" and made.session_state["dial:discs/pair"].conditions == APART


def test_deviations_over_z_are_those_of_the_generator():
    pair = get("discs/pair")
    found = {d.label: d for d in request_error.departures(pair, resolve(pair, Dial(APART)))}
    assert list(found) == list(APART) and all(d.unit == "px" and len(d.raw) == len(d.delivered) for d in found.values())
    assert max(float(np.abs(d.delivered).max()) for d in found.values()) < 0.25, "rasterised exactly, up to the grid"
    raw = np.concatenate([found[k].raw for k in ("x1", "y1", "x2", "y2")])
    assert raw.std() == pytest.approx(OFF, abs=4 * OFF / np.sqrt(2 * raw.size))


def test_areas_are_in_per_cent_in_a_figure_of_their_own(monkeypatch):
    monkeypatch.setattr(request_error, "FEWEST", request_error.COUNT)  # however slow the machine
    model = get("discs/mixed")
    request = resolve(model, Dial(seed=1))
    area = request_error.departures(model, request)[-1]
    sample = models.sample_request(model, request, len(area.raw))
    assert area.unit == "%"
    np.testing.assert_allclose(area.raw, 100 * (sample.raw["area2"] / 324 - 1), rtol=1e-5)
    drawn = request_error.charts(model, request, dark=True)
    assert [f.layout.yaxis.title.text for f in drawn] == ["deviation / px", "deviation / %"]
    np.testing.assert_allclose(drawn[1].data[0].y, [area.raw.mean()], rtol=1e-5)
    np.testing.assert_allclose(drawn[1].data[0].error_y.array, [area.raw.std()], rtol=1e-5)


def test_without_a_request_or_shapes_there_is_no_deviation_to_draw():
    for model in (get("discs/free"), get("rings/shares")):
        assert request_error.charts(model, resolve(model, Dial()), False) == []


def test_every_way_says_how_far_it_is_from_the_request():
    model = get("rings/shares")
    asked = {"fractions": np.array([SKEWED], np.float32)}
    made = baselines.measure(model, "All core", lambda: np.zeros((1, 32, 32), np.uint8), asked)
    assert made.request_errors == [("core", 512.0, "px")]
    ours = baselines.run(model, Dial({"fractions": SKEWED}))[0]
    assert ours.request_errors[0][1] <= 1.0
    mixed = get("discs/mixed")
    given = {q.name: np.array([q.default], np.float32) for q in mixed.conditions}
    delivered = models.sample_dial(mixed, Dial())
    (_, worst, unit), (label, share, per_cent) = baselines.measure(
        mixed, "Ours", lambda: delivered.labels, given
    ).request_errors
    assert (unit, label, per_cent) == ("px", "Area 2", "%") and worst < 0.25
    assert share == pytest.approx(100 * abs(delivered.measured["area2"][0] / 324 - 1))


def test_presets_that_take_the_same_request_stand_beside_each_other():
    titles = [title for title, _ in baselines.siblings(get("discs/pair"), Dial(APART))]
    assert titles == ["No request, unconditional"], "the other one is dialled by an area"
    (_, make), *_ = baselines.siblings(get("discs/pair"), Dial(APART, seed=4))
    np.testing.assert_array_equal(make(), get("discs/free").sample(seed=4).labels)
    assert [title for title, _ in baselines.siblings(get("discs/free"), Dial())] == []
    assert baselines.request(get("rings/shares"), Dial({"fractions": SKEWED})).startswith("Shares 0.5 / 0.125 / ")


def test_the_home_page_shows_what_can_be_made():
    shares, discs = home.dials(get("rings/shares")), home.dials(get("discs/pair"))
    firsts = [dial.conditions["fractions"][0] for dial, _ in shares]
    assert firsts == sorted(set(firsts)) and all(
        sum(dial.conditions["fractions"]) == pytest.approx(1) for dial, _ in shares
    )
    assert [caption for _, caption in discs] == ["x1 15.9 px", "x1 31.5 px", "seed 5"], "the last one would overlap"
    for name, dials in (("rings/shares", shares), ("discs/pair", discs)):
        assert all(models.sample_dial(get(name), dial).labels is not None for dial, _ in dials)


def test_a_background_is_no_category():
    field = Field("categorical", (8, 8), ("background", "a", "b"))
    assert palette.stops(field)[1:] == palette.stops(Field("categorical", (8, 8), ("a", "b")))
    assert palette.stops(field, True)[0] != palette.stops(field)[0] and palette.stops(field, True)[-1] == "#FFFFFF"
