"""A finished batch (HDF5 of `core.sampling`): its summary, thumbnails, and files for other programs.

Pure functions to tables and bytes; arrays are read only as far as they are needed.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from core.metrics import describe
from core.sampling import Model
from core.types import Array, Quantity
from explorer import palette
from explorer.files import exports, formats
from explorer.live import models
from explorer.live.protocol import jsonable

DESCRIBED = 256
"""Most samples whose descriptors are measured for the file of curves."""
ZIPPED = 2500 * 128 * 128
"""Most pixels in one ZIP; the HDF5 holds any number."""
GAP, THUMB = 4, 128
"""Pixels between thumbnails, and the largest side of one."""
FORMATS = ("PNG", "TIFF", "NPY", "VTI")


@dataclass(frozen=True)
class Batch:
    """A finished file: `n` samples of `shape`, the manifest, and requested, measured and raw values, name -> (n,
    ...)."""

    path: Path
    n: int
    shape: tuple[int, int]
    manifest: dict[str, Any]
    requested: dict[str, Array]
    measured: dict[str, Array]
    raw: dict[str, Array]

    def labels(self, start: int, stop: int) -> Array:
        """Labels of the samples start .. stop-1."""
        with h5py.File(self.path, "r") as file:
            return np.asarray(file["labels"][start:stop])


def read(path: Path) -> Batch:
    """Reads the metadata of a file, without its arrays; `ValueError` if it is missing or damaged."""
    try:
        with h5py.File(path, "r") as file:
            groups = ({k: v[()] for k, v in file.get(g, {}).items()} for g in ("requested", "measured", "raw"))
            n, rows, columns = file["labels"].shape
            return Batch(path, n, (rows, columns), json.loads(file["manifest"].asstr()[()]), *groups)
    except (OSError, KeyError, ValueError):
        raise ValueError("The set of samples is missing or damaged. Generate it again.") from None


def components(model: Model, q: Quantity) -> list[tuple[str, tuple[Any, ...]]]:
    """The components of a condition: (label, index after the sample's index)."""
    if q.kind != "simplex":
        return [(q.label, ())]
    names = model.field.labels if len(model.field.labels) == q.size else [f"{q.label} {i + 1}" for i in range(q.size)]
    return [(name, (i,)) for i, name in enumerate(names)]


def summary(model: Model, batch: Batch) -> list[dict[str, Any]]:
    """A row per component of each condition: requested; mean and sd delivered; mean, sd and largest |error|; mean
    |error| before correction. The error of a curve is its mean |measured - requested|."""
    rows = []
    for q in (q for q in model.conditions if q.name in batch.measured):
        for label, at in components(model, q):
            got, raw = (values[q.name][(slice(None), *at)].astype(np.float64) for values in (batch.measured, batch.raw))
            row: dict[str, Any] = {"quantity": label, "unit": q.unit}
            if q.kind != "curve":
                row |= {"delivered, mean": got.mean(), "sd": got.std(ddof=1) if batch.n > 1 else 0.0}
            if q.name in batch.requested:
                requested = batch.requested[q.name][(slice(None), *at)].astype(np.float64)
                row["requested"] = "curve" if q.kind == "curve" else span(requested)
                error, before = (np.abs(v - requested).reshape(batch.n, -1).mean(1) for v in (got, raw))
                row |= {"|error|, mean": error.mean(), "|error|, sd": error.std(), "|error|, worst": error.max()}
                row["raw |error|, mean"] = before.mean()
            rows.append(row)
    return rows


def span(values: Array) -> str:
    """One number, or the ends of a range."""
    low, high = float(values.min()), float(values.max())
    return f"{low:.4g}" if high - low < 1e-6 else f"{low:.4g} … {high:.4g}"


def thumbnails(model: Model, labels: Array, across: int, dark: bool) -> bytes:
    """Labels (n, H, W) side by side, `across` in a row, as one PNG; large ones are subsampled."""
    step = -(-labels.shape[1] // THUMB)
    small = labels[:, ::step, ::step]
    rows = -(-len(small) // across)
    high, wide = small.shape[1] + GAP, small.shape[2] + GAP
    table = palette.colours(model.field, dark)
    canvas = np.zeros((rows * high - GAP, across * wide - GAP, 4), np.uint8)
    for i, one in enumerate(small):
        y, x = (i // across) * high, (i % across) * wide
        canvas[y : y + one.shape[0], x : x + one.shape[1]] = np.dstack([table[one], np.full(one.shape, 255, np.uint8)])
    return exports.rgba(canvas)


def most(shape: tuple[int, int]) -> int:
    """Most structures of this size in a ZIP."""
    return max(1, ZIPPED // (shape[0] * shape[1]))


def archive(model: Model, batch: Batch, kind: str, pixel: float = 1.0, unit: str = "px") -> bytes:
    """A ZIP of all structures as one of `FORMATS`, with `samples.csv`, `curves.csv` and `about.json`."""
    makers: dict[str, Callable[[Array], bytes]] = {
        "PNG": lambda a: exports.png(a, model.field),
        "TIFF": lambda a: formats.tiff(a, pixel, unit),
        "NPY": exports.npy,
        "VTI": lambda a: formats.vti({"label": a}, pixel),
    }
    make = makers[kind]
    files: dict[str, bytes] = {}
    for start in range(0, batch.n, DESCRIBED):
        for i, one in enumerate(batch.labels(start, min(start + DESCRIBED, batch.n)), start):
            files[f"structures/{i:05d}.{kind.lower()}"] = make(one)
    files["samples.csv"], files["curves.csv"] = samples(model, batch), curves(model, batch)
    about = {"pixel": {"size": pixel, "unit": unit}} if kind in ("TIFF", "VTI") else {}
    return exports.zipped({**files, "about.json": sidecar(model, batch, about)})


def samples(model: Model, batch: Batch) -> bytes:
    """A row per sample: its index and all requested, measured and raw numbers."""
    numbers: dict[str, Array] = {"index": np.arange(batch.n)}
    for group, values in (("requested", batch.requested), ("measured", batch.measured), ("raw", batch.raw)):
        for q in (q for q in model.conditions if q.name in values and q.kind != "curve"):
            tails = [f"_{at[0] + 1}" if at else "" for _, at in components(model, q)]
            columns = values[q.name].reshape(batch.n, -1).T
            numbers |= {f"{group}_{q.name}{tail}": column for tail, column in zip(tails, columns, strict=True)}
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(numbers)
    rows.writerows([f"{v:.7g}" for v in row] for row in zip(*numbers.values(), strict=True))
    return text.getvalue().encode()


def curves(model: Model, batch: Batch) -> bytes:
    """Each curve over the batch, one row per position: mean, standard deviation, minimum, maximum, mean of the
    request."""
    described = describe(model.problem, batch.labels(0, min(batch.n, DESCRIBED)))
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(
        ["curve", f"position ({model.field.unit})", "samples", "mean", "sd", "lowest", "highest", "requested_mean"]
    )
    for name, positions in models.abscissae(model, batch.shape).items():
        values, requested = described[name], batch.requested.get(name)
        for i, at in enumerate(positions):
            numbers = [float(f(values[:, i])) for f in (np.mean, np.std, np.min, np.max)]
            wanted = f"{requested[:, i].mean():.7g}" if requested is not None and i < requested.shape[1] else ""
            rows.writerow([name, f"{at:.7g}", len(values), *(f"{v:.7g}" for v in numbers), wanted])
    return text.getvalue().encode()


def sidecar(model: Model, batch: Batch, more: Mapping[str, Any] | None = None) -> bytes:
    """The request, seed, digest of the checkpoint, version and warnings from the file, and the summary of measured
    values."""
    about = {
        k: batch.manifest[k] for k in ("request", "kind", "labels", "axes", "unit", "periodic", "warnings", "citation")
    }
    metadata = {"software": about["request"]["software"], "n": batch.n, "shape": batch.shape, **about}
    metadata |= {"measured": summary(model, batch), **(more or {})}
    return (json.dumps(jsonable(metadata), indent=2, ensure_ascii=False) + "\n").encode()
