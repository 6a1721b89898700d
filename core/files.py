"""Atomic writes: a file is written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_atomic(path: Path, blob: bytes) -> None:
    """Write a file whole or not at all: `<name>.partial`, fsync, rename, fsync of the folder.

    A crash at any moment leaves the old file or the new one; an error removes the partial file and leaves the old one.
    """
    unnamed = path.with_name(path.name + ".partial")
    try:
        with open(unnamed, "wb") as file:
            file.write(blob)
        commit_file(unnamed, path)
    except BaseException:
        unnamed.unlink(missing_ok=True)
        raise


def commit_file(unnamed: Path, path: Path) -> None:
    """Make a finished partial file durable and give it its name, in one step: fsync, rename, fsync of the folder."""
    with open(unnamed, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(unnamed, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
