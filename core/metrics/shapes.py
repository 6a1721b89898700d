"""Quality of shapes at held-out requests: errors of centre and size, connected components, circularity, recognition."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from core import sampling
from core.descriptors import shapes
from core.metrics.rows import labelled, tabulated
from core.simulation.shapes import Shapes, placed
from core.types import HELD_OUT, Array, Problem, Row

COLUMNS: dict[str, dict[str, Any]] = {
    "seed raw": {"network": False, "project": False},
    "seed": {"network": False},
    "network raw": {"project": False},
    "all": {},
}
"""The ablation: column -> parts that are switched off; `raw` is before the exact projection."""
ERRORS = {
    "centre": (
        Row("centre.mean", "centre error, mean (px)", ("centre error, mean, px",)),
        Row("centre.p95", "centre error, 95th percentile (px)", ("centre error, p95, px",)),
    ),
    "radius": (
        Row("radius.mean", "radius error, mean (px)", ("radius error, mean, px",)),
        Row("radius.p95", "radius error, 95th percentile (px)", ("radius error, p95, px",)),
    ),
    "size": (
        Row("area.mean", "area error, mean (%)", ("area error, mean, %",)),
        Row("area.p95", "area error, 95th percentile (%)", ("area error, p95, %",)),
    ),
}
"""Name in `measured` -> rows of the mean and of the 95th percentile."""
SPREAD = {
    "centre": Row("centre.sd", "centre error, sd (px)", ("centre error, sd, px",)),
    "radius": Row("radius.sd", "radius error, sd (px)", ("radius error, sd, px",)),
}
"""Name in `measured` -> row of the standard deviation, in `core.metrics.comparison`."""
ONE_COMPONENT = Row("one_component", "one connected component (% of shapes)", ("one component, % of shapes",))
CIRCULARITY = Row("circularity.deviation", "circularity, |deviation| (%)", ("circularity, |deviation|, %",))
RECOGNISED = Row("recognised", "recognised (% of shapes)", ("recognised, % of shapes",))
TRACED = 64
"""Requests of the measurements during training."""


def requests(problem: Problem, n: int, seed: int = 0) -> dict[str, Array]:
    """n held-out requests: real-valued centres and sizes that fit the image, from the ranges of the data.

    Returns:
        Condition name -> values (n,), in px; areas in px².
    """
    assert isinstance(problem.source, Shapes)
    drawn = replace(problem.source, whole=False).parameters(
        range(HELD_OUT + seed, HELD_OUT + seed + n), problem.field.shape
    )
    drawn_requests: dict[str, Array] = {}
    for k, (x, y, area) in enumerate(drawn, 1):
        size = (
            {f"area{k}": area}
            if f"area{k}" in {i.name for i in problem.invariances}
            else {f"r{k}": np.sqrt(area / math.pi)}
        )
        drawn_requests |= {f"x{k}": x, f"y{k}": y, **size}
    return {k: v.astype(np.float32) for k, v in drawn_requests.items()}


def measured(labels: Array, requested: Mapping[str, Array] | None, outlines: Sequence[str]) -> dict[str, Array]:
    """Measurements of every shape.

    Args:
        labels: labels (n, H, W); shape k has label k.
        requested: condition name -> values (n,); None: no errors.
        outlines: outline of each shape, such as `circle`.

    Returns:
        Name -> values (shapes, n): centre `x`, `y` (px), `area` (px), `circularity`, `components`, `recognised` as its
        outline (0 or 1), and with a request the errors `centre` (px), `radius` of the disc of the same area (px,
        signed) and `size` of the area (%, signed).
    """
    per_shape: dict[str, list[list[float]]] = {}
    for k, outline in enumerate(outlines, 1):
        rows = [_one(image == k, outline) for image in labels]
        for name in rows[0]:
            per_shape.setdefault(name, []).append([row[name] for row in rows])
    out = {name: np.array(values) for name, values in per_shape.items()}
    if requested:
        x, y, area = (np.stack([np.asarray(s[i], np.float64) for s in placed(requested)]) for i in range(3))
        out["centre"] = np.hypot(out["x"] - x, out["y"] - y)
        out["radius"] = np.sqrt(out["area"] / math.pi) - np.sqrt(area / math.pi)
        out["size"] = 100 * (out["area"] / area - 1)
    return out


def _one(mask: Array, outline: str) -> dict[str, float]:
    """Measurements of one shape; an empty one has its centre at the origin, no component and no kind."""
    m = shapes.moments(mask)
    return {
        "x": m.x,
        "y": m.y,
        "area": m.area,
        "circularity": shapes.circularity(mask),
        "components": shapes.components(mask),
        "recognised": float(shapes.kind(mask) == outline),
    }


def rows(samples: Mapping[str, Array], truth: Mapping[str, Array]) -> dict[Row, float]:
    """The rows of the quality table from `measured` samples and `measured` exact rasters at the same requests."""
    out: dict[Row, float] = {}
    for name, (mean, high) in ERRORS.items():
        if name in samples:
            error = np.abs(samples[name])
            out |= {mean: float(error.mean()), high: float(np.quantile(error, 0.95))}
    ratio = samples["circularity"].mean(1) / truth["circularity"].mean(1)
    out[ONE_COMPONENT] = 100 * float((samples["components"] == 1).mean())
    out[CIRCULARITY] = 100 * float(np.abs(ratio - 1).max())
    out[RECOGNISED] = 100 * float(samples["recognised"].mean())
    return out


def quality(
    model: sampling.Model, n: int = 300, size: int | None = None, ablation: bool = True, seed: int = 0
) -> pd.DataFrame:
    """The table of quality at n held-out requests.

    Returns:
        Columns label, bar, data (exact rasters at the same requests), the stages of the generator before and after the
        projection.
    """
    problem = model.problem
    assert isinstance(problem.source, Shapes) and problem.truth.simulate is not None
    requested = {k: v for k, v in requests(problem, n, seed).items() if k in {q.name for q in model.conditions}}
    outlines = problem.source.outlines
    truth = measured(problem.truth.simulate(requested, n, seed, model.shape(size)), requested, outlines)
    columns = {"data": rows(truth, truth)}
    staged = problem.projection.label != ""  # the plain networks have neither stages nor a projection
    for name, stages in (COLUMNS if ablation and staged else {"all": {}}).items():
        labels = model.sample(requested, n, seed, size=size, **stages).labels
        assert labels is not None
        columns[name] = rows(measured(labels, requested, outlines), truth)
    return tabulated(columns, problem.evaluation.thresholds)


def trace(model: sampling.Model, n: int = TRACED) -> dict[str, float]:
    """Measurements during training, before correction, at held-out requests that differ from those of `quality`."""
    problem = model.problem
    assert isinstance(problem.source, Shapes) and problem.truth.simulate is not None
    requested = requests(problem, n, seed=10_000)
    labels = model.sample({q.name: requested[q.name] for q in model.conditions}, n, seed=10_000, project=False).labels
    assert labels is not None
    outlines = problem.source.outlines
    truth = measured(problem.truth.simulate(requested, n, 0, problem.field.shape), requested, outlines)
    return {k: round(v, 4) for k, v in labelled(rows(measured(labels, requested, outlines), truth)).items()}
