"""IDX files of MNIST, plain or gzipped, as a data source: images, and labels where there is a file of them.

A file is what its first bytes say. Limits are checked in the header before anything is allocated, and no more is
unpacked than the header announces. What cannot be used raises `ValueError` with a sentence; nothing is ever written.
"""

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
"""Magic numbers: unsigned bytes in three dimensions, and in one."""
SIDES = (8, 32)
"""Fewest and most pixels along each side of an image."""
FEWEST, MOST = 10, 1_000_000
"""Fewest and most images of one file."""
ALL_BYTES = 2**29
"""Most pixels of one file."""
PACKED = 1032
"""Largest compression ratio of deflate."""
TEST = ("t10k", "test")
"""A file whose name begins with one of these holds the held-out images."""
Bytes = NDArray[np.uint8]


def read(path: Path, options: Mapping[str, Any]) -> OwnDigits:
    """Images from a file, or from a folder with one or two files of images.

    Of two files the one called t10k... or test... is held out; of a single file the last fifth. Labels are in the file
    of the same name with `labels` for `images`.

    Args:
        path: file or folder.
        options: must be empty.

    Raises:
        ValueError: there are options, or the files cannot be used.
    """
    if options:
        raise ValueError(f"IDX files take no {', '.join(f'--{k}' for k in sorted(options))}. Remove the option.")
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
    label_files = [_labels(f, len(s)) for f, s in zip(used, sets, strict=True)]
    present = [labels for labels in label_files if labels is not None]
    labels = np.concatenate(present) if len(present) == len(label_files) else None
    held_out = len(sets[1]) if test else len(sets[0]) // SHARE
    about = {"source": "own images", "version": 1, "files": [f.name for f in used], "labels": labels is not None}
    return OwnDigits(np.concatenate(sets), labels, held_out, about)


def _files(path: Path) -> list[Path]:
    """The image files at a path."""
    try:
        if not stat.S_ISDIR(path.lstat().st_mode):
            return [path]
        entries = sorted(p for p in path.iterdir() if not p.name.startswith(".") and stat.S_ISREG(p.lstat().st_mode))
        if len(entries) > FILES:
            raise bad(path, f"holds {len(entries)} files; at most {FILES} are looked at")
        images = [p for p in entries if _magic(p) == IMAGES]
    except FileNotFoundError:
        raise bad(path, "does not exist") from None
    except OSError as error:
        raise bad(Path(error.filename or path), f"cannot be read ({error.strerror or error})") from None
    if not images:
        raise bad(path, "holds no IDX file of images (such as train-images-idx3-ubyte.gz)")
    return images


def _magic(path: Path) -> int:
    """The first four bytes as a number, after unpacking gzip; 0 where there are none."""
    try:
        with _opened(path) as file:
            return int.from_bytes(file.read(4), "big")
    except (ValueError, EOFError, zlib.error, gzip.BadGzipFile):
        return 0


def _opened(path: Path) -> BinaryIO:
    """Opens a file for reading, unpacking gzip."""
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
    """The bytes of an IDX file of this kind, (n, rows, columns) or (n,)."""
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
    """The dimensions in the header, checked."""
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
    """The labels that belong to a file of images; None where there are none.

    Raises:
        ValueError: there are not as many labels as images.
    """
    stem = images.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    candidates = [images.with_name(name) for name in (stem, f"{stem}.gz") if name != images.name]
    file = next((p for p in candidates if p.exists()), None)
    if file is None or _magic(file) == IMAGES:
        return None
    labels = _array(file, LABELS)
    if len(labels) != count:
        raise bad(file, f"holds {len(labels)} labels for the {count} images of {images.name}")
    return labels
