"""Prints what a sample costs, what a full simulation costs, and where the time goes; ratios are of one run on one
thread.

    python -m tests.benchmarks.speed [NAME] [--sizes 64 128 256] [--repeats 21]

Times are CPU times, medians over rounds that run every part once: on a quiet machine they are the times a person waits,
and on a busy one every part of a ratio suffers alike."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from core import sampling
from core.models.cahn_hilliard_layer import with_mean
from core.simulation.cahn_hilliard import propagate
from core.types import HELD_OUT

BATCH = 32
WHOLE = "sample, measured and delivered"
Calls = dict[str, Callable[[int], object]]


def stages(model: sampling.Model, size: int) -> Calls:
    """The generator's stages on one sample at its default request, each fed with what the one before gives."""
    g: Any = model.generator
    conditions = {q.name: torch.tensor([float(q.default)]) for q in model.conditions}
    noise = g.noise([1], (size, size))
    latent = g.draw_latent(noise, conditions)
    p, length = conditions["volume_fraction"], latent["length"]
    y = g.seed(noise["white"][:, 0], p, length, {}, g.contraction)
    logits = g(noise, conditions, latent)
    start, dt = (
        with_mean(torch.tanh(g.physics.sharpness * y), g.physics.composition(p, length)),
        g.physics.dt(p, length),
    )
    return {
        "noise": lambda i: g.noise([i], (size, size)),
        "seed": lambda i: g.seed(noise["white"][:, 0], p, length, {}, g.contraction),
        "network": lambda i: g.residual(y, noise["white"][:, 1], p, length),
        "physics": lambda i: g.physics(y, p, length),
        "physics, one step": lambda i: propagate(start, dt, 1),
        "projection": lambda i: model.problem.projection.apply(logits, conditions),
        "generator, all stages": lambda i: g(noise, conditions, latent),
        WHOLE: lambda i: model.sample(seed=i, size=size),
    }


def simulations(model: sampling.Model, size: int) -> Calls:
    """Full simulations of the data source, alone and in a batch of `BATCH`; every call draws other seeds."""
    draw = model.problem.source.draw
    return {
        "simulation, one at a time": lambda i: draw([HELD_OUT + i], (size, size)),
        f"simulation, in a batch of {BATCH}": lambda i: draw(
            range(HELD_OUT + BATCH * i, HELD_OUT + BATCH * (i + 1)), (size, size)
        ),
    }


def milliseconds(calls: Calls, rounds: int) -> dict[str, float]:
    """Median CPU time of every call in ms, after one round to warm up."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            start = time.process_time()
            call(number)
            taken[name].append(1e3 * (time.process_time() - start))
    return {name: statistics.median(values[1:]) for name, values in taken.items()}


def report(model: sampling.Model, size: int, repeats: int) -> None:
    """One size: ms of every part and its share of a sample, then the ratios of simulations to a sample."""
    with torch.inference_mode():
        parts = milliseconds(stages(model, size), repeats)
        full = milliseconds(simulations(model, size), max(2, repeats // 7))
    whole = parts[WHOLE]
    print(f"\n{size} x {size}")
    for name, taken in parts.items():
        print(f"  {name:<32}{taken:9.2f} ms  {100 * taken / whole:5.1f} %")
    for name, taken in full.items():
        each = taken / (BATCH if "batch" in name else 1)
        print(f"  {name:<32}{each:9.2f} ms  {each / whole:5.1f} times a sample")


def main() -> None:
    """Prints every size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", default="two_phase/fraction", help="a checkpoint of the two-phase problem")
    parser.add_argument("--sizes", nargs="+", type=int, default=[64, 128, 256])
    parser.add_argument("--repeats", type=int, default=21)
    given = parser.parse_args()
    torch.set_num_threads(1)
    try:
        model = sampling.load(given.name)
    except (ValueError, FileNotFoundError) as error:
        raise SystemExit(str(error)) from None
    print(f"{model.name} {model.digest[:12]}, median of {given.repeats} rounds, one thread, CPU time")
    for size in given.sizes:
        report(model, size, given.repeats)


if __name__ == "__main__":
    main()
