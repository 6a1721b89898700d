"""`python -m core.sampling NAME --out FILE.h5`: a large set of samples in HDF5, in one command or in shards.

    python -m core.sampling two_phase/fraction --set volume_fraction=0.35 -n 100000 --size 64 --out big.h5
    python -m core.sampling two_phase/fraction --set volume_fraction=0.2:0.6 -n 1000 --out sweep.h5 --shard 3/16
    python -m core.sampling --join sweep.h5 sweep.*of16.h5

The same command again continues where it was stopped, and does nothing when the file is finished.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from pathlib import Path

import torch
from tqdm import tqdm

from core.sampling import hdf5
from core.sampling.bulk import Job
from core.sampling.request import Request, Setting, Shard, Sweep
from core.training.guards import StopFlag


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m core.sampling", description="Write a large set of samples to HDF5."
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="problem/preset or checkpoint file (--join: the shards)"
    )
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a condition: 0.35, a list 0.2,0.3,0.5 or an even sweep 0.2:0.6",
    )
    parser.add_argument(
        "--latent",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a latent direction, likewise (default: drawn for each sample)",
    )
    parser.add_argument("-n", type=int, default=1, help="samples in all shards together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, help="pixels per side (default: the problem's)")
    parser.add_argument("--out", type=Path, help="the file; shard 3/16 of big.h5 is big.3of16.h5")
    parser.add_argument(
        "--shard", metavar="K/M", help="make shard K of M (default: RANK and WORLD_SIZE of torchrun, else all)"
    )
    parser.add_argument("--raw", action="store_true", help="the raw network's samples, without the exact projection")
    parser.add_argument("--off", metavar="STAGE", action="append", default=[], help="leave a stage out, such as refine")
    parser.add_argument(
        "--best-of", type=int, default=1, metavar="DRAWS", help="keep the best of this many draws of each sample"
    )
    parser.add_argument("--lines", action="store_true", help="print DONE/TOTAL after each block instead of a bar")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--batch", type=int, help="samples in one call (default: what is quick at this size)")
    parser.add_argument("--workers", type=int, help="processes (default: one for each core; 1 on a GPU)")
    parser.add_argument("--join", type=Path, metavar="FILE", help="join finished shards into FILE")
    return parser.parse_intermixed_args(argv)


def settings(texts: Sequence[str]) -> dict[str, Setting]:
    """Values by name from `name=0.35`, `name=0.2,0.3,0.5` and `name=0.2:0.6`; `ValueError` for anything else."""
    result: dict[str, Setting] = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            numbers = [float(v) for v in value.replace(":", ",").split(",")]
        except ValueError:
            numbers = []
        swept = ":" in value
        if not name or not numbers or (swept and ("," in value or len(numbers) != 2)):
            raise ValueError(f"Write conditions as name=0.35, name=0.2,0.3,0.5 or name=0.2:0.6; got {text!r}.")
        result[name] = Sweep(*numbers) if swept else numbers[0] if len(numbers) == 1 else tuple(numbers)
    return result


def shard_of(value: str | None) -> Shard:
    """The shard from `K/M`, else from the environment that torchrun sets, else everything."""
    text = value or f"{int(os.environ.get('RANK', 0)) + 1}/{os.environ.get('WORLD_SIZE', 1)}"
    k, _, m = text.partition("/")
    if not (k.isdecimal() and m.isdecimal()):
        raise ValueError(f"--shard is K/M, such as 3/16; got {text!r}.")
    return Shard(int(k), int(m))


def processes(options: argparse.Namespace) -> int:
    """Worker processes: as many as requested, else this process's share of the cores."""
    if options.workers is not None and options.workers < 1:
        raise ValueError(f"--workers must be at least 1; got {options.workers}.")
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    share = max(1, cores // int(os.environ.get("LOCAL_WORLD_SIZE", 1)))
    return options.workers or (share if options.device == "cpu" else 1)


def make(options: argparse.Namespace) -> int:
    """Make the file of the command line; 0 when it is complete, 130 when a signal stopped it."""
    if len(options.names) != 1 or options.out is None:
        raise ValueError("Name one model and a file: python -m core.sampling two_phase/fraction -n 1000 --out big.h5")
    request = Request(
        options.names[0],
        options.n,
        options.seed,
        options.size,
        not options.raw,
        settings(options.set),
        settings(options.latent),
        options.device,
        options.batch,
        tuple(options.off),
        options.best_of,
    )
    if options.device == "cuda" and not torch.cuda.is_available():
        raise ValueError("There is no GPU that torch can use on this machine. Leave out --device cuda.")
    workers, job = processes(options), Job(request, options.out, shard_of(options.shard))
    count = job.stop - job.first
    if job.finished():
        shutil.rmtree(job.parts, ignore_errors=True)
        print(f"{job.path} is finished: {count} samples of this request. Nothing to do.")
        return 0
    print("".join(f"Warning: {warning}\n" for warning in job.warnings), end="", file=sys.stderr)
    bar = tqdm(total=count, desc=job.path.name, unit="sample", disable=options.lines or None)
    with StopFlag() as stop, bar, closing(job.run(workers)) as running:
        for done in running:
            bar.update(done - bar.n)
            if options.lines:
                print(f"{done}/{count}", flush=True)
            if stop:
                print(
                    f"Stopped by {stop.signal} after {done} of {count} samples; the same command continues.",
                    file=sys.stderr,
                )
                return 130
    print(f"written: {job.path}, {count} samples of {job.shape[0]} x {job.shape[1]}")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; 1 with a sentence when it cannot be done."""
    options = arguments(argv)
    torch.set_num_threads(1)
    try:
        if options.join is not None:
            print(f"written: {options.join}, {hdf5.join(options.join, [Path(name) for name in options.names])} samples")
            return 0
        return make(options)
    except KeyboardInterrupt:
        print("Stopped; the same command continues.", file=sys.stderr)
        return 130
    except BrokenProcessPool:
        print("A worker process was ended from outside (memory?). The same command continues.", file=sys.stderr)
    except OSError as error:
        advice = "Make room or choose another folder; finished blocks are kept."
        why = f"{options.join or options.out} cannot be written ({error.strerror}). {advice}"
        print(why if error.errno else error, file=sys.stderr)
    except (ValueError, RuntimeError) as error:
        print(error, file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
