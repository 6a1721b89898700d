"""Two-point correlations of users on the page of micrographs, and the files of this software read back."""

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from core.descriptors import windows
from core.readers.uploads import read
from core.simulation import correlations
from explorer import routes
from explorer.files import exports
from explorer.files import micrograph as micrograph_files
from explorer.live import models
from explorer.live.models import MODELS
from explorer.micrograph import request
from tests.cases import case

PAGE = str(routes.VIEWS / "micrograph.py")
R = np.arange(40.0)


def curve(p=0.3, scale=1.0, header="r,S2"):
    values = p * p + p * (1 - p) * np.exp(-R / 6)
    return "\n".join([header, *(f"{a:.9g},{b:.9g}" for a, b in zip(R * scale, values, strict=True))]).encode()


def page_of(name, content):
    page = AppTest.from_file(PAGE, default_timeout=60).run()
    return upload(page, name, content)


def upload(page, name, content):
    page.file_uploader[0].set_value((name, content, "application/octet-stream"))
    return page.run()


def number(page, label):
    return next(n for n in page.number_input if n.label == label)


def shows(page, p):
    """Whether the page shows a curve with this p1, and a scale within its bounds."""
    scale, fraction = number(page, "Scale"), number(page, "Volume fraction p1")
    assert not page.exception and not page.error and page.get("plotly_chart")
    assert scale.min < scale.value < scale.max and fraction.value == pytest.approx(p, abs=1e-6)
    body = next(h.proto.body for h in page.get("html") if "facts" in h.proto.body)
    assert f"<td>{p:.4f}</td>" in body
    return scale


# --- the cases of users
# ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "p", "unit"),
    [
        ("s2_nm.csv", 0.3, "px"),
        ("s2_mm.csv", 0.3, "px"),
        ("s2_metres.csv", 0.3, "px"),
        ("s2_lowp.csv", 0.03, "px"),
        ("s2_highp.csv", 0.97, "px"),
        ("porespy_scaled.csv", 0.3, "px"),
        ("porespy_three.csv", 0.3, "px"),
        ("porespy_all.csv", 0.3, "px"),
        ("std_first.csv", 0.3, "µm"),
        ("matlab.txt", 0.3, "px"),
        ("de_quoted.csv", 0.3, "px"),
    ],
)
def test_a_case_is_shown(name, p, unit):
    page = page_of(name, case(name).read_bytes())
    shows(page, p)
    assert page.selectbox(key="micrograph:unit").value == unit and number(page, "Pixel").value == 1


def test_the_case_of_a_cross_correlation_is_refused():
    page = page_of("pymks_cross.npy", case("pymks_cross.npy").read_bytes())
    assert not page.exception and "cross-correlation" in page.error[0].value


# --- the same kinds, made here
# ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [3e-10, 1e-7, 0.002, 1.0, 700.0, 4e8])
def test_the_scale_lies_within_bounds_from_the_data(scale):
    steps = shows(page_of("s2.csv", curve(scale=scale)), 0.3)
    assert steps.min <= scale / 50 * 1.01 and steps.max >= 50 * scale * 0.99


@pytest.mark.parametrize("p", [2e-5, 0.03, 0.5, 0.97, 0.9998])
def test_p1_is_shown_as_the_file_has_it(p):
    page = page_of("s2.csv", curve(p))
    shows(page, p)
    next(b for b in page.button if b.label == "Generate structures like this").click().run()
    refused = any("Allowed: 0.05 to 0.95" in e.value for e in page.error)
    assert not page.exception and refused == (not 0.05 <= p <= 0.95)


def test_without_p1_the_end_of_the_curve_suggests_it():
    relative = "\n".join(["distance,probability", *(f"{a},{0.42 + 0.58 * np.exp(-a / 4)}" for a in R)])
    page = page_of("tpc.csv", relative.encode())
    assert number(page, "Volume fraction p1").value == pytest.approx(0.42, abs=1e-3)


def test_the_unit_of_a_file_is_set_once():
    page = page_of("s2.csv", curve(scale=25, header="r (nm),S2"))
    unit = page.selectbox(key="micrograph:unit")
    assert (unit.value, number(page, "Pixel").value) == ("nm", 1)
    unit.set_value("mm").run()
    assert page.selectbox(key="micrograph:unit").value == "mm", "the user may correct it"
    upload(page, "a.csv", curve(header="r (Å),S2"))
    assert (page.selectbox(key="micrograph:unit").value, number(page, "Pixel").value) == ("nm", 0.1)
    upload(page, "b.csv", curve())
    assert (page.selectbox(key="micrograph:unit").value, number(page, "Pixel").value) == ("px", 1)
    page.selectbox(key="micrograph:unit").set_value("cm").run()
    upload(page, "c.csv", curve(0.4))
    assert page.selectbox(key="micrograph:unit").value == "cm", "a unit set by hand stays for files without one"


# --- files of this software
# ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made():
    grey = windows.example(3, (192, 192))
    target = request.measured("discs.png", windows.phases(grey, 120), {"file": "discs.png"})
    return request.make(MODELS.get(request.MODEL), target, 2.0, n=2)


def test_curves_of_structures_like_a_micrograph(made):
    """The table has distances in pixels and in µm, S2 and the lineal path, and a column per structure."""
    found = read("curves.csv", micrograph_files.curves(made, made.sample, 0.25, "µm"))
    mean = made.sample.measured["correlation"].mean(0)
    np.testing.assert_allclose(found.values, mean, rtol=1e-5)
    np.testing.assert_allclose(found.distance, correlations.distances().numpy(), rtol=1e-5)
    assert found.p == pytest.approx(mean[0], abs=1e-6) and (found.pixel, found.unit) == (0.25, "µm")
    plain = read("curves.csv", micrograph_files.curves(made, made.sample, 1.0, "px"))
    np.testing.assert_allclose(plain.distance, found.distance)


def test_the_request_of_structures_like_a_micrograph(made):
    found = read("request.json", micrograph_files.sidecar(MODELS.get(request.MODEL), made, made.sample, 0.5, "µm"))
    np.testing.assert_allclose(found.distance, made.target.at)
    np.testing.assert_allclose(found.values, made.target.s2, atol=1e-6)
    assert (found.pixel, found.unit) == (0.5, "µm")


def test_curves_of_the_two_phase_page(made):
    model = MODELS.get(request.MODEL)
    sample = models.sample_dial(model, made.dial, 1)
    labels = torch.from_numpy(sample.array)
    measured = {d.name: d.measure(labels).numpy() for d in model.problem.evaluation.descriptors if d.abscissa}
    found = read("curves.csv", exports.curves(model, measured, sample.array.shape[1:], {}))
    np.testing.assert_allclose(found.values, measured["correlation"][0], rtol=1e-5)
    assert found.p == pytest.approx(float(sample.array.mean()), abs=1e-6) and found.unit == "px"
    facts = read("arrays.json", exports.sidecar(model, made.dial, sample))
    np.testing.assert_allclose(facts.values, sample.measured["correlation"][0], atol=1e-6)
