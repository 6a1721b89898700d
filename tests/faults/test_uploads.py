"""Damaged and hostile uploads, through the function that the page uses: each is read or refused in a sentence, soon, in
little memory, and nothing of it stays on the disk."""

import io
import os
import random
import resource
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

import h5py
import numpy as np
import tifffile
from PIL import Image

from core.descriptors import windows
from core.readers import uploads as own_uploads
from tests.core.readers.test_uploads import npy, saved
from tests.faults import test_own_files as files

ROOT = Path(__file__).resolve().parents[2]
GREY = windows.example(0, (72, 80))
SECONDS, MEGABYTES = 5, 400


def hdf5():
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        four = (GREY[:64, :64] > 120).reshape(1, -1).repeat(4, 0)
        file.create_dataset("morphology", data=four, chunks=(1, 4096), compression="gzip")
    return out.getvalue()


def tif(array, **options):
    """A TIFF as tifffile writes it."""
    out = io.BytesIO()
    tifffile.imwrite(out, array, **{"photometric": "minisblack", **options})
    return out.getvalue()


def npz(**arrays):
    """A compressed NPZ file."""
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def good():
    """A small valid upload of every kind."""
    picture, table = Image.fromarray(GREY), "\n".join(f"{r},{0.16 + 0.24 * np.exp(-r / 5):.6f}" for r in range(40))
    return [
        saved(picture),
        saved(picture.convert("RGBA")),
        saved(picture.quantize(4)),
        saved(Image.fromarray(GREY.astype(np.uint16) * 257)),
        saved(picture, "TIFF"),
        saved(picture, "TIFF", compression="tiff_lzw"),
        saved(picture, "TIFF", compression="tiff_deflate"),
        saved(picture, "TIFF", save_all=True, append_images=[picture] * 3),
        *(tif(GREY, compression=c, tile=(32, 48)) for c in ("zstd", "jpeg", "lzw", "packbits")),
        tif(GREY.astype(np.float16), bigtiff=True, compression="zlib", predictor=True, rowsperstrip=9),
        tif(np.stack([GREY] * 3), planarconfig="separate", photometric="rgb", compression="zstd"),
        tif(np.stack([GREY] * 3), imagej=True, resolution=(2, 2)),
        tif(GREY, ome=True, metadata={"PhysicalSizeX": 0.3}),
        saved(Image.fromarray(GREY > 120), "TIFF", compression="group4"),
        saved(picture, "JPEG"),
        saved(picture.convert("RGB"), "JPEG", progressive=True),
        saved(picture, "BMP"),
        npz(a=np.zeros((90, 2)), b=GREY),
        npy(np.where(GREY > 250, np.nan, GREY)),
        npy(GREY),
        npy(GREY / 255),
        npy(np.stack([GREY] * 3)),
        hdf5(),
        table.encode(),
        ("distance;probability\n" + table.replace(",", ";")).encode(),
        table.encode("utf-16"),
        ('"r [nm]","S2"\n' + '"' + table.replace(",", '","').replace(".", ",").replace("\n", '"\n"') + '"').encode(),
        ("% r  S2\n" + table.replace(",", "  ")).encode(),
        ("distance,probability_scaled\n" + table.replace(",", ".5,")).encode(),
        b'{"like": {"distance": [0, 1, 2, 3, 4], "S2": [0.3, 0.2, 0.15, 0.1, 0.09]}}',
    ]


def ring():
    """A TIFF whose only page says that the next one is itself."""
    plain = bytearray(saved(Image.fromarray(GREY), "TIFF"))
    start = struct.unpack_from("<I", plain, 4)[0]
    struct.pack_into("<I", plain, start + 2 + 12 * struct.unpack_from("<H", plain, start)[0], start)
    return bytes(plain)


def pages(n):
    """A TIFF of n pages that all show the same pixels."""
    data = bytes(range(64)) * 64
    out = bytearray(b"II*\0" + struct.pack("<I", 8 + len(data)) + data)
    tags = [(256, 64), (257, 64), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 64), (279, len(data))]
    for i in range(n):
        here = len(out)
        out += struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", t, 4, 1, v) for t, v in tags)
        out += struct.pack("<I", here + 2 + 12 * len(tags) + 4 if i < n - 1 else 0)
    return bytes(out)


def chunked(*more):
    """A PNG with these chunks after its header."""
    plain = saved(Image.fromarray(GREY))

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    return plain[:33] + b"".join(chunk(*m) for m in more) + plain[33:]


def hostile():
    """Uploads made to do harm."""
    bomb = zlib.compress(bytes(50_000_000))
    return [
        files.png_header(60_000, 60_000),
        files.png_header(2**31 - 1, 2**31 - 1),
        files.png_header(5000, 5000),
        files.tiff_header(9000, 9000),
        saved(Image.fromarray(GREY), "BMP")[:18] + struct.pack("<ii", 2**30, 2**30) + bytes(2000),
        saved(Image.fromarray(GREY), "JPEG").replace(struct.pack(">HH", *GREY.shape), b"\xff\xff\xff\xff", 1),
        tif(GREY, imagej=True).replace(b"images=1", b"images=9"),
        tif(GREY, description="ImageJ=1.11a\nimages=999999999\nhyperstack=true\n", metadata=None),
        tif(GREY, description="<OME><!DOCTYPE lolz [" + "<!ENTITY a '&a;&a;'>" * 2000 + "]>", metadata=None),
        tif(np.zeros((5000, 4990), np.uint8), compression="zstd"),
        npz(a=np.zeros((5000, 4990), np.uint8)),
        npz(**{f"a{i}": np.zeros((2, 2)) for i in range(1500)}),
        files.npy_header((2**40, 2**40)),
        files.npy_header((10_000, 100, 100)),
        files.npy_header((80, 80), "|O"),
        chunked((b"zTXt", b"a\0\0" + bomb)),
        chunked((b"iCCP", b"a\0\0" + bomb)),
        chunked((b"acTL", struct.pack(">II", 2**31 - 1, 0))),
        ring(),
        pages(4000),
        pages(20_000),
        b"II+\0" + bytes(12),
        b"MM\0*" + b"\xff" * 500,
        bytes(10_000),
        b"\xff\xfe" + b"\x00\xd8" * 50,
        b"1" * 2_000_000,
        b"1,2\n" * 500_000,
        b"1;2\n" * 90_000,
        b'"1","2\n' * 90_000,
        b"((((" * 500_000,
        b"r (" * 30_000 + b"\n" + b"0 0\n" * 9,
        b'{"like":' * 100_000,
        b"[" * 1_000_000,
        (b"9" * 39 + b",") * 40_000,
        b"0,1e999\n" * 10,
        b"0,nan\n" * 9,
        b"# only a remark\n" * 1000,
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\x89HDF\r\n\x1a\n" + b"\xff" * 3000,
        b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 70_000,
        b"PK\x03\x04" + bytes(300),
        b"GIF89a" + bytes(300),
        b"%PDF-1.7\n" * 50,
    ]


def fuzz(folder, seed, n):
    """Every hostile upload and n damaged ones; prints how many were read and refused, and the most memory used."""
    tempfile.tempdir = str(folder)
    rng, blobs = random.Random(seed), good()
    began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    counts = {"read": 0, "refused": 0}
    names = ["a.png", "b" * 300, "..", "", "/etc/x.tif", "ü\0.npy", "con"]
    uploads = [*hostile(), *blobs, *(files.damaged(rng, blobs[i % len(blobs)]) for i in range(n))]
    for i, content in enumerate(uploads):
        start = time.monotonic()
        try:
            found = own_uploads.read(names[i % len(names)], content, rng.choice([0, 0, 0, 2]))
            counts["read"] += 1
            assert found.name
        except ValueError as error:
            assert type(error) is ValueError and str(error).endswith("."), repr(error)
            counts["refused"] += 1
        assert time.monotonic() - start < SECONDS, f"upload {i} took {time.monotonic() - start:.1f} s"
        assert os.listdir(folder) == []
    print(counts["read"], counts["refused"], round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - began) / 1024))


def test_damaged_and_hostile_uploads(tmp_path):
    """In a process of its own with bounded memory, so that a crash of a decoder would be seen."""
    run = (
        f"from pathlib import Path; from tests.faults import test_uploads as t; t.fuzz(Path({str(tmp_path)!r}), 1, 900)"
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
    read, refused, megabytes = map(int, done.stdout.split()[-3:])
    assert read >= 50 and refused >= 200 and megabytes < MEGABYTES
