"""Refresh checkpoints: `python train.py [PROBLEM[/PRESET] ...]`. The only place where training meets the disk.

    python train.py                                every checkpoint the explorer uses
    python train.py two_phase/fraction --budget 30 thirty minutes of one of them; run it again and it continues
    python train.py polycrystal --data maps/       on your own maps, into a folder of its own

A run is a pure function of its configuration and data: stopped (Ctrl-C, SIGTERM, kill -9, power) and started again with
the same command it ends with the same bits as if nobody had stopped it."""

from __future__ import annotations

import argparse
import colorsys
import copy
import json
import platform
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

import core
from core import checkpoint, data, discovery, folders, metrics, sampling
from core.files import write_atomic
from core.keys import key
from core.losses import ADVERSARIAL
from core.metrics.rows import records
from core.training import distributed
from core.training.guards import Diverged, StopFlag
from core.training.loop import Trainer, fit
from core.types import HELD_OUT, Array, Checkpoint, Field, Preset, Problem, Progress, Quantity, TrainConfig

CALIBRATION_IMAGES = 1024
CALIBRATION_SEED = 500_000_000
KNOTS, ROWS = 13, 7
EARLY = (1, 10, 30)
"""Steps at which a training is measured besides: much happens at the beginning."""
SHIPPED = folders.shipped()


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
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
    parser.add_argument("--precision", choices=["bf16", "fp32", "fp64"])
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
    found = parser.parse_args(given)
    if found.data is not None and len(found.names) != 1:
        parser.error(f"--data trains one problem: name it, such as {folders.command('train')} polycrystal --data maps/")
    if found.samples < 16:
        parser.error(f"--samples must be at least 16 for a table of statistics; got {found.samples}.")
    return found


def configuration(preset: Preset, given: argparse.Namespace) -> TrainConfig:
    """The preset's configuration with what the command line changes."""
    base = preset.tiny if given.tiny else preset.config
    changed = ("steps", "scheme", "loss", "precision", "seed")
    changes = {k: v for k, v in vars(given).items() if k in changed and v is not None}
    return replace(base, **changes)


def with_data(problem: Problem, preset: Preset, given: argparse.Namespace) -> tuple[Problem, argparse.Namespace]:
    """The problem with the person's own data as its source, and the folders that then hold what is trained: never the
    shipped ones. Simulations no longer speak of these data, so the oracle goes; windows of maps may not be rolled."""
    if given.data is None:
        return problem, given
    if problem.training.read_data is None:
        raise ValueError(f"{problem.name} cannot be trained on own data: it has no reader of files. Leave --data away.")
    if preset.critic is None:
        raise ValueError(
            f"{problem.name}/{preset.name} learns without data. Leave --data away, or train another preset on it."
        )
    told = {k: v for k, v in vars(given).items() if k in ("slice", "scale", "array", "features") and v}
    source = problem.training.read_data(given.data, told)
    about = source.identity()
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", given.data.resolve().stem).strip("-") or "data"
    out = given.out or Path(f"checkpoints-{name}")
    if out.resolve() == SHIPPED.resolve():
        raise ValueError(f"{out} holds the models that come with the software. Choose another folder with --out.")
    if distributed.rank() == 0:
        print("\n".join(f"{k}: {v}" for k, v in about.items() if v != []))
    runs = given.runs / f"data-{str(about.get('content') or key(json.dumps(about)))[:12]}"
    field = replace(problem.field, periodic=False)
    truth = replace(problem.truth, simulate=None)
    return replace(problem, source=source, truth=truth, field=field), argparse.Namespace(
        **vars(given) | {"out": out, "runs": runs}
    )


def images_for(problem: Problem, preset: Preset, config: TrainConfig) -> tuple[Array | None, Array | None]:
    """Training images and, at the problem's own size, those from which the generator reads its statistics; none for a
    preset that learns from requests alone."""
    if preset.critic is None or problem.source is None:
        return None, None
    shown = tqdm(total=0, desc="data", unit="image", disable=None, leave=False)

    def progress(done: int, total: int) -> None:
        shown.total, shown.n = total, done
        shown.refresh()

    images = data.cached(problem.source, range(config.images), (config.size, config.size), progress=progress)
    seeds = range(CALIBRATION_SEED, CALIBRATION_SEED + min(CALIBRATION_IMAGES, 4 * config.images))
    calibration = data.cached(problem.source, seeds, problem.field.shape, progress=progress)
    shown.close()
    return images, calibration


class Run:
    """The files of one run: `state.safetensors`, `metrics.jsonl`, `samples/*.png` and the finished checkpoint."""

    def __init__(self, problem: Problem, preset: Preset, config: TrainConfig, given: argparse.Namespace) -> None:
        """Folders are made; nothing is read yet."""
        self.problem, self.preset, self.config, self.given = problem, preset, config, given
        self.folder = given.runs / problem.name / preset.name
        out = given.out or folders.to_write(sampling.CHECKPOINTS)
        self.target = out / problem.name / f"{preset.name}.safetensors"
        self.state, self.log = self.folder / "state.safetensors", self.folder / "metrics.jsonl"
        (self.folder / "samples").mkdir(parents=True, exist_ok=True)
        self.seconds = 0.0
        self.pictures = min(problem.field.shape) > 1

    def identity(self) -> dict[str, Any]:
        """What must agree for a saved state to be continued: the configuration; the number of steps only where rates
        fall."""
        left_out = () if self.config.decay else ("steps",)
        return json.loads(json.dumps({k: v for k, v in asdict(self.config).items() if k not in left_out}))

    def manifest(self, digest: str, rest: dict[str, Any]) -> dict[str, Any]:
        """The manifest of this run; `digest` is the training data's."""
        source = None if self.preset.critic is None else self.problem.source
        read = f"{CALIBRATION_SEED}..{CALIBRATION_SEED + CALIBRATION_IMAGES - 1}"
        seeds = {"training data": f"0..{self.config.images - 1}", "statistics": read, "held out": f"from {HELD_OUT}"}
        known = {} if source is None else {**source.identity(), "digest": digest}
        if self.problem.training.make_game:
            seeds, known = (
                {"draws": "keyed by the seed and the step"},
                {"draws": "anew for every step", "digest": digest},
            )
        versions = {m.__name__: m.__version__ for m in (core, torch, np)} | {"python": platform.python_version()}
        about: dict[str, Any] = {
            "title": self.preset.title,
            "summary": self.preset.summary,
            "citation": self.problem.citation,
        }
        return {
            "problem": self.problem.name,
            "preset": self.preset.name,
            **about,
            "config": asdict(self.config),
            "seeds": seeds,
            "data": known,
            "versions": versions,
            "metrics": {},
            **rest,
        }

    def save(self, trainer: Trainer, digest: str) -> None:
        """The training state, whole or not at all; rank 0 alone writes."""
        if distributed.rank() == 0:
            rest = {"identity": self.identity(), "seconds": self.seconds}
            checkpoint.save(self.state, Checkpoint(trainer.state(), self.manifest(digest, rest)))

    def resume(self, trainer: Trainer) -> str:
        """Continue from the saved state if there is one of the same configuration; says in a sentence what was
        found."""
        if not self.state.exists():
            return "starting afresh"
        found = checkpoint.load(self.state)
        if found.manifest.get("identity") != self.identity():
            raise ValueError(
                f"{self.state} belongs to a run with another configuration. Continue it with the command it was "
                f"started with, "
                f"choose another folder with --runs, or delete {self.folder}."
            )
        trainer.restore(found.tensors)
        self.seconds = float(found.manifest["seconds"])
        self.forget(trainer.done)
        return f"continuing at step {trainer.done}"

    def forget(self, step: int) -> None:
        """Drop the lines of `metrics.jsonl` after `step`: those steps are run again."""
        if distributed.rank() == 0 and self.log.exists():
            lines = [
                line
                for line in self.log.read_text().splitlines()
                if line.endswith("}") and json.loads(line)["step"] <= step
            ]
            write_atomic(self.log, "".join(f"{line}\n" for line in lines).encode())

    def trace(self, progress: Progress, model: sampling.Model) -> None:
        """One line of `trace.jsonl`: what is measured of the averaged generator on the way, beside the means of losses
        and residuals since the line before; and the samples that the problem keeps."""
        hooks = self.problem.training
        assert hooks.monitor is not None
        kept = [line for line in self.traced() if line["step"] < progress.step]
        since = kept[-1]["step"] if kept else 0
        steps = [
            one for one in map(json.loads, self.log.read_text().splitlines()) if since < one["step"] <= progress.step
        ]
        names = {**progress.losses, **progress.residuals}
        means = {k: float(f"{np.mean([one[k] for one in steps if k in one]):.5g}") for k in names}
        line = {
            "step": progress.step,
            "minutes": round(self.seconds / 60, 2),
            **means,
            **hooks.monitor(model),
        }
        write_atomic(self.folder / "trace.jsonl", "".join(f"{json.dumps(one)}\n" for one in [*kept, line]).encode())
        if hooks.snapshots:
            (self.folder / "film").mkdir(exist_ok=True)
            pictures = shown(model.sample(n=hooks.snapshots, project=False).array, self.problem.field)
            np.save(self.folder / "film" / f"{progress.step:07d}.npy", pictures)

    def filmed(self, last: int) -> dict[str, Tensor]:
        """The samples that were kept up to a step, `film.<step>` -> uint8 (n, H, W, 1 or 3)."""
        files = sorted((self.folder / "film").glob("*.npy"))
        return {f"film.{p.stem}": torch.from_numpy(np.load(p)) for p in files if int(p.stem) <= last}

    def traced(self) -> list[dict[str, float]]:
        """The lines of `trace.jsonl`."""
        path = self.folder / "trace.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def note(self, progress: Progress) -> None:
        """One line of `metrics.jsonl`."""
        if distributed.rank() == 0:
            line = {
                "step": progress.step,
                **progress.losses,
                **progress.residuals,
                "seconds": round(self.seconds, 3),
                "images_per_second": round(progress.images_per_second, 2),
            }
            with open(self.log, "a") as file:
                file.write(json.dumps({**line, "note": progress.note} if progress.note else line) + "\n")


def grid(model: sampling.Model, columns: int = 8) -> Image.Image:
    """A contact sheet: rows over the trained range of requests (over seeds where there is none), columns over seeds;
    several labels in colour."""
    strips = []
    for row in range(ROWS):
        asked = requested(model, row / (ROWS - 1), columns)
        tiles = model.sample(asked, columns, seed=0 if asked else row).array
        framed = np.pad(shown(tiles, model.field), ((0, 0), (2, 2), (2, 2), (0, 0)), constant_values=128)
        strips.append(np.concatenate(list(framed), 1))
    return Image.fromarray(np.concatenate(strips).squeeze())


def requested(model: sampling.Model, share: float, n: int) -> dict[str, Array]:
    """The representative request at a share of the trained range, n times; empty where nothing can be asked for."""
    if not model.conditions:
        return {}
    low, high = sampling.places(model.problem, model.conditions)
    return sampling.representative(model.problem, model.conditions, low + share * (high - low), n)


def shown(tiles: Array, field: Field) -> Array:
    """Arrays (n, H, W) as uint8 (n, H, W, 1 or 3): grey from the field's low to its high, colours for several
    labels."""
    if field.kind == "categorical":
        hues = np.arange(field.channels) * 0.618034 % 1
        return np.array([[round(255 * v) for v in colorsys.hsv_to_rgb(h, 0.65, 0.9)] for h in hues], np.uint8)[tiles]
    grey = 255 * (tiles.astype(np.float32) - field.low) / (field.high - field.low)
    return grey.clip(0, 255).astype(np.uint8)[..., None]


def shipped(run: Run, trainer: Trainer, calibration: Array | None, digest: str) -> sampling.Model:
    """The averaged generator, calibrated once more, as a model that can be sampled."""
    generator: Any = copy.deepcopy(trainer.ema.module).cpu().float()
    if calibration is not None:
        keys = [key(run.config.seed, "final calibration", i) for i in range(len(calibration))]
        generator.calibrate(torch.from_numpy(calibration), keys)
    tensors: dict[str, Tensor] = {f"generator.{k}": v for k, v in generator.state_dict().items()}
    model = sampling.Model(Checkpoint(tensors, run.manifest(digest, {"trace": run.traced()})))
    model.problem = run.problem
    return model


def finish(run: Run, trainer: Trainer, calibration: Array | None, digest: str) -> None:
    """Measure the averaged generator, write checkpoint, card and sample grid, print the table of quality."""
    model = shipped(run, trainer, calibration, digest)
    problem, tensors = run.problem, {f"generator.{k}": v for k, v in model.generator.state_dict().items()}
    tensors |= run.filmed(trainer.done)
    if problem.truth.simulate is not None and problem.evaluation.descriptors and model.conditions:
        knots = np.linspace(*sampling.places(problem, model.conditions), KNOTS)
        found = metrics.reference(problem, [float(k) for k in knots], n=4 if run.given.tiny else 64)
        tensors |= {f"reference.{k}": v for k, v in found.items()}
    table = metrics.quality(model, run.given.samples)
    counted = table.attrs.get("counted", f"{run.given.samples} samples against as many held-out, same conditions")
    rows = records(table)
    training = {
        "steps": trainer.done,
        "minutes": round(run.seconds / 60, 2),
        "device": str(trainer.device),
        "precision": run.config.precision,
        "images per second": round(trainer.done * run.config.batch / max(run.seconds, 1e-9), 1),
    }
    dials = model.conditions + model.latents
    limits = [
        f"{q.label}: seen in training from {q.trained[0]:g} to {q.trained[1]:g} {q.unit}" for q in dials if q.trained
    ]
    rest = {
        "training": training,
        "limits": limits,
        "trace": [line for line in run.traced() if line["step"] <= trainer.done],
        "conditions": [_row(q) for q in model.conditions],
        "latents": [_row(q) for q in model.latents],
        "metrics": {f"Quality: {counted}": rows},
    }
    checkpoint.save(run.target, Checkpoint(tensors, run.manifest(digest, rest)))
    card = checkpoint.write_card(run.target)
    if run.pictures:
        grid(sampling.load(run.target)).save(run.folder / "samples" / "final.png")
    print(f"\n{metrics.text(table)}\n")
    print("\n".join(metrics.verdict_lines(problem, table)))
    print(f"\nwritten: {run.target}, {card.name}")
    out = run.target.parents[1]
    if out != sampling.CHECKPOINTS:
        print(f"look at it: {folders.VARIABLE}={out} {folders.command('explorer')}")


def _row(quantity: Quantity) -> dict[str, Any]:
    """A condition or latent on the card."""
    kept = ("name", "label", "unit", "low", "high", "trained", "help")
    about = asdict(quantity)
    return {k: about[k] for k in kept}


def train(name: str, given: argparse.Namespace, device: torch.device, stop: StopFlag) -> bool:
    """Train one preset; False when a person or a scheduler asked to stop."""
    problem, preset = discovery.split(name)
    problem, given = with_data(problem, preset, given)
    config = configuration(preset, given)
    run = Run(problem, preset, config, given)
    images, calibration = images_for(problem, preset, config)
    digest = "" if images is None else data.digest(images)
    trainer = Trainer(problem, preset, config, images, calibration, device, fit=not run.state.exists())
    found = run.resume(trainer)
    if distributed.rank() == 0:
        print(f"{problem.name}/{preset.name}: {found}, {config.steps} steps, {device}, {config.precision}")
    try:
        stopped = follow(run, trainer, digest, stop)
    except Diverged:
        run.save(trainer, digest)  # the trainer holds the last good state
        raise
    run.save(trainer, digest)
    if stopped:
        print(f"Stopped by {stop.signal or 'another process'} at step {trainer.done}; the same command continues.")
    elif distributed.rank() == 0:
        finish(run, trainer, calibration, digest)
    return not stopped


def follow(run: Run, trainer: Trainer, digest: str, stop: StopFlag) -> bool:
    """Go through the training loop: log, draw progress, save now and then; True when somebody asked to stop."""
    given, stopped = run.given, False
    deadline = time.monotonic() + 60 * given.budget if given.budget else float("inf")
    total = sys.maxsize if given.budget is not None and not run.config.decay else None
    name = f"{run.problem.name}/{run.preset.name}"
    bar = tqdm(total=None if total else run.config.steps, initial=trainer.done, desc=name, unit="step", disable=None)
    for progress in fit(trainer, total):
        run.seconds += progress.seconds
        run.note(progress)
        bar.update()
        shown = {**progress.residuals, **{k: v for k, v in progress.losses.items() if k.endswith("loss")}}
        bar.set_postfix(
            {k: f"{v:.2g}" for k, v in shown.items()} | {"img/s": f"{progress.images_per_second:.0f}"}, refresh=False
        )
        if progress.note:
            bar.write(progress.note)
        if progress.step % given.save_every == 0:
            run.save(trainer, digest)
        due = progress.step % given.save_every == 0 or progress.step in EARLY
        if run.problem.training.monitor and due and distributed.rank() == 0:
            run.trace(progress, shipped(run, trainer, None, digest))
        if run.pictures and progress.step % (5 * given.save_every) == 0 and distributed.rank() == 0:
            grid(shipped(run, trainer, None, digest)).save(run.folder / "samples" / f"{progress.step:07d}.png")
        stopped = distributed.agree(bool(stop))
        if stopped or distributed.agree(time.monotonic() > deadline):
            break
    bar.close()
    return stopped


def main(argv: Sequence[str] | None = None) -> int:
    """Train what was asked for, one after the other; 0 when all is well, 130 when stopped, 1 with a sentence
    otherwise."""
    given = arguments(argv)
    torch.set_num_threads(given.threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    device = given.device if given.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    every = (*core.problems(), *discovery.point_problems())
    names = given.names or [f"{p}/{preset}" for p in every for preset in core.presets(p)]
    try:
        with distributed.processes(device) as place, StopFlag() as stop:
            for name in names:
                if not train(name, given, place, stop):
                    return 130
    except (ValueError, FileNotFoundError, Diverged) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
