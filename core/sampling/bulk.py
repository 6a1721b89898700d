"""Large sets of samples in HDF5 files: in blocks, over processes and shards, the same samples for any split.

Each block of a shard is sampled and written, whole or not at all, to `<file>.parts/`; when all are there they are
joined to the file under a temporary name, which is then renamed. Killed at any moment, the same call continues with the
first missing block."""

from __future__ import annotations

import hashlib
import json
import math
import multiprocessing
import os
import shutil
import signal
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from core import sampling
from core.sampling import hdf5
from core.sampling.request import BATCH, BATCH_PIXELS, WHOLE, Request, Shard, validate
from core.types import VERSION

BLOCK = 64
BLOCK_PIXELS = 2**22
"""Samples in a block: at most `BLOCK`, and no more than `BLOCK_PIXELS` pixels (one sample at least)."""
LARGEST = 10_000_000
"""Most samples in one shard: the blocks of a shard are kept in a list."""


class Job:
    """One shard of a request on its way to its file."""

    def __init__(self, request: Request, out: Path, shard: Shard = WHOLE) -> None:
        """Loads the model and validates everything; nothing is written yet. `ValueError` and `FileNotFoundError` in
        sentences."""
        if request.n < 1 or request.seed < 0 or (request.batch or 1) < 1:
            got = f"n = {request.n}, batch = {request.batch}, seed = {request.seed}"
            raise ValueError(f"n and batch must be at least 1 and seed at least 0; got {got}.")
        self.out, self.shard, self.path = out, shard, shard.file(out)
        self.first, self.stop = shard.span(request.n)
        if self.stop - self.first > LARGEST:
            raise ValueError(f"A file holds at most {LARGEST} samples; use at least {-(-request.n // LARGEST)} shards.")
        name = request.name if request.name.endswith(".safetensors") else str(sampling.path_of(request.name))
        self.model = sampling.load(name, request.device)
        self.shape = self.model.shape(request.size)
        quick = (
            max(1, min(BATCH, BATCH_PIXELS // math.prod(self.shape))) if request.device == "cpu" else self.model.chunk
        )
        self.model.chunk = request.batch or quick
        self.request = replace(request, name=name, batch=self.model.chunk)
        self.warnings = validate(self.request, self.model)
        self.about = self._about()
        self.parts = self.path.with_name(self.path.name + ".parts")
        self.stem = hashlib.blake2b(json.dumps(self.about).encode(), digest_size=8).hexdigest()

    def _about(self) -> dict[str, Any]:
        """The attributes of the file."""
        model, request = self.model, self.request
        software = f"InvNet Explorer {VERSION}"
        full_request = asdict(request) | {
            "name": model.name,
            "digest": model.digest,
            "size": self.shape,
            "software": software,
        }
        return {
            "software": software,
            "model": model.name,
            "digest": model.digest,
            "citation": model.problem.citation,
            "seed": request.seed,
            "request": json.dumps(full_request),
            "shard": f"{self.shard.k}/{self.shard.m}",
        }

    def _once(self) -> dict[str, Any]:
        """What the file holds once: the manifest, and coordinates where there are any."""
        model = self.model
        field = asdict(model.field)
        kinds = {k: field[k] for k in ("kind", "labels", "axes", "unit", "periodic")}
        described = {"request": json.loads(self.about["request"]), **kinds, "warnings": self.warnings}
        manifest = described | {"citation": model.problem.citation, "checkpoint": dict(model.manifest)}
        coords = model.problem.frame.coords(self.shape) if model.problem.frame.coords else {}
        return {"manifest": json.dumps(manifest), **{f"coords/{axis}": values for axis, values in coords.items()}}

    @property
    def blocks(self) -> list[tuple[int, int]]:
        """(start, stop) of every block."""
        length = max(1, min(BLOCK, BLOCK_PIXELS // math.prod(self.shape)))
        return [(start, min(start + length, self.stop)) for start in range(self.first, self.stop, length)]

    def part(self, start: int) -> Path:
        """The file of the block that begins at `start`; its name says of which request it is."""
        return self.parts / f"{self.stem}-{start:09d}.h5"

    def finished(self) -> bool:
        """Whether the file is there and complete; `ValueError` when it is another request's."""
        if self.path.exists() and hdf5.about(self.path) != self.about:
            raise ValueError(
                f"{self.path} holds samples of another request. Choose another name with --out, or delete it."
            )
        return self.path.exists()

    def run(self, workers: int = 1) -> Generator[int, None, None]:
        """Makes the file; yields the number of samples that are there, after each block. Closing the iterator stops it.

        `OSError` when the folder cannot be written, `ValueError` when its disk has no room.
        """
        self.parts.mkdir(parents=True, exist_ok=True)
        count = self.stop - self.first
        hdf5.room(self.path, self._guess(count))
        missing = [block for block in self.blocks if not self.part(block[0]).exists()]
        left = sum(stop - start for start, stop in missing)
        hdf5.room(self.path, self._guess(count + left))
        done = count - left
        yield done
        for written in self._work(missing, min(workers, len(missing))):
            done += written
            yield done
        hdf5.merge(self.path, [self.part(start) for start, _ in self.blocks], count, self.about, self._once())
        shutil.rmtree(self.parts, ignore_errors=True)

    def _guess(self, samples: int) -> float:
        """Estimated bytes of `samples` samples: labels compress to the bits that distinguish them."""
        kind = self.model.field
        bits = 32 if kind.kind == "continuous" else math.ceil(math.log2(max(2, len(kind.labels))))
        return samples * math.prod(self.shape) * bits / 8

    def write(self, start: int, stop: int) -> int:
        """Sample one block and keep it; returns its number of samples."""
        hdf5.keep(self.part(start), hdf5.columns(self.request.sample(self.model, start, stop), start))
        return stop - start

    def _work(self, blocks: Sequence[tuple[int, int]], workers: int) -> Iterator[int]:
        """Samples in each block as it is finished, here or by worker processes."""
        if workers < 2:
            yield from (self.write(*block) for block in blocks)
            return
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, context, _begin, (self.request, self.out, self.shard)) as pool:
            mask = signal.pthread_sigmask(
                signal.SIG_BLOCK, {signal.SIGINT}
            )  # handed down: Ctrl-C is for this process alone
            futures = [pool.submit(_write, *block) for block in blocks]
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            try:
                yield from (future.result() for future in as_completed(futures))
            finally:
                pool.shutdown(cancel_futures=True)


_job: Job
"""The worker's own."""


def _begin(request: Request, out: Path, shard: Shard) -> None:
    """Start of a worker process: it computes on one thread and ends with its parent, even one that was killed."""
    global _job
    threading.Thread(target=_follow, daemon=True).start()
    torch.set_num_threads(1)
    _job = Job(request, out, shard)


def _follow() -> None:
    """End this process as soon as its parent has ended."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _write(start: int, stop: int) -> int:
    """A block, in a worker."""
    return _job.write(start, stop)
