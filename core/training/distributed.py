"""Several processes as one: start from torchrun's environment, average gradients, agree on decisions. Identities for
one process.

A step on w processes equals the step on one process with the same global batch: every rank takes an equal `share` of
it, the gradients of per-sample means are averaged, and every decision (stop, skip, save) is agreed. No wrapper around
the networks: DDP hooks `backward`, so gradients from `torch.autograd.grad`, which games with a gradient penalty need,
would silently not be averaged."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

PATIENCE = timedelta(hours=1)
"""How long a rank waits for the others (they may be building the data) before it gives up."""


@contextmanager
def processes(device: str | torch.device = "cpu") -> Iterator[torch.device]:
    """Join the processes that torchrun started, yield the device of this rank, leave cleanly; nothing to join in one
    process.

    >>> with processes("cuda") as device:
    ...     train(device)
    """
    place = torch.device(device)
    if place.type == "cuda":
        place = torch.device("cuda", int(os.environ.get("LOCAL_RANK", place.index or 0)))
        torch.cuda.set_device(place)
    joined = int(os.environ.get("WORLD_SIZE", "1")) > 1 and not dist.is_initialized()
    if joined:
        backend = "cpu:gloo,cuda:nccl" if place.type == "cuda" else "gloo"
        dist.init_process_group(backend, timeout=PATIENCE, device_id=place if place.type == "cuda" else None)
    try:
        yield place
    finally:
        if joined:
            dist.destroy_process_group()


def world() -> int:
    """Number of processes."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """Number of this process, 0 for the one that writes files."""
    return dist.get_rank() if dist.is_initialized() else 0


def share(n: int) -> range:
    """The global indices of a batch of n that this rank computes; `ValueError` when n cannot be shared equally.

    Equal shares keep the average of the ranks' means the mean of the whole batch.
    """
    if n < 1 or n % world():
        raise ValueError(
            f"A batch of {n} cannot be shared equally by {world()} processes. Use a multiple of {world()}."
        )
    part = n // world()
    return range(rank() * part, (rank() + 1) * part)


def average(tensors: Sequence[Tensor]) -> list[Tensor]:
    """The mean of each tensor over all processes, in one all-reduce; the tensors themselves in one process.

    All ranks must bring the same shapes in the same order. Every rank receives the same bits.
    """
    if world() == 1 or not tensors:
        return list(tensors)
    flat = torch.cat([t.detach().reshape(-1) for t in tensors])
    dist.all_reduce(flat)
    flat /= world()
    parts = flat.split([t.numel() for t in tensors])
    return [part.view(t.shape).to(t.dtype) for part, t in zip(parts, tensors, strict=True)]


def agree(flag: bool) -> bool:
    """True on every rank when it is true on any: stop, skip and save are decided together or not at all."""
    if world() == 1:
        return bool(flag)
    vote = torch.tensor([int(flag)], dtype=torch.int32)
    dist.all_reduce(vote, op=dist.ReduceOp.MAX)
    return bool(vote.item())


def identical(tensors: Mapping[str, Tensor]) -> bool:
    """Whether all processes hold the same bits under the same names: replicas that drifted apart are detected."""
    if world() == 1:
        return True
    hasher = hashlib.blake2b(digest_size=7)
    for name, tensor in sorted(tensors.items()):
        hasher.update(
            name.encode() + tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        )
    mine = int.from_bytes(hasher.digest(), "big")
    ends = torch.tensor([mine, -mine], dtype=torch.int64)
    dist.all_reduce(ends, op=dist.ReduceOp.MAX)
    return bool(ends[0] == -ends[1])


def wait() -> None:
    """Wait until every process is here (after rank 0 has written a file the others read)."""
    agree(False)
