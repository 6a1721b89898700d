"""The probe of `tests.benchmarks.same`: runs in one checkout, of this version or of 0.1, and writes named arrays.

Names of modules that differ between the versions are tried in turn, the new one first.
"""

from __future__ import annotations

import csv
import importlib
import io
import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path.cwd()))

import core
from core import discovery, sampling

TIMES = re.compile(r"\b(ms|milliseconds|seconds|minutes|software|created|citation|version)\b")
"""Names of values that are times, or say which software wrote a file."""
VERSION = re.compile(r"InvNet Explorer \d+\.\d+\.\d+")
RESULT: dict[str, np.ndarray] = {}


def first(*paths: str) -> Any:
    """The first of the modules, or of `module:attribute`, that exists."""
    for path in paths:
        module, _, attribute = path.partition(":")
        try:
            found = importlib.import_module(module)
            return getattr(found, attribute) if attribute else found
        except (ImportError, AttributeError):
            continue
    raise ImportError(f"None of these exists: {', '.join(paths)}")


def put(name: str, value: Any, words: bool = False) -> None:
    """Keeps every number, flag and array below a value; text where `words` is true. Times are left out."""
    if TIMES.search(name.rsplit("/", 1)[-1]) or name.endswith("/header/times"):
        return
    if isinstance(value, dict):
        for key, part in value.items():
            put(f"{name}/{key}", part, words)
    elif isinstance(value, list | tuple):
        RESULT[f"{name}/length"] = np.asarray(len(value))
        for number, part in enumerate(value):
            put(f"{name}/{number}", part, words)
    elif isinstance(value, torch.Tensor):
        put(name, value.detach().cpu().numpy())
    elif value is None:
        RESULT[name] = np.asarray("none")
    elif isinstance(value, str):
        if words:
            RESULT[name] = np.asarray(VERSION.sub("", value))
    else:
        RESULT[name] = np.asarray(value)


def samples() -> None:
    """Four samples of every shipped checkpoint, at the default and at one other request."""
    for path in sorted(Path(sampling.CHECKPOINTS).rglob("*.safetensors")):
        name = f"{path.parent.name}/{path.stem}"
        model = core.load(path)
        if path.parent.name == "inverse":
            points(name, model)
            continue
        requests: dict[str, Any] = {"default": {}}
        if model.conditions:
            low, high = sampling.places(model.problem, model.conditions)
            place = low + 0.3 * (high - low)
            requests["other"] = sampling.representative(model.problem, model.conditions, place, 4)
        for which, request in requests.items():
            sample = model.sample(request, n=4, seed=7)
            for part in (
                "labels",
                "field",
                "soft",
                "requested",
                "measured",
                "raw",
                "latent",
                "coords",
                "tried",
                "seeds",
            ):
                put(f"samples/{name}/{which}/{part}", getattr(sample, part))
            RESULT[f"samples/{name}/{which}/warnings"] = np.asarray(len(sample.warnings))


def points(name: str, model: Any) -> None:
    """Answers to the inverse problem, for the default target and another one."""
    exact = first("core.simulation.rosenbrock")
    solve = first("core.sampling.inverse:solve")
    for which, target in (("default", exact.Target()), ("other", exact.Target(250.0, 40.0))):
        answer = solve(model, target, exact.Prior(), n=64, seed=3)
        put(f"samples/{name}/{which}", {k: getattr(answer, k) for k in ("levels", "raw", "points", "effective")})


def decode(frame: bytes) -> dict[str, Any]:
    """Header and arrays of a live frame."""
    header, arrays = first("explorer.live.protocol").decode(frame)
    return {"header": header, "arrays": arrays}


def frames() -> None:
    """One live frame of every page and of every lab."""
    from explorer.live.service import Service

    Dial = first("explorer.live.dial:Dial", "explorer.live.protocol:Dial")
    labs = [first(f"explorer.labs.{n}:LAB", f"explorer.live.{n}:LAB") for n in ("linear", "gan", "inverse")]
    try:
        service = Service(labs={lab.name: lab for lab in labs})
    except TypeError:  # version 0.1 knows its labs by itself
        service = Service()
    for problem in core.problems():
        for preset in core.presets(problem):
            name = f"{problem}/{preset}"
            text = json.dumps({"id": 1, "model": name, "seed": 5})
            put(f"frames/{name}", decode(service.answer(text)))
            put(
                f"frames/{name}/panel", first("explorer.panel_spec", "explorer.controls").panel(core.load(name), Dial())
            )
    for lab in labs:
        put(f"frames/lab/{lab.name}", decode(service.answer(json.dumps({"id": 1, "lab": lab.name, "dial": {}}))))
    run = json.dumps({"id": 2, "lab": "gan_lab", "dial": {}, "run": {"name": "same", "to": 3}})
    frame = decode(service.answer(run))
    while frame["header"]["step"] < 3:  # one answer takes as many steps as its time allows
        frame = decode(service.answer(run))
    put("frames/lab/gan_lab/run", frame)


def file(name: str, content: bytes) -> None:
    """The content of an exported file, whatever its kind."""
    ending = name.rsplit(".", 1)[-1]
    if ending == "zip":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.namelist():
                file(f"{name}/{member}", archive.read(member))
    elif ending == "npz":
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            for key in arrays.files:
                if arrays[key].dtype.kind in "US":
                    put(f"{name}/{key}", str(arrays[key]) if not TIMES.search(str(arrays[key])) else None, True)
                else:
                    put(f"{name}/{key}", arrays[key])
    elif ending == "npy":
        put(name, np.load(io.BytesIO(content), allow_pickle=False))
    elif ending in ("png", "tif", "tiff"):
        from PIL import Image

        put(name, np.asarray(Image.open(io.BytesIO(content))))
    elif ending == "json":
        put(name, json.loads(content), words=True)
    elif ending == "csv":
        for number, row in enumerate(csv.reader(io.StringIO(content.decode()))):
            put(f"{name}/{number}", "|".join(row), words=True)
    elif ending in ("h5", "dream3d"):
        hdf5(name, content)
    else:
        put(name, content.decode("utf-8", "replace"), words=True)


def hdf5(name: str, content: bytes) -> None:
    """All data sets of an HDF5 file."""
    import h5py

    with h5py.File(io.BytesIO(content), "r") as opened:

        def visit(path: str, node: Any) -> None:
            if isinstance(node, h5py.Dataset) and node.dtype.kind in "iufb":
                put(f"{name}/{path}", node[()])

        opened.visititems(visit)


def exported() -> None:
    """One exported file of each kind: of a structure, of a solution, of a batch, of a micrograph."""
    exports = first("explorer.files.exports", "explorer.exports")
    formats = first("explorer.files.formats", "explorer.structures")
    models = first("explorer.live.models", "explorer.live.store")
    live = first("explorer.live.frames", "explorer.live.render")
    Dial = first("explorer.live.dial:Dial", "explorer.live.protocol:Dial")
    take = first("explorer.live.models:sample_dial", "explorer.live.store:take")
    for name in ("two_phase/correlation", "polycrystal/fractions", "shapes/two_circles"):
        model, dial = models.MODELS.get(name), Dial(seed=4)
        sample = take(model, dial)
        shape = sample.array.shape[1:]
        home = f"files/{name}"
        file(f"{home}/structure.png", exports.png(live.picture(model.field, sample), model.field, 2))
        file(f"{home}/structure.npy", exports.npy(sample.array[0]))
        file(f"{home}/structure.json", exports.sidecar(model, dial, sample))
        reference = model.reference({})
        measured = models.describe(model, sample)
        file(f"{home}/curves.csv", exports.curves(model, measured, shape, reference))
        file(f"{home}/bundle.zip", exports.bundle(model, dial, 2))
        for _, ending, _, make in formats.formats(model, dial, sample, 0.5, "µm"):
            file(f"{home}/structure.{ending}", make())
    solution(exports, models.MODELS.get("burgers/viscous"), Dial(seed=4))
    batch(models.MODELS.get("two_phase/correlation"), Dial(seed=4, size=64))
    micrograph(models.MODELS.get("two_phase/correlation"))


def solution(exports: Any, model: Any, dial: Any) -> None:
    """The files of a solution."""
    try:
        request = first("explorer.live.dial:resolve")(model, dial)
    except ImportError:  # version 0.1 resolves by itself
        request = dial
    solved = first("explorer.live.solutions").solve(model, request)
    file("files/burgers/solution.csv", exports.solution_csv(model, solved))
    file("files/burgers/solution.json", exports.solution_sidecar(model, dial, solved))
    file("files/burgers/solution.zip", exports.solution_bundle(model, dial, solved))


def batch(model: Any, dial: Any) -> None:
    """The files of a large set."""
    import tempfile

    section = first("explorer.sections.batches", "explorer.sets")
    files = first("explorer.files.batches", "explorer.set_files")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / section.FILE
        request = section.request(model, dial, 5, ("volume_fraction", 0.3, 0.5))
        list(first("core.sampling.bulk").Job(request, path).run())
        found = files.read(path)
        file("files/batch.h5", path.read_bytes())
        for kind in files.FORMATS:
            file(f"files/batch_{kind.lower()}.zip", files.archive(model, found, kind, 0.5, "µm"))
        file("files/batch.csv", files.curves(model, found))
        put("files/batch_summary", files.summary(model, found))


def micrograph(model: Any) -> None:
    """The zip of structures like a micrograph."""
    request = first("explorer.micrograph.request", "explorer.micrograph")
    files = first("explorer.files.micrograph", "explorer.micrograph_files")
    windows = first("core.descriptors.windows", "core.simulation.micrographs")
    grey = windows.example()
    target = request.measured("example", (grey > np.median(grey)).astype(np.uint8), {})
    made = request.make(model, target, request.suggested(target, model), n=2)
    file("files/micrograph.zip", files.bundle(model, made, 2, 0.4, "µm"))


def quality() -> None:
    """The numbers of the quality table of each problem's default preset, in their order."""
    from core import metrics

    for problem in core.problems():
        name = f"{problem}/{core.presets(problem)[0]}"
        table = metrics.quality(core.load(name), 16, ablation=False)
        labels = table["label"] if "label" in table.columns else table.index
        kept = [not re.search(r"millisecond|\bms\b|seconds", str(label)) for label in labels]
        numbers = table.loc[kept].select_dtypes("number")
        numbers = numbers[[c for c in numbers.columns if not TIMES.search(str(c))]]
        put(f"quality/{problem}", numbers.to_numpy(np.float64))


def training() -> None:
    """Weights after three steps of the tiny configuration of three kinds of training."""
    from core.training.loop import Trainer, fit

    for name in ("two_phase/fraction", "burgers/viscous", "shapes/two_circles"):
        problem, preset = discovery.split(name)
        images = None
        if preset.critic is not None:
            assert problem.source is not None
            images = problem.source.draw(range(16), problem.field.shape)
        trainer = Trainer(problem, preset, preset.tiny, images, images, torch.device("cpu"))
        for _, _progress in zip(range(3), fit(trainer), strict=False):
            pass
        put(f"training/{name}", dict(trainer.generator.state_dict()))


def main(out: str) -> None:
    """Collects everything and writes one file."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True, warn_only=True)
    for part in (samples, frames, exported, quality, training):
        part()
    np.savez(out, **RESULT)


if __name__ == "__main__":
    main(sys.argv[1])
