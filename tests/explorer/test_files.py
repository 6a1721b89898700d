"""Exports open again and hold what they say; figures show the numbers they are given."""

import csv
import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from core.types import Field
from explorer import palette
from explorer.figures import base as figures
from explorer.files import exports
from explorer.live import frames, models
from explorer.live.dial import Dial
from explorer.sections import baselines, statistics

DIAL = Dial({"volume_fraction": 0.3}, {"length": 8.0}, seed=3, size=64)


@pytest.fixture
def sample(model):
    return models.sample_dial(model, DIAL)


def test_png_shows_the_labels(model, sample):
    image = Image.open(io.BytesIO(exports.png(frames.picture(model.field, sample), model.field, 4)))
    assert image.size == (256, 256)
    colours, counts = np.unique(np.asarray(image).reshape(-1, 3), axis=0, return_counts=True)
    assert len(colours) == 2
    assert min(counts) == 16 * sample.labels.sum()


@pytest.mark.parametrize("kind", ["binary", "categorical", "continuous"])
def test_every_kind_of_field_has_a_palette(kind):
    table = palette.colours(Field(kind, (8, 8)))
    assert table.dtype == np.uint8 and table.shape[1] == 3 and len(np.unique(table, axis=0)) == len(table)


def test_npy_is_the_array(sample):
    np.testing.assert_array_equal(np.load(io.BytesIO(exports.npy(sample.labels[0]))), sample.labels[0])


def test_the_bundle_holds_the_arrays_and_how_to_make_them_again(model, sample):
    content = exports.bundle(model, DIAL, 3)
    assert content == exports.bundle(model, DIAL, 3)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        arrays = np.load(io.BytesIO(archive.read("arrays.npz")))
        told = json.loads(archive.read("arrays.json"))
    assert arrays["labels"].shape == (3, 64, 64)
    np.testing.assert_array_equal(arrays["labels"][0], sample.labels[0])
    assert told["seed"] == 3 and told["digest"] == model.digest and told["dialled_latents"] == {"length": 8.0}
    again = model.sample(
        {"volume_fraction": told["requested"]["volume_fraction"]},
        3,
        told["seed"],
        latent=told["dialled_latents"],
        size=64,
    )
    np.testing.assert_array_equal(again.labels, arrays["labels"])


def test_a_bundle_too_large_is_refused(model):
    with pytest.raises(ValueError, match="Ask for 1 to"):
        exports.bundle(model, DIAL, exports.most(model, DIAL) + 1)


def test_the_curves_are_a_table(model, sample):
    measured, reference = models.describe(model, sample), model.reference(DIAL.conditions)
    rows = list(csv.DictReader(io.StringIO(exports.curves(model, measured, (64, 64), reference).decode())))
    assert {r["descriptor"] for r in rows} == {d.name for d in model.problem.evaluation.descriptors if d.abscissa}
    first = rows[0]
    assert float(first["delivered"]) == pytest.approx(sample.labels.mean(), abs=1e-6)
    assert first["held_out_mean"]


@pytest.mark.parametrize("night", [False, True])
def test_every_descriptor_is_drawn(model, sample, night):
    measured, reference = models.describe(model, sample), model.reference(DIAL.conditions)
    drawn = statistics.charts(model, sample, measured, reference, night)
    assert len(drawn) == sum(d.abscissa is not None for d in model.problem.evaluation.descriptors) + 2
    delivered = [t for t in drawn[0].data if t.name == "delivered"]
    np.testing.assert_allclose(delivered[0].y, measured["correlation"][0])
    assert all(f.layout.height == figures.HEIGHT for f in drawn)


def test_deviations_are_in_standard_deviations():
    figure = figures.deviations([("a", 3.0, 1.0, 0.5), ("b", 1.0, 1.0, 0.0)], "t")
    assert list(figure.data[0].x) == [4.0, 0.0]


def test_the_map_of_correlations_has_the_fraction_in_the_middle():
    x = (np.random.default_rng(0).random((64, 64)) < 0.3).astype(np.uint8)
    z = np.asarray(figures.correlation_map(x, "t").data[0].z)
    assert z.shape == (65, 65) or z.shape == (64, 64)
    assert z.max() == pytest.approx(x.mean(), abs=1e-6)


def test_the_neighbours_are_timed_in_one_run(model, monkeypatch):
    def rival(conditions, n, seed, shape):
        return np.zeros((n, *shape), np.uint8)

    monkeypatch.setattr(
        baselines, "neighbours", lambda problem: (("Simulation", model.problem.truth.simulate), ("Nothing", rival))
    )
    ways = baselines.run(model, DIAL)
    assert [w.label for w in ways] == ["This model", "Simulation", "Nothing"]
    assert all(w.seconds > 0 and w.array.shape == (64, 64) for w in ways)
    assert ways[1].array.mean() == pytest.approx(0.3, abs=1e-3)
