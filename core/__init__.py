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
    """Names of a problem's presets; `load(problem)` uses the first.

    Raises:
        ValueError: there is no such problem.
    """
    return tuple(p.name for p in discovery.problem(problem).presets)


def load(name: Any, device: str = "cpu") -> Model:
    """A trained model.

    Args:
        name: `"problem/preset"`, `"problem"` (its default preset) or the path of a checkpoint file.
        device: torch device.

    Raises:
        ValueError: the name is unknown, or the file is not an intact checkpoint.
        FileNotFoundError: the preset has no trained checkpoint yet. Both sentences say what to do.
    """
    from core.sampling import load as load_model

    return load_model(name, device)


def draw(problem: str, n: int, seed: int, size: int | None = None) -> Sample:
    """Arrays from the data source of a problem.

    Training never uses sample indices from `HELD_OUT` on.

    Args:
        problem: name of a problem, or `"problem/preset"`.
        n: number of arrays.
        seed: first global sample index; the arrays have `seed .. seed + n - 1`.
        size: pixels along each side; the default of the problem for None.

    Returns:
        A sample; `requested` holds the conditions measured on the arrays, or known to the source.
    """
    from core.sampling import draw as draw_samples

    return draw_samples(problem, n, seed, size)
