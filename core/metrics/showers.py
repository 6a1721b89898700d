"""Quality of calorimeter showers at energies not in training: occupancy, energy response, profiles, cell energies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.stats import wasserstein_distance

from core import discovery, sampling
from core.invariances.sparsity import printed_sparsity, soft_sparsity
from core.metrics.rows import displayed, labelled, tabulated
from core.simulation.showers import HELD_OUT_ENERGIES, TRAINED, Showers, response
from core.types import HELD_OUT, Array, Row

TRACED = 32
SOFT = 1 / 4
"""The unit of soft sparsity, in noise cuts."""
W1 = Row(
    "occupancy.wasserstein",
    "occupancy, Wasserstein distance (% of cells)",
    ("occupancy, Wasserstein distance, % of cells",),
)
CUT = Row(
    "occupancy.wasserstein_above_cut",
    "occupancy above the noise cut, Wasserstein distance (% of cells)",
    ("occupancy above the noise cut, Wasserstein distance, % of cells",),
)
DELIVERED = Row("occupancy.wasserstein_delivered", "occupancy as delivered, Wasserstein distance (% of cells)")
OCCUPANCY = Row("occupancy.mean", "occupancy, mean (%)", ("occupancy, mean, %",))
OCCUPANCY_SD = Row("occupancy.sd_ratio", "occupancy, standard deviation / simulated")
RESPONSE = Row(
    "response.deviation",
    "energy response, largest |deviation| (%)",
    ("energy response, largest |deviation|, %",),
)
RESPONSE_ERROR = Row(
    "response.standard_error",
    "standard error of a response, largest (%)",
    ("standard error of a response, largest, %",),
)
RESPONSE_SEEN = Row(
    "response.deviation_trained",
    "energy response at energies of training, largest |deviation| (%)",
    ("energy response, largest |deviation|, %, at energies of training",),
)
RESOLUTION = Row("resolution_ratio", "resolution / simulated")
DEPTH = Row("profile.depth", "profile in depth, L1 (%)", ("profile in depth, L1, %",))
ACROSS = Row("profile.across", "profile across, L1 (%)", ("profile across, L1, %",))
CELLS = Row("cell_energies.wasserstein", "log of cell energies, Wasserstein distance")
SOFT_OCCUPANCY = Row("soft_occupancy.mean", "soft occupancy, mean (%)", ("soft occupancy, mean, %",))
PRINTED = Row("printed_sparsity.mean", "soft sparsity as published, mean (%)", ("soft sparsity as printed, mean, %",))
SIMULATED, WITHOUT, SHARE = "other simulations", "plain", " / without"
"""Column of `comparison` in addition to the presets; preset by whose distances others are divided; suffix of the id and
label of such a ratio."""
Images = Mapping[float, Array]


def simulated(showers: Showers, energies: Sequence[float], n: int, seed: int, shape: tuple[int, int]) -> Images:
    """Energy -> n held-out showers (n, H, W)."""
    first = [HELD_OUT + seed + k * n for k in range(len(energies))]
    return {e: showers.at(np.full(n, e), range(s, s + n), shape) for e, s in zip(energies, first, strict=True)}


def generated(model: sampling.Model, energies: Sequence[float], n: int, seed: int) -> tuple[Images, Images]:
    """Energy -> n showers (n, H, W), before correction and as delivered."""
    requested = np.repeat(np.asarray(energies, np.float32), n)
    sample = model.sample({"energy": requested}, len(requested), seed)

    def split(x: Array) -> dict[float, Array]:
        return dict(zip(energies, np.split(x, len(energies)), strict=True))

    return split(sample.soft[:, 0]), split(sample.array)


def occupied(images: Array) -> Array:
    """Percentage of the cells of each image (n, H, W) that are not 0; (n,)."""
    return 100 * (images > 0).mean((1, 2))


def profile(images: Array, axis: int) -> Array:
    """Mean energy along depth (axis 1) or across (axis 2), as shares of the total."""
    energy = images.astype(np.float64).mean(0).sum(2 - axis)
    return energy / max(energy.sum(), 1e-12)


def spread(images: Array) -> float:
    """Resolution: standard deviation of the energies of images over their mean."""
    totals = images.sum((1, 2), dtype=np.float64)
    return float(totals.std() / max(totals.mean(), 1e-12))


def rows(images: Images, data: Images, gain: float, cut: float) -> dict[Row, float]:
    """The rows of the quality table: images against simulated ones at the same energies.

    Args:
        images: energy (GeV) -> generated images (n, H, W).
        data: energy (GeV) -> simulated images (n, H, W).
        gain: calibrated response.
        cut: noise cut.
    """
    pairs = [(images[e], data[e]) for e in data]

    def cells(x: Array) -> Array:
        return np.log(x[x > 0]) if (x > 0).any() else np.array([np.log(cut)])

    deviation = {e: 100 * (float(x.sum((1, 2), dtype=np.float64).mean()) / gain / e - 1) for e, x in images.items()}

    def error(e: float, x: Array) -> float:
        return 100 * spread(x) / len(x) ** 0.5

    def soft(f: Any, x: Array) -> float:
        return 100 * float(f(torch.from_numpy(x) / (cut * SOFT)).mean())

    return {
        W1: float(np.mean([wasserstein_distance(occupied(a), occupied(b)) for a, b in pairs])),
        CUT: float(np.mean([wasserstein_distance(occupied(a * (a >= cut)), occupied(b)) for a, b in pairs])),
        OCCUPANCY: float(np.mean([occupied(a).mean() for a, _ in pairs])),
        OCCUPANCY_SD: float(np.mean([occupied(a).std() / occupied(b).std() for a, b in pairs])),
        RESPONSE: max(map(abs, deviation.values())),
        RESPONSE_ERROR: max(error(e, x) for e, x in images.items()),
        RESOLUTION: float(np.mean([spread(a) / spread(b) for a, b in pairs])),
        DEPTH: float(np.mean([100 * np.abs(profile(a, 1) - profile(b, 1)).sum() for a, b in pairs])),
        ACROSS: float(np.mean([100 * np.abs(profile(a, 2) - profile(b, 2)).sum() for a, b in pairs])),
        CELLS: float(np.mean([wasserstein_distance(cells(a), cells(b)) for a, b in pairs])),
        SOFT_OCCUPANCY: float(np.mean([soft(soft_sparsity, a) for a, _ in pairs])),
        PRINTED: float(np.mean([soft(printed_sparsity, a) for a, _ in pairs])),
    }


def quality(
    model: sampling.Model, n: int = 256, size: int | None = None, ablation: bool = True, seed: int = 0
) -> pd.DataFrame:
    """The table of quality, from n images at every held-out energy; `size` and `ablation` have no effect.

    Returns:
        Columns label, bar, data (other simulations), raw (before correction), all (with the noise cut and the requested
        energy).
    """
    showers, shape = _source(model), model.field.shape
    gain = response(showers, shape)
    data = simulated(showers, HELD_OUT_ENERGIES, n, seed, shape)
    again = simulated(showers, HELD_OUT_ENERGIES, n, seed + 1_000_000, shape)
    raw, delivered = generated(model, HELD_OUT_ENERGIES, n, seed)
    table = {name: rows(x, data, gain, showers.cut) for name, x in (("data", again), ("raw", raw), ("all", delivered))}
    at_trained, _ = generated(model, TRAINED, n, seed + 1)
    table["raw"] |= {RESPONSE_SEEN: rows(at_trained, at_trained, gain, showers.cut)[RESPONSE]}
    result = tabulated(table, model.problem.evaluation.thresholds, "raw")
    result.attrs["counted"] = (
        f"{n} samples at each of {len(HELD_OUT_ENERGIES)} held-out energies against {n} simulations"
    )
    return result


def curves(model: sampling.Model, n: int = 64, seed: int = 0) -> dict[str, Any]:
    """Data of the figures of the page, of the simulation and of the network before correction.

    Returns:
        `energy` (GeV), of training and between; `mean` and `deviation`: mean and standard deviation of calibrated over
        requested energy at each of them; `occupancy` of all images in %.
    """
    showers, shape = _source(model), model.field.shape
    gain, energies = response(showers, shape), sorted((*TRAINED, *HELD_OUT_ENERGIES))
    made = {
        "simulated": simulated(showers, energies, n, seed, shape),
        "network": generated(model, energies, n, seed)[0],
    }
    ratio = {k: [v.sum((1, 2), dtype=np.float64) / gain / e for e, v in images.items()] for k, images in made.items()}
    return {
        "energy": energies,
        "mean": {k: [float(r.mean()) for r in v] for k, v in ratio.items()},
        "deviation": {k: [float(r.std()) for r in v] for k, v in ratio.items()},
        "occupancy": {k: np.concatenate([occupied(v) for v in images.values()]) for k, images in made.items()},
    }


def trace(model: sampling.Model, n: int = TRACED) -> dict[str, float]:
    """Measurements during training, before correction, with seeds that differ from those of `quality`."""
    showers, shape = _source(model), model.field.shape
    data = simulated(showers, HELD_OUT_ENERGIES, n, 10_000_000, shape)
    measured = rows(generated(model, HELD_OUT_ENERGIES, n, 10_000_000)[0], data, response(showers, shape), showers.cut)
    return {k: float(f"{v:.5g}") for k, v in labelled(measured).items()}


def comparison(problem: str = "showers", n: int = 256) -> pd.DataFrame:
    """Quality before correction of every preset that has a checkpoint, with the distance of occupancies as delivered.

    Returns:
        Rows by id; columns `label`, `SIMULATED`, and the name of each preset.
    """
    table: dict[str, Any] = {}
    for preset in discovery.problem(problem).presets:
        if sampling.path_of(f"{problem}/{preset.name}").exists():
            result = quality(sampling.load(f"{problem}/{preset.name}"), n)
            table |= {"label": with_delivered(result, "label"), SIMULATED: with_delivered(result, "data")}
            table[preset.name] = with_delivered(result, "raw")
    return pd.DataFrame(table)


def with_delivered(result: pd.DataFrame, column: str) -> pd.Series:
    """A column of the table of quality, with the distance of occupancies as delivered appended."""
    delivered = DELIVERED.label if column == "label" else result.loc[W1.id, "all" if column == "raw" else column]
    return pd.concat([result[column], pd.Series({DELIVERED.id: delivered})])


def verdicts(result: pd.DataFrame, reference: str = WITHOUT) -> pd.DataFrame:
    """Summary of `comparison`, a row for each preset.

    Returns:
        Columns by row id: distances of occupancies; the same divided by those of the preset `reference`, with suffix
        `SHARE`; energy response and resolution at held-out energies.
    """
    numbers = result.drop(columns="label", errors="ignore").astype(float)
    brief = numbers.loc[[W1.id, CUT.id, DELIVERED.id]].T
    if reference in brief.index:
        brief = pd.concat([brief, (brief.drop(SIMULATED) / brief.loc[reference]).add_suffix(SHARE)], axis=1)
    return brief.join(numbers.loc[[RESPONSE.id, RESOLUTION.id]].T)


def _source(model: sampling.Model) -> Showers:
    """The problem's simulation."""
    assert isinstance(model.problem.source, Showers)
    return model.problem.source


def main() -> None:
    """The command line: prints the comparison and its summary."""
    result, titles = comparison(), {p.name: p.title for p in discovery.problem("showers").presets}
    labels = {row + end: label + end for row, label in result.get("label", {}).items() for end in ("", SHARE)}
    for each in (displayed(result), verdicts(result).T.rename(index=labels)):
        print(each.rename(columns=titles).to_string(float_format=lambda v: f"{v:.3g}"), end="\n\n")


if __name__ == "__main__":
    main()
