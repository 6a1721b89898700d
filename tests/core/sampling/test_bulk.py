"""Large sets of samples: the same for any split, told exactly, refused in sentences, in memory that does not grow."""

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from core import sampling
from core.sampling import bulk
from core.sampling.__main__ import main, processes, settings, shard_of
from core.sampling.request import Request, Shard, Sweep

ROOT = Path(__file__).resolve().parents[3]
NAME = "two_phase/fraction"
SWEPT = (NAME, "--set", "volume_fraction=0.2:0.6", "-n", "10", "--seed", "3", "--size", "64", "--workers", "1")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(bulk, "BLOCK", 3)
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.delenv("WORLD_SIZE", raising=False)


def make(out, *changes):
    return main([*SWEPT, "--out", str(out), *changes])


def contents(path):
    """Every dataset and attribute of a file."""
    found = {}
    with h5py.File(path, "r") as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
        return {**found, **{f"@{k}": v for k, v in file.attrs.items()}}


def same(one, two):
    assert one.keys() == two.keys()
    return [k for k in one if np.asarray(one[k]).tobytes() != np.asarray(two[k]).tobytes()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("bulk") / "whole.h5"
    assert make(path) == 0 and [p.name for p in path.parent.iterdir()] == ["whole.h5"]
    return path


def test_the_file_holds_what_the_model_samples(tmp_path, whole):
    """One at a time: to the last bit. In batches the network rounds differently: a pixel in ten thousand may differ."""
    asked = np.linspace(0.2, 0.6, 10)
    sample = sampling.load(NAME).sample({"volume_fraction": asked}, 10, 3, size=64)
    assert make(tmp_path / "one.h5", "--batch", "1") == 0
    found = contents(tmp_path / "one.h5")
    assert (contents(whole)["labels"] != found["labels"]).mean() <= 1e-4
    np.testing.assert_array_equal(found["labels"], sample.labels)
    np.testing.assert_array_equal(found["labels"].sum((1, 2)), np.round(asked * 4096))
    np.testing.assert_allclose(found["requested/volume_fraction"], asked, atol=1e-7)
    for group, values in {"measured": sample.measured, "raw": sample.raw, "latent": sample.latent}.items():
        for name, value in values.items():
            np.testing.assert_array_equal(found[f"{group}/{name}"], value)
    assert found["labels"].dtype == np.uint8 and found["index"].tolist() == list(range(10)) and found["@seed"] == 3


def test_stages_are_left_out_and_progress_is_told_in_lines(tmp_path, capsys):
    assert make(tmp_path / "plain.h5", "--off", "network", "--off", "physics", "--lines", "--batch", "1") == 0
    assert capsys.readouterr().out.split()[:5] == ["0/10", "3/10", "6/10", "9/10", "10/10"]
    asked = {"volume_fraction": np.linspace(0.2, 0.6, 10)}
    sample = sampling.load(NAME).sample(asked, 10, 3, size=64, network=False, physics=False)
    np.testing.assert_array_equal(contents(tmp_path / "plain.h5")["labels"], sample.labels)
    assert make(tmp_path / "no.h5", "--off", "luck") == 1 and "has no stage luck" in capsys.readouterr().err


def test_the_file_says_how_it_was_made(whole):
    found, model = contents(whole), sampling.load(NAME)
    manifest = json.loads(found["manifest"])
    assert (found["@model"], found["@digest"], found["@shard"]) == (NAME, model.digest, "1/1")
    assert manifest["request"] == json.loads(found["@request"]) and manifest["checkpoint"]["problem"] == "two_phase"
    assert manifest["request"]["conditions"] == {"volume_fraction": {"low": 0.2, "high": 0.6}}
    assert (
        "InvNet" in found["@citation"] and manifest["labels"] == ["phase 0", "phase 1"] and manifest["warnings"] == []
    )


def test_shards_joined_are_the_unsharded_file(tmp_path, whole):
    for k in (3, 1, 2):
        assert make(tmp_path / "s.h5", "--shard", f"{k}/3") == 0
    shards = sorted(map(str, tmp_path.iterdir()))
    assert [Path(s).name for s in shards] == ["s.1of3.h5", "s.2of3.h5", "s.3of3.h5"]
    assert main(["--join", str(tmp_path / "all.h5"), *reversed(shards)]) == 0
    assert same(contents(tmp_path / "all.h5"), contents(whole)) == []


def test_torchrun_chooses_the_shard(tmp_path, whole, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "5")
    assert make(tmp_path / "s.h5") == 0
    found = contents(tmp_path / "s.2of5.h5")
    np.testing.assert_array_equal(found["labels"], contents(whole)["labels"][2:4])
    assert found["index"].tolist() == [2, 3] and shard_of("4/4") == Shard(4, 4)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "100000")
    assert processes(type("", (), {"workers": None, "device": "cpu"})) == 1


@pytest.mark.parametrize("n", [1, 7, 16, 1000])
def test_shards_are_a_partition(n):
    for m in range(1, min(n, 20) + 1):
        spans = [Shard(k, m).span(n) for k in range(1, m + 1)]
        assert [a for a, _ in spans] == [0, *(b for _, b in spans[:-1])] and spans[-1][1] == n
        assert max(b - a for a, b in spans) - min(b - a for a, b in spans) <= 1


def test_a_finished_file_is_skipped_and_another_request_refused(tmp_path, capsys):
    out = tmp_path / "a.h5"
    assert make(out, "-n", "2") == 0
    before = out.stat().st_mtime_ns
    assert make(out, "-n", "2") == 0 and out.stat().st_mtime_ns == before
    assert "a.h5 is finished: 2 samples of this request. Nothing to do." in capsys.readouterr().out
    for change in (("-n", "3"), ("-n", "2", "--seed", "4"), ("-n", "2", "--raw"), ("-n", "2", "--latent", "length=9")):
        assert make(out, *change) == 1 and out.stat().st_mtime_ns == before
        assert "a.h5 holds samples of another request. Choose another name with --out" in capsys.readouterr().err
    out.write_bytes(b"text")
    assert make(out, "-n", "2") == 1 and "is not a file of samples, or is damaged" in capsys.readouterr().err


def test_a_stopped_run_continues_with_the_first_missing_block(tmp_path, whole, monkeypatch):
    job = bulk.Job(Request(NAME, 10, 3, 64, conditions={"volume_fraction": Sweep(0.2, 0.6)}), tmp_path / "a.h5")
    running = job.run()
    assert [next(running), next(running), next(running)] == [0, 3, 6]
    running.close()
    assert not job.path.exists() and not job.finished() and len(list(job.parts.iterdir())) == 2
    made = []
    monkeypatch.setattr(
        bulk.Job, "write", lambda self, *block, write=bulk.Job.write: made.append(block) or write(self, *block)
    )
    assert make(job.path) == 0 and made == [(6, 9), (9, 10)] and not job.parts.exists()
    assert same(contents(job.path), contents(whole)) == []


def test_a_damaged_block_is_not_joined(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(bulk.hdf5, "merge", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        make(tmp_path / "a.h5")
    monkeypatch.undo()
    monkeypatch.setattr(bulk, "BLOCK", 3)
    part = sorted((tmp_path / "a.h5.parts").iterdir())[1]
    with h5py.File(part, "r") as file:
        at = file["labels"].id.get_chunk_info(0).byte_offset
    blob = bytearray(part.read_bytes())
    blob[at + 40] ^= 1
    part.write_bytes(blob)
    assert make(tmp_path / "a.h5") == 1 and not (tmp_path / "a.h5").exists()
    said = capsys.readouterr().err
    assert f"{part} is damaged" in said and "Delete it and run the same command again." in said
    part.unlink()
    assert make(tmp_path / "a.h5") == 0


def test_fields_and_their_coordinates(tmp_path):
    name = "burgers/viscous"
    assert main([name, "-n", "2", "--out", str(tmp_path / "b.h5"), "--workers", "1", "--batch", "1", "--raw"]) == 0
    sample, found = sampling.load(name).sample(n=2, project=False), contents(tmp_path / "b.h5")
    np.testing.assert_array_equal(found["field"], sample.field)
    assert found["field"].dtype == np.float32 and "labels" not in found
    for axis, values in sample.coords.items():
        np.testing.assert_array_equal(found[f"coords/{axis}"], values)


def test_stages_are_switched_off(tmp_path):
    off = ("--off", "network", "--off", "physics")
    assert make(tmp_path / "a.h5", "-n", "2", "--set", "volume_fraction=0.3", "--batch", "1", *off) == 0
    sample = sampling.load(NAME).sample({"volume_fraction": 0.3}, 2, 3, size=64, network=False, physics=False)
    np.testing.assert_array_equal(contents(tmp_path / "a.h5")["labels"], sample.labels)


def test_settings():
    assert settings(["a=0.35", "b=0.2,0.3,0.5", "c=0.2:0.6"]) == {"a": 0.35, "b": (0.2, 0.3, 0.5), "c": Sweep(0.2, 0.6)}
    assert Sweep(0.5, 0.9).at(np.arange(1), 1) == [0.5] and Sweep(1, 0).at(np.arange(5), 5) == [1, 0.75, 0.5, 0.25, 0]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (["--set", "colour=1"], "two_phase/fraction has no 'colour'. It has: volume_fraction"),
        (["--set", "volume_fraction=0.2:1.6"], "is out of range. Allowed: 0.05 to 0.95."),
        (
            ["--set", "volume_fraction=0.2,0.3"],
            "volume_fraction must be one number, or a sweep low:high; got (0.2, 0.3).",
        ),
        (["--set", "colour"], "Write conditions as name=0.35, name=0.2,0.3,0.5 or name=0.2:0.6; got 'colour'."),
        (["--set", "volume_fraction=0.1:0.2:0.3"], "Write conditions as"),
        (["--set", "volume_fraction=nan"], "volume_fraction must be finite"),
        (["--latent", "length=99"], "is out of range. Allowed: 5 to 20 px."),
        (["--off", "engine"], "two_phase/fraction has no stage engine to switch off. It has: network, physics"),
        (["--shard", "17/16"], "There is no shard 17/16; allowed: 1/16 to 16/16, such as 3/16."),
        (["--shard", "0/2"], "There is no shard 0/2"),
        (["--shard", "half"], "--shard is K/M, such as 3/16; got 'half'."),
        (["--shard", "3/16"], "10 samples cannot be split over 16 shards; use at most 10."),
        (["-n", "0"], "n and batch must be at least 1"),
        (["--batch", "-1"], "n and batch must be at least 1"),
        (["-n", "1000000000"], "A file holds at most 10000000 samples; use at least 100 shards."),
        (["-n", "10000000", "--size", "4096"], "MB more, and its disk has"),
        (["--size", "60"], "size must be a multiple of 8 up to 4096; got 60."),
        (["--workers", "0"], "--workers must be at least 1; got 0."),
        (["another"], "Name one model and a file"),
    ],
)
def test_what_cannot_be_made_is_refused_in_a_sentence(tmp_path, capsys, changes, says):
    assert make(tmp_path / "a.h5", *changes) == 1
    said = capsys.readouterr()
    assert says in said.err and "Traceback" not in said.err and said.out == ""
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_folder_that_cannot_be_written(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert make(tmp_path / "file" / "a.h5", "-n", "1") == 1
    assert "a.h5 cannot be written (Not a directory). Make room or choose another folder" in capsys.readouterr().err
    assert main(["two_phase/nothing", "--out", str(tmp_path / "a.h5")]) == 1
    assert "'two_phase' has no preset 'nothing'." in capsys.readouterr().err


def test_what_cannot_be_joined_is_refused_in_a_sentence(tmp_path, capsys, whole):
    one, two = tmp_path / "s.1of2.h5", tmp_path / "s.2of2.h5"
    for k in (1, 2):
        assert make(tmp_path / "s.h5", "-n", "2", "--shard", f"{k}/2") == 0
    cases = {
        (one,): "Every shard from 1/2 to 2/2 is needed once; missing: 2/2.",
        (one, two, two): "is needed once; missing: none.",
        (one, whole): "are shards of different requests",
        (one, tmp_path / "no.h5"): "is not a file of samples, or is damaged.",
        (): "Name the shards to join",
    }
    for files, says in cases.items():
        assert main(["--join", str(tmp_path / "all.h5"), *map(str, files)]) == 1
        assert says in capsys.readouterr().err and not (tmp_path / "all.h5").exists()
    assert main(["--join", str(one), str(one), str(two)]) == 1 and "is there already" in capsys.readouterr().err


GROWTH = """
import resource, sys
from dataclasses import replace
from pathlib import Path
import numpy as np
from core.sampling import bulk, request

def peak(n):
    job = bulk.Job(request.Request("two_phase/fraction", n, size=64), Path(sys.argv[1]) / f"{n}.h5")
    real = job.model.sample(n=1, size=64)
    def sample(conditions, n, first, **asked):
        rows = lambda values: {k: np.repeat(v, n, 0) for k, v in values.items()}
        labels = np.random.default_rng(first).integers(0, 2, (n, 64, 64), dtype=np.uint8)
        groups = {k: rows(getattr(real, k)) for k in ("requested", "measured", "raw", "latent")}
        return replace(real, labels=labels, **groups)
    job.model.sample = sample
    assert list(job.run())[-1] == n
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

few = peak(200)
print(few, peak(2000) - few)
"""


def test_memory_does_not_grow_with_the_number_of_samples(tmp_path):
    """MB of the resident set's peak, from 200 to 2,000 samples; 1,800 labels of 64 x 64 alone would be 7 MB."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    said = subprocess.check_output([sys.executable, "-c", GROWTH, tmp_path], env=environment, text=True)
    few, growth = map(float, said.split())
    assert few > 50 and growth < 4, said
