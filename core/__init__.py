"""InvNet: generative design of materials under exact physical and statistical constraints.

>>> import core
>>> model = core.load("two_phase/fraction")
>>> sample = model.sample({"volume_fraction": 0.35}, n=4, seed=0)
>>> sample.labels.mean((1, 2))          # exactly the request, to one pixel
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core import deprecated, discovery
from core.types import HELD_OUT, VERSION, Sample

if TYPE_CHECKING:
    from core.sampling import Model

__all__ = ["HELD_OUT", "Sample", "draw", "load", "presets", "problems"]
__version__ = VERSION
deprecated.install()


def problems() -> tuple[str, ...]:
    """Names of all problems, sorted."""
    return discovery.problems()


def presets(problem: str) -> tuple[str, ...]:
    """Names of a problem's presets; `load(problem)` takes the first. `ValueError` when there is no such problem."""
    return tuple(p.name for p in discovery.problem(problem).presets)


def load(name: Any, device: str = "cpu") -> Model:
    """A trained model: `"problem/preset"`, `"problem"` (its default preset) or a path to a checkpoint file.

    Raises `ValueError` for an unknown name or a file that is not an intact checkpoint, `FileNotFoundError` when the
    preset has no trained checkpoint yet; both say what to do."""
    from core.sampling import load as load_model

    return load_model(name, device)


def draw(problem: str, n: int, seed: int, size: int | None = None) -> Sample:
    """`n` arrays from the data source of a problem (or of `"problem/preset"`), global sample indices `seed .. seed + n
    - 1`; `requested` holds the conditions measured on them, or what the source knows of them. Training never sees
    indices from `HELD_OUT` on."""
    from core.sampling import draw as draw_samples

    return draw_samples(problem, n, seed, size)
