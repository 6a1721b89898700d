"""Files that cannot be used: a sentence each, nothing decoded that is too large, nothing written, whatever the
bytes."""

import io
import os
import random
import resource
import struct
import subprocess
import sys
import time
import tracemalloc
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from core.readers import arrays, hdf5, maps
from tests import foreign

ROOT = Path(__file__).resolve().parents[2]
LABELS = np.random.default_rng(0).integers(0, 5, (24, 24)).astype(np.uint8)


def refused(path, say, **options):
    """`read` says so, in a sentence that names the file but not its folder, and leaves the folder as it was."""
    before = sorted(path.parent.iterdir())
    with pytest.raises(ValueError, match=say) as caught:
        maps.read(path, options)
    said = str(caught.value)
    assert said.endswith(".") and str(path.parent) not in said and sorted(path.parent.iterdir()) == before


def png_header(width, height):
    """A PNG that announces so many pixels and holds next to none."""

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


def tiff_header(width, height):
    """An uncompressed TIFF that announces so many pixels."""
    tags = [
        (256, width),
        (257, height),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, 8),
        (277, 1),
        (278, height),
        (279, width * height),
    ]
    return (
        b"II*\0"
        + struct.pack("<IH", 8, len(tags))
        + b"".join(struct.pack("<HHII", t, 4, 1, v) for t, v in tags)
        + bytes(4)
    )


def npy_header(shape, dtype="|u1"):
    """An NPY file that announces such an array and holds a little."""
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": dtype, "fortran_order": False, "shape": shape})
    return out.getvalue() + bytes(100)


@pytest.mark.parametrize(
    ("blob", "say"),
    [
        (png_header(10_000, 10_000), "10000 x 10000 pixels; at most 50 megapixels"),
        (png_header(60_000, 60_000), "50 megapixels"),
        (png_header(2**31 - 1, 2**31 - 1), "megapixels|damaged"),
        (png_header(100, 100), "damaged"),
        (png_header(8, 100), "100 pixels; each side needs 16"),
        (tiff_header(10_000, 10_000), "10000 x 10000 pixels; at most 50 megapixels"),
        (tiff_header(100, 100), "damaged"),
        (npy_header((10_000, 10_000)), "10000 x 10000 pixels; at most 50 megapixels"),
        (npy_header((100_000, 100, 100)), "at most 400 megapixels are read in all"),
        (npy_header((100, 100)), "truncated"),
        (npy_header((2**62, 2**62)), "megapixels"),
        (npy_header((0, 20, 20)), "holds no maps"),
        (npy_header((30,)), r"shape \(30,\)"),
        (npy_header((3, 3, 20, 20)), r"shape \(3, 3, 20, 20\)"),
        (npy_header((20, 20), "|O"), "type object"),
        (npy_header((20, 20), "<c8"), "type complex64"),
        (npy_header((20, 20), "<U4"), "type <U4"),
        (b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 70000, "damaged"),
        (b"", "is empty"),
        (b"\xff\xd8\xff\xe0 JPEG", "is damaged"),
        (b"GIF89a" + bytes(100), "of no kind that is read here"),
        (b"\x89HDF\r\n\x1a\n" + bytes(500), "is damaged: its HDF5 structure"),
        (b"PK\x03\x04" + bytes(100), "of no kind that is read here"),
    ],
)
def test_hostile_headers(tmp_path, blob, say):
    path = tmp_path / "map.png"
    path.write_bytes(blob)
    tracemalloc.start()
    began = time.monotonic()
    refused(path, say)
    assert tracemalloc.get_traced_memory()[1] < 20e6 and time.monotonic() - began < 5
    tracemalloc.stop()


def test_places_that_are_no_files(tmp_path):
    (tmp_path / "folder").mkdir()
    refused(tmp_path / "folder", "holds no file that can be read")
    refused(tmp_path / "nothing.png", "does not exist")
    Image.fromarray(LABELS).save(tmp_path / "a.png")
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    (tmp_path / "broken.png").symlink_to(tmp_path / "gone")
    for name in ("link.png", "broken.png"):
        refused(tmp_path / name, "is a symbolic link; name the file")
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "not a regular file")
    with pytest.raises(ValueError, match=r"b\.png cannot be read"):
        maps.read(tmp_path / "a.png" / "b.png", {})
    found = maps.read(tmp_path, {})
    assert (
        found.identity()["files"] == ["a.png"]
        and found.identity()["notes"][0] == "4 other entries of the folder were left out"
    )


def test_files_that_may_not_be_read(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    Image.fromarray(LABELS).save(path)

    def forbidden(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(arrays, "kind", forbidden)
    refused(path, r"a\.png cannot be read \(Permission denied\)")
    refused(tmp_path, r"a\.png cannot be read \(Permission denied\)")


def test_files_that_are_too_large(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    Image.fromarray(LABELS).save(path)
    monkeypatch.setattr(arrays, "IMAGE_BYTES", 50)
    refused(path, "bytes; at most 50 are read")


@pytest.mark.parametrize(
    ("array", "say"),
    [
        (np.arange(24 * 24).reshape(24, 24), "holds 576 distinct values, but there are only 5 labels"),
        (np.full((24, 24), np.nan), "not finite"),
        (np.linspace(0, 1, 24 * 24).reshape(24, 24), "not whole numbers"),
        (np.full((24, 24), 1e300), "too large for labels"),
        (np.full((24, 24), 2**64 - 1, np.uint64), "too large for labels"),
    ],
)
def test_values_that_are_no_labels(tmp_path, array, say):
    np.save(tmp_path / "a.npy", array)
    refused(tmp_path / "a.npy", say)


def test_colours_beyond_the_labels(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 24, 3)).astype(np.uint8)).save(tmp_path / "a.png")
    refused(tmp_path / "a.png", "holds 576 distinct values")
    Image.fromarray(LABELS).convert("CMYK").save(tmp_path / "b.tif")
    refused(tmp_path / "b.tif", "pixels of kind CMYK")


def test_files_whose_values_together_are_too_many(tmp_path):
    np.save(tmp_path / "a.npy", LABELS)
    np.save(tmp_path / "b.npy", LABELS + 3)
    refused(tmp_path, "values that make 8 with those of the files before it")


@pytest.mark.parametrize(
    "options",
    [
        {"slice": "z"},
        {"slice": "w=3"},
        {"slice": "z=-1"},
        {"scale": 0.5},
        {"scale": 2.0},
        {"scale": -1.0},
        {"colour": 1},
    ],
)
def test_options_that_make_no_sense(tmp_path, options):
    np.save(tmp_path / "a.npy", LABELS)
    refused(tmp_path / "a.npy", "slice is an axis|scale must be|At scale 0.5|no option colour", **options)


def test_a_mixture_of_grains_and_labels(tmp_path):
    np.save(tmp_path / "b.npy", LABELS)
    foreign.version6(tmp_path / "a.dream3d", LABELS[None] + 1)
    refused(tmp_path, r"b\.npy has no grain numbers but other files have them")


# --- HDF5
# ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def h5(tmp_path):
    """h5(fill) -> path of a file that `fill` has written."""

    def make(fill):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            fill(file)
        return tmp_path / "a.h5"

    return make


def bomb(file):
    """A chunk of 24 x 24 bytes that unpacks to a megabyte."""
    made = file.create_dataset("maps", (24, 24), np.uint8, chunks=(24, 24), compression="gzip")
    made.id.write_direct_chunk((0, 0), zlib.compress(bytes(1_000_000)))


@pytest.mark.parametrize(
    ("fill", "say"),
    [
        (lambda f: None, "has no array of maps"),
        (lambda f: f.__setitem__("text", "words"), "has no array of maps"),
        (lambda f: f.create_dataset("maps", (10_000, 10_000), np.uint8), "at most 50 megapixels"),
        (lambda f: f.create_dataset("maps", (10**6, 1000, 1000), np.uint8), "at most 400 million cells"),
        (
            lambda f: f.create_dataset("maps", (24, 24), np.uint8, external=[("other", 0, 576)]),
            "keeps data in other files",
        ),
        (lambda f: f.create_virtual_dataset("maps", layout()), "keeps data in other files"),
        (lambda f: f.__setitem__("maps", h5py.ExternalLink("other.h5", "/x")), r"link to another file \(maps\)"),
        (lambda f: f.create_dataset("maps", data=LABELS, scaleoffset=4), "compressed in a way that is not read"),
        (
            lambda f: f.create_dataset("maps", (20_000, 2000), np.float64, chunks=(20_000, 2000)),
            "chunks of 320000000 bytes",
        ),
        (bomb, "decompression bomb"),
        (lambda f: [f.create_group(f"{i}") for i in range(101)], "more than 100 objects"),
        (lambda f: f.create_group("/".join("abcdefghijklmnopqrstuvw")), "16 levels"),
        (lambda f: f.__setitem__("loop/again", f["/"]), "16 levels"),
        (lambda f: f.create_group("DataContainers"), r"has no grain numbers \(FeatureIds\); it has no arrays"),
    ],
)
def test_hdf5_that_is_not_read(h5, fill, say, monkeypatch):
    monkeypatch.setattr(hdf5, "OBJECTS", 100)
    refused(h5(fill), say)


def layout():
    """A virtual array that would be read from another file."""
    made = h5py.VirtualLayout((24, 24), np.uint8)
    made[...] = h5py.VirtualSource("other.h5", "x", (24, 24))
    return made


def test_truncated_hdf5(tmp_path):
    foreign.version6(tmp_path / "a.dream3d", LABELS[None] + 1)
    blob = (tmp_path / "a.dream3d").read_bytes()
    for length in (len(blob) - 1, len(blob) // 2, 600, 100, 10):
        (tmp_path / "a.dream3d").write_bytes(blob[:length])
        refused(tmp_path / "a.dream3d", "is truncated|is damaged")


# --- fuzz
# ---------------------------------------------------------------------------------------------------------------


def good_files(folder):
    """A small valid file of every kind."""
    ids = foreign.voronoi((1, 24, 24), 12)
    foreign.version6(folder / "six.dream3d", ids, foreign.random_angles(576).reshape(1, 24, 24, 3))
    foreign.version_nx(folder / "nx.dream3d", ids, foreign.random_angles(576).reshape(1, 24, 24, 3))
    with h5py.File(folder / "plain.h5", "w") as file:
        file.create_dataset("dataset", data=np.stack([LABELS] * 3), chunks=(1, 24, 24), compression="gzip")
    np.save(folder / "a.npy", LABELS)
    Image.fromarray(LABELS).save(folder / "a.png")
    Image.fromarray(np.stack([LABELS * 50] * 2 + [LABELS], -1)).save(folder / "b.png")
    for i, compression in enumerate([None, "tiff_lzw", "tiff_deflate", "packbits"]):
        Image.fromarray(LABELS).save(folder / f"{i}.tif", compression=compression)
    return sorted(folder.iterdir())


def damaged(rng, blob):
    """The bytes cut, with bits flipped, or with numbers replaced by extreme ones; the first bytes (the kind) are
    kept."""
    out = bytearray(blob)
    way = rng.random()
    if way < 0.2:
        return bytes(out[: rng.randrange(8, len(out))])
    for _ in range(rng.choice([1, 1, 2, 8, 40])):
        at = rng.randrange(8, min(len(out), rng.choice([64, 1000, len(out)])))
        if way < 0.6:
            out[at] ^= 1 << rng.randrange(8)
        else:
            out[at : at + 4] = rng.choice(
                [b"\xff" * 4, bytes(4), struct.pack("<I", 2**31 - 1), struct.pack(">I", 70_000)]
            )
    return bytes(out)


def fuzz(folder, seed, n):
    """n damaged files: each is read or refused with a sentence, within 5 s; prints what happened and the most memory
    used."""
    (folder / "good").mkdir()
    blobs = [p.read_bytes() for p in good_files(folder / "good")]
    rng, path, counts = random.Random(seed), folder / "file", {"read": 0, "refused": 0}
    began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for i in range(n):
        path.write_bytes(damaged(rng, blobs[i % len(blobs)]))
        start = time.monotonic()
        try:
            maps.read(path, {"features": bool(rng.random() < 0.3)})
            counts["read"] += 1
        except ValueError as error:
            assert type(error) is ValueError and "file" in str(error), error
            counts["refused"] += 1
        assert time.monotonic() - start < 5
        assert sorted(p.name for p in folder.iterdir()) == ["file", "good"]
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - began) / 1024
    print(counts["read"], counts["refused"], round(grown))


def test_damaged_files_are_read_or_refused(tmp_path):
    """In a process of its own with bounded memory, so that a crash of a decoder would be seen."""
    run = (
        f"from pathlib import Path; from tests.faults import test_own_files as t; t.fuzz(Path({str(tmp_path)!r}), "
        f"1, 600)"
    )

    def limit():
        return resource.setrlimit(resource.RLIMIT_AS, (6 * 2**30,) * 2)

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", run],
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=limit,
        timeout=240,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    read, refusals, megabytes = map(int, done.stdout.split()[-3:])
    assert read >= 50 and refusals >= 200 and megabytes < 300
