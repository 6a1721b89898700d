"""Exported files: images, arrays with a JSON sidecar, curves. Pure functions to bytes."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

import core
from core.sampling import Model
from core.types import Array, Field, Sample
from explorer import palette
from explorer.live import curves as drawing
from explorer.live import models, solutions
from explorer.live.dial import Dial, shape_of, size_of
from explorer.live.protocol import VALUES, jsonable
from explorer.live.solutions import Solved

PIXELS = 500 * 128 * 128
"""Most pixels in one download of several structures."""


def png(indices: Array, field: Field, scale: int = 1, dark: bool = False) -> bytes:
    """An image (uint8 indices (H, W) into the palette) as PNG, each pixel drawn `scale` by `scale`."""
    rgb = palette.colours(field, dark)[np.kron(indices, np.ones((scale, scale), dtype=np.uint8))]
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "PNG", optimize=True)
    return out.getvalue()


def rgba(image: Array) -> bytes:
    """Colours (H, W, 4) as PNG."""
    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG")
    return out.getvalue()


def npy(array: Array) -> bytes:
    """One array as NPY, rows first (y, x)."""
    out = io.BytesIO()
    np.save(out, array, allow_pickle=False)
    return out.getvalue()


def facts(model: Model, dial: Dial, sample: Sample) -> dict[str, Any]:
    """Everything needed to reproduce the arrays, with the requested and measured values and the warnings."""
    return jsonable(
        {
            "software": f"InvNet Explorer {core.__version__}",
            "problem": model.problem.name,
            "model": model.name,
            "digest": model.digest,
            "citation": model.problem.citation,
            "seed": dial.seed,
            "shape": sample.array.shape[1:],
            "axes": model.field.axes,
            "unit": model.field.unit,
            "periodic": model.field.periodic,
            "labels": model.field.labels,
            "exact_projection": dial.project,
            "stages_off": dial.off,
            "best_of": dial.best_of,
            "requested": sample.requested,
            "dialled_latents": dial.latent,
            "latents": sample.latent,
            "measured": brief(sample.measured),
            "measured_before_projection": brief(sample.raw),
            "warnings": sample.warnings,
        }
    )


def brief(values: Mapping[str, Array]) -> dict[str, Array]:
    """Measured values, without those that are images themselves."""
    return {k: v for k, v in values.items() if v[0].size <= VALUES}


def sidecar(model: Model, dial: Dial, sample: Sample) -> bytes:
    """`facts` as readable JSON."""
    return (json.dumps(facts(model, dial, sample), indent=2, ensure_ascii=False) + "\n").encode()


def bundle(model: Model, dial: Dial, n: int) -> bytes:
    """A ZIP of `arrays.npz` (`n` structures at this dial, with consecutive sample indices) and its `arrays.json`.

    The first structure is the displayed one. Raises `ValueError` if `n` is larger than `most`.
    """
    if not 1 <= n <= most(model, dial):
        raise ValueError(f"Ask for 1 to {most(model, dial)} structures of this size; got {n}.")
    sample = models.sample_dial(model, dial, n)
    arrays: dict[str, Any] = {"labels" if sample.labels is not None else "field": sample.array}
    arrays |= {"soft": sample.soft.astype(np.float16), **{f"measured_{k}": v for k, v in sample.measured.items()}}
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)
    return zipped({"arrays.npz": packed.getvalue(), "arrays.json": sidecar(model, dial, sample)})


def most(model: Model, dial: Dial) -> int:
    """Most structures in one download at this size."""
    rows, columns = shape_of(model, dial)
    return max(1, PIXELS // (rows * columns))


def solution_facts(model: Model, dial: Dial, solved: Solved) -> dict[str, Any]:
    """`facts` with the drawn curve, the displayed numbers, and what the arrays are."""
    drawing = {"control_points": dial.drawn, "smooth": dial.smooth} if dial.drawn else None
    units = {i.name: i.unit for i in solutions.maps(model)}
    norms = {k: {"delivered": v[1], "raw": v[2], "unit": units[k]} for k, v in solved.residuals.items()}
    errors = {
        "delivered": solutions.error(solved.field, solved.exact),
        "raw": solutions.error(solved.raw, solved.exact),
    }
    arrays = {"rows": model.field.axes[0], "columns": model.field.axes[1]}
    more = {"drawn": drawing, "relative_error": errors, "residual": norms, "milliseconds": solved.ms, "arrays": arrays}
    return facts(model, dial, solved.sample) | jsonable(more)


def solution_sidecar(model: Model, dial: Dial, solved: Solved) -> bytes:
    """`solution_facts` as readable JSON."""
    return (json.dumps(solution_facts(model, dial, solved), indent=2, ensure_ascii=False) + "\n").encode()


def solution_bundle(model: Model, dial: Dial, solved: Solved) -> bytes:
    """A ZIP of `arrays.npz` (field, raw, exact, the axes, initial condition, residual maps) and its `arrays.json`."""
    arrays: dict[str, Any] = {
        "field": solved.field,
        "raw": solved.raw,
        **solved.sample.coords,
        "initial": solved.field[:, 0],
    }
    arrays |= {f"residual_{k}": v[0] for k, v in solved.residuals.items()}
    packed = io.BytesIO()
    np.savez_compressed(packed, **(arrays if solved.exact is None else arrays | {"exact": solved.exact}))
    return zipped({"arrays.npz": packed.getvalue(), "arrays.json": solution_sidecar(model, dial, solved)})


def solution_csv(model: Model, solved: Solved) -> bytes:
    """The field as CSV: the first row holds the positions of the columns, the first column those of the rows."""
    across, along = model.field.axes
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([f"{across} \\ {along}", *(f"{v:.9g}" for v in solved.sample.coords[along])])
    for at, row in zip(solved.sample.coords[across], solved.field, strict=True):
        rows.writerow([f"{at:.9g}", *(f"{v:.9g}" for v in row)])
    return text.getvalue().encode()


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A ZIP of these files; the same bytes for the same content."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    return out.getvalue()


def curves(
    model: Model, measured: Mapping[str, Array], shape: tuple[int, int], reference: Mapping[str, tuple[Array, Array]]
) -> bytes:
    """Every curve as CSV, one row per position: descriptor, position, delivered, mean and standard deviation of the
    simulated reference (empty without)."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["descriptor", f"position ({model.field.unit})", "delivered", "held_out_mean", "held_out_sd"])
    home = models.abscissae(model, model.field.shape)
    for name, at in models.abscissae(model, shape).items():
        mean, sd = reference.get(name, (np.array([]), np.array([])))
        for i, (position, value) in enumerate(zip(at, measured[name][0], strict=True)):
            same = i < len(mean) and abs(float(home[name][i]) - float(position)) < 1e-3
            extra = [f"{mean[i]:.7g}", f"{sd[i]:.7g}"] if same else ["", ""]
            rows.writerow([name, f"{position:.7g}", f"{value:.7g}", *extra])
    return text.getvalue().encode()


def stem(model: Model, dial: Dial) -> str:
    """A descriptive file name, without its extension."""
    replaced = drawing.replaced(model.conditions, dial.conditions, dial.drawn)
    values = [f"{k}{v:g}" for k, v in dial.conditions.items() if isinstance(v, float) and k not in replaced]
    values += [f"{k}_drawn" for k in dial.drawn]
    values += [f"{q.name}_given" for q in model.conditions if q.kind == "curve" and q.name in dial.conditions]
    if solutions.applies(model):
        return "_".join([model.name.replace("/", "_"), *values])
    return "_".join([model.problem.name, *values, f"seed{dial.seed}", f"{size_of(model, dial)}px"])
