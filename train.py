"""Refresh checkpoints: `python train.py [PROBLEM[/PRESET] ...]`.

    python train.py                                every checkpoint the explorer uses
    python train.py two_phase/fraction --budget 30 thirty minutes of one of them; run it again and it continues
    python train.py polycrystal --data maps/       on your own maps, into a folder of its own

A run is a pure function of its configuration and data: stopped (Ctrl-C, SIGTERM, kill -9, power) and started again with
the same command, it ends with the same bits as an undisturbed one. The run itself is `core.training.run`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

import core
from core import discovery, folders, sampling
from core.losses import ADVERSARIAL
from core.metrics import release
from core.training import distributed, inputs
from core.training.guards import Diverged, StopFlag
from core.training.run import Folders, Run, run_loop
from core.types import Preset, Problem, TrainConfig

SHIPPED = folders.shipped()


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog=folders.command("train"), description="Train the models behind the explorer.")
    parser.add_argument("names", nargs="*", metavar="PROBLEM[/PRESET]", help="what to train (default: everything)")
    parser.add_argument(
        "--budget", type=float, metavar="MINUTES", help="stop after this long (default: when the steps are done)"
    )
    parser.add_argument("--steps", type=int, help="steps in all (default: the preset's)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--scheme", choices=["alternating", "simultaneous", "extragradient", "optimistic"])
    parser.add_argument("--loss", choices=sorted(ADVERSARIAL))
    parser.add_argument(
        "--precision",
        choices=["auto", "bf16", "fp32", "fp64"],
        help="auto: bf16 where the hardware computes it, else fp32 (default: the preset's)",
    )
    parser.add_argument("--seed", type=int)
    parser.add_argument("--tiny", action="store_true", help="the preset's seconds-long test configuration")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of states, logs and sample grids")
    parser.add_argument("--out", type=Path, help="folder of the checkpoints (default: where the explorer finds them)")
    parser.add_argument("--save-every", type=int, default=100, metavar="STEPS")
    parser.add_argument("--samples", type=int, default=256, help="samples on each side of the final quality table")
    own = parser.add_argument_group("your own data")
    own.add_argument("--data", type=Path, metavar="PATH", help="train on this file or folder instead of simulations")
    own.add_argument("--slice", metavar="z=12", help="slice of a volume; z=all makes each slice a map of its own")
    own.add_argument("--scale", type=float, help="make the maps smaller: more than 0, at most 1")
    own.add_argument("--array", metavar="NAME", help="which array, where an HDF5 file holds several")
    own.add_argument("--features", action="store_true", help="the values are grain numbers, not labels")
    options = parser.parse_args(argv)
    if options.data is not None and len(options.names) != 1:
        parser.error(f"--data trains one problem: name it, such as {folders.command('train')} polycrystal --data maps/")
    if options.samples < 16:
        parser.error(f"--samples must be at least 16 for a table of statistics; got {options.samples}.")
    return options


def configuration(preset: Preset, options: argparse.Namespace) -> TrainConfig:
    """The preset's configuration with what the command line changes."""
    names = ("steps", "scheme", "loss", "precision", "seed")
    changes = {k: v for k, v in vars(options).items() if k in names and v is not None}
    return replace(preset.tiny if options.tiny else preset.config, **changes)


def with_data(problem: Problem, preset: Preset, options: argparse.Namespace) -> tuple[Problem, Folders]:
    """The problem, with the user's own data as its source where there are some, and the folders that the run writes to:
    for own data never those of the shipped checkpoints."""
    if options.data is None:
        return problem, Folders(options.runs, options.out or folders.to_write(sampling.CHECKPOINTS))
    choices = {k: v for k, v in vars(options).items() if k in ("slice", "scale", "array", "features") and v}
    problem = inputs.with_user_data(problem, preset, options.data, choices)
    out = options.out or Path(f"checkpoints-{inputs.data_name(options.data)}")
    if out.resolve() == SHIPPED.resolve():
        raise ValueError(f"{out} holds the models that come with the software. Choose another folder with --out.")
    assert problem.source is not None
    identity = problem.source.identity()
    if distributed.rank() == 0:
        print("\n".join(f"{k}: {v}" for k, v in identity.items() if v != []))
    return problem, Folders(options.runs / f"data-{inputs.data_key(identity)}", out)


def train(name: str, options: argparse.Namespace, device: torch.device, stop: StopFlag) -> bool:
    """Train one preset; False when it was stopped by a signal."""
    problem, preset = discovery.split(name)
    problem, places = with_data(problem, preset, options)
    config = configuration(preset, options)
    run = Run(problem, preset, config, places, device)
    images, calibration = inputs.load_images(problem, preset, config)
    start = run.start(images, calibration)
    if distributed.rank() == 0:
        precision = f"{run.precision.name} ({run.precision.reason})"
        print(f"{run.name}: {start}, {config.steps} steps, {device}, {precision}")
    try:
        stopped = run_loop(run, stop, release.Release(run), options.save_every, options.budget)
    except Diverged:
        run.save()  # the trainer holds the last good state
        raise
    run.save()
    if stopped:
        print(f"Stopped by {stop.signal or 'another process'} at step {run.trainer.done}; the same command continues.")
    elif distributed.rank() == 0:
        release.finish(run, calibration, options.samples, quick=options.tiny)
        if places.out != sampling.CHECKPOINTS:
            print(f"look at it: {folders.VARIABLE}={places.out} {folders.command('explorer')}")
    return not stopped


def main(argv: Sequence[str] | None = None) -> int:
    """Train the named presets one after the other; 0 when all are done, 130 when stopped, 1 with a sentence
    otherwise."""
    options = arguments(argv)
    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    name = options.device if options.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    every = (*core.problems(), *discovery.point_problems())
    presets = options.names or [f"{problem}/{preset}" for problem in every for preset in core.presets(problem)]
    try:
        with distributed.processes(name) as device, StopFlag() as stop:
            for preset in presets:
                if not train(preset, options, device, stop):
                    return 130
    except (ValueError, FileNotFoundError, Diverged) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
