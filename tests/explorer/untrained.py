"""A checkpoint without adversarial training, for tests on a checkout that ships none: fitted to data, references measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from core import checkpoint, discovery
from core.types import HELD_OUT, Checkpoint

BINS = (0.2, 0.35, 0.5, 0.65, 0.8)


def references(problem, each: int) -> dict[str, torch.Tensor]:
    """`reference.<descriptor>.mean` and `.sd` at every bin, from `each` held-out simulations per bin."""
    tables: dict[str, list[torch.Tensor]] = {}
    for number, fraction in enumerate(BINS):
        made = problem.oracle({"volume_fraction": np.full(each, fraction)}, each, HELD_OUT + 1000 * number, problem.field.shape)
        for d in problem.descriptors:
            values = d.measure(torch.from_numpy(made)).float()
            tables.setdefault(f"reference.{d.name}.mean", []).append(values.mean(0))
            tables.setdefault(f"reference.{d.name}.sd", []).append(values.std(0))
    return {"reference.at": torch.tensor(BINS), **{k: torch.stack(v) for k, v in tables.items()}}


def write(folder: Path, name: str = "two_phase/fraction", images: int = 64, each: int = 8) -> Path:
    """Writes `folder/<problem>/<preset>.safetensors` and returns its path."""
    torch.manual_seed(0)
    problem, preset = discovery.split(name)
    generator = preset.generator().eval()
    labels = torch.from_numpy(problem.source.draw(range(images), problem.field.shape))
    generator.fit(labels, range(images))
    tensors = {f"generator.{k}": v for k, v in generator.state_dict().items()}
    manifest = {
        "problem": problem.name, "preset": preset.name, "config": {}, "seeds": {}, "data": {"digest": "none"}, "versions": {},
        "metrics": {},
    }  # fmt: skip
    path = folder / problem.name / f"{preset.name}.safetensors"
    checkpoint.save(path, Checkpoint(tensors | references(problem, each), manifest))
    return path


def folder(made: Path, name: str = "two_phase/fraction") -> Path:
    """The folder of checkpoints to test with: the one that ships, or `made` with a fresh untrained checkpoint in it."""
    from core import sampling

    if sampling.path_of(name).exists():
        return sampling.CHECKPOINTS
    write(made, name)
    return made
