"""Ensembles: the command says what was released, the summary and the files say what came out, the page stays in
sentences."""

import csv
import io
import json
import time
import zipfile

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core import sampling
from core.metrics import rivals
from core.readers import uploads
from core.sampling import bulk
from core.sampling.__main__ import arguments, settings
from core.sampling.request import Sweep
from explorer.figures import base as figures
from explorer.files import batches
from explorer.live import models
from explorer.live.dial import Dial
from explorer.sections import batches as sets
from explorer.sections import correlation_baselines

NAME = "two_phase/correlation"
POINTS = (0.75, 0.42, 0.05, -0.14, -0.05, 0.02, 0.0, 0.0)
DIAL = Dial({"volume_fraction": 0.4, "length": 8.0}, {"order": -0.2}, seed=5, size=64, off=("network",))


def made(model, path, n=9, span=("volume_fraction", 0.3, 0.5), dial=DIAL):
    list(bulk.Job(sets.request(model, dial, n, span), path).run())
    return batches.read(path)


@pytest.fixture(scope="module")
def found(checkpoints, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling, "CHECKPOINTS", checkpoints)
        return made(sampling.load(NAME), tmp_path_factory.mktemp("set") / sets.FILE)


@pytest.mark.parametrize(
    ("dial", "span"),
    [(DIAL, None), (DIAL, ("length", 6.0, 9.0)), (Dial(drawn={"correlation": POINTS}, project=False, best_of=4), None)],
)
def test_the_command_line_says_what_was_released(curved, tmp_path, dial, span):
    _, _, *line = sets.command(curved, dial, 7, span, tmp_path)
    given = arguments(line)
    told = sets.request(curved, dial, 7, span)
    read = settings(given.set)
    assert read.keys() == told.conditions.keys() and settings(given.latent).keys() == told.latent.keys()
    if span:
        assert read.pop(span[0]) == told.conditions[span[0]] == Sweep(*span[1:])
    for name, value in read.items():
        np.testing.assert_array_equal(np.float32(value), np.float32(told.conditions[name]))
    assert (given.n, given.seed, given.size, not given.raw) == (7, told.seed, told.size, told.project)
    assert (
        tuple(given.off) == told.off
        and given.workers == 1
        and given.lines
        and given.best_of == told.best_of == dial.best_of
    )


def test_a_set_holds_what_the_page_shows(curved, found):
    assert (found.n, found.shape) == (9, (64, 64))
    np.testing.assert_allclose(found.requested["volume_fraction"], np.linspace(0.3, 0.5, 9), atol=1e-6)
    alone = models.sample_dial(
        curved, Dial({"volume_fraction": 0.3, "length": 8.0}, DIAL.latent, 5, 64, off=("network",))
    )
    assert (
        found.labels(0, 1)[0] != alone.labels[0]
    ).mean() < 5e-3  # other batches round differently, refinement carries it on


@pytest.mark.parametrize(
    ("n", "span", "dial", "words"),
    [
        (9, ("length", 6.0, 9.0), Dial(drawn={"correlation": POINTS}), "cannot vary. Return"),
        (9, ("volume_fraction", 0.3, 0.4), Dial(drawn={"correlation": POINTS}), "volume fraction cannot vary"),
        (9000, None, Dial(size=512), "at most 2500 samples of 512"),
        (9, None, Dial(off=("luck",)), "no stage 'luck'"),
    ],
)
def test_what_cannot_be_made_is_a_sentence(curved, n, span, dial, words):
    with pytest.raises(ValueError, match=words):
        sets.request(curved, dial, n, span)


def test_the_summary_is_what_was_measured(curved, found):
    rows = {r["quantity"]: r for r in batches.summary(curved, found)}
    labels = found.labels(0, 9)
    p1 = rows["Volume fraction"]
    assert p1["requested"] == "0.3 … 0.5" and p1["delivered, mean"] == pytest.approx(labels.mean(), abs=1e-6)
    assert p1["|error|, worst"] <= 0.5 / 64**2 + 1e-6 < p1["raw |error|, mean"]
    curve = rows["Two-point correlation"]
    gaps = np.abs(found.measured["correlation"] - found.requested["correlation"]).mean(1)
    assert curve["|error|, mean"] == pytest.approx(gaps.mean()) and curve["|error|, worst"] == pytest.approx(gaps.max())


@pytest.mark.parametrize("kind", batches.FORMATS)
def test_the_zip_holds_every_structure_and_how_to_make_it_again(curved, found, kind):
    with zipfile.ZipFile(io.BytesIO(batches.archive(curved, found, kind, 0.5, "µm"))) as archive:
        names = archive.namelist()
        first = archive.read(f"structures/00000.{kind.lower()}")
        about = json.loads(archive.read("about.json"))
        table = list(csv.reader(io.StringIO(archive.read("samples.csv").decode())))
    assert len(names) == 9 + 3 and about["request"]["digest"] == curved.digest and about["request"]["seed"] == 5
    assert about["software"].startswith("InvNet Explorer") and len(about["measured"]) == 3
    assert len(table) == 10 and float(table[1][table[0].index("measured_volume_fraction")]) == pytest.approx(
        0.3, abs=2e-4
    )
    labels = found.labels(0, 1)[0]
    if kind == "NPY":
        np.testing.assert_array_equal(np.load(io.BytesIO(first)), labels)
    elif kind == "TIFF":
        image = Image.open(io.BytesIO(first))
        np.testing.assert_array_equal(np.asarray(image), labels)
        assert float(image.tag_v2[282]) == pytest.approx(1 / 0.5e-4) and about["pixel"] == {"size": 0.5, "unit": "µm"}
    else:
        assert first.startswith({"PNG": b"\x89PNG", "VTI": b"<?xml"}[kind])


def test_the_curves_of_a_set(curved, found):
    rows = list(csv.DictReader(io.StringIO(batches.curves(curved, found).decode())))
    first = next(r for r in rows if r["curve"] == "correlation")
    assert float(first["mean"]) == pytest.approx(found.measured["volume_fraction"].mean(), abs=1e-6)
    assert float(first["requested_mean"]) == pytest.approx(0.4, abs=1e-3) and {r["curve"] for r in rows} > {
        "lineal_path"
    }
    again = uploads.read("curves.csv", batches.curves(curved, found))
    assert again.p == pytest.approx(float(first["mean"]), abs=1e-6) and again.unit == "px", "read back as an upload"
    s2 = [float(r["mean"]) for r in rows if r["curve"] == "correlation"]
    np.testing.assert_allclose(again.values, s2, rtol=1e-6)


def test_thumbnails_and_bubbles(curved, found):
    image = Image.open(io.BytesIO(batches.thumbnails(curved, found.labels(0, 9), 4, False)))
    assert image.size == (4 * 64 + 3 * batches.GAP, 3 * 64 + 2 * batches.GAP)
    for dark in (False, True):
        chart = sets.bubbles(curved, found, dark)
        raw, delivered = chart.data[:2]
        assert (
            sum(delivered.customdata) == sum(raw.customdata) == 9 and "volume fraction" in chart.layout.xaxis.title.text
        )
        np.testing.assert_allclose(delivered.x, delivered.y, atol=1e-3)
    one = figures.bubbles(np.full(5, 0.4), [("raw", np.full(5, 0.41)), ("delivered", np.full(5, 0.4))], "p1")
    assert list(one.data[1].customdata) == [5]


def test_a_set_that_is_gone_is_a_sentence(tmp_path):
    (tmp_path / "bad.h5").write_bytes(b"no")
    for name in ("none.h5", "bad.h5"):
        with pytest.raises(ValueError, match="missing or damaged"):
            batches.read(tmp_path / name)


def finish(page, running, patience=120.0):
    """The page after its job has ended, looked at as the browser does."""
    end = time.monotonic() + patience
    while time.monotonic() < end and any(running in p.proto.text for p in page.get("progress")):
        time.sleep(0.2)
        page.run()
    return page


def opened(part, dial):
    page = AppTest.from_string(f"from explorer.sections import {part}\n{part}.show({NAME!r})", default_timeout=120)
    page.session_state[f"dial:{NAME}"] = dial
    return page.run()


def click(page, label):
    next(b for b in page.button if b.label == label).click()
    return page.run()


def test_the_page_makes_a_set_in_the_background():
    page = opened("batches", DIAL)
    page.number_input(key="set:n").set_value(5)
    page = click(page, "Generate")
    assert not page.exception and len(page.get("progress")) == 1
    page = finish(page, "")
    assert not page.exception and not page.error
    assert page.dataframe[0].value.index[0] == "Volume fraction" and len(page.get("download_button")) == 4
    page = click(page, "Generate")
    page = click(page, "Cancel")
    assert not page.exception and not page.get("progress") and not page.dataframe


def test_a_set_that_cannot_be_made_says_so():
    page = opened("batches", Dial(drawn={"correlation": POINTS}))
    page.selectbox(key=f"set:over:{NAME}").set_value("length").run()
    page = click(page, "Generate")
    assert not page.exception and "cannot vary" in page.error[0].value


def test_the_rivals_come_at_once_and_the_slow_one_later():
    page = click(opened("correlation_baselines", DIAL), "Compare methods at this request")
    assert not page.exception and not page.error
    page = finish(page, "")
    labels = list(page.dataframe[0].value.index)
    assert labels[0] == rivals.OURS and labels[-1] == "Yeong-Torquato annealing"
    assert {
        "p1 error",
        "S2 error",
        "Euler number",
        "Specific surface",
        "Lineal path error",
        rivals.MILLISECONDS,
    } <= set(page.dataframe[0].value)
    page = click(page, "Compare methods at this request")
    if page.get("progress"):
        page = click(page, "Cancel")
        assert list(page.dataframe[0].value.index)[-1] != "Yeong-Torquato annealing"


def test_where_no_rival_takes_the_request_the_plain_comparison_stays(model, curved):
    assert correlation_baselines.applies(curved) and not correlation_baselines.applies(model)
