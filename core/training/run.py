"""One training run on disk: its state, logs, traces and manifest, and the loop that writes them.

A run is a pure function of its configuration, data and precision: stopped at any moment (Ctrl-C, SIGTERM, kill -9,
power) and started again with the same command, it ends with the same bits as an undisturbed one."""

from __future__ import annotations

import json
import platform
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from core import checkpoint, data
from core.files import write_atomic
from core.training import distributed, inputs
from core.training.guards import StopFlag
from core.training.loop import Trainer, fit
from core.training.precision import resolve
from core.types import HELD_OUT, VERSION, Array, Checkpoint, Preset, Problem, Progress, TrainConfig

EARLY = (1, 10, 30)
"""Additional steps at which a training is measured: much happens at the beginning."""


@dataclass(frozen=True)
class Folders:
    """Where a run writes: `runs` holds states, logs and sample grids, `out` the finished checkpoints."""

    runs: Path
    out: Path


class Observer(Protocol):
    """Looks at the averaged generator along a run, on the process that writes files."""

    def trace(self, progress: Progress) -> None:
        """Measure it and append the result to the run's trace."""
        ...

    def picture(self, step: int) -> None:
        """Write a picture of its samples."""
        ...


class Run:
    """The files of one run: `state.safetensors`, `metrics.jsonl`, `trace.jsonl`, `samples/*.png`, `film/*.npy`."""

    def __init__(
        self,
        problem: Problem,
        preset: Preset,
        config: TrainConfig,
        folders: Folders,
        device: torch.device | str = "cpu",
    ) -> None:
        """Make the folders, read a saved state and resolve the precision.

        Raises `ValueError` when the saved state is damaged or of a run with another configuration."""
        self.problem, self.preset, self.config, self.device = problem, preset, config, device
        self.name = f"{problem.name}/{preset.name}"
        self.folder = folders.runs / problem.name / preset.name
        self.target = folders.out / problem.name / f"{preset.name}.safetensors"
        self.state, self.log = self.folder / "state.safetensors", self.folder / "metrics.jsonl"
        (self.folder / "samples").mkdir(parents=True, exist_ok=True)
        self.seconds, self.digest = 0.0, ""
        self.has_pictures = min(problem.field.shape) > 1
        self.saved = checkpoint.load(self.state) if self.state.exists() else None
        identity = dict((self.saved.manifest.get("identity") or {}) if self.saved else {})
        self.precision = resolve(config, device, started=identity.get("precision", ""))
        if self.saved and identity != self.identity():
            raise ValueError(
                f"{self.state} belongs to a run with another configuration. Continue it with the command it was "
                f"started with, choose another folder with --runs, or delete {self.folder}."
            )

    def identity(self) -> dict[str, Any]:
        """What must agree for a saved state to be continued: the configuration with the precision that is trained in;
        the number of steps only where rates fall."""
        excluded = () if self.config.decay else ("steps",)
        config = asdict(self.precision.apply(self.config))
        return json.loads(json.dumps({k: v for k, v in config.items() if k not in excluded}))

    def start(self, images: Array | None, calibration: Array | None) -> str:
        """Make the trainer and continue from the saved state, if any; returns how it starts, in words.

        Args:
            images: training images (n, H, W); None for a preset without data.
            calibration: images from which a new generator reads its statistics.
        """
        self.digest = "" if images is None else data.digest(images)
        self.trainer = Trainer(
            self.problem,
            self.preset,
            self.precision.apply(self.config),
            images,
            calibration,
            self.device,
            fit=self.saved is None,
        )
        if self.saved is None:
            return "starting afresh"
        self.trainer.restore(self.saved.tensors)
        self.seconds = float(self.saved.manifest["seconds"])
        self.saved = None
        self.drop_after(self.trainer.done)
        return f"continuing at step {self.trainer.done}"

    def manifest(self, rest: dict[str, Any]) -> dict[str, Any]:
        """The manifest of this run; `rest` adds to it or replaces parts."""
        source = None if self.preset.critic is None else self.problem.source
        read = f"{inputs.CALIBRATION_SEED}..{inputs.CALIBRATION_SEED + inputs.CALIBRATION_IMAGES - 1}"
        seeds = {"training data": f"0..{self.config.images - 1}", "statistics": read, "held out": f"from {HELD_OUT}"}
        about_data = {} if source is None else {**source.identity(), "digest": self.digest}
        if self.problem.training.make_game:
            seeds = {"draws": "keyed by the seed and the step"}
            about_data = {"draws": "anew for every step", "digest": self.digest}
        versions = {"core": VERSION, "torch": torch.__version__, "numpy": np.__version__}
        return {
            "problem": self.problem.name,
            "preset": self.preset.name,
            "title": self.preset.title,
            "summary": self.preset.summary,
            "citation": self.problem.citation,
            "config": asdict(self.config),
            "seeds": seeds,
            "data": about_data,
            "versions": versions | {"python": platform.python_version()},
            "metrics": {},
            "training": {"precision": self.precision.name},
            **rest,
        }

    def save(self) -> None:
        """Write the training state, whole or not at all; rank 0 alone writes."""
        if distributed.rank() == 0:
            rest = {"identity": self.identity(), "seconds": self.seconds}
            checkpoint.save(self.state, Checkpoint(self.trainer.state(), self.manifest(rest)))

    def drop_after(self, step: int) -> None:
        """Drop the lines of `metrics.jsonl` after `step`: those steps are run again."""
        if distributed.rank() == 0 and self.log.exists():
            lines = [
                line
                for line in self.log.read_text().splitlines()
                if line.endswith("}") and json.loads(line)["step"] <= step
            ]
            write_atomic(self.log, "".join(f"{line}\n" for line in lines).encode())

    def append_log(self, progress: Progress) -> None:
        """Append one line to `metrics.jsonl`."""
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

    def append_trace(self, progress: Progress, measured: dict[str, Any]) -> None:
        """Append one line to `trace.jsonl`: the means of losses and residuals since the line before, and what was
        measured of the averaged generator."""
        kept = [line for line in self.read_trace() if line["step"] < progress.step]
        since = kept[-1]["step"] if kept else 0
        steps = [
            line for line in map(json.loads, self.log.read_text().splitlines()) if since < line["step"] <= progress.step
        ]
        names = {**progress.losses, **progress.residuals}
        means = {k: float(f"{np.mean([line[k] for line in steps if k in line]):.5g}") for k in names}
        last = {"step": progress.step, "minutes": round(self.seconds / 60, 2), **means, **measured}
        write_atomic(self.folder / "trace.jsonl", "".join(f"{json.dumps(line)}\n" for line in [*kept, last]).encode())

    def read_trace(self) -> list[dict[str, float]]:
        """The lines of `trace.jsonl`."""
        path = self.folder / "trace.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def keep_film(self, step: int, pictures: Array) -> None:
        """Keep samples of one step, uint8 (n, H, W, 1 or 3)."""
        (self.folder / "film").mkdir(exist_ok=True)
        np.save(self.folder / "film" / f"{step:07d}.npy", pictures)

    def read_film(self, last: int) -> dict[str, Tensor]:
        """The samples that were kept up to step `last`, `film.<step>` -> uint8 (n, H, W, 1 or 3)."""
        files = sorted((self.folder / "film").glob("*.npy"))
        return {f"film.{p.stem}": torch.from_numpy(np.load(p)) for p in files if int(p.stem) <= last}


def run_loop(run: Run, stop: StopFlag, observer: Observer, save_every: int, minutes: float | None = None) -> bool:
    """Train to the last step, log every step, save and observe now and then.

    Args:
        run: a started run.
        stop: ends the loop at the next step boundary.
        observer: measures and draws the averaged generator.
        save_every: steps between two saved states.
        minutes: time after which the loop ends; steps are then unlimited where rates do not fall.

    Returns: whether it was stopped from outside, on any process.
    """
    stopped, trainer = False, run.trainer
    deadline = time.monotonic() + 60 * minutes if minutes else float("inf")
    total = sys.maxsize if minutes is not None and not run.config.decay else None
    steps = None if total else run.config.steps
    bar = tqdm(total=steps, initial=trainer.done, desc=run.name, unit="step", disable=None)
    for progress in fit(trainer, total):
        run.seconds += progress.seconds
        run.append_log(progress)
        bar.update()
        values = {**progress.residuals, **{k: v for k, v in progress.losses.items() if k.endswith("loss")}}
        rate = {"img/s": f"{progress.images_per_second:.0f}"}
        bar.set_postfix({k: f"{v:.2g}" for k, v in values.items()} | rate, refresh=False)
        if progress.note:
            bar.write(progress.note)
        if progress.step % save_every == 0:
            run.save()
        if distributed.rank() == 0:
            if run.problem.training.monitor and (progress.step % save_every == 0 or progress.step in EARLY):
                observer.trace(progress)
            if run.has_pictures and progress.step % (5 * save_every) == 0:
                observer.picture(progress.step)
        stopped = distributed.agree(bool(stop))
        if stopped or distributed.agree(time.monotonic() > deadline):
            break
    bar.close()
    return stopped
