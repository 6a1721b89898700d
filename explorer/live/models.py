"""Loaded models, shared by the live route and the pages, and their samples; a checkpoint is read again when its file
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

import numpy as np
import torch

import core
from core import discovery, sampling
from core.sampling import Model
from core.types import Array, Sample
from explorer.live.dial import Dial, ResolvedRequest, resolve


class ModelCache:
    """Models by name. `load` and `path` may be replaced in tests; both default to the core's."""

    def __init__(
        self, load: Callable[[str], Model] = core.load, path: Callable[[str], Path] = sampling.path_of
    ) -> None:
        """An empty cache."""
        self._load, self._path = load, path
        self._lock = threading.Lock()
        self._models: dict[str, tuple[tuple[int, int], Model]] = {}

    def get(self, name: str) -> Model:
        """The model `problem/preset`; `ValueError` or `FileNotFoundError`, both with a sentence, when there is none."""
        path = self._path(name)
        stamp = (path.stat().st_mtime_ns, path.stat().st_size) if path.exists() else (0, 0)
        entry = self._models.get(name)
        if entry and entry[0] == stamp:
            return entry[1]
        with self._lock:
            entry = self._models.get(name)
            if not entry or entry[0] != stamp:
                entry = self._models[name] = (stamp, self._load(name))
        return entry[1]

    def preload(self) -> tuple[str, ...]:
        """Loads the default model of every problem that has one, makes a first sample of each, and returns their
        names."""
        loaded = []
        for problem in discovery.problems():
            name = f"{problem}/{core.presets(problem)[0]}"
            try:
                sample_dial(self.get(name), Dial())
            except (FileNotFoundError, ValueError):
                continue  # the page shows the sentence
            loaded.append(name)
        return tuple(loaded)


MODELS = ModelCache()
"""The models of this process."""


def trained(problem: str) -> dict[str, Model]:
    """Preset of the problem -> its model, for the presets whose checkpoint can be read."""
    models = {}
    for name in core.presets(problem):
        with contextlib.suppress(FileNotFoundError, ValueError):
            models[name] = MODELS.get(f"{problem}/{name}")
    return models


def sample_request(model: Model, request: ResolvedRequest, n: int = 1) -> Sample:
    """The first `n` samples of a resolved request; `ValueError` with a sentence where the model refuses it."""
    return model.sample(
        request.conditions,
        n,
        request.seed,
        request.project,
        request.latent or None,
        request.size,
        best_of=request.best_of,
        **request.stages,
    )


def sample_dial(model: Model, dial: Dial, n: int = 1) -> Sample:
    """The first `n` samples of a dial, resolved here; `ValueError` with a sentence where it cannot be delivered."""
    return sample_request(model, resolve(model, dial), n)


class SampleCache:
    """The latest samples, each with the seconds that it took: the panel and the page below it show the same one."""

    def __init__(self, capacity: int = 8) -> None:
        """Keeps at most `capacity` samples."""
        self._capacity, self._lock = capacity, threading.Lock()
        self._samples: OrderedDict[str, tuple[Sample, float]] = OrderedDict()

    def sample(self, model: Model, request: ResolvedRequest) -> tuple[Sample, float]:
        """As `sample_request` for one sample; the caller must not change it."""
        key = f"{id(model)} {model.digest} {json.dumps(asdict(request.dial), sort_keys=True)}"
        with self._lock:
            if key in self._samples:
                self._samples.move_to_end(key)
                return self._samples[key]
        start = time.perf_counter()
        timed_sample = sample_request(model, request), time.perf_counter() - start
        with self._lock:
            self._samples[key] = timed_sample
            if len(self._samples) > self._capacity:
                self._samples.popitem(last=False)
        return timed_sample


SAMPLES = SampleCache()
"""The samples of this process."""


def reference(model: Model, request: ResolvedRequest) -> dict[str, tuple[Array, Array]]:
    """Descriptor -> mean and standard deviation of the held-out data at the request; empty where there are none."""
    return model.reference(request.conditions) if request.has_reference else {}


def seconds_per_sample(model: Model, request: ResolvedRequest, repeats: int = 3) -> float:
    """Seconds for one sample, the median of `repeats` runs."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        sample_request(model, request)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def describe(model: Model, sample: Sample, live: bool = False) -> dict[str, Array]:
    """The problem's descriptors measured on the delivered arrays, name -> (n,) or (n, m).

    `live` measures only what is drawn while dragging: the live curves and every scalar that is not slow.
    """
    array = torch.from_numpy(np.ascontiguousarray(sample.array))
    chosen = [d for d in model.problem.evaluation.descriptors if d.live or not live or not (d.abscissa or d.slow)]
    with torch.inference_mode():
        return {d.name: d.measure(array).cpu().numpy() for d in chosen}


def abscissae(model: Model, shape: tuple[int, int]) -> dict[str, Array]:
    """Curve descriptor -> its abscissa for an array of this shape."""
    at = {d.name: partial(d.abscissa, shape) for d in model.problem.evaluation.descriptors if d.abscissa}
    return {name: np.asarray(positions()) for name, positions in at.items()}
