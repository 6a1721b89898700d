"""Fields over physical axes, solved rather than sampled: beside each one its exact solution, its residuals and its
errors.

What the maps show: the delivered field, the exact one, and for every invariance that can say so its residual point by
point. Residuals are measured in the frame that the generator works in and shown where people see the field."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from core import sampling
from core.fields import as_soft
from core.metrics.solutions import relative
from core.sampling import Model
from core.types import Array, Field, PointwiseInvariance, Sample
from explorer.live import models
from explorer.live.protocol import Dial

JUMP = 3.0
"""A wrap that jumps this many times the largest step elsewhere does not close."""
EXACT = "Exact solution"
T = TypeVar("T")


@dataclass(frozen=True)
class Solved:
    """One solution with what can be said about it; maps are (rows, columns) as people see them.

    raw, exact : the generator's own field, and the reference (None without one, NaN where it is not known live).
    residuals : invariance -> (its residual map, norm of the delivered field's, norm of the raw one's).
    ms : what took how many milliseconds.
    """

    sample: Sample
    raw: Array
    exact: Array | None
    residuals: dict[str, tuple[Array, float, float]]
    ms: dict[str, float]

    @property
    def field(self) -> Array:
        """The delivered field."""
        return self.sample.array[0]


def applies(model: Model) -> bool:
    """True for continuous fields over physical axes."""
    return model.field.kind == "continuous" and model.problem.frame.coords is not None


def timed(call: Callable[[], T]) -> tuple[T, float]:
    """The result and its milliseconds."""
    start = time.perf_counter()
    found = call()
    return found, 1e3 * (time.perf_counter() - start)


def maps(model: Model) -> list[PointwiseInvariance]:
    """The invariances that can show their residual point by point over the whole field."""
    return [i for i in model.problem.invariances if isinstance(i, PointwiseInvariance)]


def reference(model: Model) -> tuple[str, Callable[..., Array] | None]:
    """The exact reference that is fast enough to follow a drag: (label, maker)."""
    live = model.problem.truth.interactive
    if live is not None:
        return live.label, live.make
    label = next((r.label for r in model.problem.evaluation.baselines if r.role == "exact"), EXACT)
    return label, model.problem.truth.simulate


@torch.inference_mode()
def solve(model: Model, dial: Dial, exact: bool = True) -> Solved:
    """The solution that a dial stands for: the same field as `store.take` gives, and everything beside it."""
    still = copy.copy(model)
    inner = replace(model.problem.frame, to_lab=None)  # fields stay in the frame in which residuals are measured
    still.problem = replace(model.problem, frame=inner)
    first, ours = timed(lambda: models.take(still, replace(dial, project=False)))
    raw = torch.from_numpy(first.soft)
    conditions = {k: torch.from_numpy(v) for k, v in first.requested.items()}
    ms = {"Network, whole field": ours}
    final = raw[:, 0]
    step, apply = model.problem.projection.label, model.problem.projection.apply
    if dial.project and step and apply is not None:
        final, ms[step] = timed(lambda: apply(raw, conditions))
    see = model.problem.frame.to_lab or (lambda fields: fields)
    shown, shown_raw = see(final).numpy(), see(raw[:, 0]).numpy()
    measured = sampling.measure(model.problem, as_soft(final, model.field))
    sample = replace(first, field=shown, soft=shown_raw[:, None], measured=measured)
    truth = None
    label, make = reference(model)
    if exact and make is not None:
        truth, ms[label] = timed(lambda: make(first.requested, 1, dial.seed, model.field.shape)[0])
    found = {i.name: residual(model, i, final[:, None], raw, conditions) for i in maps(model)}
    return Solved(replace(sample, warnings=(*sample.warnings, *remarks(model, sample))), shown_raw[0], truth, found, ms)


def residual(
    model: Model, i: Any, field: Tensor, raw: Tensor, conditions: dict[str, Tensor]
) -> tuple[Array, float, float]:
    """Its map, first column 0 where nothing can be left behind yet, and the root of its residual, delivered and raw."""
    local = i.local(field, conditions)
    carrier = field[:, 0].clone()  # the frame of a map is that of the field's first column
    carrier[:, :, carrier.shape[2] - local.shape[2] :] = local
    whole = local.shape[2] == carrier.shape[2]
    if model.problem.frame.to_lab is not None and not whole:
        carrier = model.problem.frame.to_lab(carrier)
    if not whole:
        carrier[:, :, 0] = 0
    norms = [float(i.residual(f, conditions)[0].clamp_min(0).sqrt()) for f in (field, raw)]
    return carrier[0].numpy(), norms[0], norms[1]


def remarks(model: Model, sample: Sample) -> tuple[str, ...]:
    """A sentence when the initial condition that the first condition dials does not close around the ring."""
    first, start = model.conditions[0], sample.array[0][:, 0]
    wrap, largest = abs(float(start[0] - start[-1])), float(np.abs(np.diff(start)).max())
    if first.name not in sample.requested or not model.field.periodic or wrap <= max(JUMP * largest, 0.05):
        return ()
    value, axis = f"{first.symbol} = {sample.requested[first.name][0]:.4g}", model.field.axes[0]
    return (f"{value} does not close: the initial condition jumps by {wrap:.2g} at the wrap {axis} = 0 = 1.",)


def error(found: Array, exact: Array | None) -> float | None:
    """Relative L2 error over all cells of all levels after the first; None where the exact solution is not known."""
    return None if exact is None or not np.isfinite(exact).all() else relative(found, exact)


def header(model: Model, solved: Solved) -> dict[str, Any]:
    """The numbers of a frame: [label, delivered, raw] of every check, [label, ms] of every time."""
    exact = solved.exact
    checks: list[tuple[str, float | None, float | None]] = []
    if exact is not None:
        checks.append(("Relative error", error(solved.field, exact), error(solved.raw, exact)))
    units = {i.name: f"{i.label}{f', {i.unit}' if i.unit else ''}" for i in maps(model)}
    checks += [(units[name], final, raw) for name, (_, final, raw) in solved.residuals.items()]
    return {"checks": checks, "times": list(solved.ms.items())}


def arrays(model: Model, solved: Solved) -> dict[str, Array]:
    """The maps of a frame, float32 (rows, columns), and the positions along both axes."""
    out = {"map.field": solved.field, **{f"axis.{k}": v for k, v in solved.sample.coords.items()}}
    if solved.exact is not None:
        out["map.exact"] = solved.exact
    return out | {f"map.residual.{name}": found[0] for name, found in solved.residuals.items()}


def even(field: Field, sample: Sample, columns: int) -> Array:
    """The delivered field as it is shown, (rows, columns): rows upwards, at each of `columns` equal times the nearest
    level."""
    at = sample.coords[field.axes[1]]
    times = (np.arange(columns) + 0.5) / columns * at[-1]
    return sample.array[0][::-1, np.abs(at[:, None] - times).argmin(0)]


def cut(model: Model) -> float:
    """Where the profile is cut unless somebody says otherwise."""
    end = model.problem.frame.coords(model.field.shape)[model.field.axes[1]][-1] if model.problem.frame.coords else 0.0
    return round(0.4 * float(end), 6)


def about(model: Model, dial: Dial) -> dict[str, Any]:
    """What the panel needs to know of the maps: axes, the cut, residuals, the reference."""
    across, along = model.field.axes
    coords = model.problem.frame.coords(model.field.shape) if model.problem.frame.coords else {}
    end = float(coords[along][-1])
    return {
        "axes": [across, along],
        "end": end,
        "cut": dial.at.get(along, cut(model)),
        "label": model.field.unit or "u",
        "residuals": [{"name": i.name, "label": i.label, "unit": i.unit} for i in maps(model)],
        "reference": reference(model)[0] if model.problem.truth.simulate else "",
        "projection": model.problem.projection.label,
    }
