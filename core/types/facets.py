"""The six facets of a problem, in addition to its eight fields: empty by default, replaced as a whole.

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
    """Enforcement of the conditions on delivered samples."""

    apply: Callable[[Tensor, Conditions], Tensor] | None = None
    """Exact enforcement: logits (B, C, H, W) and conditions (latents too, when a sample is made) to labels or fields
    (B, H, W); None: nothing is enforced, labels are those of the highest probability."""
    label: str = ""
    """Name of the step where it can be switched off; empty where it cannot, or has no effect."""
    refine: Callable[[Tensor, Conditions], Tensor] | None = None
    """Iterative correction for conditions that `apply` alone does not make exact: logits to corrected logits."""
    best_of: tuple[int, ...] = ()
    """Numbers of draws of which the best can be selected; empty where all are equally good or exact."""


@dataclass(frozen=True)
class RequestRules:
    """Consistency of conditions, and how requests are ordered and dragged."""

    reconcile: Reconcile | None = None
    """Makes the conditions of a request consistent: all values and the names of those that were set -> values and a
    sentence for each change; `ValueError` where they contradict each other."""
    propagate: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    """Updates conditions when one of them is moved after another was set: all values -> consistent values."""
    infeasible: Callable[[Mapping[str, Array]], str] | None = None
    """Why these conditions (each (n, ...), all of the preset) cannot be delivered together: a sentence with the amount;
    empty where they can."""
    ordering: Position | None = None
    """Order of requests where the first condition is not a scalar."""
    handles: tuple[Handle, ...] = ()
    """Shapes that can be dragged on the image."""


@dataclass(frozen=True)
class GroundTruth:
    """References that do not come from a network."""

    simulate: Simulate | None = None
    """The reference at the same conditions."""
    interactive: Rival | None = None
    """The exact reference at display rate, NaN where only `simulate` computes it; None: `simulate` is fast enough."""
    test_cases: Mapping[str, Callable[[int], Sequence[Mapping[str, Any]]]] = default(default_factory=dict)
    """Groups of conditions with exact solutions: group name -> (at most n cases of it)."""
    published: Mapping[str, Mapping[str, Sequence[float]]] = default(default_factory=dict)
    """Published errors: group name -> method -> one number for each case of the group, in order."""


@dataclass(frozen=True)
class Frame:
    """Positions of the pixels in physical units, and the frame of reference of networks and invariances."""

    coords: Callable[[tuple[int, int]], dict[str, Array]] | None = None
    """Axis -> positions in physical units, for a field of the given shape; None where pixels are the unit."""
    to_lab: Callable[[Tensor], Tensor] | None = None
    """From the frame of the generator and the invariances to the one that is displayed, (B, H, W) to (B, H, W)."""
    from_lab: Callable[[Tensor], Tensor] | None = None
    """Inverse of `to_lab`: measures invariances on the displayed field."""


@dataclass(frozen=True)
class Evaluation:
    """Measurements of samples, their baselines, and thresholds."""

    descriptors: tuple[Descriptor, ...] = ()
    baselines: tuple[Rival, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    """Quality that a checkpoint must reach."""
    extra_rows: Callable[[Array, Sample, Source], Mapping[Row, float]] | None = None
    """More rows for the table of quality, from arrays (n, H, W), the reference whose conditions they have, and the
    source."""
    table: Callable[..., Any] | None = None
    """`table(model, n, size, ablation, seed)` that replaces the table of ensemble statistics."""


@dataclass(frozen=True)
class TrainingHooks:
    """Changes of the trainer for this problem."""

    read_data: Callable[[Path, Mapping[str, Any]], Source] | None = None
    """A user's file or folder (and options, such as the slice of a volume) as a data source; `ValueError` with a
    sentence where it cannot be used."""
    make_game: Callable[..., Any] | None = None
    """`make_game(problem, preset, config, generator, critic, images, device)` instead of `core.training.game.Game`,
    where the data are drawn as they are needed: there are no images."""
    monitor: Callable[[Any], dict[str, float]] | None = None
    """`monitor(model) -> numbers` measured of the averaged generator at intervals while it is trained."""
    snapshots: int = 0
    """Number of samples of the averaged generator kept in the checkpoint whenever `monitor` is called."""
