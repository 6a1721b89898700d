"""How fast are bulk sets written, and in how much memory? `python -m tests.benchmarks.bulk [-n 2000] [--size 64]
[--name NAME]`.

Runs `python -m core.sampling` with 1 and 2 workers and prints samples per second of wall time (start-up left out, by
the difference to a quarter of the samples) and per CPU second, the ratio of the latter to simulations in batches per
CPU second, and the largest peak of the resident memory of any one process. `-n 100000` shows that memory does not grow.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from core.problems.two_phase import SOURCE
from core.types import HELD_OUT

BATCH = 32


def written(name: str, n: int, size: int, workers: int) -> tuple[float, float, float]:
    """(seconds, CPU seconds, largest peak of a process in MB) of one command."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "core.sampling",
            name,
            "-n",
            str(n),
            "--size",
            str(size),
            "--workers",
            str(workers),
        ]
        began, used = time.perf_counter(), cpu_of_children()
        child = subprocess.Popen(
            [*command, "--out", str(Path(folder) / "a.h5")], env=environment, stdout=subprocess.DEVNULL
        )
        peak = 0
        while child.poll() is None:
            peak = max([peak, *(resident(pid) for pid in (child.pid, *children(child.pid)))])
            time.sleep(0.2)
        if child.returncode:
            raise SystemExit("The command failed.")
        return time.perf_counter() - began, cpu_of_children() - used, peak / 1024


def cpu_of_children() -> float:
    """CPU seconds of all processes that this one has started and that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def children(pid: int) -> list[int]:
    """Process ids of the children."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def resident(pid: int) -> int:
    """Peak of the resident memory of a process so far, in KB."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def simulated(size: int, batches: int = 4) -> float:
    """Simulations per CPU second on one thread, in batches of `BATCH`."""
    torch.set_num_threads(1)
    SOURCE.draw(range(HELD_OUT, HELD_OUT + BATCH), (size, size))
    began = time.process_time()
    for i in range(1, batches + 1):
        SOURCE.draw(range(HELD_OUT + BATCH * i, HELD_OUT + BATCH * (i + 1)), (size, size))
    return BATCH * batches / (time.process_time() - began)


def main() -> None:
    """Print one line for each number of workers."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bulk")
    parser.add_argument("--name", default="two_phase/fraction")
    parser.add_argument("-n", type=int, default=2000)
    parser.add_argument("--size", type=int, default=64)
    given = parser.parse_args()
    simulations = simulated(given.size)
    print(
        f"{given.size} x {given.size}, simulations in batches of {BATCH}: {simulations:.0f} per CPU second", flush=True
    )
    for workers in (1, 2):
        few, whole = (written(given.name, n, given.size, workers) for n in (given.n // 4, given.n))
        made, wall, cpu = given.n - given.n // 4, whole[0] - few[0], whole[1] - few[1]
        print(
            f"{given.n} samples, {workers} worker(s): {whole[0]:.1f} s in all, {made / wall:.0f} samples/s of wall "
            f"time, "
            f"{made / cpu:.0f} per CPU second = {made / cpu / simulations:.2f} times the simulations; peak "
            f"{whole[2]:.0f} MB",
            flush=True,
        )


if __name__ == "__main__":
    main()
