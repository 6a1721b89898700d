"""MNIST's IDX files: what is read, what is held out, and every kind of file that is refused, with its sentence."""

import gzip
import os
import struct

import numpy as np
import pytest

from core.readers import idx
from core.types import HELD_OUT

RNG = np.random.default_rng(0)


def images(n=20, rows=12, columns=10):
    return RNG.integers(0, 256, (n, rows, columns), dtype=np.uint8)


def packed(array, magic=None):
    """The bytes of an IDX file."""
    kind = magic if magic is not None else 0x800 + array.ndim
    return struct.pack(f">{1 + array.ndim}I", kind, *array.shape) + array.tobytes()


def write(folder, name, content):
    path = folder / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_images_and_labels_come_back(tmp_path, ending):
    made, labels = images(), np.arange(20, dtype=np.uint8) % 10
    write(tmp_path, f"train-labels-idx1-ubyte{ending}", packed(labels))
    path = write(tmp_path, f"train-images-idx3-ubyte{ending}", packed(made))
    for source in (idx.read(path, {}), idx.read(tmp_path, {})):
        assert source.held_out == 4 and source.identity()["files"] == [path.name]
        drawn = source.draw([3, 16 + 3, HELD_OUT], (32, 32))
        np.testing.assert_array_equal(drawn[0, 10:22, 11:21], made[3] / np.float32(255))
        assert drawn[0].sum() == pytest.approx(made[3].sum() / 255, rel=1e-6), "black around it"
        np.testing.assert_array_equal(drawn[0], drawn[1])
        np.testing.assert_array_equal(drawn[2, 10:22, 11:21], made[16] / np.float32(255))
        np.testing.assert_array_equal(source.classes([3, HELD_OUT]), [3, 6])


def test_the_test_set_is_held_out_and_labels_are_optional(tmp_path):
    train, test = images(15), images(12)
    write(tmp_path, "train-images-idx3-ubyte.gz", packed(train))
    write(tmp_path, "t10k-images-idx3-ubyte", packed(test))
    write(tmp_path, "notes.txt", b"foreign")
    source = idx.read(tmp_path, {})
    assert source.held_out == 12 and source.labels is None
    np.testing.assert_array_equal(source.draw([HELD_OUT + 11], (12, 10))[0], test[11] / np.float32(255))
    np.testing.assert_array_equal(source.draw([14, 15], (12, 10)), train[[14, 0]] / np.float32(255))
    assert source.classes([0]) is None


def test_two_folders_with_other_images_are_other_data(tmp_path):
    first, second = (idx.read(write(tmp_path, f"{k}-images", packed(images())), {}).identity() for k in "ab")
    assert first["content"] != second["content"] and str(tmp_path) not in str(first)


HEADER = packed(images(20))[:16]
BAD = {
    "empty": (b"", "begins with 0x00"),
    "foreign": (b"\x89PNG\r\n\x1a\n" + b"0" * 100, "begins with 0x89504e47"),
    "labels": (packed(np.zeros(20, np.uint8)), "no IDX file of images"),
    "half a header": (HEADER[:9], "ends inside its header"),
    "truncated": (packed(images(20))[:-1], "truncated: it holds 2399 of the 2400 bytes"),
    "too long": (packed(images(20)) + b"0", "goes on beyond the 2400 bytes"),
    "too few": (packed(images(9)), "holds 9 entries; 10 to"),
    "too many": (struct.pack(">4I", 0x803, 2**32 - 1, 28, 28), "holds 4294967295 entries"),
    "too large": (struct.pack(">4I", 0x803, 20, 33, 28), "33 x 28 pixels; each side"),
    "no pixels": (struct.pack(">4I", 0x803, 20, 0, 28), "0 x 28 pixels; each side"),
    "announces much": (struct.pack(">4I", 0x803, 500_000, 32, 32), "truncated: its header announces 512000000 bytes"),
    "announces more": (struct.pack(">4I", 0x803, 600_000, 32, 32), "announces 614400000 bytes; at most"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_what_cannot_be_used_is_a_sentence(tmp_path, name, ending):
    content, sentence = BAD[name]
    path = write(tmp_path, f"images{ending}", content)
    with pytest.raises(ValueError, match=sentence) as caught:
        idx.read(path, {})
    assert str(caught.value).startswith("images") and str(tmp_path) not in str(caught.value)


def test_a_bomb_is_not_unpacked(tmp_path):
    """Half a gigabyte of zeros behind a header of 2400 bytes: refused after one byte more than announced."""
    bomb = gzip.compress(HEADER + bytes(2**26))
    path = tmp_path / "images.gz"
    path.write_bytes(bomb)
    with pytest.raises(ValueError, match="goes on beyond the 2400 bytes"):
        idx.read(path, {})


def test_damaged_gzip_is_a_sentence(tmp_path):
    whole = bytearray(gzip.compress(packed(images())))
    for place in (len(whole) - 6, len(whole) // 2):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        (tmp_path / "images.gz").write_bytes(damaged)
        with pytest.raises(ValueError, match=r"images\.gz is"):
            idx.read(tmp_path / "images.gz", {})
    (tmp_path / "images.gz").write_bytes(whole[:-9])
    with pytest.raises(ValueError, match="cannot be unpacked"):
        idx.read(tmp_path / "images.gz", {})


def test_folders_that_cannot_be_used_are_sentences(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        idx.read(tmp_path / "nowhere", {})
    with pytest.raises(ValueError, match="holds no IDX file of images"):
        idx.read(tmp_path, {})
    write(tmp_path, "a-images", packed(images()))
    os.symlink(tmp_path / "a-images", tmp_path / "link")
    with pytest.raises(ValueError, match="is a symbolic link"):
        idx.read(tmp_path / "link", {})
    write(tmp_path, "a-labels", packed(np.zeros(19, np.uint8)))
    with pytest.raises(ValueError, match="19 labels for the 20 images"):
        idx.read(tmp_path, {})
    (tmp_path / "a-labels").unlink()
    write(tmp_path, "t10k-images", packed(images(20, 28, 28)))
    with pytest.raises(ValueError, match="several sizes"):
        idx.read(tmp_path, {})
    write(tmp_path, "b-images", packed(images()))
    with pytest.raises(ValueError, match="several files of images"):
        idx.read(tmp_path, {})
    with pytest.raises(ValueError, match="take no --scale"):
        idx.read(tmp_path / "a-images", {"scale": 0.5})


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_random_damage_gives_images_or_a_sentence(tmp_path, ending):
    """300 files with up to four bytes changed, cut or doubled."""
    whole = gzip.compress(packed(images())) if ending else packed(images())
    rng, path, read = np.random.default_rng(1), tmp_path / f"images{ending}", 0
    for _ in range(300):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole) if rng.random() < 0.5 else 24, rng.integers(1, 5)):
            damaged[place] = rng.integers(256)
        if rng.random() < 0.3:
            damaged = damaged[: rng.integers(len(damaged))] * int(rng.integers(1, 3))
        path.write_bytes(damaged)
        try:
            read += idx.read(path, {}).draw([0], (32, 32)).shape == (1, 32, 32)
        except ValueError as error:
            assert str(error).startswith("images")
    assert read < 300
