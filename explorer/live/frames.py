"""From a dial to one frame: sample, measure, compare, encode. The drag path and the fallback both come through here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from core.sampling import Model
from core.types import Array, Field, Sample, Stroke
from explorer import palette
from explorer.live import models, solutions
from explorer.live.protocol import Dial, encode

ALONE = "There are no held-out data at this request, so nothing is drawn beside it."


def frame(model: Model, dial: Dial, number: int = 0, panel: dict[str, Any] | None = None, error: str = "") -> bytes:
    """One encoded frame: picture, live curves with their references, requested and measured numbers, warnings, time.

    `panel` adds the description of the controls (the first frame of a page), `error` says why this is not what was
    asked for: a panel that has a picture keeps its own. Raises `ValueError` with a sentence."""
    more = ({"panel": panel} if panel else {}) | ({"error": error} if error else {})
    if solutions.applies(model):
        return solution(model, dial, number, more)
    return compose(model, dial, *models.RECENT.take(model, dial), number, more)


def solution(model: Model, dial: Dial, number: int, more: dict[str, Any]) -> bytes:
    """The frame of a field over physical axes: its maps, errors, residuals and times."""
    solved = solutions.solve(model, dial)
    about = head(model, solved.sample, sum(list(solved.ms.values())[:1]), number, more)
    return encode(about | solutions.header(model, solved), solutions.arrays(model, solved))


def head(model: Model, sample: Sample, ms: float, number: int, more: dict[str, Any]) -> dict[str, Any]:
    """What the header of every frame says."""
    told = {
        "id": number,
        "model": model.name,
        "digest": model.digest,
        "ms": ms,
        "shape": sample.array.shape[1:],
        "requested": scalars(sample.requested),
        "measured": scalars(sample.measured),
        "raw": scalars(sample.raw),
        "latent": scalars(sample.latent),
        "descriptors": {},
        "warnings": sample.warnings,
    }
    return told | more


def compose(model: Model, dial: Dial, sample: Sample, seconds: float, number: int, more: dict[str, Any]) -> bytes:
    """The frame for a sample that is there already; see `frame`."""
    shape = sample.array.shape[1:]
    arrays: dict[str, Array] = {"picture": picture(model.field, sample)}
    measured = models.describe(model, sample, live=True)
    reference = models.reference(model, dial)
    unknown = (ALONE,) if model.references and not reference else ()
    arrays |= {f"live.{k}": v[0] for k, v in measured.items() if v.ndim > 1}
    arrays |= curves(model, reference, (int(shape[0]), int(shape[1])))
    strokes = requested_curves(model, sample)
    arrays |= {f"asked.{name}": sample.requested[name][0] for name in strokes}
    arrays |= {f"asked_at.{name}": np.asarray(stroke.at) for name, stroke in strokes.items()}
    beside = {
        "scales": {k: s.scale(*(float(sample.requested[n][0]) for n in s.needs)) for k, s in strokes.items()},
        "checks": [apart(model, sample, name) for name in strokes if name in sample.measured],
        "descriptors": {
            k: (v[0], *(float(r) for r in reference.get(k, ()))) for k, v in measured.items() if v.ndim == 1
        },
        "warnings": (*sample.warnings, *unknown),
    }
    if sample.tried is not None:
        beside["tried"] = sample.tried[0]
    return encode(head(model, sample, 1e3 * seconds, number, more) | beside, arrays)


def requested_curves(model: Model, sample: Sample) -> dict[str, Stroke]:
    """How each curve that was asked for, given or implied, is drawn on the chart of the measured one."""
    return {q.name: q.stroke for q in model.conditions if q.stroke and q.name in sample.requested}


def apart(model: Model, sample: Sample, name: str) -> tuple[str, float, float]:
    """Mean |measured - requested| of a curve: (label, delivered, raw)."""
    symbol = next(q.symbol or q.label for q in model.conditions if q.name == name)
    gaps = (np.abs(values[name][0] - sample.requested[name][0]).mean() for values in (sample.measured, sample.raw))
    return (f"{symbol}, mean |error|", *(float(gap) for gap in gaps))  # type: ignore[return-value]


def problem(message: str, number: int = 0) -> bytes:
    """A frame that carries a sentence instead of a picture."""
    return encode({"id": number, "error": message}, {})


def curves(model: Model, reference: Mapping[str, tuple[Array, Array]], shape: tuple[int, int]) -> dict[str, Array]:
    """Abscissa of every live curve, and mean and standard deviation of the held-out data on their own abscissa."""
    live = [d.name for d in model.problem.evaluation.descriptors if d.live and d.abscissa]
    here, home = models.abscissae(model, shape), models.abscissae(model, model.field.shape)
    out = {f"at.{k}": here[k] for k in live}
    for name in live:
        if name in reference and reference[name][0].shape == home[name].shape:
            out |= {f"home.{name}": home[name], f"mean.{name}": reference[name][0], f"sd.{name}": reference[name][1]}
    return out


def picture(field: Field, sample: Sample) -> Array:
    """The delivered array as uint8 (H, W): labels as they are, a continuous field scaled from its range to 0..255.

    A field over physical axes is as wide as it is high, its columns at equal distances.
    """
    array = sample.array[0]
    if field.kind != "continuous":
        return array
    if sample.coords:
        array = solutions.even(field, sample, array.shape[0])
    return palette.indices(field, array)


def scalars(values: dict[str, Array]) -> dict[str, Any]:
    """The first sample's numbers, by name; long curves are left out (they travel as arrays)."""
    return {k: v[0] for k, v in values.items() if np.asarray(v[0]).size <= 16}
