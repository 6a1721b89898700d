"""The page of a person's own micrograph, run by Streamlit without a browser, and the files that leave it."""

import csv
import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core import sampling
from core.descriptors import windows
from core.readers import otsu as thresholds
from core.simulation import correlations
from explorer import link, routes
from explorer.files import exports
from explorer.files import micrograph as micrograph_files
from explorer.live import frames, models
from explorer.live.dial import resolve
from explorer.live.models import MODELS
from explorer.live.protocol import decode
from explorer.micrograph import request

PAGE = str(routes.VIEWS / "micrograph.py")


@pytest.fixture
def model():
    return MODELS.get(request.MODEL)


@pytest.fixture
def page():
    return AppTest.from_file(PAGE, default_timeout=60).run()


def discs(shape=(96, 128), ending="PNG", **options):
    out = io.BytesIO()
    Image.fromarray(windows.example(3, shape, **options)).save(out, ending)
    return out.getvalue()


def upload(page, name, content):
    page.file_uploader[0].set_value((name, content, "application/octet-stream"))
    return page.run()


def sentences(page):
    return [e.value for e in (*page.warning, *page.error, *page.info)]


def button(page, label):
    return next(b for b in page.button if b.label == label)


def facts(page):
    """The numbers beside the picture, by label."""
    body = next(h.proto.body for h in page.get("html") if "facts" in h.proto.body)
    cells = [c.split("</td>")[0] for c in body.split("<td>")[1:]]
    return dict(zip(cells[::2], cells[1::2], strict=True))


def target():
    grey = windows.example(3, (192, 192))
    return request.measured("discs.png", windows.phases(grey, thresholds.otsu(grey)), {"file": "discs.png"})


# --- the page
# -------------------------------------------------------------------------------------------------------------


def test_an_empty_page_says_what_to_do(page):
    assert not page.exception and "Drop a micrograph" in sentences(page)[0]
    assert "make" not in " ".join(b.label for b in page.button).lower()


def test_from_upload_to_structures(page):
    upload(page, "discs.png", discs())
    grey = windows.example(3, (96, 128))
    expected = windows.statistics(windows.phases(grey, thresholds.otsu(grey)))
    assert not page.exception and not page.error
    assert facts(page)["Volume fraction p1"] == f"{expected.p:.4f} ± {expected.p_error:.2g}"
    button(page, "Generate structures like this").click().run()
    assert not page.exception and not page.error
    made = page.session_state["micrograph:made"]
    assert made.sample.labels.shape == (8, 128, 128)
    assert np.abs(made.sample.labels.mean((1, 2)) - expected.p).max() <= 1 / 128**2
    assert request.correlation_errors(made).max() < 2e-3
    assert [b.label for b in page.get("download_button")] == ["Export 64"]


def test_crop_threshold_phase_and_units_are_live(page):
    button(page, "Try an example").click().run()
    before = facts(page)
    page.slider[0].set_value((100, 300)).run()
    assert facts(page)["Volume fraction p1"] != before["Volume fraction p1"]
    cut = next(s for s in page.slider if s.label == "Threshold")
    otsu = cut.value
    cut.set_value(otsu + 20).run()
    higher = float(facts(page)["Volume fraction p1"].split()[0])
    page.slider[0].set_value((100, 320)).run()
    assert next(s for s in page.slider if s.label == "Threshold").value == otsu + 20, "a cut by hand stays"
    button(page, "Otsu").click().run()
    assert next(s for s in page.slider if s.label == "Threshold").value != otsu + 20
    bright = float(facts(page)["Volume fraction p1"].split()[0])
    assert bright > higher
    page.segmented_control[0].set_value("dark").run()
    assert float(facts(page)["Volume fraction p1"].split()[0]) == pytest.approx(1 - bright, abs=1e-3)
    surface = float(facts(page)["Specific surface"].split()[0])
    page.number_input(key="micrograph:pixel").set_value(0.25).run()
    page.selectbox(key="micrograph:unit").set_value("µm").run()
    value, unit = facts(page)["Specific surface"].split(" / ")
    assert (float(value), unit) == (pytest.approx(4 * surface, rel=1e-3), "µm") and not page.exception


def test_the_pixel_size_of_a_file_is_handed_to_the_inputs(page):
    def scale():
        return page.number_input(key="micrograph:pixel").value, page.selectbox(key="micrograph:unit").value

    def sized(per_cm):
        out = io.BytesIO()
        options = {"resolution_unit": "cm", "x_resolution": per_cm, "y_resolution": per_cm}
        Image.fromarray(windows.example(3, (96, 128))).save(out, "TIFF", **options)
        return out.getvalue()

    upload(page, "sized.tif", sized(25e3))
    assert not page.exception and not page.warning and scale() == (0.4, "µm")
    assert any("the pixel size 0.4 µm is taken from the file" in c.value for c in page.caption)
    page.number_input(key="micrograph:pixel").set_value(0.5).run()
    assert scale() == (0.5, "µm"), "the user may correct it"
    upload(page, "other.tif", sized(1e6))
    assert scale() == (10, "nm")
    upload(page, "plain.png", discs())
    assert scale() == (1, "px") and not page.exception and not page.warning


@pytest.mark.parametrize(
    ("name", "content", "say"),
    [
        ("page.png", b"<!DOCTYPE html><html></html>", "is no table of two columns"),
        ("cut.png", discs()[:500], "is damaged"),
        ("flat.npy", exports.npy(np.full((90, 90), 7, np.uint8)), "of one grey everywhere"),
        ("nan.npy", exports.npy(np.full((90, 90), np.nan)), "not finite"),
        ("empty.tif", b"", "is empty"),
    ],
)
def test_a_bad_upload_loses_nothing(page, name, content, say):
    upload(page, "discs.png", discs())
    held = facts(page)
    upload(page, name, content)
    assert not page.exception and any(
        say in s and "The file read before is still in use." in s for s in sentences(page)
    )
    assert facts(page) == held
    upload(page, "other.tif", discs((80, 90), "TIFF"))
    assert not page.error and facts(page) != held


def test_windows_and_thresholds_that_cannot_be_are_sentences(page):
    upload(page, "discs.png", discs())
    page.slider[0].set_value((0, 30)).run()
    assert not page.exception and "each side needs 64" in sentences(page)[0]
    page.slider[0].set_value((0, 128)).run()
    cut = next(s for s in page.slider if s.label == "Threshold")
    cut.set_value(cut.max).run()
    assert not page.exception and "all of phase 0" in sentences(page)[0]
    cut.set_value(cut.max - 12).run()
    button(page, "Generate structures like this").click().run()
    assert not page.exception and any("Allowed: 0.05 to 0.95" in s for s in sentences(page)), "p1 is below .05 there"


def test_several_pictures_and_curves(page):
    four = np.stack([windows.example(k, (70, 70)) for k in range(4)])
    upload(page, "stack.npy", exports.npy(four))
    assert next(n for n in page.number_input if "of 4" in n.label).value == 1
    first = facts(page)
    next(n for n in page.number_input if "of 4" in n.label).set_value(3).run()
    assert not page.exception and facts(page) != first
    r = np.arange(40.0)
    rows = "\n".join(f"{a},{b}" for a, b in zip(r, 0.3 * (0.3 + 0.7 * np.exp(-r / 6)), strict=True))
    upload(page, "s2.csv", rows.encode())
    assert not page.exception and next(n for n in page.number_input if "p1" in n.label).value == pytest.approx(0.3)
    button(page, "Generate structures like this").click().run()
    made = page.session_state["micrograph:made"]
    assert not page.exception and made.sample.measured["volume_fraction"][0] == pytest.approx(0.3, abs=1e-4)


def test_an_impossible_curve_is_moved_or_refused_in_a_sentence(page):
    r = np.arange(40.0)
    for curve, say in (
        (np.where(r < 8, 0.4, 0.16), "nearest possible"),
        (np.where(r > 0, 0.02, 0.4), "No structure has"),
    ):
        upload(page, "s2.csv", "\n".join(f"{a},{b}" for a, b in zip(r, curve, strict=True)).encode())
        button(page, "Generate structures like this").click().run()
        assert not page.exception and any(say in s for s in sentences(page))


def test_without_a_model_the_micrograph_is_still_measured(page, tmp_path, monkeypatch):
    monkeypatch.setattr(sampling, "CHECKPOINTS", tmp_path)
    upload(page, "discs.png", discs())
    assert not page.exception and any("python train.py two_phase/correlation" in s for s in sentences(page))
    assert "Volume fraction p1" in facts(page)


# --- requests and files
# ---------------------------------------------------------------------------------------------------


def test_at_scale_one_the_request_is_what_was_measured(model):
    found = target()
    asked = request.request(found, 1.0)
    assert request.suggested(found, model) == 1
    np.testing.assert_allclose(asked["correlation"], found.s2[: correlations.BINS], atol=1e-6)
    assert asked["correlation"][0] == asked["volume_fraction"] == np.float32(found.p)


def test_large_structures_are_asked_for_at_another_scale(model):
    """Discs four times as large: the same curve at four times the step, and lengths that come back in pixels of the
    micrograph."""
    small, grey = target(), windows.example(3, (768, 768), radius=28.0)
    large = request.measured("large.png", windows.phases(grey, thresholds.otsu(grey)), {})
    step = request.suggested(large, model)
    assert 3 < step < 7

    def first(t, s):
        return np.array(request.request(t, s)["correlation"])

    def shape(c):
        return (c - c[0] ** 2) / (c[0] - c[0] ** 2)

    np.testing.assert_allclose(shape(first(large, 4.0))[:12], shape(first(small, 1.0))[:12], atol=0.08)
    made = request.make(model, large, step, n=2)
    rows = {label: (values.mean(), asked) for label, _, values, asked in request.comparison(made)}
    surface, asked = rows["Specific surface"]
    assert surface == pytest.approx(asked, rel=0.15), "S2'(0), and so the surface, is asked for"


def test_a_dial_with_a_curve_survives_its_link(model):
    dial = request.make(model, target(), 1.0, n=1).dial
    back, notes = link.from_query(model, link.to_query(model, dial))
    assert notes == () and back.conditions["correlation"] == dial.conditions["correlation"]
    np.testing.assert_array_equal(models.sample_dial(model, back).labels, models.sample_dial(model, dial).labels)
    bad = link.to_query(model, dial) | {"correlation": ",".join(["0.9"] + ["0.1"] * 32)}
    back, notes = link.from_query(model, bad)
    assert "correlation" not in back.conditions and notes and models.sample_dial(model, back).labels is not None


def test_a_given_curve_follows_the_volume_fraction(model):
    """Dragged to another fraction, the curve keeps c(r): S2(0) = p1 and S2(inf) = p1^2."""
    dial = request.make(model, target(), 1.0, n=1).dial
    moved = replace(dial, conditions={**dial.conditions, "volume_fraction": 0.55})
    sample = models.sample_dial(model, moved)
    asked, before = sample.requested["correlation"][0], np.array(dial.conditions["correlation"])
    p, q = before[0], asked[0]
    assert q == pytest.approx(0.55, abs=1e-6)
    np.testing.assert_allclose((asked - q * q) / (q - q * q), (before - p * p) / (p - p * p), atol=2e-3)
    header, arrays = decode(frames.frame(model, resolve(model, moved)))
    np.testing.assert_allclose(arrays["asked.correlation"], asked, atol=1e-7)
    assert "error" not in header


def test_the_two_phase_page_opens_with_the_curve(page, model):
    button(page, "Try an example").click().run()
    button(page, "Generate structures like this").click().run()
    dial = page.session_state["micrograph:made"].dial
    script = f"""
import streamlit as st
from explorer import problem_page, session
from explorer.live.dial import Dial
from explorer.live.models import MODELS
if "opened" not in st.session_state:
    st.session_state["opened"] = True
    session.remember_for(MODELS.get({request.MODEL!r}), Dial({dict(dial.conditions)!r}, size=128))
problem_page.show("two_phase")
"""
    opened = AppTest.from_string(script, default_timeout=60).run()
    assert not opened.exception and not sentences(opened)
    query = {k: v[0] if isinstance(v, list) else v for k, v in dict(opened.query_params).items()}
    assert [float(v) for v in query["correlation"].split(",")] == pytest.approx(list(dial.conditions["correlation"]))
    released = {"id": 3, "model": request.MODEL, "conditions": {"volume_fraction": 0.4, "length": 9.0}, "size": 128}
    opened.session_state[f"relay:{request.MODEL}"] = {"dial": released}
    opened.run()
    assert "correlation" not in dict(opened.query_params), "taken away, it stays away"
    assert "correlation" not in opened.session_state["last:two_phase"].conditions


def test_the_zip(model):
    made = request.make(model, target(), 2.0, n=2)
    archive = zipfile.ZipFile(io.BytesIO(micrograph_files.bundle(model, made, 3, 0.5, "µm")))
    assert archive.namelist() == [
        "png/000.png",
        "png/001.png",
        "png/002.png",
        "structures.npy",
        "curves.csv",
        "request.json",
    ]
    structures = np.load(io.BytesIO(archive.read("structures.npy")))
    np.testing.assert_array_equal(structures[:2], made.sample.labels)
    for i, one in enumerate(structures):
        picture = Image.open(io.BytesIO(archive.read(f"png/{i:03d}.png")))
        np.testing.assert_array_equal(np.array(picture), one * 255)
        assert picture.text["pixel_size"] == "1 µm" and picture.info["dpi"][0] == pytest.approx(25_400, rel=1e-3)
    told = json.loads(archive.read("request.json"))
    assert told["pixel_size"] == {"micrograph_pixel": 0.5, "structure_pixel": 1.0, "unit": "µm", "step": 2.0}
    assert told["like"]["volume_fraction"] == made.target.p and told["digest"] == model.digest
    assert max(told["s2_mean_absolute_error"]) < 2e-3
    rows = list(csv.DictReader(io.StringIO(archive.read("curves.csv").decode())))
    s2 = [r for r in rows if r["curve"] == "S2"]
    assert float(s2[5]["distance (µm)"]) == pytest.approx(float(correlations.distances()[5]))
    np.testing.assert_allclose(
        [float(r["structure_002"]) for r in s2],
        np.array(models.sample_dial(model, made.dial, 3).measured["correlation"][2]),
        rtol=1e-5,
    )
    with pytest.raises(ValueError, match="1 to 512"):
        micrograph_files.bundle(model, made, 513, 1.0, "px")


def test_pixels_that_a_png_cannot_tell(model):
    for pixel, unit in ((1e-6, "nm"), (1.0, "px"), (1e6, "m")):
        picture = Image.open(io.BytesIO(micrograph_files.png(np.zeros((4, 4), np.uint8), pixel, unit)))
        assert "dpi" not in picture.info and picture.text["pixel_size"] == f"{pixel:.6g} {unit}"


def test_comparisons_are_those_of_the_micrograph_itself():
    """A periodic structure as its own micrograph, at scale 1: what is compared agrees up to the edges."""
    labels = np.array(windows.example(9, (128, 128)) > 120).astype(np.uint8)
    found = request.measured("x", np.tile(labels, (6, 6)), {})
    sample = replace(core_sample(), labels=labels[None])
    rows = request.comparison(request.Made(found, 1.0, None, sample, 0.0))
    for label, _, values, asked in rows[:4]:
        assert values[0] == pytest.approx(asked, rel=0.03), label
    assert rows[4][2][0] < 0.002
    window = request.window(np.arange(300 * 400).reshape(300, 400), 1.0)
    assert window.shape == (128, 128) and window[64, 64] == 150 * 400 + 200


def core_sample():
    """A sample with nothing in it."""
    none = np.zeros((1, 1))
    return sampling.model.Sample(None, None, none, {}, {}, {}, none)
