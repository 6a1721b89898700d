"""Runs in a checkout (working folder and PYTHONPATH) and writes what it computes: `python probe.py FOLDER`.

It knows the old and the new name of what was moved; everything else comes through public paths.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from values import Record, content

N = 4
"""Samples of every request."""


def module(*names: str) -> ModuleType:
    """The first of these modules that the checkout has: its new name, then its old one."""
    for name in names:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if name != names[-1] and error.name and f"{name}.".startswith(f"{error.name}."):
                continue
            raise
    raise ModuleNotFoundError(names)


def member(owner: Any, *names: str) -> Any:
    """The first of these attributes that there is: its new name, then its old one."""
    return next(getattr(owner, name) for name in names if hasattr(owner, name))


def other(model: Any) -> dict[str, Any]:
    """Another request than the default: scalars at 30 % of what was seen in training, uneven shares; no curves."""
    found: dict[str, Any] = {}
    for q in model.conditions:
        if q.kind == "simplex":
            found[q.name] = tuple((np.arange(1, q.size + 1) + 2) / (np.arange(1, q.size + 1) + 2).sum())
        elif q.kind == "scalar":
            low, high = q.trained or (q.low, q.high)
            found[q.name] = float(np.float32(low + 0.3 * (high - low)))
    if "x2" in found:  # two shapes must stay apart
        found |= {"x2": 85.0, "y2": 90.0}
    return found


def sampled(record: Record, name: str, model: Any) -> None:
    """Samples of one checkpoint: default request, another one, the raw network, each stage left out, latents."""
    request = other(model)
    variants: dict[str, dict[str, Any]] = {
        "default": {"n": N},
        "other": {"conditions": request, "n": N, "seed": 7},
        "raw": {"conditions": request, "project": False},
        **{f"without {stage}": {stage: False} for stage in model.stages},
    }
    if latent := {
        q.name: float(np.float32(q.low + 0.4 * (q.high - q.low))) for q in model.latents if q.kind == "scalar"
    }:
        variants["latents"] = {"latent": latent}
    if model.pinned:
        variants["best of 3"] = {"best_of": 3, "n": 2}
    if model.field.sizes:
        variants["size"] = {"size": model.field.sizes[0], "seed": 3}
    for variant, options in variants.items():
        with record.part("samples", f"{name}, {variant}") as add:
            add("sample", model.sample(**options))


def frames(record: Record, service: Any, decode: Any, item: str, request: dict[str, Any]) -> None:
    """One live frame: header and arrays; a sentence in the place of a picture is a failure."""
    with record.part("frames", item) as add:
        header, arrays = decode(service.answer(json.dumps({"id": 5, **request})))
        if "error" in header:
            raise ValueError(header["error"])
        add("header", header)
        add("arrays", arrays)


def refused(record: Record, service: Any, decode: Any) -> None:
    """Requests that are answered with a sentence: the keys of the answer and its number are compared."""
    bad: dict[str, dict[str, Any]] = {
        "range": {"model": "two_phase/fraction", "conditions": {"volume_fraction": 1.5}},
        "key": {"model": "two_phase/fraction", "colour": 1},
        "name": {"model": "two_phase/none"},
        "stage": {"model": "two_phase/correlation", "off": ["luck"]},
        "together": {"model": "shapes/two_circles", "conditions": {"x1": 64, "x2": 64, "y1": 64, "y2": 64}},
        "shares": {"model": "polycrystal/fractions", "conditions": {"fractions": [0.5, 0.5, 0.5, 0, 0]}},
        "lab": {"lab": "linear_game", "dial": {"eta": "much"}},
    }
    for item, request in bad.items():
        with record.part("frames", f"refused: {item}") as add:
            add("header", decode(service.answer(json.dumps({"id": 6, **request})))[0])


def service_with_labs() -> Any:
    """The live service, which is given the labs where it does not know them by itself."""
    service = module("explorer.live.service").Service
    if "labs" not in inspect.signature(service).parameters:
        return service()
    labs = (module(f"explorer.labs.{name}").LAB for name in ("linear", "gan", "inverse"))
    return service(labs={lab.name: lab for lab in labs})


def live(record: Record, models: Mapping[str, Any]) -> None:
    """Frames of every page and lab, and what the panels are told."""
    protocol, service = module("explorer.live.protocol"), service_with_labs()
    dial = member(module("explorer.live.dial", "explorer.live.protocol"), "Dial")
    spec = module("explorer.panel_spec", "explorer.controls")
    for name, model in models.items():
        if not name.startswith("inverse/"):
            frames(record, service, protocol.decode, name, {"model": name})
            frames(record, service, protocol.decode, f"{name}, raw", {"model": name, "seed": 3, "project": False})
        with record.part("panels", name) as add:
            add("panel", spec.panel(model, dial()))
    points = [round(0.5 + 0.4 * float(np.sin(0.8 * k)), 3) for k in range(16)]
    curve = [0.75, 0.42, 0.05, -0.14, -0.05, 0.02, 0.0, 0.0]
    drawn = {
        "two_phase/correlation": {"drawn": {"correlation": curve}, "conditions": {"volume_fraction": 0.4}, "best_of": 4}
    }
    drawn |= {
        f"burgers/{name}": {"drawn": {"initial": points}, "smooth": False, "at": {"t": 0.1}}
        for name in ("viscous", "inviscid")
    }
    drawn["polycrystal/fractions"] = {
        "conditions": {"fractions": [0.1, 0.2, 0.3, 0.15, 0.25]},
        "locked": {"fractions": [0, 3]},
    }
    for name, request in drawn.items():
        frames(record, service, protocol.decode, f"{name}, drawn", {"model": name, **request})
    refused(record, service, protocol.decode)
    far = {"two_phase/correlation": {"volume_fraction": 0.1, "length": 18.0}, "showers/tricks": {"energy": 140.0}}
    for name, request in far.items():
        frames(record, service, protocol.decode, f"{name}, outside", {"model": name, "conditions": request})
    labs = {"linear_game": [{}, {"samples": "16", "scheme": "optimistic"}], "gan_lab": [{}, {"density": "eight"}]}
    labs["inverse"] = [{}, {"network": "cgan"}, {"prior": "normal", "mean": 900.0}]
    for lab, dials in labs.items():
        for given in dials:
            frames(record, service, protocol.decode, f"{lab} {given}", {"lab": lab, "dial": given})
        name = {"linear_game": "linear", "gan_lab": "gan"}.get(lab, lab)
        with record.part("panels", lab) as add:
            lab_module = module(f"explorer.labs.{name}", f"explorer.live.{name}")
            add("panel", lab_module.panel(lab_module.LAB.defaults(), "/"))
    game = {"lab": "gan_lab", "dial": {"scheme": "extragradient"}, "run": {"name": "same", "to": 12}}
    for _ in range(100):  # it goes on as far as the time of one answer allows
        if protocol.decode(service.answer(json.dumps(game)))[0].get("step") == 12:
            break
    frames(record, service, protocol.decode, "gan_lab, 12 steps", game)


def exported(record: Record, models: Mapping[str, Any], folder: Path) -> None:
    """One file of every kind that the explorer writes: samples, solutions, sets, the micrograph's ensemble."""
    exports, formats = (
        module("explorer.files.exports", "explorer.exports"),
        module("explorer.files.formats", "explorer.structures"),
    )
    dial = member(module("explorer.live.dial", "explorer.live.protocol"), "Dial")
    frame = module("explorer.live.frames", "explorer.live.render")
    describe = importlib.import_module("core.metrics").describe
    for name in (
        "two_phase/correlation",
        "polycrystal/fractions",
        "shapes/circle_square",
        "motif/any",
        "showers/plain",
    ):
        model, field = models[name], models[name].field
        at = dial(other(model), seed=2, size=64 if 64 in field.sizes else 0)
        sample = model.sample(at.conditions, seed=2, size=at.size or None)
        for label, ending, _, make in formats.formats(model, at, sample, 0.5, "µm"):
            with record.part("exports", f"{name}, {ending}") as add:
                add(label, content(f"x.{ending}", make()))
        measured = {k: v for k, v in describe(model.problem, sample.array).items() if v.ndim > 1}
        shape = sample.array.shape[1:]
        makers = {
            "png": lambda m=model, s=sample: exports.png(frame.picture(m.field, s), m.field, 2),
            "dark.png": lambda m=model, s=sample: exports.png(frame.picture(m.field, s), m.field, 1, True),
            "npy": lambda s=sample: exports.npy(s.array[0]),
            "json": lambda m=model, d=at, s=sample: exports.sidecar(m, d, s),
            "csv": lambda m=model, v=measured, s=shape, d=at: exports.curves(m, v, s, m.reference(d.conditions)),
            "zip": lambda m=model, d=at: exports.bundle(m, d, 2),
        }
        for ending, make in makers.items():
            with record.part("exports", f"{name}, {ending}") as add:
                add("file", content(f"x.{ending}", make()))
    solved(record, exports, formats, models["burgers/viscous"], dial(other(models["burgers/viscous"])))
    with record.part("exports", "micrograph ensemble, zip") as add:
        add("file", content("x.zip", like_a_micrograph(models["two_phase/correlation"])))
    for name in ("two_phase/correlation", "polycrystal/fractions"):
        with record.part("exports", f"{name}, set") as add:
            for file, value in made_set(models[name], folder).items():
                add(file, value)


def solved(record: Record, exports: Any, formats: Any, model: Any, dial: Any) -> None:
    """The files of a field over physical axes."""
    resolve = getattr(module("explorer.live.dial", "explorer.live.protocol"), "resolve", None)
    solution = module("explorer.live.solutions").solve(model, resolve(model, dial) if resolve else dial)
    makers = {
        "csv": lambda: exports.solution_csv(model, solution),
        "json": lambda: exports.solution_sidecar(model, dial, solution),
        "zip": lambda: exports.solution_bundle(model, dial, solution),
        **{ending: make for _, ending, _, make in formats.formats(model, dial, solution.sample)},
    }
    for ending, make in makers.items():
        with record.part("exports", f"{model.name}, {ending}") as add:
            add("file", content(f"x.{ending}", make()))


def like_a_micrograph(model: Any) -> bytes:
    """The zip of structures like an example of discs."""
    windows, otsu = (
        module("core.descriptors.windows", "core.simulation.micrographs"),
        module("core.readers.otsu", "core.simulation.thresholds"),
    )
    request = module("explorer.micrograph.request", "explorer.micrograph")
    files = module("explorer.files.micrograph", "explorer.micrograph_files")
    grey = windows.example(3, (192, 192))
    target = request.measured("discs.png", windows.phases(grey, otsu.otsu(grey)), {"file": "discs.png"})
    made = request.make(model, target, request.suggested(target, model), 1, 2)
    return files.bundle(model, made, 2, 0.25, "µm")


def made_set(model: Any, folder: Path) -> dict[str, Any]:
    """A set in HDF5 by two shards that are joined, and what is made of it: summary, curves, archives, thumbnails."""
    command, batches = module("core.sampling.__main__"), module("explorer.files.batches", "explorer.set_files")
    name = model.name.replace("/", "_")
    given = [model.name, "-n", "6", "--seed", "3", "--size", "64", "--workers", "1"]
    first = next(q for q in model.conditions)
    given += (
        [f"--set={first.name}=0.3:0.6"] if first.kind == "scalar" else [f"--set={first.name}=0.1,0.2,0.3,0.15,0.25"]
    )
    shards = [folder / f"{name}.{k}of2.h5" for k in (1, 2)]
    with contextlib.redirect_stdout(io.StringIO()):
        codes = [command.main([*given, "--out", str(folder / f"{name}.h5"), "--shard", f"{k}/2"]) for k in (1, 2)]
        codes.append(command.main(["--join", str(folder / f"{name}.h5"), *map(str, shards)]))
    path = folder / f"{name}.h5"
    found = batches.read(path)
    files = {"h5": path.read_bytes(), "shard.h5": shards[1].read_bytes(), "csv": batches.curves(model, found)}
    files |= {"samples.csv": batches.samples(model, found), "json": batches.sidecar(model, found)}
    files |= {f"{kind}.zip": batches.archive(model, found, kind, 0.5, "µm") for kind in batches.FORMATS}
    files["png"] = batches.thumbnails(model, found.labels(0, 6), 3, False)
    return {"codes": codes, **{name: content(f"x.{name}", data) for name, data in files.items()}}


def judged(record: Record, models: Mapping[str, Any]) -> None:
    """The table of quality of every problem, from few samples: its numbers in their order."""
    core, metrics = importlib.import_module("core"), importlib.import_module("core.metrics")
    for name in (*core.problems(), "inverse"):
        model = models[f"{name}/{core.presets(name)[0]}"]
        with record.part("quality", model.name) as add:
            size = 64 if 64 in model.field.sizes else None
            table = metrics.quality(model, 24, size)
            add("rows", np.array(len(table)))
            for i, row in enumerate(table.select_dtypes("number").to_numpy()):
                add(f"row {i}", row)


def learnt(record: Record, models: Mapping[str, Any]) -> None:
    """Draws of every data source, and two training steps of every preset in its tiny configuration."""
    core, discovery = importlib.import_module("core"), importlib.import_module("core.discovery")
    loop = importlib.import_module("core.training.loop")
    for name in (n for n in models if discovery.split(n)[0].source is not None):
        with record.part("data", name) as add:
            add("drawn", core.draw(name, 2, 11))
    for name in models:
        with record.part("training", name) as add:
            problem, preset = discovery.split(name)
            config = preset.tiny
            images = None
            if preset.critic is not None and problem.source is not None:
                images = core.draw(problem.name, 16, 0, config.size).array
            trainer = loop.Trainer(problem, preset, config, images)
            for progress in loop.fit(trainer, 2):
                add(f"step {progress.step}", {"losses": progress.losses, "residuals": progress.residuals})
            for key, value in trainer.state().items():
                add(f"state {key}", value.float().numpy() if value.is_floating_point() else value.numpy(), keep=False)


def main() -> None:
    """Everything, into the folder named on the command line; nothing of an installed copy of the project is used."""
    folder = Path(sys.argv[1])
    sys.meta_path[:] = [f for f in sys.meta_path if not getattr(f, "__module__", "").startswith("__editable__")]
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True, warn_only=True)
    core = importlib.import_module("core")
    record = Record()
    paths = sorted((Path.cwd() / "checkpoints").rglob("*.safetensors"))
    models = {f"{p.parent.name}/{p.stem}": core.load(str(p)) for p in paths}
    for name, model in models.items():
        sampled(record, name, model)
    with record.part("frames", "all"):
        live(record, models)
    with record.part("exports", "all"):
        exported(record, models, folder)
    with record.part("quality", "all"):
        judged(record, models)
    with record.part("training", "all"):
        learnt(record, models)
    for name, loaded in sys.modules.items():
        if name.split(".")[0] in ("core", "explorer") and not Path(loaded.__file__).resolve().is_relative_to(
            Path.cwd()
        ):
            raise SystemExit(f"{name} comes from {loaded.__file__}, not from {Path.cwd()}")
    record.save(folder)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "0")
    main()
