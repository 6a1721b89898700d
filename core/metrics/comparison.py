"""The methods of a problem at the same requests: `python -m core.metrics.comparison shapes` measures every shipped
checkpoint.

    Fig. 1   delivered values of each method for one target, mean and sd over z; errors over random held-out requests
    Fig. 3   several targets, for this project's generator and the paper's InvNet
    Fig. 6   the critic's loss during training, and the iteration after which each method is acceptable

The measurements during training were made by `train.py` and are stored in the checkpoint; the result, with the digests
of the checkpoints, is written next to them for the explorer."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from core import discovery, folders, sampling
from core.files import write_atomic
from core.metrics.report import text
from core.metrics.rows import labelled
from core.metrics.shapes import ERRORS, ONE_COMPONENT, RECOGNISED, SPREAD, measured, requests, rows
from core.simulation.shapes import Shapes
from core.types import Array, Problem

CENTRE, RADIUS = ERRORS["centre"][0], ERRORS["radius"][0]
CENTRE_SD, RADIUS_SD = SPREAD["centre"], SPREAD["radius"]
ACCEPTABLE = {CENTRE: 3.0, RADIUS: 2.0, ONE_COMPONENT: -80.0}
"""Upper limits (negative: lower limits) on what is measured during training, at 64 held-out requests, of the averaged
network before correction."""
TARGETS = 6
CHOSEN = ("step", "critic.loss", *(name for row in ACCEPTABLE for name in (row.label, *row.former)))


def methods(problem: Problem) -> list[str]:
    """Names of the presets that are compared: those trained on the data of the problem."""
    return [p.name for p in problem.presets if "source" not in p.overrides]


def acceptable(line: Mapping[str, float]) -> bool:
    """Whether a line of a trace meets every limit."""
    values = [(row.of(line), limit) for row, limit in ACCEPTABLE.items()]
    return all(v <= limit if limit > 0 else v >= -limit for v, limit in values if v is not None)


def reached(trace: Sequence[Mapping[str, float]]) -> int | None:
    """The first iteration from which on every measurement is acceptable; None when there is none, or when the model has
    no conditions."""
    steps = None
    for line in reversed(trace):
        if CENTRE.of(line) is None or not acceptable(line):
            break
        steps = int(line["step"])
    return steps


def at_target(model: sampling.Model, target: Mapping[str, float], n: int, seed: int = 0) -> dict[str, dict[str, float]]:
    """Mean and sd over n samples of every measured condition at one target.

    Returns:
        name -> `asked` (the target), `mean`, `sd`.
    """
    sample = model.sample({q.name: target[q.name] for q in model.conditions}, n, seed)
    return {
        k: {"asked": float(target[k]), "mean": float(v.mean()), "sd": float(v.std(ddof=1))}
        for k, v in sample.measured.items()
    }


def at_random(model: sampling.Model, requested: Mapping[str, Array], seed: int = 0) -> dict[str, float]:
    """The rows of the quality table at these requests (n,), with the sd of the errors of centre and radius.

    A model without a condition is measured against the request all the same."""
    problem, n = model.problem, len(next(iter(requested.values())))
    assert isinstance(problem.source, Shapes) and problem.truth.simulate is not None
    labels = model.sample({q.name: requested[q.name] for q in model.conditions}, n, seed).labels
    assert labels is not None
    truth = measured(problem.truth.simulate(requested, n, 0, problem.field.shape), requested, problem.source.outlines)
    measures = measured(labels, requested, problem.source.outlines)
    spread = {
        CENTRE_SD.label: float(measures["centre"].std()),
        RADIUS_SD.label: float(np.abs(measures["radius"]).std()),
    }
    return labelled(rows(measures, truth)) | spread


def of(model: sampling.Model, target: Mapping[str, float], requested: Mapping[str, Array], n: int) -> dict[str, Any]:
    """All results of one method."""
    trace, config = model.manifest.get("trace", []), model.manifest["config"]
    return {
        "title": model.preset.title,
        "seeded": model.problem.projection.label != "",
        "digest": model.digest,
        "steps": model.manifest["training"]["steps"],
        "minutes": model.manifest["training"]["minutes"],
        "batch": config["batch"],
        "turns": config["turns"],
        "target": at_target(model, target, n),
        "random": at_random(model, requested),
        "acceptable after": reached(trace),
        "trace": [{k: line[k] for k in CHOSEN if k in line} for line in trace],
    }


def sentences(methods: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """One sentence for each method, made from the numbers."""
    out = []
    for entry in methods.values():
        random, after = entry["random"], entry["acceptable after"]
        when = (
            f"acceptable from iteration {after} on" if after else f"not acceptable within {entry['steps']} iterations"
        )
        when += ", as the seed sets its centres and radii before training" if entry["seeded"] else ""
        losses = [abs(line["critic.loss"]) for line in entry["trace"] if "critic.loss" in line]
        out.append(
            f"{entry['title']}: {when}; mean error of centres {CENTRE.of(random):.2g} px and of radii "
            f"{RADIUS.of(random):.2g} px, one connected component in "
            f"{ONE_COMPONENT.of(random):.3g} % "
            f"of the shapes, {RECOGNISED.of(random):.3g} % circles; largest critic loss "
            f"{max(losses, default=0):.2g}."
        )
    return out


def run(name: str, n: int = 300, samples: int = 100) -> dict[str, Any]:
    """The comparison of the shipped checkpoints of a problem.

    Args:
        name: the problem.
        n: number of random requests.
        samples: images for each target.

    Raises:
        ValueError: the problem has no methods to compare.
    """
    problem = discovery.problem(name)
    if not isinstance(problem.source, Shapes):
        raise ValueError(f"{name} has no methods to compare; use shapes.")
    requested, drawn = requests(problem, n), requests(problem, TARGETS, seed=20_000)
    targets = [{k: round(float(v[i]), 2) for k, v in drawn.items()} for i in range(TARGETS)]
    results: dict[str, Any] = {}
    several: dict[str, list[Any]] = {}
    for method in methods(problem):
        model = sampling.load(f"{name}/{method}")
        results[method] = of(
            model, {q.name: float(np.asarray(q.default)) for q in problem.presets[0].conditions}, requested, samples
        )
        if method in (problem.presets[0].name, "invnet"):
            several[method] = [at_target(model, target, samples) for target in targets]
    criterion = {k.label: f"{'<=' if v > 0 else '>='} {abs(v):g}" for k, v in ACCEPTABLE.items()}
    settings = {"requests": n, "images for a target": samples, "acceptable": criterion}
    return {"settings": settings, "methods": results, "targets": several, "sentences": sentences(results)}


def table(result: Mapping[str, Any]) -> pd.DataFrame:
    """The methods in columns: errors over random requests, and the cost of training."""
    kept = ("steps", "minutes", "acceptable after")

    def value(v: Any) -> str:
        return "never" if v is None else str(v)

    return pd.DataFrame({k: {**v["random"], **{c: value(v[c]) for c in kept}} for k, v in result["methods"].items()})


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m core.metrics.comparison", description="The methods at the same requests."
    )
    parser.add_argument("name", help="problem")
    parser.add_argument("--n", type=int, default=300, help="random requests")
    parser.add_argument("--samples", type=int, default=100, help="images for each target")
    written = folders.to_write(sampling.CHECKPOINTS)
    parser.add_argument("--out", type=Path, default=written, help="folder of the checkpoints")
    options = parser.parse_args(arguments)
    if min(options.n, options.samples) < 2:
        parser.error(f"--n and --samples must be at least 2; got {options.n} and {options.samples}.")
    torch.set_num_threads(1)
    try:
        result = run(options.name, options.n, options.samples)
    except (ValueError, FileNotFoundError) as error:
        raise SystemExit(str(error)) from None
    path = options.out / options.name / "comparison.json"
    write_atomic(path, (json.dumps(result, indent=1) + "\n").encode())
    print(f"{text(table(result))}\n\n" + "\n".join(result["sentences"]) + f"\n\nwritten: {path}")


if __name__ == "__main__":
    main()
