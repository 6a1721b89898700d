"""The description of a model's panel: its controls, its field and the dial to start from."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from core import discovery
from core.sampling import Model
from core.types import Quantity
from explorer import glossary, palette
from explorer.live import curves, solutions
from explorer.live.dial import Dial, size_of, sizes, slow_stages

ROUTE = "/api/live"
"""Where the live service listens."""

NO_HANDLES = "This model takes no request: there is nothing to drag, and there are no requested outlines to show."
NO_CONDITIONS = "This model has no conditions; drag its latent directions."
"""Notes for models without conditions: of problems with shapes to drag, and of others."""
GREEK = {"nu": "ν", "mu": "μ", "lambda": "λ", "rho": "ρ", "sigma": "σ", "alpha": "α", "beta": "β"}


def quantity(q: Quantity) -> dict[str, Any]:
    """The panel's description of one control."""
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
    """The panel's description of a curve that can be drawn by hand."""
    s = q.stroke
    stroke = {"knots": s.knots, "low": s.low, "high": s.high, "start": s.start, "below": s.below} if s else None
    return {
        **quantity(q),
        "replaces": q.replaces,
        "points": curves.POINTS,
        "presets": curves.starting_curves(q),
        "stroke": stroke,
    }


def handles(model: Model) -> list[dict[str, Any]]:
    """The shapes that can be dragged, of those whose centre and size this model takes as conditions."""
    names = {q.name for q in model.conditions}
    return [asdict(h) for h in model.problem.requests.handles if {h.x, h.y, h.size} <= names]


def note(model: Model) -> str:
    """The note of a model without conditions; empty for others."""
    shapes = discovery.problem(model.problem.name).requests.handles
    return "" if model.conditions else NO_HANDLES if shapes else NO_CONDITIONS


def panel(model: Model, dial: Dial, base: str = "") -> dict[str, Any]:
    """The description of a model's panel: sliders for scalars and simplexes, drawings for optional curves.

    `base` is the path under which the server is mounted.
    """
    field = model.field
    return {
        "route": base.rstrip("/") + ROUTE,
        "model": model.name,
        "title": model.problem.title,
        "conditions": [quantity(q) for q in model.conditions if q.kind != "curve"],
        "latents": [quantity(q) for q in model.latents if q.kind == "scalar"],
        "sizes": sizes(model),
        "stages": model.stages,
        "late": slow_stages(model),
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
            {
                "name": d.name,
                "label": d.label,
                "unit": d.unit,
                "axis": d.axis or f"distance / {field.unit}",
                "help": d.help,
            }
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
            "size": size_of(model, dial),
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
        "glossary": glossary.PANEL,
    }
