"""Quality of generated digits with a motif: error of the motif, confidence of a classifier, nearest training images.

The classifier is trained on real training digits, every second one with the motif inserted, so that the motif itself
does not indicate the class; generated digits, which have the motif, are compared with held-out real digits
with the motif inserted ("data"); "digits" are the same without it."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from core import data, keys, sampling
from core.metrics.ensembles import frechet
from core.metrics.rows import labelled, tabulated
from core.models.plain import PlainCritic
from core.types import FREE, HELD_OUT, Array, Preset, Problem, Row, Sample

IMAGES, STEPS, BATCH = 4096, 800, 64
"""Real digits for the training of the classifier, its steps and its batch."""
TRACED = 128
"""Samples of the measurements during training."""
FIFTH = 5
GAP = "critic.gap"
MOTIF_ERROR = Row("motif_error", "motif MSE")
CONFIDENCE = Row("confidence", "confidence, mean")
CONFIDENCE_RATIO = Row("confidence_ratio", "confidence / real")
LABEL_ENTROPY = Row("label_entropy", "label entropy / equal shares")
FEATURES = Row("features", "Fréchet distance of features")
NEAREST = Row("nearest_training_image", "distance to the nearest training image")
ACCURACY = Row("accuracy", "classifier's accuracy")
LARGEST_GAP = Row("gap.largest", "critic's gap, largest")
LAST_GAP = Row("gap.last", "critic's gap, last fifth")
GAP_RATIO = Row("gap.ratio", "critic's gap, last / largest")
_KNOWN: dict[str, tuple[Problem, Preset]] = {}


def target_motif(problem: Problem, sample: Sample) -> Tensor:
    """The motif of every sample, (n, H, W): the result of the projection, `FREE` where it depends on its input."""
    values = {k: torch.from_numpy(np.asarray(v)) for k, v in (sample.requested | sample.latent).items()}
    blank = torch.zeros(len(sample.seeds), 1, *sample.array.shape[1:])
    apply = problem.projection.apply
    assert apply is not None
    low, high = apply(blank, values), apply(blank + 1, values)
    return torch.where(low == high, low, FREE)


def training_motifs(preset: Preset, n: int, *name: Any) -> Tensor:
    """n keyed motifs (n, H, W) from the distribution of the preset's training requests."""
    assert preset.requests is not None
    return preset.requests([keys.key(*name, i) for i in range(n)])["motif"]


def random_latents(model: sampling.Model, n: int, seed: int) -> dict[str, Array]:
    """Latents (n,), uniform over the range seen in training, of those that have one: the motif varies in position."""

    def draw(q: Any, i: int) -> float:
        return q.trained[0] + (q.trained[1] - q.trained[0]) * keys.uniform(seed, q.name, i)

    return {q.name: np.array([draw(q, i) for i in range(n)], np.float32) for q in model.latents if q.trained}


def pasted(images: Array, motif: Tensor) -> Array:
    """Images (n, H, W) with the motifs inserted."""
    return torch.where(motif >= 0, motif, torch.from_numpy(images)).numpy()


def motif_error(images: Array, motif: Tensor) -> Array:
    """Mean over the support of the motif of (x - m)^2, (n,)."""
    support = motif >= 0
    squared = (torch.from_numpy(images) - motif).square() * support
    return (squared.sum((1, 2)) / support.sum((1, 2)).clamp(min=1)).numpy()


def classifier(problem: Problem, preset: Preset) -> PlainCritic | None:
    """A small network that classifies digits, trained once; None where the data have no classes.

    It depends on the data and on the motifs of the preset alone."""
    source: Any = problem.source
    if source.classes(range(1)) is None:
        return None
    name = f"{json.dumps(source.identity())}/{problem.name}/{preset.name}"
    _KNOWN[name] = (problem, preset)
    return _trained(name)


@lru_cache(maxsize=4)
def _trained(name: str) -> PlainCritic:
    """The classifier of a name in `_KNOWN`."""
    problem, preset = _KNOWN[name]
    source: Any = problem.source
    images = torch.from_numpy(data.cached(source, range(IMAGES), problem.field.shape))
    labels = torch.from_numpy(source.classes(range(IMAGES)))
    motif = training_motifs(preset, IMAGES, "classifier")
    both = torch.stack([images, torch.where(motif >= 0, motif, images)])
    state = torch.random.get_rng_state()
    torch.manual_seed(0)
    network = PlainCritic(1, int(labels.max()) + 1, (16, 32, 64), 4)
    optimiser = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=0.05)
    for step in range(STEPS):
        selected = torch.randint(IMAGES, (BATCH,))
        optimiser.param_groups[0]["lr"] = 2e-3 * (1 - step / STEPS)
        batch = both[torch.arange(BATCH) % 2, selected][:, None]
        loss = F.cross_entropy(network.read(batch)[1], labels[selected], label_smoothing=0.02)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    torch.random.set_rng_state(state)
    return network.eval().requires_grad_(False)


@torch.inference_mode()
def read(network: PlainCritic, images: Array) -> tuple[Array, Array]:
    """Probabilities (n, classes) and features (n, 128) of images (n, H, W)."""
    x = torch.from_numpy(images)[:, None]
    return torch.softmax(network.read(x)[1], 1).numpy(), network.features(x).numpy()


def nearest(images: Array, others: Array) -> Array:
    """Root mean square distance of each image to the nearest of the others, (n,)."""
    a, b = (torch.from_numpy(x).flatten(1) for x in (images, others))
    return (torch.cdist(a, b).amin(1) / a.shape[1] ** 0.5).numpy()


def entropy(classes: Array, count: int) -> float:
    """Entropy of the histogram of classes (n,), divided by that of equal shares: 1 when all are equally frequent."""
    share = np.bincount(classes, minlength=count) / len(classes)
    return float(-(share[share > 0] * np.log(share[share > 0])).sum() / np.log(count))


def confidence_rows(network: PlainCritic, images: Array, real: Array) -> dict[Row, float]:
    """Rows from the classifier for images (n, H, W), relative to real ones (n, H, W)."""
    (probabilities, own_features), (reference, reference_features) = read(network, images), read(network, real)
    mean, basis = (
        reference_features.mean(0),
        np.linalg.svd(reference_features - reference_features.mean(0), full_matrices=False)[2][:16],
    )
    parts = [
        {f"{k:02d}": ((f - mean) @ basis.T)[:, k] for k in range(len(basis))}
        for f in (own_features, reference_features)
    ]
    return {
        CONFIDENCE: float(probabilities.max(1).mean()),
        CONFIDENCE_RATIO: float(probabilities.max(1).mean() / reference.max(1).mean()),
        LABEL_ENTROPY: entropy(probabilities.argmax(1), probabilities.shape[1]),
        FEATURES: frechet(*parts),
    }


def quality(
    model: sampling.Model, n: int = 512, size: int | None = None, ablation: bool = True, seed: int = 0
) -> pd.DataFrame:
    """The table of quality; `size` and `ablation` have no effect.

    Returns:
        Columns label, bar, digits (held-out real ones), data (the same with the motif inserted), raw (before
        correction), all (with the projection).
    """
    problem, preset, shape = model.problem, model.preset, model.field.shape
    source: Any = problem.source
    sample = model.sample(n=n, seed=seed, latent=random_latents(model, n, seed))
    motif, network = target_motif(problem, sample), classifier(problem, preset)
    seeds = range(HELD_OUT + seed, HELD_OUT + seed + n)
    real, more = source.draw(seeds, shape), source.draw(range(HELD_OUT + seed + n, HELD_OUT + seed + 2 * n), shape)
    training = data.cached(source, range(model.manifest["config"]["images"]), shape)
    made = {"digits": real, "data": pasted(real, motif), "raw": sample.soft[:, 0], "all": sample.array}
    common = (motif == motif[0]).all() & (motif[0] >= 0)  # a support that all motifs share is excluded from distances

    def free(x: Array) -> Array:
        return np.where(common.numpy(), np.float32(0), x)

    table: dict[str, dict[Row, float]] = {}
    for name, images in made.items():
        rows = {MOTIF_ERROR: float(motif_error(images, motif).mean())}
        if network is not None:
            rows |= confidence_rows(network, images, pasted(more, motif))
        rows[NEAREST] = float(np.median(nearest(free(images), free(training))))
        table[name] = rows
    if network is not None:
        for name in ("digits", "data"):
            table[name][ACCURACY] = float((read(network, made[name])[0].argmax(1) == source.classes(seeds)).mean())
    table["all"] |= along(model.manifest.get("trace", []))
    return tabulated(table, problem.evaluation.thresholds)


def along(trace: list[dict[str, float]]) -> dict[Row, float]:
    """The critic's mean score gap during training: its maximum, its mean over the last fifth, and their ratio."""
    gaps = [line[GAP] for line in trace if GAP in line]
    if len(gaps) < FIFTH:
        return {}
    last = float(np.mean(gaps[-len(gaps) // FIFTH :]))
    return {
        LARGEST_GAP: max(gaps),
        LAST_GAP: last,
        GAP_RATIO: last / max(gaps),
    }


def trace(model: sampling.Model, n: int = TRACED) -> dict[str, float]:
    """Measurements during training: the motif error before correction, and the classifier on projected samples.

    The seeds differ from those of `quality`."""
    sample = model.sample(n=n, seed=10_000, latent=random_latents(model, n, 10_000))
    motif, network = target_motif(model.problem, sample), classifier(model.problem, model.preset)
    rows = {MOTIF_ERROR: float(motif_error(sample.soft[:, 0], motif).mean())}
    if network is not None:
        source: Any = model.problem.source
        real = pasted(source.draw(range(HELD_OUT + 10_000, HELD_OUT + 10_000 + n), model.field.shape), motif)
        rows |= confidence_rows(network, sample.array, real)
    return {k: float(f"{v:.5g}") for k, v in labelled(rows).items()}
