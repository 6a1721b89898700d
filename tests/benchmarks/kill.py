"""How well does training survive kill -9? `python -m tests.benchmarks.kill [KILLS]` (default 20, some minutes).

Trains once undisturbed and once killed at random moments, each time continued by the same command, and compares every
tensor of the final training state and of the finished checkpoint bit by bit."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import train
from core import checkpoint
from tests.faults.killing import NAME, Training, differing, moments
from tests.processes import FRESH

ARGUMENTS = ("--samples", "16")


def main(kills: int) -> int:
    """Print one line per kill and the verdict; 1 when anything differs."""
    steps = ("--steps", str(3 * kills), *ARGUMENTS)
    with tempfile.TemporaryDirectory() as name:
        folder, began = Path(name), time.perf_counter()
        calm, killed = (
            Training(folder / kind, folder / "cache", train.main, *steps, context=FRESH) for kind in ("calm", "killed")
        )
        calm.finish()
        print(f"undisturbed: {calm.steps()} steps, {time.perf_counter() - began:.0f} s")
        hits = 0
        for number, (seconds, lines) in enumerate(moments(0, kills, calm), 1):
            running, said = killed.kill_after(seconds, lines)
            hits += running
            verdict = "hit" if running else "too late"
            print(f"kill {number}: {verdict}, {killed.steps()} steps logged; it said {said.strip()[:60]!r}", flush=True)
        killed.finish()
        apart = differing(killed.weights(), calm.weights())
        shipped = [checkpoint.load(t.folder / "out" / f"{NAME}.safetensors").tensors for t in (calm, killed)]
        apart += differing(*shipped)
        compared = len(calm.weights()) + len(shipped[0])
        print(
            f"{hits} of {kills} kills hit; {compared} tensors compared bit by bit, {len(apart)} differ "
            f"{apart[:5] or ''}"
        )
    return int(bool(apart) or hits == 0)


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
