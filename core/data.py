"""Source -> batches: everything random is keyed, and what is written to disk is written whole or not at all."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any


def key(*parts: Any) -> int:
    """A 63-bit key from the parts (blake2b): the only source of randomness. Same parts, same key, on every machine."""
    text = "/".join(str(p) for p in parts).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


def write_atomic(path: Path, blob: bytes) -> None:
    """Write a file whole or not at all: `<name>.partial`, fsync, rename, fsync of the folder.

    A crash at any moment leaves the old file or the new one; an error removes the partial file and leaves the old one.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        with open(partial, "wb") as file:
            file.write(blob)
        settle(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def settle(partial: Path, path: Path) -> None:
    """Make a finished partial file durable and give it its name, in one step: fsync, rename, fsync of the folder."""
    with open(partial, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(partial, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
