"""Prints training speed in both precisions, the cost of each player's gradient, and the memory; ratios are of one run.

    python -m tests.benchmarks.training [NAME] [--steps 8] [--images 256] [--precision bf16 fp32]

Every precision runs in a process of its own, so that the largest memory is its own. Times are CPU times on one thread:
those of a quiet machine."""

from __future__ import annotations

import argparse
import dataclasses
import multiprocessing
import resource
import statistics
import time

import torch

from core import discovery
from core.training.loop import Trainer, fit


def seconds(trainer: Trainer, player: object, repeats: int) -> float:
    """Mean seconds of one gradient of a player, over draws with and without the lazy penalty alike."""
    taken = []
    for number in range(repeats):
        start = time.process_time()
        trainer.game.gradients(player, number)
        taken.append(time.process_time() - start)
    return statistics.mean(taken)


def measure(name: str, precision: str, steps: int, images: int) -> dict[str, float]:
    """Images per second of whole steps, ms of each player's gradient, largest memory in MiB before and after
    training."""
    torch.set_num_threads(1)
    problem, preset = discovery.split(name)
    config = dataclasses.replace(preset.config, precision=precision, steps=steps + 1, images=images)
    arrays = None if preset.critic is None else problem.source.draw(range(images), (config.size, config.size))
    trainer = Trainer(problem, preset, config, arrays)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    next(fit(trainer))
    start = time.process_time()
    list(fit(trainer))
    rate = steps * config.batch / (time.process_time() - start)
    found: dict[str, float] = {"images per second": rate, "size": config.size, "batch": config.batch}
    found |= {f"{p.name}, ms": 1e3 * seconds(trainer, p, 2 * config.lazy) for p in trainer.game.players}
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found | {"memory before training, MiB": before, "largest memory, MiB": after}


def main() -> None:
    """Prints a column for each precision, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", default="two_phase/fraction")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--precision", nargs="+", default=["bf16", "fp32"], choices=["bf16", "fp32", "fp64"])
    given = parser.parse_args()
    found = {}
    for precision in given.precision:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found[precision] = pool.apply(measure, (given.name, precision, given.steps, given.images))
    first = found[given.precision[0]]
    print(f"{given.name}: batch {first['batch']:.0f}, {first['size']:.0f} px, one thread, {given.steps} steps")
    ratio = len(given.precision) > 1
    print(f"{'':<30}" + "".join(f"{p:>10}" for p in given.precision) + ("     ratio" if ratio else ""))
    for row in (r for r in first if r not in ("batch", "size")):
        values = [found[p][row] for p in given.precision]
        print(
            f"{row:<30}" + "".join(f"{v:10.1f}" for v in values) + (f"{values[1] / values[0]:10.2f}" if ratio else "")
        )


if __name__ == "__main__":
    main()
