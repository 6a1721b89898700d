"""MNIST's IDX files, plain or gzipped, as a data source: images, and labels where they lie beside them.

A file is what its first bytes say it is. Sizes are judged from the header before anything is allocated, and no more is
unpacked than the header announces. All that cannot be used raises `ValueError` with a sentence; nothing is ever
written."""

from __future__ import annotations

import gzip
import math
import stat
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from core.readers.arrays import FILES, IMAGE_BYTES, bad
from core.simulation.digits import SHARE, OwnDigits

IMAGES, LABELS = 0x00000803, 0x00000801
"""The magic numbers: unsigned bytes of three dimensions, and of one."""
SIDES = (8, 32)
"""Fewest and most pixels along each side of an image."""
FEWEST, MOST = 10, 1_000_000
"""Images of one file."""
ALL_BYTES = 2**29
"""Most pixels of one file."""
PACKED = 1032
"""Deflate makes nothing smaller than by this factor."""
TEST = ("t10k", "test")
"""A file whose name begins so holds the held-out images."""
Bytes = NDArray[np.uint8]


def read(path: Path, options: Mapping[str, Any]) -> OwnDigits:
    """A file of images, or a folder with one such file, or with two of which one is called t10k... or test...: that one
    is held out, else the last fifth of the only one. Labels are those in the file of the same name with `labels` for
    `images`."""
    if options:
        raise ValueError(f"IDX files take no {', '.join(f'--{k}' for k in sorted(options))}. Leave it away.")
    path, files = Path(path), _files(Path(path))
    train = [f for f in files if not f.name.lower().startswith(TEST)] or files
    test = [f for f in files if f not in train]
    if len(train) > 1 or len(test) > 1:
        raise bad(path, f"holds several files of images ({', '.join(f.name for f in files)}); name one of them")
    used = [*train, *test]
    sets = [_array(f, IMAGES) for f in used]
    sizes = {f.name: s.shape[1:] for f, s in zip(used, sets, strict=True)}
    if len(set(sizes.values())) > 1:
        raise bad(path, f"holds images of several sizes: {sizes}")
    found = [_labels(f, len(s)) for f, s in zip(used, sets, strict=True)]
    labels = None if any(one is None for one in found) else np.concatenate([one for one in found if one is not None])
    held = len(sets[1]) if test else len(sets[0]) // SHARE
    about = {"source": "own images", "version": 1, "files": [f.name for f in used], "labels": labels is not None}
    return OwnDigits(np.concatenate(sets), labels, held, about)


def _files(path: Path) -> list[Path]:
    """The files of images at a path."""
    try:
        if not stat.S_ISDIR(path.lstat().st_mode):
            return [path]
        entries = sorted(p for p in path.iterdir() if not p.name.startswith(".") and stat.S_ISREG(p.lstat().st_mode))
        if len(entries) > FILES:
            raise bad(path, f"holds {len(entries)} files; at most {FILES} are looked at")
        found = [p for p in entries if _magic(p) == IMAGES]
    except FileNotFoundError:
        raise bad(path, "does not exist") from None
    except OSError as error:
        raise bad(Path(error.filename or path), f"cannot be read ({error.strerror or error})") from None
    if not found:
        raise bad(path, "holds no IDX file of images (such as train-images-idx3-ubyte.gz)")
    return found


def _magic(path: Path) -> int:
    """The first four bytes as a number, unpacked where they are gzip; 0 where there are none."""
    try:
        with _opened(path) as file:
            return int.from_bytes(file.read(4), "big")
    except (ValueError, EOFError, zlib.error, gzip.BadGzipFile):
        return 0


def _opened(path: Path) -> BinaryIO:
    """The file, unpacked while it is read where it is gzip."""
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        raise bad(path, "is a symbolic link; name the file that it points to")
    if not stat.S_ISREG(mode):
        raise bad(path, "is not a regular file")
    if (size := path.stat().st_size) > IMAGE_BYTES:
        raise bad(path, f"has {size} bytes; at most {IMAGE_BYTES} are read")
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if packed else open(path, "rb")  # type: ignore[return-value]


def _array(path: Path, magic: int) -> Bytes:
    """The bytes of an IDX file of that kind, (n, rows, columns) or (n,)."""
    try:
        with _opened(path) as file:
            shape = _shape(path, file, magic)
            count = math.prod(shape)
            if count > PACKED * path.stat().st_size:
                raise bad(path, f"is truncated: its header announces {count} bytes")
            content = file.read(count + 1)
            if len(content) > count:
                raise bad(path, f"is no IDX file: it goes on beyond the {count} bytes that its header announces")
    except FileNotFoundError:
        raise bad(path, "does not exist") from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise bad(path, "is damaged: it cannot be unpacked") from None
    except OSError as error:
        raise bad(path, f"cannot be read ({error.strerror or error})") from None
    if len(content) < count:
        raise bad(path, f"is truncated: it holds {len(content)} of the {count} bytes that its header announces")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _shape(path: Path, file: BinaryIO, magic: int) -> Sequence[int]:
    """The dimensions in the header, judged."""
    size = 4 * (1 + magic % 256)
    head = file.read(size)
    if int.from_bytes(head[:4], "big") != magic:
        kind = {IMAGES: "images (0x00000803)", LABELS: "labels (0x00000801)"}[magic]
        raise bad(path, f"is no IDX file of {kind}: it begins with 0x{head[:4].hex() or '00'}")
    if len(head) < size:
        raise bad(path, "is truncated: it ends inside its header")
    n, *sides = (int.from_bytes(head[i : i + 4], "big") for i in range(4, size, 4))
    if not FEWEST <= n <= MOST:
        raise bad(path, f"holds {n} entries; {FEWEST} to {MOST} are read")
    if any(not SIDES[0] <= side <= SIDES[1] for side in sides):
        raise bad(
            path, f"holds images of {' x '.join(map(str, sides))} pixels; each side must have {SIDES[0]} to {SIDES[1]}"
        )
    if n * math.prod(sides) > ALL_BYTES:
        raise bad(path, f"announces {n * math.prod(sides)} bytes; at most {ALL_BYTES} are read")
    return n, *sides


def _labels(images: Path, count: int) -> Bytes | None:
    """The labels beside a file of images; None where there are none. `ValueError` where they are not as many."""
    stem = images.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    beside = [images.with_name(name) for name in (stem, f"{stem}.gz") if name != images.name]
    found = next((p for p in beside if p.exists()), None)
    if found is None or _magic(found) == IMAGES:
        return None
    labels = _array(found, LABELS)
    if len(labels) != count:
        raise bad(found, f"holds {len(labels)} labels for the {count} images of {images.name}")
    return labels
