"""The six facets of a problem: what a problem may say besides its eight fields. Empty by default, replaced as a whole.

A preset that differs in one facet states only what differs: `overrides={"evaluation": replace(EVALUATION, ...)}`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default
from pathlib import Path
from typing import Any

from torch import Tensor

from core.types.protocols import Source
from core.types.requests import Array, Conditions, Handle, Position
from core.types.results import Descriptor, Rival, Row, Sample, Threshold

Simulate = Callable[[Mapping[str, Array], int, int, tuple[int, int]], Array]
"""`simulate(conditions, n, seed, shape) -> labels or fields (n, H, W)`."""
Reconcile = Callable[[dict[str, Array], frozenset[str]], tuple[dict[str, Array], tuple[str, ...]]]


@dataclass(frozen=True)
class Projection:
    """How what is delivered is made exact."""

    apply: Callable[[Tensor, Conditions], Tensor] | None = None
    """Exact enforcement: logits (B, C, H, W) and conditions (latents too, when a sample is made) to labels or fields
    (B, H, W); None: nothing is enforced, labels are those of the highest probability."""
    label: str = ""
    """What the step is called where it can be switched off; empty where it cannot, or changes nothing."""
    refine: Callable[[Tensor, Conditions], Tensor] | None = None
    """Drives what is delivered onto the conditions that `apply` alone does not make exact: logits to better logits."""
    best_of: tuple[int, ...] = ()
    """Of how many draws of a sample the best can be taken; empty where none is better than another, or all are
    exact."""


@dataclass(frozen=True)
class RequestRules:
    """Which conditions agree with each other, and how they are ordered and dragged."""

    reconcile: Reconcile | None = None
    """Makes the conditions of a request agree: all values and the names of those that were set -> values and a sentence
    for each change; `ValueError` where they contradict each other."""
    propagate: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    """What conditions become when one of them is moved after another was set: all values -> values that agree."""
    infeasible: Callable[[Mapping[str, Array]], str] | None = None
    """Why these conditions (each (n, ...), all of the preset's) cannot be delivered together, in a sentence that says
    by how much; empty where they can."""
    ordering: Position | None = None
    """How requests are ordered where the first condition is no scalar."""
    handles: tuple[Handle, ...] = ()
    """Shapes that can be dragged on the picture itself."""


@dataclass(frozen=True)
class GroundTruth:
    """References that no network made."""

    simulate: Simulate | None = None
    """The reference at the same conditions."""
    interactive: Rival | None = None
    """The exact reference at display rate, NaN where only `simulate` knows it; None: `simulate` is fast enough."""
    test_cases: Mapping[str, Callable[[int], Sequence[Mapping[str, Any]]]] = default(default_factory=dict)
    """Groups of conditions with exact solutions: group name -> (at most n cases of it)."""
    published: Mapping[str, Mapping[str, Sequence[float]]] = default(default_factory=dict)
    """Errors that others published: group name -> method -> one number for each case of the group, in order."""


@dataclass(frozen=True)
class Frame:
    """Where the pixels are: physical units, and the frame that networks and invariances work in."""

    coords: Callable[[tuple[int, int]], dict[str, Array]] | None = None
    """Axis -> positions in physical units, for a field of the given shape; None where pixels are the unit."""
    to_lab: Callable[[Tensor], Tensor] | None = None
    """From the frame of the generator and the invariances to the one that is displayed, (B, H, W) to (B, H, W)."""
    from_lab: Callable[[Tensor], Tensor] | None = None
    """The way back from `to_lab`: to measure invariances on what is displayed."""


@dataclass(frozen=True)
class Evaluation:
    """What is measured of samples, against what, and how good it must be."""

    descriptors: tuple[Descriptor, ...] = ()
    baselines: tuple[Rival, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    """Quality that a checkpoint must show."""
    extra_rows: Callable[[Array, Sample, Source], Mapping[Row, float]] | None = None
    """More rows for the table of quality: arrays (n, H, W), the drawn reference at whose conditions they were made, the
    source."""
    table: Callable[..., Any] | None = None
    """`table(model, n, size, ablation, seed)` where the statistics of ensembles are not what matters."""


@dataclass(frozen=True)
class TrainingHooks:
    """What the trainer does differently for this problem."""

    read_data: Callable[[Path, Mapping[str, Any]], Source] | None = None
    """A file or folder of a user (and options, such as the slice of a volume) as a data source; `ValueError` with a
    sentence for what cannot be used."""
    make_game: Callable[..., Any] | None = None
    """`make_game(problem, preset, config, generator, critic, images, device)` instead of `core.training.game.Game`,
    where the data are drawn as they are needed: there are no images."""
    monitor: Callable[[Any], dict[str, float]] | None = None
    """`monitor(model) -> numbers` measured of the averaged generator at intervals while it is trained."""
    snapshots: int = 0
    """Number of samples of the averaged generator kept in the checkpoint whenever `monitor` is called."""
