"""Loaded models, shared by the live route and the pages: each checkpoint is read once, and again when its file
changes."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

import core
from core import discovery, sampling
from core.sampling import Model
from core.types import Array, Problem, Quantity, Sample
from explorer.live import curves
from explorer.live.protocol import Dial, Value, clip


class Store:
    """Models by name. `load` and `path` may be replaced in tests; both default to the core's."""

    def __init__(
        self, load: Callable[[str], Model] = core.load, path: Callable[[str], Path] = sampling.path_of
    ) -> None:
        """An empty store."""
        self._load, self._path = load, path
        self._lock = threading.Lock()
        self._models: dict[str, tuple[tuple[int, int], Model]] = {}

    def get(self, name: str) -> Model:
        """The model `problem/preset`; `ValueError` or `FileNotFoundError`, both with a sentence, when there is none."""
        path = self._path(name)
        stamp = (path.stat().st_mtime_ns, path.stat().st_size) if path.exists() else (0, 0)
        held = self._models.get(name)
        if held and held[0] == stamp:
            return held[1]
        with self._lock:
            held = self._models.get(name)
            if not held or held[0] != stamp:
                held = self._models[name] = (stamp, self._load(name))
        return held[1]

    def preload(self) -> tuple[str, ...]:
        """Loads the default model of every problem that has one; returns the names loaded."""
        loaded = []
        for problem in discovery.problems():
            name = f"{problem}/{core.presets(problem)[0]}"
            try:
                render_once(self.get(name))
            except (FileNotFoundError, ValueError):
                continue  # the page says it
            loaded.append(name)
        return tuple(loaded)


MODELS = Store()
"""The models of this process."""


def trained(problem: str) -> dict[str, Model]:
    """Preset of the problem -> its model, of those that have a checkpoint which can be read."""
    found = {}
    for name in core.presets(problem):
        with contextlib.suppress(FileNotFoundError, ValueError):
            found[name] = MODELS.get(f"{problem}/{name}")
    return found


def problem_of(name: str) -> Problem:
    """The problem behind `problem/preset`."""
    return discovery.split(name)[0]


def late(model: Model) -> tuple[str, ...]:
    """Stages that are slower than a drag: the panel leaves them to the release."""
    return ("refine",) if model.problem.projection.refine else ()


def sizes(model: Model) -> tuple[int, ...]:
    """Sizes in pixels that the panel offers: the field's own list, or its default alone."""
    return tuple(sorted({*model.field.sizes, model.field.shape[0]}))


def size_of(model: Model, dial: Dial) -> int:
    """Rows of the picture that the dial asks for."""
    return dial.size or model.field.shape[0]


def clipped(quantities: tuple[Quantity, ...], given: Any) -> dict[str, Value]:
    """The values with rounding at the ends of their ranges removed; unknown names stay, for `sample` to refuse."""
    known = {q.name: q for q in quantities}
    return {k: clip(known[k], v) if k in known else v for k, v in given.items()}


def asked(model: Model, dial: Dial) -> dict[str, Any]:
    """The conditions of a dial as the model takes them: drawn curves in cells, what they replace left out."""
    gone = curves.replaced(model.conditions, dial.conditions, dial.drawn)
    given: dict[str, Any] = {k: v for k, v in clipped(model.conditions, dial.conditions).items() if k not in gone}
    scalars = {q.name: given.get(q.name, q.default) for q in model.conditions if q.kind == "scalar"}
    for name, q in curves.checked(model.conditions, dial.drawn).items():
        given[name] = curves.curve(q, dial.drawn[name], dial.smooth, scalars)
    return model.problem.requests.propagate(given) if model.problem.requests.propagate else given


def check(model: Model, dial: Dial) -> None:
    """`ValueError` with a sentence when the dial names a stage, size, curve, axis or share that the model does not
    have, or conditions that cannot be delivered together."""
    curves.checked(model.conditions, dial.drawn)
    shares = {q.name: q.size for q in model.conditions if q.kind == "simplex"}
    for name, held in dial.locked.items():
        most = max(0, shares.get(name, 0) - 2)
        if len(held) > most or any(i >= shares[name] for i in held):
            raise ValueError(f"Of {name}, {most} shares can be locked, by their places from 0; got {list(held)}.")
    axes = model.problem.frame.coords(model.field.shape) if model.problem.frame.coords else {}
    unknown = [k for k, v in dial.at.items() if k not in axes or not 0 <= v <= axes[k][-1] + 1e-6]
    if unknown:
        raise ValueError(f"A profile cannot be cut at {unknown[0]} = {dial.at[unknown[0]]:g} here.")
    missing = [s for s in dial.off if s not in model.stages]
    if missing:
        raise ValueError(f"{model.name} has no stage {missing[0]!r}. It has: {', '.join(model.stages) or 'none'}.")
    if dial.best_of not in (offered := model.problem.projection.best_of or (1,)):
        raise ValueError(
            f"The best of {dial.best_of} is not offered here. Choose one of: {', '.join(map(str, offered))}."
        )
    if size_of(model, dial) not in sizes(model):
        raise ValueError(f"Size {dial.size} is not offered. Choose one of: {', '.join(map(str, sizes(model)))}.")
    if model.problem.requests.infeasible and (
        why := model.problem.requests.infeasible(model.request(asked(model, dial), 1, model.conditions, fill=True))
    ):
        raise ValueError(why)


def take(model: Model, dial: Dial, n: int = 1) -> Sample:
    """The sample that the dial stands for, or the first `n` of its seed; `ValueError` with a sentence where it cannot
    be."""
    check(model, dial)
    size = None if size_of(model, dial) == model.field.shape[0] else dial.size
    conditions, latent = asked(model, dial), clipped(model.latents, dial.latent)
    stages: dict[str, Any] = dict.fromkeys(dial.off, False)
    return model.sample(conditions, n, dial.seed, dial.project, latent or None, size, best_of=dial.best_of, **stages)


class Recent:
    """The last samples of dials, each with the seconds that it took: the panel and the page below it ask for the same
    one."""

    def __init__(self, most: int = 8) -> None:
        """Keeps so many."""
        self._most, self._lock = most, threading.Lock()
        self._held: OrderedDict[str, tuple[Sample, float]] = OrderedDict()

    def take(self, model: Model, dial: Dial) -> tuple[Sample, float]:
        """As the function `take` for one sample; who gets it must not change it."""
        key = f"{id(model)} {model.digest} {json.dumps(asdict(dial), sort_keys=True)}"
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        start = time.perf_counter()
        found = take(model, dial), time.perf_counter() - start
        with self._lock:
            self._held[key] = found
            if len(self._held) > self._most:
                self._held.popitem(last=False)
        return found


RECENT = Recent()
"""The samples of this process."""


def shape_of(model: Model, dial: Dial) -> tuple[int, int]:
    """(rows, columns) of the picture that the dial asks for."""
    size = size_of(model, dial)
    return model.field.shape if size == model.field.shape[0] else model.shape(size)


def reference(model: Model, dial: Dial) -> dict[str, tuple[Array, Array]]:
    """Mean and standard deviation of the held-out data at the dial's conditions; empty where there are no such data.

    Outside the range of positions that the checkpoint's references cover, nothing is compared.
    """
    at = model.references.get("at")
    if at is None or not model.conditions:
        return {}
    conditions = asked(model, dial)
    if not at.min() - 1e-4 <= model.position(conditions) <= at.max() + 1e-4:
        return {}
    return model.reference(conditions)


def timed(model: Model, dial: Dial, repeats: int = 3) -> float:
    """Seconds for one sample, the median of a few."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        take(model, dial)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def render_once(model: Model) -> Sample:
    """One default sample, so that the first person does not wait for it."""
    return take(model, Dial())


def describe(model: Model, sample: Sample, live: bool = False) -> dict[str, Array]:
    """The problem's descriptors measured on the delivered arrays, name -> (n,) or (n, m); live: only what is drawn
    while dragging, which is the live curves and every scalar."""
    array = torch.from_numpy(np.ascontiguousarray(sample.array))
    chosen = [d for d in model.problem.evaluation.descriptors if d.live or not live or not (d.abscissa or d.slow)]
    with torch.inference_mode():
        return {d.name: d.measure(array).cpu().numpy() for d in chosen}


def abscissae(model: Model, shape: tuple[int, int]) -> dict[str, Array]:
    """Curve descriptor -> its positions for an array of this shape."""
    at = {d.name: partial(d.abscissa, shape) for d in model.problem.evaluation.descriptors if d.abscissa}
    return {name: np.asarray(positions()) for name, positions in at.items()}
