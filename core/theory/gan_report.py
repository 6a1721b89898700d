"""The numbers of the GAN lab: `python -m core.theory.gan_report [--steps 300] [--seeds 2]`."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import asdict, replace

import torch

from core.theory.gan_lab import PRESETS, GanLab, Measured, Setting

STEPS, SEEDS = 300, 2
LAST = 100
"""Number of last steps over which a run is evaluated."""


def run_game(setting: Setting, steps: int = STEPS) -> GanLab:
    """The game after `steps` steps."""
    lab = GanLab(setting)
    lab.play(steps)
    return lab


def last(lab: GanLab, steps: int = LAST) -> list[Measured]:
    """The history of the last steps."""
    return [m for m in lab.history if m.step > lab.done - steps]


def mean(lines: list[Measured], name: str) -> float:
    """Mean of a measured number."""
    return sum(asdict(m)[name] for m in lines) / len(lines)


def convergence(steps: int, seeds: int) -> Iterator[str]:
    """D -> 1/2 and V -> -log 4 for the losses that have a D, over the last steps."""
    setting = PRESETS["converges"][0]
    for loss in ("non_saturating", "minimax", "relativistic"):
        for seed in range(seeds):
            lines = last(run_game(replace(setting, loss=loss, seed=seed), steps))
            value, optimal, identity = (mean(lines, n) for n in ("learnt", "optimal", "identity"))
            yield (
                f"{loss:<15} seed {seed}: D {mean(lines, 'mean'):.4f} (|D - 1/2| {mean(lines, 'off'):.4f}), "
                f"V(D) {value:.4f}, V(D*) {optimal:.4f}, -log 4 + 2 JSD {identity:.4f}; "
                f"off -log 4 by {off(value):.2%}, {off(optimal):.2%}, {off(identity):.2%}; "
                f"W1 {mean(lines, 'w1'):.3f}"
            )


def off(value: float) -> float:
    """Relative distance of a value from -log 4."""
    return abs(value / math.log(4) + 1)


def failures(steps: int, seeds: int) -> Iterator[str]:
    """Every preset that fails, without and with its cure."""
    for name, (setting, cure) in PRESETS.items():
        for switched in (False, True) if cure else ():
            for seed in range(seeds):
                lab = run_game(replace(setting, seed=seed, **(cure if switched else {})), steps)
                lines, label = last(lab), ", ".join(f"{k} {v}" for k, v in cure.items()) if switched else "as it is"
                largest = max(m.generator for m in lab.history)
                yield (
                    f"{name:<10} {label:<26} seed {seed}: "
                    f"modes {mean(lines, 'modes'):.1f} of {len(setting.density.means)}, W1 {mean(lines, 'w1'):.3f}, "
                    f"generator's gradient {mean(lines, 'generator'):.1e} (largest {largest:.1e}), "
                    f"slope of the critic {mean(lines, 'slope'):.3g}, its weights {mean(lines, 'weights'):.3g}"
                )


def main() -> None:
    """Prints convergence, failures and cures, and the gradients of all losses at a nearly perfect critic."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=STEPS, help="steps of each run")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="runs of each setting")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(
        f"Convergence: means over the last {LAST} of {arguments.steps} steps; of relativistic losses V and JSD are of "
        f"pairs."
    )
    for line in convergence(arguments.steps, arguments.seeds):
        print(line, flush=True)
    print("\nFailures and their cures:")
    for line in failures(arguments.steps, arguments.seeds):
        print(line, flush=True)
    lab = run_game(PRESETS["vanishing"][0], 1)
    print(
        "\nNorm of the generator's gradient at one and the same, nearly perfect critic (vanishing, step 1): "
        + ", ".join(f"{k} {v:.1e}" for k, v in lab.slopes().items())
    )


if __name__ == "__main__":
    main()
