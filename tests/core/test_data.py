"""Data: built once, verified when opened, resumed when interrupted; batches are pure functions of their keys."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from core import data
from core.data import Batches, cached
from core.keys import key
from core.types import HELD_OUT, Source
from tests.processes import Child

SHAPE = (8, 8)


class Coins(Source):
    """A source of random labels that counts what it drew."""

    def __init__(self, kind="labels", salt=0, wait=0.0):
        self.drawn, self.kind, self.salt, self.wait = 0, kind, salt, wait

    def draw(self, seeds, shape):
        self.drawn += len(seeds)
        time.sleep(self.wait)
        fields = np.stack([np.random.default_rng([self.salt, s]).random(shape, dtype=np.float32) for s in seeds])
        return fields if self.kind == "fields" else (fields > 0.5).astype(np.uint8)

    def identity(self):
        return {"source": "coins", "kind": self.kind}


def only(folder: Path) -> Path:
    files = list(folder.iterdir())
    assert [f.suffix for f in files] == [".h5"], files
    return files[0]


@pytest.mark.parametrize("kind", ["labels", "fields"])
def test_built_once_then_read(tmp_path, kind):
    source, seen = Coins(kind), []
    first = cached(source, range(600), SHAPE, tmp_path, lambda done, n: seen.append((done, n)))
    assert source.drawn == 600 and seen == [
        (done, 600) for _, done in zip(seen, sorted(d for d, _ in seen), strict=True)
    ]
    assert seen[-1] == (600, 600) and len(seen) == 3
    second = cached(source, range(600), SHAPE, tmp_path)
    assert source.drawn == 601  # the one image that checks that source and file still agree
    assert first.dtype == second.dtype == (np.float32 if kind == "fields" else np.uint8)
    assert first.tobytes() == second.tobytes() == Coins(kind).draw(range(600), SHAPE).tobytes()
    only(tmp_path)


def test_default_folder_comes_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("INVNET_CACHE", str(tmp_path / "here"))
    cached(Coins(), range(3), SHAPE)
    only(tmp_path / "here")
    monkeypatch.delenv("INVNET_CACHE")
    assert data.folder_of() == Path.home() / ".cache" / "invnet-explorer"


def test_other_seeds_shape_or_parameters_are_other_files(tmp_path):
    for source, seeds, shape in [
        (Coins(), range(4), SHAPE),
        (Coins(), [0, 2, 1, 3], SHAPE),
        (Coins(), range(1, 5), SHAPE),
        (Coins(), range(4), (8, 16)),
        (Coins("fields"), range(4), SHAPE),
    ]:
        assert cached(source, seeds, shape, tmp_path).tobytes() == source.draw(seeds, shape).tobytes()
    assert len(list(tmp_path.iterdir())) == 5


@pytest.mark.parametrize("where", ["head", "body", "cut", "empty", "rubbish"])
def test_damage_is_noticed_and_repaired(tmp_path, where):
    good = cached(Coins(), range(300), SHAPE, tmp_path)
    path = only(tmp_path)
    blob = bytearray(path.read_bytes())
    for at in {"head": [3], "body": [len(blob) // 2]}.get(where, []):
        blob[at] ^= 1
    path.write_bytes({"cut": blob[:-7], "empty": b"", "rubbish": b"no" * 999}.get(where, blob))
    with pytest.warns(UserWarning, match="made again: it was damaged"):
        again = cached(Coins(), range(300), SHAPE, tmp_path)
    assert again.tobytes() == good.tobytes() == cached(Coins(), range(300), SHAPE, tmp_path).tobytes()


def test_every_flipped_byte_is_noticed(tmp_path):
    source = Coins()
    cached(source, range(4), SHAPE, tmp_path)
    path, rng = only(tmp_path), np.random.default_rng(0)
    blob = path.read_bytes()
    for at in rng.integers(0, len(blob), 100):
        bad = bytearray(blob)
        bad[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(bad)
        with pytest.warns(UserWarning, match="made again"):
            assert data._open(path, source, range(4), SHAPE) is None


def test_a_source_that_changed_is_noticed(tmp_path):
    old = cached(Coins(salt=0), range(4), SHAPE, tmp_path)
    with pytest.warns(UserWarning, match="the source now gives other arrays"):
        new = cached(Coins(salt=1), range(4), SHAPE, tmp_path)
    assert new.tobytes() != old.tobytes() and new.tobytes() == Coins(salt=1).draw(range(4), SHAPE).tobytes()


def test_interrupted_build_keeps_finished_blocks(tmp_path):
    def interrupt(done, n):
        if done >= 512:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached(Coins(), range(1024), SHAPE, tmp_path, interrupt)
    parts = sorted((next(tmp_path.iterdir())).iterdir())
    assert len(parts) == 2
    parts[0].write_bytes(parts[0].read_bytes()[:-1])
    source = Coins()
    array = cached(source, range(1024), SHAPE, tmp_path)
    assert (
        source.drawn == 1024 - 256 + 1
    )  # one block kept (and checked by one image), the damaged one and the rest drawn
    assert array.tobytes() == Coins().draw(range(1024), SHAPE).tobytes()
    only(tmp_path)


def build(folder):
    cached(Coins(wait=0.15), range(2048), SHAPE, folder)


def test_killed_build_is_continued_by_the_same_call(tmp_path):
    child = Child(build, tmp_path)
    while not list(tmp_path.glob("*.parts/*.block")):
        time.sleep(0.01)
    assert child.kill()[0]
    source = Coins()
    assert cached(source, range(2048), SHAPE, tmp_path).tobytes() == Coins().draw(range(2048), SHAPE).tobytes()
    assert source.drawn < 2048
    only(tmp_path)


def test_racing_builders_agree(tmp_path):
    found, sources = {}, [Coins(wait=0.02) for _ in range(3)]

    def work(n):
        found[n] = cached(sources[n], range(1024), SHAPE, tmp_path)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    truth = Coins().draw(range(1024), SHAPE).tobytes()
    assert len(found) == 3 and all(a.tobytes() == truth for a in found.values())
    only(tmp_path)


@pytest.mark.parametrize("stage", ["mkdir", "part", "file"])
def test_a_folder_that_cannot_be_written_means_memory_and_a_warning(tmp_path, monkeypatch, stage):
    def refuse(*args, **kwargs):
        raise OSError(28, "No space left on device")

    if stage == "mkdir":
        (tmp_path / "file").write_text("not a folder")
    else:
        monkeypatch.setattr(data, {"part": "_write_part", "file": "_write"}[stage], refuse)
    with pytest.warns(UserWarning, match=r"cannot be kept in .*Set INVNET_CACHE"):
        array = cached(Coins(), range(300), SHAPE, tmp_path / "file" if stage == "mkdir" else tmp_path)
    assert array.tobytes() == Coins().draw(range(300), SHAPE).tobytes()
    assert not list(tmp_path.glob("*.h5"))


def test_training_never_sees_held_out_seeds(tmp_path):
    with pytest.raises(ValueError, match=f"Seed {HELD_OUT} is kept for held-out checks"):
        cached(Coins(), range(HELD_OUT - 1, HELD_OUT + 1), SHAPE, tmp_path)
    assert not list(tmp_path.iterdir())
    assert len(cached(Coins(), range(HELD_OUT, HELD_OUT + 2), SHAPE, tmp_path, training=False)) == 2


@pytest.mark.parametrize("seeds", [[], [1, 1], [-1, 0]])
def test_seeds_must_be_distinct_and_not_negative(tmp_path, seeds):
    with pytest.raises(ValueError, match="distinct integers from 0 on"):
        cached(Coins(), seeds, SHAPE, tmp_path)


@pytest.mark.parametrize(
    "broken", [lambda a: a[:, :4], lambda a: a.astype(np.int64), lambda a: np.float32(a) / np.float32(0.0)]
)
def test_a_source_that_breaks_its_promise_is_refused(tmp_path, broken):
    source = Coins()
    source.draw = lambda seeds, shape: broken(np.ones((len(seeds), *shape), np.uint8))
    with np.errstate(divide="ignore"), pytest.raises(ValueError, match="The source gave"):
        cached(source, range(2), SHAPE, tmp_path)


def test_key_is_the_same_on_every_machine():
    assert key(0, 3, "image") == 5408085162860093431
    assert len({key(*parts) for parts in [(0, 1), (1, 0), ("0", "11"), (0, 11, ""), (1,), ()]}) == 6
    assert all(0 <= key(i) < 2**63 for i in range(100))


def images(n=50, shape=SHAPE, seed=3):
    return np.random.default_rng(seed).random((n, *shape), dtype=np.float32)


def test_batches_do_not_depend_on_how_they_are_shared():
    batches = Batches(images(), seed=1)
    whole = batches.take(7, range(12))
    assert torch.equal(whole, torch.cat([batches.take(7, range(6)), batches.take(7, range(6, 12))]))
    assert torch.equal(whole, Batches(images(), seed=1).take(7, range(12)))
    assert not torch.equal(whole, batches.take(8, range(12)))
    assert not torch.equal(whole, Batches(images(), seed=2).take(7, range(12)))


def test_moves_keep_the_periodic_image():
    array = images()
    batches = Batches(array, seed=5)
    taken, chosen = batches.take(0, range(64)), batches.choose(0, range(64))

    def spectrum(a):
        return np.abs(np.fft.fft2(a))

    moved = 0
    for got, i in zip(taken.numpy(), chosen.numpy(), strict=True):
        np.testing.assert_array_equal(np.sort(got, None), np.sort(array[i], None))
        one, two = spectrum(got), spectrum(array[i])
        same = [np.allclose(one, v, atol=1e-4) for v in (two, two[-np.arange(8)], two.T, two[-np.arange(8)].T)]
        assert any(same)
        moved += not np.array_equal(got, array[i])
    assert moved > 60


def test_every_symmetry_moves_as_it_says():
    array = images(n=1, shape=(4, 6))
    expected = {"roll_rows": (1, 4), "roll_columns": (2, 6), "flip_rows": (1, 2), "flip_columns": (2, 2)}
    for name, (axis, count) in expected.items():
        taken = Batches(array, 0, (name,)).take(0, range(200)).numpy()
        distinct = {t.tobytes() for t in taken}
        moved = [np.flip(array, axis)] if "flip" in name else [np.roll(array, s, axis) for s in range(count)]
        assert distinct == {a[0].tobytes() for a in [array, *moved]} and len(distinct) == count
    square = images(n=1)
    taken = {t.tobytes() for t in Batches(square, 0, ("transpose",)).take(0, range(50)).numpy()}
    assert taken == {square[0].tobytes(), np.ascontiguousarray(square[0].T).tobytes()}


def test_without_symmetries_images_come_as_they_are():
    array = images(shape=(4, 6))
    batches = Batches(array, 0, ())
    np.testing.assert_array_equal(batches.take(3, range(9)).numpy(), array[batches.choose(3, range(9)).numpy()])


def test_every_image_is_seen():
    chosen = Batches(images(), 0).choose(0, range(2000))
    counts = np.bincount(chosen.numpy(), minlength=50)
    assert counts.min() > 15 and counts.max() < 80


def test_batches_refuse_what_they_cannot_move():
    with pytest.raises(ValueError, match="no symmetry spin"):
        Batches(images(), 0, ("spin",))
    with pytest.raises(ValueError, match="Only square images"):
        Batches(images(shape=(4, 6)), 0)
    with pytest.raises(ValueError, match="at least one image"):
        Batches(images()[:0], 0)
