"""What version 0.1 wrote is read with the same values: checkpoint, links, exported files, sets, a stopped training.

Labels may differ in a few pixels between processors; requests, manifests, links and files may not differ at all.
"""

import gzip
import json
import shutil
from dataclasses import fields
from pathlib import Path
from urllib.parse import parse_qsl

import h5py
import numpy as np
import pytest
import torch
from PIL import Image

import core
from core import discovery, sampling
from core.readers import curves, maps, uploads
from core.sampling.__main__ import main as bulk
from core.training.loop import fit
from core.training.run import Folders, Run
from core.types import TrainConfig
from explorer import link
from explorer.files import batches
from explorer.labs import gan, inverse, linear
from explorer.live import protocol

FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "v0_1"
EXPECTED = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))
LINKS = json.loads((FOLDER / "links.json").read_text(encoding="utf-8"))
LABS = {lab.name: lab for lab in (linear.LAB, gan.LAB, inverse.LAB)}
OFF, REFINED_OFF = 0.003, 0.02
"""Largest share of pixels that may be another phase; the refinement carries differences of rounding on."""
SET = ["-n", "4", "--seed", "3", "--size", "64", "--workers", "1", "--set", "volume_fraction=0.3:0.6", "--off=refine"]
VERSION = "0.1.0"


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """A copy of the folder, unpacked."""
    folder = tmp_path_factory.mktemp("before") / "v0_1"
    shutil.copytree(FOLDER, folder)
    for path in folder.rglob("*.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
    return folder


@pytest.fixture(scope="module")
def model(before):
    return core.load(str(before / "data_free.safetensors"))


# --- checkpoint -------------------------------------------------------------------------------------------------------


def test_its_checkpoint_loads(model):
    known = EXPECTED["checkpoint"]
    assert model.digest == known["digest"] and model.name == "two_phase/data_free"
    assert sorted(model.manifest) == known["manifest_keys"]
    assert {k: model.manifest[k] for k in known["manifest"]} == known["manifest"]
    assert set(known["manifest"]["config"]) <= {f.name for f in fields(TrainConfig)}


@pytest.mark.parametrize(
    ("kept", "options", "most"),
    [("raw", {"project": False}, OFF), ("unrefined", {"refine": False}, OFF), ("refined", {}, REFINED_OFF)],
)
def test_its_checkpoint_gives_the_same_samples(model, kept, options, most):
    known = EXPECTED["checkpoint"]
    shape = (known["n"], known["size"], known["size"])
    labels = np.unpackbits(np.load(FOLDER / "samples.npz")[kept]).reshape(shape)
    sample = model.sample(known["request"], known["n"], known["seed"], size=known["size"], **options)
    assert sample.labels.dtype == np.uint8 and (sample.labels != labels).mean() <= most
    if kept != "raw":
        np.testing.assert_array_equal(sample.labels.sum((1, 2)), labels.sum((1, 2)), "the fraction is exact")
    for name, value in known["request"].items():
        np.testing.assert_array_equal(sample.requested[name], np.full(known["n"], value, np.float32))


# --- links and live requests ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LINKS["pages"])
def test_its_links_say_the_same(name):
    query = dict(parse_qsl(LINKS["pages"][name]["link"]))
    shown = sampling.load(name)
    made = query.pop("m")
    dial, notes = link.from_query(shown, query)
    assert dial == protocol.request(LINKS["pages"][name]["request"]).dial and notes == ()
    assert {k: v for k, v in link.to_query(shown, dial).items() if k != "m"} == query
    if made != shown.digest[: link.DIGEST]:
        assert len(link.from_query(shown, {**query, "m": made})[1]) == 1, "another version of the model is told"


@pytest.mark.parametrize("name", LINKS["labs"])
def test_its_links_to_labs_say_the_same(name):
    lab, known = LABS[name], LINKS["labs"][name]
    assert lab.linked(dict(parse_qsl(known["link"]))) == (known["dial"], [])
    assert lab.query(known["dial"]) == dict(parse_qsl(known["link"]))


# --- files ------------------------------------------------------------------------------------------------------------


def test_its_request_makes_the_structure_again(model):
    told = json.loads((FOLDER / "request.json").read_text(encoding="utf-8"))
    assert (told["model"], told["digest"], told["exact_projection"]) == (model.name, model.digest, True)
    names = [q.name for q in model.conditions if not q.optional]
    conditions = {name: told["requested"][name][0] for name in names}
    assert conditions == {"volume_fraction": float(np.float32(0.4)), "length": 8.0}
    options = dict.fromkeys(told["stages_off"], False)
    sample = model.sample(conditions, 1, told["seed"], size=told["shape"][0], best_of=told["best_of"], **options)
    labels = np.load(FOLDER / "structure.npy")
    assert (sample.labels[0] != labels).mean() <= OFF
    np.testing.assert_allclose(sample.measured["correlation"], told["measured"]["correlation"], atol=2e-3)


def test_its_structure_is_the_same_in_every_format():
    labels = np.load(FOLDER / "structure.npy")
    kept = np.load(FOLDER / "structure.npz")
    np.testing.assert_array_equal(kept["labels"], labels)
    told = json.loads((FOLDER / "request.json").read_text(encoding="utf-8"))
    assert json.loads(str(kept["metadata"])) == told
    assert kept["requested_volume_fraction"] == np.float32(0.4) and kept["soft"].shape == (1, 64, 64)
    np.testing.assert_array_equal(np.asarray(Image.open(FOLDER / "structure.tiff")), labels)


@pytest.mark.parametrize("ending", ["npy", "png", "tiff"])
def test_its_structures_can_be_uploaded(ending):
    path = FOLDER / f"structure.{ending}"
    labels = np.load(FOLDER / "structure.npy")
    found = uploads.read(path.name, path.read_bytes())
    assert found.values.shape == labels.shape and len(np.unique(found.values)) == 2
    bright = (found.values > found.values.mean()).astype(np.uint8)
    np.testing.assert_array_equal(bright, 1 - labels if ending == "png" else labels, "phase 1 is the dark one of a PNG")
    np.testing.assert_array_equal(maps.read(path, {"labels": 2}).maps[0], bright)


def test_its_polycrystal_can_be_trained_on(before):
    found = maps.read(before / "grains.dream3d", {})
    np.testing.assert_array_equal(found.maps[0], np.load(FOLDER / "grains.npy"))
    about = found.identity()
    assert about["content"] == "a5f5a16a18bdcad32ab865403a8fe0df" and about["version"] == 1


def test_a_table_of_its_correlation_can_be_uploaded():
    told = json.loads((FOLDER / "request.json").read_text(encoding="utf-8"))
    found = uploads.read("correlation.csv", (FOLDER / "correlation.csv").read_bytes())
    assert isinstance(found, curves.Curve) and not found.relative
    np.testing.assert_array_equal(found.distance, np.arange(33))
    np.testing.assert_allclose(found.values, told["measured"]["correlation"][0], atol=1e-6)
    assert found.p == pytest.approx(0.4, abs=1e-3)


# --- sets -------------------------------------------------------------------------------------------------------------


def test_its_shards_are_joined_and_summed_up(before, model, tmp_path):
    shards, whole = [before / f"set.{k}of2.h5" for k in (1, 2)], tmp_path / "set.h5"
    assert bulk(["--join", str(whole), *map(str, shards)]) == 0
    found = batches.read(whole)
    assert (found.n, found.shape) == (4, (64, 64))
    np.testing.assert_allclose(found.requested["volume_fraction"], [0.3, 0.4, 0.5, 0.6], atol=1e-6)
    request = found.manifest["request"]
    assert (request["name"], request["digest"], request["off"]) == (model.name, model.digest, ["refine"])
    labels = found.labels(0, 4)
    np.testing.assert_allclose(labels.mean((1, 2)), [0.3, 0.4, 0.5, 0.6], atol=0.6 / 64**2)
    asked = {"volume_fraction": found.requested["volume_fraction"]}
    again = model.sample(asked, 4, request["seed"], size=64, refine=False)
    assert (again.labels != labels).mean() <= OFF
    assert [row["|error|, worst"] < 0.1 for row in batches.summary(model, found)] == [True, True]
    with h5py.File(whole) as file:
        assert {*file} == {"labels", "index", "requested", "measured", "raw", "manifest"}


def test_its_finished_shard_is_not_continued_by_another_version(before, capsys):
    """Samples of one set come from one version: its file is kept, and the sentence says what to do."""
    shard = before / "set.2of2.h5"
    content = shard.read_bytes()
    command = [str(before / "data_free.safetensors"), *SET, "--out", str(before / "set.h5"), "--shard", "2/2"]
    assert core.__version__ != VERSION and bulk(command) == 1
    assert "holds samples of another request" in capsys.readouterr().err and shard.read_bytes() == content


# --- training ---------------------------------------------------------------------------------------------------------


def test_its_training_goes_on(before):
    problem, preset = discovery.split("two_phase/data_free")
    run = Run(problem, preset, preset.tiny, Folders(before / "run", before / "out"), torch.device("cpu"))
    assert "at step 2" in run.start(None, None) and run.seconds == 0.25
    trainer = run.trainer
    for progress in fit(trainer):
        values = {**progress.losses, **progress.residuals}
        known = EXPECTED["steps"][str(progress.step)]
        assert values.keys() == known.keys() and values == pytest.approx(known, rel=0.02)
    assert trainer.done == 4
    assert [json.loads(line)["step"] for line in run.log.read_text().splitlines()] == [1, 2]
