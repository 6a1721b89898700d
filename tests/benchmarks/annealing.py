"""How long does annealing take, and how near does it come? `python -m tests.benchmarks.annealing [--sizes 64 128] [-n
3]`.

Targets are the two-point correlations of held-out Cahn-Hilliard simulations; every run begins with white noise. CPU
seconds of one thread, medians over `n` targets."""

from __future__ import annotations

import argparse
import statistics
import time

import torch

from core.descriptors import two_phase
from core.problems.two_phase import SOURCE
from core.simulation.annealing import Annealing
from core.types import HELD_OUT

BINS = 33
FRACTIONS = (0.35, 0.5)


def main() -> None:
    """Print one line for each size, fraction and goal."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.annealing")
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--goals", type=float, nargs="+", default=[1e-3, 5e-4, 2e-4])
    parser.add_argument("-n", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    for size in given.sizes:
        for p in FRACTIONS:
            images = torch.from_numpy(SOURCE.at([p] * given.n, HELD_OUT, (size, size)))
            curves = two_phase.s2_radial(images.double())[:, :BINS].numpy()
            for goal in given.goals:
                rows = []
                for seed, curve in enumerate(curves):
                    began, annealing = time.process_time(), Annealing(curve, (size, size), seed)
                    list(annealing.run(goal))
                    euler = two_phase.euler_number(torch.from_numpy(annealing.labels)[None]).item()
                    rows.append((annealing.error, annealing.steps, time.process_time() - began, euler))
                error, steps, seconds, euler = (statistics.median(column) for column in zip(*rows, strict=True))
                truth = two_phase.euler_number(images).median().item()
                print(
                    f"{size} px, p1 {p}, goal {goal:g}: S2 error {error:.5f} after {steps:.0f} proposals, "
                    f"{seconds:.2f} s; "
                    f"Euler number {euler:.1f} (simulation {truth:.1f})",
                    flush=True,
                )


if __name__ == "__main__":
    main()
