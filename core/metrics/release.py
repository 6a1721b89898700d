"""From a training run to a checkpoint: measures the averaged generator and writes it with its card and pictures."""

from __future__ import annotations

import colorsys
import copy
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core import card, checkpoint, sampling
from core.keys import key
from core.metrics.ensembles import reference
from core.metrics.report import quality, text, verdict_lines
from core.metrics.rows import records
from core.training.run import Run
from core.types import Array, Checkpoint, Field, Progress, Quantity

KNOTS, ROWS = 13, 7
"""Positions at which the reference is measured; rows of a contact sheet."""


class Release:
    """Measures and draws the averaged generator of a run; see `core.training.run.Observer`."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def trace(self, progress: Progress) -> None:
        """Append the measurements of the problem to the run's trace, and store the samples that it requests."""
        run = self.run
        hooks = run.problem.training
        assert hooks.monitor is not None
        model = averaged_model(run)
        run.append_trace(progress, hooks.monitor(model))
        if hooks.snapshots:
            samples = model.sample(n=hooks.snapshots, project=False).array
            run.keep_film(progress.step, as_pictures(samples, run.problem.field))

    def picture(self, step: int) -> None:
        """Write a contact sheet."""
        contact_sheet(averaged_model(self.run)).save(self.run.folder / "samples" / f"{step:07d}.png")


def averaged_model(run: Run, calibration: Array | None = None) -> sampling.Model:
    """The averaged generator of a run as a model that samples.

    Args:
        run: a started run.
        calibration: images (n, H, W) from which the generator estimates its statistics again.
    """
    generator: Any = copy.deepcopy(run.trainer.ema.module).cpu().float()
    if calibration is not None:
        keys = [key(run.config.seed, "final calibration", i) for i in range(len(calibration))]
        generator.calibrate(torch.from_numpy(calibration), keys)
    tensors: dict[str, Tensor] = {f"generator.{k}": v for k, v in generator.state_dict().items()}
    model = sampling.Model(Checkpoint(tensors, run.manifest({"trace": run.read_trace()})))
    model.problem = run.problem
    return model


def finish(run: Run, calibration: Array | None, samples: int, quick: bool = False) -> None:
    """Measure the averaged generator, write checkpoint, card and contact sheet, print the table of quality.

    Args:
        run: a run at its end.
        calibration: see `averaged_model`.
        samples: samples on each side of the table of quality.
        quick: whether the reference uses few simulations (a test configuration).
    """
    model = averaged_model(run, calibration)
    problem, trainer = run.problem, run.trainer
    tensors: dict[str, Tensor] = {f"generator.{k}": v for k, v in model.generator.state_dict().items()}
    tensors |= run.read_film(trainer.done)
    if problem.truth.simulate is not None and problem.evaluation.descriptors and model.conditions:
        knots = np.linspace(*sampling.places(problem, model.conditions), KNOTS)
        tables = reference(problem, [float(k) for k in knots], n=4 if quick else 64)
        tensors |= {f"reference.{k}": v for k, v in tables.items()}
    table = quality(model, samples)
    basis = table.attrs.get("counted", f"{samples} samples against {samples} held-out simulations, same conditions")
    training = {
        "steps": trainer.done,
        "minutes": round(run.seconds / 60, 2),
        "device": str(trainer.device),
        "precision": run.precision.name,
        "images per second": round(trainer.done * run.config.batch / max(run.seconds, 1e-9), 1),
    }
    quantities = model.conditions + model.latents
    limits = [
        f"{q.label}: seen in training from {q.trained[0]:g} to {q.trained[1]:g} {q.unit}"
        for q in quantities
        if q.trained
    ]
    rest = {
        "training": training,
        "limits": limits,
        "trace": [line for line in run.read_trace() if line["step"] <= trainer.done],
        "conditions": [_row(q) for q in model.conditions],
        "latents": [_row(q) for q in model.latents],
        "metrics": {f"Quality: {basis}": records(table)},
    }
    checkpoint.save(run.target, Checkpoint(tensors, run.manifest(rest)))
    written = card.write(run.target)
    if run.has_pictures:
        contact_sheet(sampling.load(run.target)).save(run.folder / "samples" / "final.png")
    print(f"\n{text(table)}\n")
    print("\n".join(verdict_lines(problem, table)))
    print(f"\nwritten: {run.target}, {written.name}")


def contact_sheet(model: sampling.Model, columns: int = 8) -> Image.Image:
    """Samples in a grid: rows over the trained range of requests (over seeds where there is none), columns over seeds;
    in colour where there are several labels."""
    strips = []
    for row in range(ROWS):
        request = _request_at(model, row / (ROWS - 1), columns)
        tiles = model.sample(request, columns, seed=0 if request else row).array
        margins = ((0, 0), (2, 2), (2, 2), (0, 0))
        framed = np.pad(as_pictures(tiles, model.field), margins, constant_values=128)
        strips.append(np.concatenate(list(framed), 1))
    return Image.fromarray(np.concatenate(strips).squeeze())


def as_pictures(tiles: Array, field: Field) -> Array:
    """Arrays (n, H, W) as uint8 (n, H, W, 1 or 3): grey from the field's low to its high, colours for several
    labels."""
    if field.kind == "categorical":
        hues = np.arange(field.channels) * 0.618034 % 1
        return np.array([[round(255 * v) for v in colorsys.hsv_to_rgb(h, 0.65, 0.9)] for h in hues], np.uint8)[tiles]
    grey = 255 * (tiles.astype(np.float32) - field.low) / (field.high - field.low)
    return grey.clip(0, 255).astype(np.uint8)[..., None]


def _request_at(model: sampling.Model, share: float, n: int) -> dict[str, Array]:
    """The representative request at a share of the trained range, n times; empty for a model without conditions."""
    if not model.conditions:
        return {}
    low, high = sampling.places(model.problem, model.conditions)
    return sampling.representative(model.problem, model.conditions, low + share * (high - low), n)


def _row(quantity: Quantity) -> dict[str, Any]:
    """A condition or latent on the card."""
    kept = ("name", "label", "unit", "low", "high", "trained", "help")
    about = asdict(quantity)
    return {k: about[k] for k in kept}
