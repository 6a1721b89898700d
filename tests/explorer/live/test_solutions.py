"""Fields over physical axes: frames with exact solution, residuals and errors; drawn starts; links; the page and its
files."""

import csv
import io
import json
import re
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from core import sampling
from core.metrics.solutions import relative
from explorer import link, panel_spec
from explorer.files import exports
from explorer.live import curves, frames, models, protocol, solutions
from explorer.live.dial import Dial, resolve
from explorer.live.service import Service
from explorer.sections import solution
from tests.explorer import untrained

POINTS = tuple(float(np.float32(v)) for v in np.round(0.5 + 0.4 * np.sin(np.arange(16)), 3))
DIALS = [
    Dial({"frequency": 3.0}),
    Dial({"frequency": 3.0}, project=False),
    Dial(drawn={"initial": POINTS}, smooth=False),
]
PAGE = "from explorer import problem_page\nproblem_page.show('burgers', 'Plain words.')"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("solutions")
    for preset in ("viscous", "inviscid"):
        untrained.folder(made, f"burgers/{preset}")
    return made


@pytest.fixture(autouse=True)
def here(folder, shipped, monkeypatch):
    monkeypatch.setattr(sampling, "CHECKPOINTS", folder)


@pytest.fixture
def viscous():
    return models.MODELS.get("burgers/viscous")


def page(**query):
    opened = AppTest.from_string(PAGE, default_timeout=120)
    for key, value in query.items():
        opened.query_params[key] = value
    return opened.run()


@pytest.mark.parametrize("dial", DIALS)
@pytest.mark.parametrize("preset", ["viscous", "inviscid"])
def test_a_frame_holds_the_field_the_exact_one_and_its_residuals(preset, dial):
    model = models.MODELS.get(f"burgers/{preset}")
    header, arrays = protocol.decode(frames.frame(model, resolve(model, dial), 5))
    sample = models.sample_dial(model, dial)
    np.testing.assert_array_equal(arrays["map.field"], sample.field[0])
    exact = model.problem.truth.simulate(sample.requested, 1, 0, model.field.shape)[0]
    np.testing.assert_allclose(arrays["map.exact"], exact, atol=1e-4)
    np.testing.assert_allclose(arrays["axis.t"], sample.coords["t"], atol=1e-6)
    (label, final, raw), *residuals = header["checks"]
    assert label == "Relative error" and final == pytest.approx(relative(sample.field[0], exact), abs=1e-4)
    assert raw == pytest.approx(relative(sample.soft[0, 0], exact), abs=1e-4)
    assert len(residuals) == len(solutions.maps(model)) == sum(k.startswith("map.residual.") for k in arrays)
    assert dict(header["times"])["Network, whole field"] > 0


def test_the_residual_is_shown_where_the_field_is(viscous):
    """What is wrong in one cell is seen there in the laboratory, though it is measured in the moving frame."""
    found = solutions.solve(viscous, resolve(viscous, Dial({"frequency": 2.0, "viscosity": 0.01})))
    wrong = torch.from_numpy(found.field[None].copy())
    wrong[0, 50, 40] += 0.1
    conditions = {k: torch.from_numpy(v) for k, v in found.sample.requested.items()}
    field = viscous.problem.frame.from_lab(wrong)[:, None]
    invariance = next(i for i in solutions.maps(viscous) if i.name == "finite_volume")
    shown, after, before = solutions.residual(
        viscous, invariance, field, viscous.problem.frame.from_lab(wrong * 1.0)[:, None], conditions
    )
    assert after == before > found.residuals["finite_volume"][1]
    row, column = np.unravel_index(np.abs(shown).argmax(), shown.shape)
    assert abs(row - 50) <= 1 and abs(column - 40) <= 1 and not shown[:, 0].any()


def test_the_projection_takes_the_residual_away(viscous):
    found = solutions.solve(viscous, resolve(viscous, Dial({"frequency": 4.0})))
    assert all(after < before for _, after, before in found.residuals.values())
    assert viscous.problem.projection.label in found.ms
    off = solutions.solve(viscous, resolve(viscous, Dial({"frequency": 4.0}, project=False)))
    np.testing.assert_array_equal(off.field, off.raw)
    assert viscous.problem.projection.label not in off.ms


def test_a_start_that_does_not_close_is_said(viscous):
    def said(dial):
        return [w for w in solutions.solve(viscous, resolve(viscous, dial)).sample.warnings if "does not close" in w]

    assert said(Dial({"frequency": 5.5})) and "c = 5.5" in said(Dial({"frequency": 5.5}))[0]
    assert not said(Dial({"frequency": 4.0})) and not said(Dial({"frequency": 5.5}, drawn={"initial": POINTS}))


@given(st.lists(st.floats(0, 1), min_size=8, max_size=16), st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_drawn_curve_keeps_its_mean_range_and_steps(points, smooth):
    cells = curves.cells(points, 192, smooth)
    assert cells.shape == (192,) and min(points) - 1e-9 <= cells.min() and cells.max() <= max(points) + 1e-9
    if not smooth:
        assert cells.mean() == pytest.approx(np.mean(points), abs=1e-9)
    shifted = curves.cells(points[1:] + points[:1], 16 * len(points), smooth)
    np.testing.assert_allclose(np.roll(curves.cells(points, 16 * len(points), smooth), -16), shifted, atol=1e-9)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.lists(st.floats(-1, 2, width=32), min_size=8, max_size=16), st.booleans(), st.floats(0, 0.5, width=32))
def test_a_drawing_comes_back_from_its_link(viscous, points, smooth, t):
    given_ = {"frequency": 2.5, "viscosity": float(np.float32(0.01))}
    dial = Dial(given_, size=192, drawn={"initial": tuple(points)}, smooth=smooth, at={"t": t})
    back, said = link.from_query(viscous, link.to_query(viscous, dial))
    assert back == dial and said == ()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"initial": "!!"}, "drawing in this link"),
        ({"initial": "AQAAAD8"}, "8 to 16 control points"),
        ({"initial": link.pack_points([9.0] * 8, True)}, "must be from -1 to 2"),
        ({"initial": link.pack_points([float("nan")] * 8, True)}, "must be from -1 to 2"),
        ({"initial": "0.5,0.5"}, "initial must be"),
        ({"t": "7"}, "t must be from 0 to 0.5"),
        ({"t": "soon"}, "t must be from 0 to 0.5"),
    ],
)
def test_a_bad_link_is_a_sentence(viscous, query, words):
    dial, said = link.from_query(viscous, query)
    assert any(words in s for s in said) and dial.drawn == {} and dial.at == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"conditions": {"initial": [0.5] * 191}}, "initial must be 192 numbers"),
        ({"conditions": {"initial": [1e20] * 192}}, "initial"),
        ({"conditions": {"viscosity": 0.0}}, "viscosity"),
        ({"drawn": {"initial": [0.5] * 3}}, "8 to 16 control points"),
        ({"drawn": {"initial": [0.5] * 15 + [50]}}, "must be from -1 to 2"),
        ({"drawn": {"colour": [0.5] * 16}}, "cannot be drawn"),
        ({"drawn": {"initial": "high"}}, "drawn|initial"),
        ({"smooth": 3}, "smooth must be true or false"),
        ({"at": {"y": 0.1}}, "profile"),
        ({"at": {"t": 9}}, "profile"),
    ],
)
def test_a_bad_request_is_a_sentence(change, words):
    header, arrays = protocol.decode(Service().answer(json.dumps({"id": 3, "model": "burgers/viscous", **change})))
    assert header["id"] == 3 and re.search(words, header["error"]) and "Traceback" not in header["error"] and not arrays


def test_numbers_that_are_not_finite_are_refused():
    header, _ = protocol.decode(Service().answer('{"model": "burgers/viscous", "drawn": {"initial": [NaN]}}'))
    assert "finite" in header["error"]


def test_the_panel_is_told_of_maps_and_drawing(viscous):
    told = panel_spec.panel(viscous, Dial(at={"t": 0.1}))
    assert told["maps"]["axes"] == ["x", "t"] and told["maps"]["cut"] == 0.1 and told["maps"]["end"] == 0.5
    assert [r["name"] for r in told["maps"]["residuals"]] == ["duhamel", "finite_volume"]
    drawn = told["drawable"][0]
    assert drawn["replaces"] == "frequency"
    for preset in drawn["presets"]:
        points = preset["points"] or [0.3] * curves.POINTS
        models.sample_dial(viscous, Dial(drawn={"initial": tuple(points)}, smooth=preset["smooth"]))
    assert panel_spec.panel(models.MODELS.get("burgers/inviscid"), Dial())["projection"] == ""


def test_the_picture_has_equal_times_and_rows_upwards(viscous):
    sample = models.sample_dial(viscous, Dial({"frequency": 2.0}))
    shown = frames.picture(viscous.field, sample)
    assert shown.shape == (192, 192)
    np.testing.assert_allclose(shown[::-1, 0] / 255, sample.field[0, :, 0], atol=0.03)


@pytest.mark.parametrize("preset", ["viscous", "inviscid"])
def test_the_page(preset):
    opened = page(preset=preset, frequency="5.5")
    assert not opened.exception and not opened.warning and not opened.error
    assert len(opened.get("plotly_chart")) == 3 and len(opened.get("download_button")) == 4
    assert any("Plain words." in m.value for m in opened.markdown)
    ways = opened.dataframe[0].value
    assert (ways["milliseconds"] > 0).all() and ways["way"].is_unique
    if preset == "viscous":
        table = opened.dataframe[1].value
        assert len(table) == 17 and table["InvNet, paper"]["mean"] == pytest.approx(0.1306, abs=1e-3)


def test_release_writes_drawing_and_time_into_the_link(viscous):
    opened = page()
    request = {"id": 2, "model": viscous.name, "drawn": {"initial": list(POINTS)}, "smooth": False, "at": {"t": 0.25}}
    opened.session_state[f"relay:{viscous.name}"] = {"dial": request}
    opened.run()
    assert not opened.exception
    query = {k: v[0] if isinstance(v, list) else v for k, v in dict(opened.query_params).items()}
    dial, said = link.from_query(viscous, query)
    assert said == () and dial.drawn == {"initial": POINTS} and not dial.smooth and dial.at == {"t": 0.25}


def test_files_hold_what_they_say(viscous):
    dial = DIALS[2]
    found = solutions.solve(viscous, resolve(viscous, dial))
    content = exports.solution_bundle(viscous, dial, found)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        arrays = np.load(io.BytesIO(archive.read("arrays.npz")))
        told = json.loads(archive.read("arrays.json"))
    np.testing.assert_array_equal(arrays["field"], found.field)
    np.testing.assert_allclose(arrays["initial"], curves.cells(POINTS, 192, False), atol=1e-6)
    assert {"x", "t", "exact", "raw", "residual_duhamel", "residual_finite_volume"} <= set(arrays)
    assert told["digest"] == viscous.digest and told["drawn"]["control_points"]["initial"] == list(POINTS)
    assert told["relative_error"]["delivered"] == pytest.approx(relative(found.field, found.exact))
    rows = list(csv.reader(io.StringIO(exports.solution_csv(viscous, found).decode())))
    np.testing.assert_allclose(np.array(rows[1:], dtype=float)[:, 1:], found.field, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(np.array(rows[0][1:], dtype=float), found.sample.coords["t"], atol=1e-8)
    assert exports.stem(viscous, dial) == "burgers_viscous_initial_drawn"


def test_ways_are_timed_and_judged(viscous):
    found = solutions.solve(viscous, resolve(viscous, DIALS[0]))
    table = solution.ways(viscous, resolve(viscous, DIALS[0]), found).set_index("way")
    assert table.loc["Implicit march", "relative error"] < 0.01
    assert table.loc[viscous.problem.truth.interactive.label].isna()["relative error"]


@pytest.mark.parametrize("night", [False, True])
def test_charts(viscous, night):
    drawn = solution.charts(viscous, Dial(at={"t": 0.1}), solutions.solve(viscous, resolve(viscous, DIALS[0])), night)
    assert len(drawn) == 3 and "0.1" in drawn[1].layout.title.text
