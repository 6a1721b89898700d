"""What the panel is told about a model: its controls, its field and the dial to start from."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from core import discovery
from core.sampling import Model
from core.types import Quantity
from explorer import palette
from explorer.live import curves, models, solutions
from explorer.live.protocol import Dial

ROUTE = "/api/live"
"""Where the live service listens."""

NOTHING = "This model takes no request: there is nothing to drag, and no outline of what was asked for can be shown."
UNASKED = "Nothing is asked of this model; what can be dragged are its latent directions."
"""Said in the place of the controls where there are no conditions: of problems with shapes to drag, and of others."""
GREEK = {"nu": "ν", "mu": "μ", "lambda": "λ", "rho": "ρ", "sigma": "σ", "alpha": "α", "beta": "β"}


def quantity(q: Quantity) -> dict[str, Any]:
    """What the panel needs to draw one control."""
    return {
        "name": q.name,
        "label": q.label,
        "symbol": GREEK.get(q.symbol, q.symbol),
        "unit": q.unit,
        "low": q.low,
        "high": q.high,
        "step": q.step,
        "default": q.default,
        "trained": q.trained,
        "help": q.help,
        "kind": q.kind,
        "size": q.size,
    }


def drawable(q: Quantity) -> dict[str, Any]:
    """What the panel needs to let a curve be drawn by hand."""
    s = q.stroke
    stroke = {"knots": s.knots, "low": s.low, "high": s.high, "start": s.start, "below": s.below} if s else None
    return {
        **quantity(q),
        "replaces": q.replaces,
        "points": curves.POINTS,
        "presets": curves.presets(q),
        "stroke": stroke,
    }


def handles(model: Model) -> list[dict[str, Any]]:
    """The shapes that can be dragged, of those whose centre and size this model takes as conditions."""
    known = {q.name for q in model.conditions}
    return [asdict(h) for h in model.problem.requests.handles if {h.x, h.y, h.size} <= known]


def note(model: Model) -> str:
    """What is said where nothing can be asked for."""
    shapes = discovery.problem(model.problem.name).requests.handles
    return "" if model.conditions else NOTHING if shapes else UNASKED


def panel(model: Model, dial: Dial, base: str = "") -> dict[str, Any]:
    """The description of a model's panel. Sliders dial scalars and simplexes; an optional curve can be drawn.

    `base` is the path under which the server is mounted.
    """
    field = model.field
    return {
        "route": base.rstrip("/") + ROUTE,
        "model": model.name,
        "title": model.problem.title,
        "conditions": [quantity(q) for q in model.conditions if q.kind != "curve"],
        "latents": [quantity(q) for q in model.latents if q.kind == "scalar"],
        "sizes": models.sizes(model),
        "stages": model.stages,
        "late": models.late(model),
        "tries": model.problem.projection.best_of,
        "field": {
            "kind": field.kind,
            "labels": field.labels,
            "unit": field.unit,
            "low": field.low,
            "high": field.high,
            "gamma": field.gamma,
            "light": palette.stops(field),
            "dark": palette.stops(field, True),
            "diverging": {"light": palette.DIVERGING[False], "dark": palette.DIVERGING[True]},
        },
        "names": {i.name: i.label for i in model.problem.invariances}
        | {q.name: q.label for p in reversed(model.problem.presets) for q in p.conditions},
        "handles": handles(model),
        "note": note(model),
        "curves": [
            {"name": d.name, "label": d.label, "unit": d.unit, "axis": d.axis or f"distance / {field.unit}"}
            for d in model.problem.evaluation.descriptors
            if d.live and d.abscissa
        ],
        "scalars": [
            {"name": d.name, "label": d.label, "unit": d.unit, "help": d.help}
            for d in model.problem.evaluation.descriptors
            if not d.abscissa
        ],
        "dial": {
            "conditions": dial.conditions,
            "latent": dial.latent,
            "seed": dial.seed,
            "size": models.size_of(model, dial),
            "project": dial.project,
            "off": dial.off,
            "best_of": dial.best_of,
            "drawn": dial.drawn,
            "smooth": dial.smooth,
            "at": dial.at,
            "locked": dial.locked,
        },
        "drawable": [drawable(q) for q in model.conditions if q.kind == "curve" and q.optional],
        "maps": solutions.about(model, dial) if solutions.applies(model) else None,
        "projection": model.problem.projection.label,
    }
