"""A checkpoint without adversarial training, for tests on a checkout that ships none: fitted to data, references
measured."""

from __future__ import annotations

import contextlib
import importlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from core import checkpoint, discovery, sampling
from core.types import HELD_OUT, Checkpoint

PROBLEMS = Path(__file__).with_name("problems")
"""Problems that exist only in tests."""
BINS = (0.2, 0.35, 0.5, 0.65, 0.8)


def references(problem, each: int) -> dict[str, torch.Tensor]:
    """`reference.<descriptor>.mean` and `.sd` at every bin, from `each` held-out simulations per bin."""
    tables: dict[str, list[torch.Tensor]] = {}
    for number, fraction in enumerate(BINS):
        made = problem.truth.simulate(
            {"volume_fraction": np.full(each, fraction)}, each, HELD_OUT + 1000 * number, problem.field.shape
        )
        for d in problem.evaluation.descriptors:
            values = d.measure(torch.from_numpy(made)).float()
            tables.setdefault(f"reference.{d.name}.mean", []).append(values.mean(0))
            tables.setdefault(f"reference.{d.name}.sd", []).append(values.std(0))
    return {"reference.at": torch.tensor(BINS), **{k: torch.stack(v) for k, v in tables.items()}}


def write(folder: Path, name: str = "two_phase/fraction", images: int = 64, each: int = 8) -> Path:
    """Writes `folder/<problem>/<preset>.safetensors` and returns its path; fitted to data where the problem has any."""
    torch.manual_seed(0)
    problem, preset = discovery.split(name)
    generator = preset.generator().eval()
    tensors = {}
    if preset.critic is not None and problem.truth.simulate is not None:
        generator.fit(torch.from_numpy(problem.source.draw(range(images), problem.field.shape)), range(images))
        tensors = references(problem, each)
    tensors |= {f"generator.{k}": v for k, v in generator.state_dict().items()}
    data = {} if preset.critic is None else {"digest": "none"}
    facts = {"problem": problem.name, "preset": preset.name, "data": data}
    path = folder / problem.name / f"{preset.name}.safetensors"
    checkpoint.save(path, Checkpoint(tensors, {**facts, "config": {}, "seeds": {}, "versions": {}, "metrics": {}}))
    return path


@contextlib.contextmanager
def invented() -> Iterator[None]:
    """The problems of `tests/explorer/problems` as if their files lay in `core/problems`."""
    package = importlib.import_module("core.problems")
    package.__path__.append(str(PROBLEMS))
    discovery.names.cache_clear()
    try:
        yield
    finally:
        package.__path__.pop()
        discovery.names.cache_clear()


def folder(made: Path, name: str = "two_phase/fraction") -> Path:
    """`made`, with the checkpoint that ships, or with a fresh untrained one."""
    shipped = sampling.path_of(name)
    if shipped.exists():
        (made / shipped.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(shipped, made / shipped.parent.name)
    else:
        write(made, name)
    return made
