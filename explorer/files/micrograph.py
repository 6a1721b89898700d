"""Structures generated from a micrograph, as one ZIP: PNG with the pixel size, NPY, CSV of curves, JSON."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from core.descriptors import two_phase
from core.sampling import Model
from core.simulation import correlations
from core.types import Array, Sample
from explorer.files import exports
from explorer.files.formats import CENTIMETRES
from explorer.live import models
from explorer.live.protocol import jsonable
from explorer.micrograph import request
from explorer.micrograph.request import Made

MOST = 512
"""Most structures in one file."""
PER_METRE = 2**31 - 1
"""Largest resolution that a PNG can hold, in pixels per metre."""


def bundle(model: Model, made: Made, n: int, pixel: float, unit: str) -> bytes:
    """A ZIP of n structures with the statistics of the target, with consecutive sample indices from the first displayed
    one: `png/000.png`, ..., `structures.npy` (n, H, W), `curves.csv` and `request.json`.

    Args:
        pixel: edge length of a pixel of the micrograph in `unit`.

    Raises:
        ValueError: for more than `MOST` structures.
    """
    if not 1 <= n <= MOST:
        raise ValueError(f"Ask for 1 to {MOST} structures; got {n}.")
    sample = models.sample_dial(model, made.dial, n)
    own = pixel * made.step
    files = {f"png/{i:03d}.png": png(one, own, unit) for i, one in enumerate(sample.array)}
    files |= {"structures.npy": exports.npy(sample.array), "curves.csv": curves(made, sample, own, unit)}
    return exports.zipped(files | {"request.json": sidecar(model, made, sample, pixel, unit)})


def png(phase: Array, pixel: float, unit: str) -> bytes:
    """Phases as black and white; the pixel size as text, and as resolution if `unit` is a length that a PNG can
    express."""
    about = PngInfo()
    about.add_itxt("pixel_size", f"{pixel:.6g} {unit}")
    dots = 1 / (pixel * CENTIMETRES[unit]) if unit in CENTIMETRES else 0.0
    metadata = {"dpi": (dots * 2.54, dots * 2.54)} if 0.01 <= dots < PER_METRE / 100 else {}
    out = io.BytesIO()
    Image.fromarray(phase * np.uint8(255)).save(out, "PNG", pnginfo=about, **metadata)
    return out.getvalue()


def curves(made: Made, sample: Sample, pixel: float, unit: str) -> bytes:
    """S2 and the lineal path of phase 1 against the distance, in pixels of the structures and in `unit`: requested,
    mean, standard deviation, and the values of each structure."""
    array = torch.from_numpy(sample.array)
    lineal = two_phase.lineal_path(array, longest=correlations.BINS - 1).numpy()
    tables = [
        ("S2", correlations.distances().numpy(), sample.requested["correlation"][0], sample.measured["correlation"]),
        ("lineal_path", np.arange(float(correlations.BINS)), None, lineal),
    ]
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    names = [f"structure_{i:03d}" for i in range(len(array))]
    rows.writerow(["curve", "distance (px)", f"distance ({unit})", "requested", "mean", "sd", *names])
    for name, at, requested, values in tables:
        for i, r in enumerate(at):
            mean, sd = values[:, i].mean(), values[:, i].std()
            numbers = [r, r * pixel, "" if requested is None else requested[i], mean, sd, *values[:, i]]
            rows.writerow([name, *(v if isinstance(v, str) else f"{v:.7g}" for v in numbers)])
    return text.getvalue().encode()


def sidecar(model: Model, made: Made, sample: Sample, pixel: float, unit: str) -> bytes:
    """`exports.facts`, with the measurements of the micrograph and their settings."""
    target, known = made.target, made.target.statistics
    first = {"name": target.name, "volume_fraction": target.p, **target.settings}
    if known:
        first |= {
            "volume_fraction_standard_error": known.p_error,
            "specific_surface_per_px": known.surface,
            "euler_number_per_1e4_px": known.euler,
            "first_zero_px": known.length,
            "estimators": "not periodic",
        }
    first |= {"distance": target.at, "S2": target.s2}
    sizes = {"micrograph_pixel": pixel, "structure_pixel": pixel * made.step, "unit": unit, "step": made.step}
    off = request.correlation_errors(Made(target, made.step, made.dial, sample, 0.0))
    metadata = {
        "like": first,
        "pixel_size": sizes,
        "s2_mean_absolute_error": off,
        "axes_of_structures": "structure, y, x",
    }
    return (
        json.dumps(exports.facts(model, made.dial, sample) | jsonable(metadata), indent=2, ensure_ascii=False) + "\n"
    ).encode()
