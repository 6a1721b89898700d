"""From a resolved request to one frame: sample, measure, compare, encode; for the live route and for the fallback."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from core.sampling import Model
from core.types import Array, Field, Sample, Stroke
from explorer import palette
from explorer.live import models, solutions
from explorer.live.dial import ResolvedRequest
from explorer.live.protocol import encode

LONGEST = 16
"""Most numbers of one quantity in a header; longer curves travel as arrays."""


def frame(
    model: Model, request: ResolvedRequest, number: int = 0, panel: dict[str, Any] | None = None, error: str = ""
) -> bytes:
    """One encoded frame: picture, live curves with their references, requested and measured numbers, warnings, time.

    Args:
        number: the request's `id`, returned in the header.
        panel: the description of the controls, for the first frame of a page.
        error: why this is not what was requested; a panel that has a picture keeps it.

    Raises:
        ValueError: a sentence, where the model refuses the request.
    """
    extra = ({"panel": panel} if panel else {}) | ({"error": error} if error else {})
    if solutions.applies(model):
        header, arrays = solution_frame(model, request)
    else:
        header, arrays = sample_frame(model, request)
    return encode({"id": number} | header | extra, arrays)


def solution_frame(model: Model, request: ResolvedRequest) -> tuple[dict[str, Any], dict[str, Array]]:
    """Header and arrays for a field over physical axes: its maps, errors, residuals and times."""
    solved = solutions.solve(model, request)
    network_ms = sum(list(solved.ms.values())[:1])
    header = common_header(model, solved.sample, network_ms) | solutions.header(model, solved)
    return header, solutions.arrays(model, solved)


def sample_frame(model: Model, request: ResolvedRequest) -> tuple[dict[str, Any], dict[str, Array]]:
    """Header and arrays for a sampled picture: live curves, references, descriptors."""
    sample, seconds = models.SAMPLES.sample(model, request)
    measured = models.describe(model, sample, live=True)
    reference = models.reference(model, request)
    strokes = requested_curves(model, sample)
    arrays: dict[str, Array] = {"picture": picture(model.field, sample)}
    arrays |= {f"live.{k}": v[0] for k, v in measured.items() if v.ndim > 1}
    arrays |= curves(model, reference, request.shape)
    arrays |= {f"asked.{name}": sample.requested[name][0] for name in strokes}
    arrays |= {f"asked_at.{name}": np.asarray(stroke.at) for name, stroke in strokes.items()}
    header = common_header(model, sample, 1e3 * seconds) | {
        "scales": {k: s.scale(*(float(sample.requested[n][0]) for n in s.needs)) for k, s in strokes.items()},
        "checks": [curve_error(model, sample, name) for name in strokes if name in sample.measured],
        "descriptors": {
            k: (v[0], *(float(r) for r in reference.get(k, ()))) for k, v in measured.items() if v.ndim == 1
        },
        "warnings": (*sample.warnings, *request.warnings),
    }
    if sample.tried is not None:
        header["tried"] = sample.tried[0]
    return header, arrays


def common_header(model: Model, sample: Sample, ms: float) -> dict[str, Any]:
    """What the header of every frame holds."""
    return {
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


def requested_curves(model: Model, sample: Sample) -> dict[str, Stroke]:
    """How each requested curve, set or implied, is drawn on the chart of the measured one."""
    return {q.name: q.stroke for q in model.conditions if q.stroke and q.name in sample.requested}


def curve_error(model: Model, sample: Sample, name: str) -> tuple[str, float, float]:
    """Mean |measured - requested| of a curve: (label, delivered, raw)."""
    symbol = next(q.symbol or q.label for q in model.conditions if q.name == name)
    delivered, raw = (
        float(np.abs(values[name][0] - sample.requested[name][0]).mean()) for values in (sample.measured, sample.raw)
    )
    return f"{symbol}, mean |error|", delivered, raw


def problem(message: str, number: int = 0) -> bytes:
    """A frame that holds a sentence instead of a picture."""
    return encode({"id": number, "error": message}, {})


def curves(model: Model, reference: Mapping[str, tuple[Array, Array]], shape: tuple[int, int]) -> dict[str, Array]:
    """Abscissa of every live curve, and mean and standard deviation of the held-out data on their own abscissa."""
    names = [d.name for d in model.problem.evaluation.descriptors if d.live and d.abscissa]
    here, home = models.abscissae(model, shape), models.abscissae(model, model.field.shape)
    arrays = {f"at.{name}": here[name] for name in names}
    for name in names:
        if name in reference and reference[name][0].shape == home[name].shape:
            mean, sd = reference[name]
            arrays |= {f"home.{name}": home[name], f"mean.{name}": mean, f"sd.{name}": sd}
    return arrays


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


def scalars(values: Mapping[str, Array]) -> dict[str, Any]:
    """The first sample's numbers, by name, without curves longer than `LONGEST`."""
    return {name: v[0] for name, v in values.items() if np.asarray(v[0]).size <= LONGEST}
