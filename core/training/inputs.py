"""What a run trains on: images of the problem's source, or of a file or folder in its place."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from core import data
from core.keys import key
from core.types import Array, Preset, Problem, TrainConfig

CALIBRATION_IMAGES = 1024
"""Most images from which a generator reads its statistics."""
CALIBRATION_SEED = 500_000_000
"""Seed of the first of them."""


def load_images(problem: Problem, preset: Preset, config: TrainConfig) -> tuple[Array | None, Array | None]:
    """Training images (n, H, W) and, at the problem's own size, those from which the generator reads its statistics;
    none for a preset that learns from requests alone."""
    if preset.critic is None or problem.source is None:
        return None, None
    bar = tqdm(total=0, desc="data", unit="image", disable=None, leave=False)

    def progress(done: int, total: int) -> None:
        bar.total, bar.n = total, done
        bar.refresh()

    images = data.cached(problem.source, range(config.images), (config.size, config.size), progress=progress)
    seeds = range(CALIBRATION_SEED, CALIBRATION_SEED + min(CALIBRATION_IMAGES, 4 * config.images))
    calibration = data.cached(problem.source, seeds, problem.field.shape, progress=progress)
    bar.close()
    return images, calibration


def with_user_data(problem: Problem, preset: Preset, path: Path, options: Mapping[str, Any]) -> Problem:
    """The problem with a file or folder as its source; `ValueError` when it cannot be trained on data.

    Simulations say nothing of these data, so the simulated reference goes; windows of maps may not be rolled."""
    if problem.training.read_data is None:
        raise ValueError(f"{problem.name} cannot be trained on own data: it has no reader of files. Leave --data away.")
    if preset.critic is None:
        raise ValueError(
            f"{problem.name}/{preset.name} learns without data. Leave --data away, or train another preset on it."
        )
    source = problem.training.read_data(path, options)
    truth, field = replace(problem.truth, simulate=None), replace(problem.field, periodic=False)
    return replace(problem, source=source, truth=truth, field=field)


def data_name(path: Path) -> str:
    """A name for a data set in names of folders, from its file or folder."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", path.resolve().stem).strip("-") or "data"


def data_key(identity: Mapping[str, Any]) -> str:
    """Twelve characters that tell data sets apart, from the identity of their source."""
    return str(identity.get("content") or key(json.dumps(identity)))[:12]
