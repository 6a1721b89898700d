"""Fields over physical axes, solved rather than sampled, with their exact solution, residuals and errors.

The maps are the delivered field, the exact one, and the local residual of every invariance that has one. Residuals are
measured in the generator's frame and drawn in the laboratory frame, as the field is."""

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
from explorer.live.dial import Dial, ResolvedRequest

JUMP = 3.0
"""A field is not continuous across its periodic boundary where it jumps this many times the largest step elsewhere."""
EXACT = "Exact solution"
T = TypeVar("T")


@dataclass(frozen=True)
class Solved:
    """One solution with its errors; maps are (rows, columns) in the laboratory frame.

    raw, exact : the generator's own field, and the reference (None without one, NaN where it is not known live).
    residuals : invariance -> (residual map, norm for the delivered field, norm for the raw field).
    ms : milliseconds of each part, by its label.
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


def timed_ms(call: Callable[[], T]) -> tuple[T, float]:
    """The result and its milliseconds."""
    start = time.perf_counter()
    result = call()
    return result, 1e3 * (time.perf_counter() - start)


def maps(model: Model) -> list[PointwiseInvariance]:
    """The invariances with a local residual over the whole field."""
    return [i for i in model.problem.invariances if isinstance(i, PointwiseInvariance)]


def reference(model: Model) -> tuple[str, Callable[..., Array] | None]:
    """The exact reference that is fast enough to follow a drag: (label, maker)."""
    live = model.problem.truth.interactive
    if live is not None:
        return live.label, live.make
    label = next((r.label for r in model.problem.evaluation.baselines if r.role == "exact"), EXACT)
    return label, model.problem.truth.simulate


@torch.inference_mode()
def solve(model: Model, request: ResolvedRequest, exact: bool = True) -> Solved:
    """The solution of a request: the field that `models.sample_request` returns, and its reference and residuals.

    `exact=False` leaves the reference out.
    """
    internal = copy.copy(model)
    frame = replace(model.problem.frame, to_lab=None)  # fields stay in the frame in which residuals are measured
    internal.problem = replace(model.problem, frame=frame)
    sample, network_ms = timed_ms(lambda: models.sample_request(internal, request.without_projection()))
    raw = torch.from_numpy(sample.soft)
    conditions = {name: torch.from_numpy(v) for name, v in sample.requested.items()}
    ms = {"Network, whole field": network_ms}
    final = raw[:, 0]
    step, apply = model.problem.projection.label, model.problem.projection.apply
    if request.project and step and apply is not None:
        final, ms[step] = timed_ms(lambda: apply(raw, conditions))
    to_lab = model.problem.frame.to_lab or (lambda fields: fields)
    field, raw_field = to_lab(final).numpy(), to_lab(raw[:, 0]).numpy()
    measured = sampling.measure(model.problem, as_soft(final, model.field))
    sample = replace(sample, field=field, soft=raw_field[:, None], measured=measured)
    truth = None
    label, make = reference(model)
    if exact and make is not None:
        truth, ms[label] = timed_ms(lambda: make(sample.requested, 1, request.seed, model.field.shape)[0])
    residuals = {i.name: residual(model, i, final[:, None], raw, conditions) for i in maps(model)}
    sample = replace(sample, warnings=(*sample.warnings, *boundary_warnings(model, sample)))
    return Solved(sample, raw_field[0], truth, residuals, ms)


def residual(
    model: Model, i: Any, field: Tensor, raw: Tensor, conditions: dict[str, Tensor]
) -> tuple[Array, float, float]:
    """The residual map, 0 in a first column that has none, and the root of the residual, delivered and raw."""
    local = i.local(field, conditions)
    padded = field[:, 0].clone()  # the frame of a map is that of the field's first column
    padded[:, :, padded.shape[2] - local.shape[2] :] = local
    whole = local.shape[2] == padded.shape[2]
    if model.problem.frame.to_lab is not None and not whole:
        padded = model.problem.frame.to_lab(padded)
    if not whole:
        padded[:, :, 0] = 0
    norms = [float(i.residual(f, conditions)[0].clamp_min(0).sqrt()) for f in (field, raw)]
    return padded[0].numpy(), norms[0], norms[1]


def boundary_warnings(model: Model, sample: Sample) -> tuple[str, ...]:
    """A sentence when the initial condition set by the first condition is not continuous across the periodic
    boundary."""
    first, start = model.conditions[0], sample.array[0][:, 0]
    jump, largest = abs(float(start[0] - start[-1])), float(np.abs(np.diff(start)).max())
    if first.name not in sample.requested or not model.field.periodic or jump <= max(JUMP * largest, 0.05):
        return ()
    value, axis = f"{first.symbol} = {sample.requested[first.name][0]:.4g}", model.field.axes[0]
    return (f"{value} does not close: the initial condition jumps by {jump:.2g} at the wrap {axis} = 0 = 1.",)


def error(field: Array, exact: Array | None) -> float | None:
    """Relative L2 error over all cells of all levels after the first; None where the exact solution is not known."""
    return None if exact is None or not np.isfinite(exact).all() else relative(field, exact)


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
    return out | {f"map.residual.{name}": local for name, (local, _, _) in solved.residuals.items()}


def even(field: Field, sample: Sample, columns: int) -> Array:
    """The delivered field as a picture (rows, columns): rows upwards, the nearest level at each of `columns` equal
    times."""
    at = sample.coords[field.axes[1]]
    times = (np.arange(columns) + 0.5) / columns * at[-1]
    return sample.array[0][::-1, np.abs(at[:, None] - times).argmin(0)]


def cut(model: Model) -> float:
    """Where the profile is cut by default."""
    end = model.problem.frame.coords(model.field.shape)[model.field.axes[1]][-1] if model.problem.frame.coords else 0.0
    return round(0.4 * float(end), 6)


def about(model: Model, dial: Dial) -> dict[str, Any]:
    """The panel's description of the maps: axes, the cut, residuals, the reference."""
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
