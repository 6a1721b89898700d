"""Models by name, from their checkpoints, and samples of the data sources themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from core import checkpoint as checkpoints
from core import discovery, folders, sampling
from core.fields import as_soft
from core.sampling.batch import measure
from core.sampling.model import Model
from core.types import Problem, Sample


def path_of(name: str) -> Path:
    """The file of the checkpoint of `problem/preset`, or of the default preset of `problem`."""
    problem, preset = discovery.split(name)
    return sampling.CHECKPOINTS / problem.name / f"{preset.name}.safetensors"


def load(name: str | Path, device: str = "cpu") -> Model:
    """See `core.load`."""
    path = Path(name) if isinstance(name, Path) or str(name).endswith(".safetensors") else path_of(str(name))
    if not path.exists():
        preset = f"{path.parent.name}/{path.stem}"
        raise FileNotFoundError(
            f"There is no checkpoint {path.name} for {preset} yet. Make one with: {folders.command('train')} {preset}"
        )
    return Model(checkpoints.load(path), device)


def draw(problem: str | Problem, n: int, seed: int, size: int | None = None) -> Sample:
    """See `core.draw`; a `Problem` may have another source than the one of that name."""
    problem = discovery.split(problem)[0] if isinstance(problem, str) else problem
    if problem.source is None:
        raise ValueError(f"{problem.name} is data-free: it has no data source to draw from.")
    if not 1 <= int(n) <= 1_000_000 or int(seed) < 0:
        raise ValueError(f"n must be at least 1 and seed at least 0; got n = {n}, seed = {seed}.")
    shape = (size, size) if size else problem.field.shape
    array = problem.source.draw(range(seed, seed + n), shape)
    soft = as_soft(torch.from_numpy(array), problem.field)
    measured = measure(problem, soft)
    names = {q.name for p in problem.presets for q in p.conditions}
    known = problem.source.known_conditions(range(seed, seed + n))
    discrete = problem.field.kind != "continuous"
    return Sample(
        labels=array if discrete else None,
        field=None if discrete else array,
        soft=soft.numpy(),
        requested={k: v for k, v in (measured | known).items() if k in names},
        measured=measured,
        raw=measured,
        seeds=np.arange(seed, seed + n, dtype=np.int64),
    )
