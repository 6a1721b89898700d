"""Source -> batches: everything random is keyed, and what is written to disk is written whole or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import uuid
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.files import commit_file
from core.keys import key
from core.types import HELD_OUT, Array, Source

BLOCK = 256
"""Images per block: what an interrupted build keeps."""
HEAD = 512
"""Bytes before the HDF5 part of a cache file; they carry the digest of the rest, checked before HDF5 reads anything."""
DRIFT = 0.01
"""Share of an image's pixels that may differ when the source draws it again (another machine rounds differently)."""
PERIODIC = ("roll_rows", "roll_columns", "flip_rows", "flip_columns", "transpose")
"""The exact symmetries of an isotropic periodic field."""
IN_FRAME = PERIODIC[2:]
"""Those that move nothing out of the frame."""


def digest(array: Array) -> str:
    """blake2b of an array's type, shape and bytes, 32 hex digits: the fingerprint of data in a manifest."""
    hasher = hashlib.blake2b(f"{array.dtype.str}{array.shape}".encode(), digest_size=16)
    hasher.update(np.ascontiguousarray(array).data)
    return hasher.hexdigest()


def folder_of(folder: str | Path | None = None) -> Path:
    """The cache folder: `folder`, else the environment's INVNET_CACHE, else ~/.cache/invnet-explorer."""
    return Path(folder or os.environ.get("INVNET_CACHE") or Path.home() / ".cache" / "invnet-explorer").expanduser()


def cached(
    source: Source,
    seeds: Sequence[int],
    shape: tuple[int, int],
    folder: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    training: bool = True,
) -> Array:
    """The source's arrays (n, H, W) for these seeds, built once and kept on disk; `progress(done, n)` is called as they
    come.

    A file that is damaged, or that the source no longer agrees with, is built again with a warning; an interrupted
    build continues with its finished blocks; processes that build at once share the blocks; a folder that cannot be
    written means a warning and no cache. Raises `ValueError` for seeds that training may not see (unless `training` is
    false), for negative or repeated seeds, and for arrays that are not uint8 or finite float32 of the promised shape.
    """
    _allowed(seeds, training)
    identity: dict[str, Any] = {"format": 1, "source": source.identity(), "seeds": _seeds(seeds), "shape": list(shape)}
    name = hashlib.blake2b(json.dumps(identity, sort_keys=True).encode(), digest_size=8).hexdigest()
    path = folder_of(folder) / f"{shape[0]}x{shape[1]}-{len(seeds)}-{name}.h5"
    array = _open(path, source, seeds, shape)
    if array is None:
        array = _build(path, source, seeds, shape, progress or (lambda done, n: None))
    return array


class Batches:
    """Random batches of a fixed array, as a pure function of (seed, step key, global sample index).

    One process or several see the same global batch: each takes its own indices. `symmetries` (of `PERIODIC`; none
    for fields that have no symmetry) move every image at random: periodic rolls, flips and the transpose are exact
    symmetries of an isotropic periodic field, so no statistic of it changes."""

    def __init__(
        self, array: Array, seed: int, symmetries: Sequence[str] = PERIODIC, device: str | torch.device = "cpu"
    ) -> None:
        """`array` (n, H, W), kept on `device`; `ValueError` for no images, an unknown symmetry or a transpose of
        non-squares."""
        unknown = set(symmetries) - set(PERIODIC)
        if unknown:
            raise ValueError(f"There is no symmetry {', '.join(sorted(unknown))}. Choose from: {', '.join(PERIODIC)}.")
        if array.ndim != 3 or not array.size:
            raise ValueError(f"Batches need an array of at least one image, (n, H, W); got shape {array.shape}.")
        if "transpose" in symmetries and array.shape[1] != array.shape[2]:
            raise ValueError(f"Only square images can be transposed; these are {array.shape[1]} x {array.shape[2]}.")
        self.images = torch.from_numpy(np.ascontiguousarray(array)).to(device)
        self.seed, self.symmetries = seed, frozenset(symmetries)

    def choose(self, step_key: int, indices: Sequence[int]) -> Tensor:
        """Which image each sample of the batch is: int64 (len(indices),). For values kept along with the images."""
        picked = [key(self.seed, step_key, i, "image") % len(self.images) for i in indices]
        return torch.tensor(picked, dtype=torch.int64, device=self.images.device)

    def take(self, step_key: int, indices: Sequence[int]) -> Tensor:
        """The images (len(indices), H, W) at global sample indices `indices` of the batch named `step_key`, moved at
        random."""
        rows, columns, swap = self._moves(step_key, indices)
        image = self.choose(step_key, indices)[:, None, None]
        out = self.images[image, rows[:, :, None], columns[:, None, :]]
        return torch.where(swap[:, None, None], out.transpose(1, 2), out) if "transpose" in self.symmetries else out

    def _moves(self, step_key: int, indices: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Row indices (B, H), column indices (B, W) and whether to swap the axes (B,), per sample."""
        keys = [key(self.seed, step_key, i, "move") for i in indices]
        height, width = self.images.shape[1:]
        rows = np.stack([_line(height, k, "rows", self.symmetries) for k in keys])
        columns = np.stack([_line(width, k >> 20, "columns", self.symmetries) for k in keys])
        swap = np.array([(k >> 40) & 1 for k in keys], dtype=bool)
        device = self.images.device
        return (
            torch.from_numpy(rows).to(device),
            torch.from_numpy(columns).to(device),
            torch.from_numpy(swap).to(device),
        )


def _line(length: int, bits: int, axis: str, symmetries: frozenset[str]) -> Array:
    """Indices along one axis: rolled by `bits` and flipped by bit 19, where the symmetries say so."""
    line = np.arange(length)
    if f"flip_{axis}" in symmetries and (bits >> 19) & 1:
        line = line[::-1]
    return np.roll(line, bits % 2**19 % length) if f"roll_{axis}" in symmetries else line.copy()


def _allowed(seeds: Sequence[int], training: bool) -> None:
    """`ValueError` unless the seeds are distinct, not negative and, for training, below the held-out ones."""
    if not len(seeds) or min(seeds) < 0 or len(set(seeds)) != len(seeds):
        raise ValueError("Seeds must be distinct integers from 0 on, at least one of them.")
    if training and max(seeds) >= HELD_OUT:
        raise ValueError(f"Seed {max(seeds)} is kept for held-out checks: training uses seeds below {HELD_OUT}.")


def _seeds(seeds: Sequence[int]) -> str:
    """The seeds in one line: `a..b` for a run, else a digest."""
    first, last = int(seeds[0]), int(seeds[-1])
    run = last - first + 1 == len(seeds) and all(int(s) == first + i for i, s in enumerate(seeds))
    return f"{first}..{last}" if run else digest(np.asarray(seeds, dtype=np.int64))


def _draw(source: Source, seeds: Sequence[int], shape: tuple[int, int]) -> Array:
    """Draw one block; `ValueError` unless it has the promised type and shape."""
    array = np.ascontiguousarray(source.draw(seeds, shape))
    fits = array.shape == (len(seeds), *shape) and array.dtype in (np.uint8, np.float32)
    if not fits or not np.isfinite(array).all():
        raise ValueError(
            f"The source gave {array.dtype} of shape {array.shape} for {len(seeds)} seeds; "
            f"it must give uint8 or finite float32 of shape {(len(seeds), *shape)}."
        )
    return array


def _build(
    path: Path, source: Source, seeds: Sequence[int], shape: tuple[int, int], progress: Callable[[int, int], None]
) -> Array:
    """Draw all blocks, keeping each on disk as soon as it is finished, then write the one file and drop the blocks."""
    parts = path.with_suffix(".parts")
    keep = _try(path, lambda: parts.mkdir(parents=True, exist_ok=True))
    starts = range(0, len(seeds), BLOCK)
    blocks: dict[int, Array] = {}
    for start in sorted(starts, key=lambda s: (not _part(parts, s).exists(), key(os.getpid(), s))):
        wanted = seeds[start : start + BLOCK]
        block = _read_part(parts, start, source, wanted, shape)
        if block is None and path.exists():  # another process has finished meanwhile
            whole = _open(path, source, seeds, shape)
            if whole is not None:
                return whole
        if block is None:
            block = _draw(source, wanted, shape)
            keep = keep and _try(path, partial(_write_part, parts, start, block))
        blocks[start] = block
        progress(sum(map(len, blocks.values())), len(seeds))
    array = np.concatenate([blocks[s] for s in starts])
    if keep and _try(path, partial(_write, path, array)):
        shutil.rmtree(parts, ignore_errors=True)
    return array


def _try(path: Path, write: Callable[[], None]) -> bool:
    """Whether something could be written; if not, a warning that nothing is kept on disk, and why."""
    try:
        write()
    except OSError as error:
        warnings.warn(
            f"The data cannot be kept in {path.parent} ({error.strerror or error}), so they are made again next time. "
            "Set INVNET_CACHE to a folder that can be written.",
            stacklevel=4,
        )
        return False
    return True


def _part(parts: Path, start: int) -> Path:
    """The file of the block that begins at `start`."""
    return parts / f"{start:08d}.block"


def _write_part(parts: Path, start: int, block: Array) -> None:
    """Keep a finished block: its digest, then npy."""
    buffer = io.BytesIO()
    np.save(buffer, block, allow_pickle=False)
    own = parts / f"{uuid.uuid4().hex}.own"
    try:
        own.write_bytes(bytes.fromhex(digest(block)) + buffer.getvalue())
        commit_file(own, _part(parts, start))
    except FileNotFoundError:
        if not parts.with_suffix(".h5").exists():  # else another process has finished the whole and tidies up
            raise


def _read_part(parts: Path, start: int, source: Source, seeds: Sequence[int], shape: tuple[int, int]) -> Array | None:
    """A block that was finished before, if it is there, intact, and still what the source gives."""
    try:
        blob = _part(parts, start).read_bytes()
        block = np.load(io.BytesIO(blob[16:]), allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if bytes.fromhex(digest(block)) != blob[:16]:
        return None
    return block if _fits(block, source, seeds, shape) else None


def _write(path: Path, array: Array) -> None:
    """The cache file: HDF5 with one dataset, compressed by blocks, behind a head with the digest of all that
    follows."""
    import h5py

    own = path.with_name(f"{path.stem}.{uuid.uuid4().hex}.partial")
    try:
        with h5py.File(own, "w", userblock_size=HEAD) as file:
            chunks = (min(BLOCK, len(array)), *array.shape[1:])
            file.create_dataset(
                "images", data=array, chunks=chunks, compression="gzip", compression_opts=1, shuffle=True
            )
        with open(own, "rb+") as head:
            seal = _seal(own)
            head.write(seal.encode().ljust(HEAD, b"\0"))
        commit_file(own, path)
    finally:
        own.unlink(missing_ok=True)


def _seal(path: Path) -> str:
    """blake2b of everything after the head."""
    hasher = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as file:
        file.seek(HEAD)
        while piece := file.read(2**20):
            hasher.update(piece)
    return hasher.hexdigest()


def _open(path: Path, source: Source, seeds: Sequence[int], shape: tuple[int, int]) -> Array | None:
    """The array of an intact cache file that the source still agrees with; None when there is none, with a warning if
    it is bad."""
    import h5py

    if not path.exists():
        return None
    reason = "it was damaged"
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD).rstrip(b"\0").decode("ascii", "replace")
        if head == _seal(path):
            with h5py.File(path, "r") as file:
                array = np.asarray(file["images"])
            if _fits(array, source, seeds, shape):
                return array
            reason = "the source now gives other arrays for the same seeds"
        path.unlink(missing_ok=True)
    except (OSError, KeyError):
        reason = "it could not be read"
    warnings.warn(f"The data in {path} are made again: {reason}.", stacklevel=3)
    return None


def _fits(array: Array, source: Source, seeds: Sequence[int], shape: tuple[int, int]) -> bool:
    """Whether a kept array has the right form and its first image is what the source gives today, up to rounding."""
    again = _draw(source, seeds[:1], shape)
    if array.shape != (len(seeds), *shape) or array.dtype != again.dtype:
        return False
    scale = float(np.abs(again).max()) if again.dtype == np.float32 else 0.0
    return bool((np.abs(array[:1].astype(np.float64) - again) > 1e-3 * scale).mean() <= DRIFT)
