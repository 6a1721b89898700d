"""The dial of a page, and the request to a model that it resolves to, once for each frame.

A `Dial` is what the panel, a link and a session hold. `resolve` checks it against a model and returns a
`ResolvedRequest`, which sampling, references, frames, solutions and sections receive as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from core.sampling import Model
from core.types import Quantity
from explorer.live import curves

Value = float | tuple[float, ...]

NO_REFERENCE = "There are no reference data at this request, so no reference is drawn."


@dataclass(frozen=True)
class Dial:
    """Everything that fixes a picture for a given model: same dial, same pixels.

    conditions, latent : values by name. Latents that are not named are drawn by the model from the seed.
    size : rows of the picture; 0 is the field's default.
    off : stages of the generator that are switched off.
    best_of : number of draws of which the best is delivered.
    drawn : control points of curve conditions drawn by hand, joined smoothly (`smooth`) or as steps.
    at : where an axis is cut for a profile; changes no field.
    locked : indices of the shares of a simplex that keep their value while the others move; changes no field.
    """

    conditions: Mapping[str, Value] = field(default_factory=dict)
    latent: Mapping[str, Value] = field(default_factory=dict)
    seed: int = 0
    size: int = 0
    project: bool = True
    off: tuple[str, ...] = ()
    best_of: int = 1
    drawn: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    smooth: bool = True
    at: Mapping[str, float] = field(default_factory=dict)
    locked: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class ResolvedRequest:
    """A dial as one model takes it; made by `resolve` alone.

    dial : the dial that was resolved.
    conditions : values by name as `Model.sample` takes them; drawn curves in cells, replaced conditions left out.
    latent : values of the latents that are set.
    seed, project, best_of : as in the dial.
    shape : (rows, columns) of the picture.
    size : the `size` argument of `Model.sample`; None for the field's default shape.
    stages : the keyword arguments that switch stages off.
    has_reference : whether the checkpoint holds descriptors of held-out data at these conditions.
    warnings : sentences about the request itself; those about its values are in `Sample.warnings`.
    """

    dial: Dial
    conditions: Mapping[str, Any]
    latent: Mapping[str, Value]
    seed: int
    project: bool
    best_of: int
    shape: tuple[int, int]
    size: int | None
    stages: Mapping[str, bool]
    has_reference: bool = False
    warnings: tuple[str, ...] = ()

    def without_projection(self) -> ResolvedRequest:
        """The same request, answered by the raw network."""
        return replace(self, project=False, dial=replace(self.dial, project=False))


def resolve(model: Model, dial: Dial) -> ResolvedRequest:
    """The request to `model` that a dial stands for.

    Raises `ValueError` with a sentence when the dial names something that the model does not have, or conditions that
    cannot be delivered together. Ranges of single values are checked by `Model.sample`.
    """
    conditions = to_conditions(model, dial)
    check(model, dial)
    if model.problem.requests.infeasible and (
        refusal := model.problem.requests.infeasible(model.request(conditions, 1, model.conditions, fill=True))
    ):
        raise ValueError(refusal)
    shape, has_reference = shape_of(model, dial), covers(model, conditions)
    return ResolvedRequest(
        dial=dial,
        conditions=conditions,
        latent=clipped(model.latents, dial.latent),
        seed=dial.seed,
        project=dial.project,
        best_of=dial.best_of,
        shape=shape,
        size=None if shape == model.field.shape else dial.size,
        stages=dict.fromkeys(dial.off, False),
        has_reference=has_reference,
        warnings=(NO_REFERENCE,) if model.references and not has_reference else (),
    )


def to_conditions(model: Model, dial: Dial) -> dict[str, Any]:
    """The conditions of a dial as the model takes them: drawn curves in cells, replaced conditions left out."""
    replaced = curves.replaced(model.conditions, dial.conditions, dial.drawn)
    conditions: dict[str, Any] = {
        name: value for name, value in clipped(model.conditions, dial.conditions).items() if name not in replaced
    }
    scalars = {q.name: conditions.get(q.name, q.default) for q in model.conditions if q.kind == "scalar"}
    for name, q in curves.checked(model.conditions, dial.drawn).items():
        conditions[name] = curves.curve(q, dial.drawn[name], dial.smooth, scalars)
    return model.problem.requests.propagate(conditions) if model.problem.requests.propagate else conditions


def check(model: Model, dial: Dial) -> None:
    """Raises `ValueError` with a sentence for a lock, cut, stage, number of draws or size that the model does not
    have."""
    check_locks(model, dial)
    axes = model.problem.frame.coords(model.field.shape) if model.problem.frame.coords else {}
    outside = [name for name, cut in dial.at.items() if name not in axes or not 0 <= cut <= axes[name][-1] + 1e-6]
    if outside:
        raise ValueError(f"A profile cannot be cut at {outside[0]} = {dial.at[outside[0]]:g} here.")
    unknown = [stage for stage in dial.off if stage not in model.stages]
    if unknown:
        raise ValueError(f"{model.name} has no stage {unknown[0]!r}. It has: {', '.join(model.stages) or 'none'}.")
    if dial.best_of not in (offered := model.problem.projection.best_of or (1,)):
        raise ValueError(
            f"The best of {dial.best_of} is not offered here. Choose one of: {', '.join(map(str, offered))}."
        )
    if size_of(model, dial) not in sizes(model):
        raise ValueError(f"Size {dial.size} is not offered. Choose one of: {', '.join(map(str, sizes(model)))}.")


def check_locks(model: Model, dial: Dial) -> None:
    """Raises `ValueError` when a lock is no share of a simplex, or leaves fewer than two shares free."""
    shares = {q.name: q.size for q in model.conditions if q.kind == "simplex"}
    for name, locked in dial.locked.items():
        most = max(0, shares.get(name, 0) - 2)
        if len(locked) > most or any(i >= shares[name] for i in locked):
            raise ValueError(f"Of {name}, {most} shares can be locked, by their indices from 0; got {list(locked)}.")


def covers(model: Model, conditions: Mapping[str, Any]) -> bool:
    """True when the held-out data in the checkpoint reach these conditions: their position lies within the range of
    its references."""
    at = model.references.get("at")
    if at is None or not model.conditions:
        return False
    return bool(at.min() - 1e-4 <= model.position(conditions) <= at.max() + 1e-4)


def clip(quantity: Quantity, value: Value) -> Value:
    """The value, moved to its quantity's hard range by rounding alone (1e-6 of the range), else as it is."""
    slack = 1e-6 * (quantity.high - quantity.low)

    def near(v: float) -> float:
        return min(max(v, quantity.low), quantity.high) if quantity.low - slack <= v <= quantity.high + slack else v

    return tuple(near(v) for v in value) if isinstance(value, tuple) else near(value)


def clipped(quantities: tuple[Quantity, ...], values: Mapping[str, Value]) -> dict[str, Value]:
    """The values with rounding at the ends of their ranges removed; unknown names stay, for `Model.sample` to
    refuse."""
    by_name = {q.name: q for q in quantities}
    return {name: clip(by_name[name], v) if name in by_name else v for name, v in values.items()}


def slow_stages(model: Model) -> tuple[str, ...]:
    """Stages that are slower than a drag: the panel runs them on release."""
    return ("refine",) if model.problem.projection.refine else ()


def sizes(model: Model) -> tuple[int, ...]:
    """Sizes in pixels that the panel offers: the field's own list, or its default alone."""
    return tuple(sorted({*model.field.sizes, model.field.shape[0]}))


def size_of(model: Model, dial: Dial) -> int:
    """Rows of the requested picture."""
    return dial.size or model.field.shape[0]


def shape_of(model: Model, dial: Dial) -> tuple[int, int]:
    """(rows, columns) of the requested picture."""
    size = size_of(model, dial)
    return model.field.shape if size == model.field.shape[0] else model.shape(size)
