"""Samples in HDF5: written whole or not at all, joined block by block, so that memory does not grow with their number.

Layout: `labels` uint8 or `field` float32 (n, rows, columns), `index` (n,), groups `requested`, `measured`, `raw`,
`latent` (one row for each sample), `coords` (positions in physical units, where there are any), `manifest` (JSON text).
Everything is compressed and has checksums."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from core.files import commit_file, write_atomic
from core.types import Array, Sample

ROWS_BYTES = 2**22
"""Bytes of arrays in memory at once while files are joined (one row at least)."""
CHUNK_BYTES = 2**18
SLACK = 2**20
ONCE = ("manifest", "coords")
"""What a file holds once, not for each sample."""
ABOUT = ("software", "model", "digest", "citation", "seed", "request", "shard")
"""Attributes of every file; `request` is the JSON text of all that fixes the samples, `shard` is `k/m`."""


def columns(sample: Sample, first: int) -> dict[str, Array]:
    """A sample's arrays by their names in the file, one row for each of its samples, which are `first`, `first + 1`,
    ..."""
    groups = {"requested": sample.requested, "measured": sample.measured, "raw": sample.raw, "latent": sample.latent}
    named = {f"{group}/{name}": rows for group, values in groups.items() for name, rows in values.items()}
    array = {"labels" if sample.labels is not None else "field": sample.array}
    return {**array, "index": np.arange(first, first + len(sample.array)), **named}


def keep(path: Path, block: Mapping[str, Array]) -> None:
    """Write one block of columns to `path`, whole or not at all.

    It is put together in memory, because HDF5 does not survive a full disk.
    """
    blob = io.BytesIO()
    with h5py.File(blob, "w") as file:
        _fill(file, len(block["index"]), [block])
    write_atomic(path, blob.getvalue())


def merge(path: Path, files: Sequence[Path], n: int, about: Mapping[str, Any], once: Mapping[str, Any]) -> None:
    """Write the `n` rows of `files` to `path`: under `<name>.partial` until it is complete and durable.

    `ValueError` when one of them is damaged, or when the disk has no room.
    """
    room(path, sum(file.stat().st_size for file in files) + SLACK)
    unnamed = path.with_name(path.name + ".partial")
    try:
        with h5py.File(unnamed, "w") as file:
            file.attrs.update(about)
            for name, value in once.items():
                file[name] = value
            _fill(file, n, read(files))
        commit_file(unnamed, path)
    finally:
        unnamed.unlink(missing_ok=True)


def room(path: Path, needed: float) -> None:
    """`ValueError` unless the disk of `path` has `needed` bytes free."""
    free = shutil.disk_usage(path.parent).free
    if needed > free:
        raise ValueError(
            f"{path} needs about {needed / 1e6:,.1f} MB more, and its disk has {free / 1e6:,.1f} MB free. "
            "Make room, or request fewer samples, more shards or another folder."
        )


def _fill(file: h5py.File, n: int, blocks: Iterable[Mapping[str, Array]]) -> None:
    """Write blocks of columns, `n` rows in all, one after the other."""
    at = 0
    for block in blocks:
        for name, rows in block.items():
            if name not in file:
                _create(file, name, n, rows)
            file[name][at : at + len(rows)] = rows
        at += len(block["index"])


def _create(file: h5py.File, name: str, n: int, rows: Array) -> None:
    """An empty dataset of `n` rows like these."""
    chunk = int(np.clip(CHUNK_BYTES // rows[:1].nbytes, 1, n))
    kinds = {"compression": "gzip", "compression_opts": 1, "shuffle": True, "fletcher32": True}
    file.create_dataset(name, (n, *rows.shape[1:]), rows.dtype, chunks=(chunk, *rows.shape[1:]), **kinds)


def about(path: Path) -> dict[str, Any]:
    """The attributes of a finished file; `ValueError` when it is not one of ours."""
    try:
        with h5py.File(path, "r") as file:
            return {name: file.attrs[name] for name in ABOUT}
    except (OSError, KeyError):
        raise ValueError(
            f"{path} is not a file of samples, or is damaged. Choose another name, or delete it."
        ) from None


def read(files: Sequence[Path]) -> Iterator[dict[str, Array]]:
    """The columns of these files, one after the other, `ROWS_BYTES` at a time; `ValueError` for a damaged one."""
    for path in files:
        try:
            with h5py.File(path, "r") as file:
                names = _names(file)
                rows = max(1, ROWS_BYTES // max(file[name].nbytes // len(file[name]) for name in names))
                for start in range(0, len(file["index"]), rows):
                    yield {name: file[name][start : start + rows] for name in names}
        except (OSError, KeyError) as error:
            raise ValueError(f"{path} is damaged ({error}). Delete it and run the same command again.") from None


def _names(file: h5py.File) -> list[str]:
    """Names of the datasets that have a row for each sample."""
    names: list[str] = []
    file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return [name for name in names if name.split("/")[0] not in ONCE]


def join(target: Path, files: Sequence[Path]) -> int:
    """One file from all shards of a request, in order; returns the number of samples.

    Raises `ValueError` when a shard is missing, named twice, damaged or of another request, or `target` is there
    already."""
    if target.exists():
        raise ValueError(f"{target} is there already. Choose another name, or delete it.")
    if not files:
        raise ValueError("Name the shards to join: --join all.h5 big.*of16.h5")
    ordered = _in_order(files)
    n = 0
    for path in ordered:
        with h5py.File(path, "r") as file:
            n += len(file["index"])
    merge(target, ordered, n, {**about(ordered[0]), "shard": "1/1"}, _once(ordered[0]))
    return n


def _in_order(files: Sequence[Path]) -> list[Path]:
    """The shards 1/m .. m/m of one request; `ValueError` unless that is what these files are."""
    attributes = {path: about(path) for path in files}
    for path in files:
        if attributes[path]["request"] != attributes[files[0]]["request"]:
            raise ValueError(f"{path} and {files[0]} are shards of different requests; join those of one.")
    place = {attributes[path]["shard"]: path for path in files}
    count = int(attributes[files[0]]["shard"].split("/")[1])
    wanted = [f"{k}/{count}" for k in range(1, count + 1)]
    if len(files) != count or place.keys() != set(wanted):
        missing = ", ".join(shard for shard in wanted if shard not in place)
        raise ValueError(f"Every shard from 1/{count} to {count}/{count} is needed once; missing: {missing or 'none'}.")
    return [place[shard] for shard in wanted]


def _once(path: Path) -> dict[str, Any]:
    """What a file holds once: the manifest and the coordinates."""
    with h5py.File(path, "r") as file:
        coords = {f"coords/{axis}": values[()] for axis, values in file.get("coords", {}).items()}
        return {"manifest": file["manifest"].asstr()[()], **coords}
