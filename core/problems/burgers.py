"""Burgers' equation: one generator, trained without data, for every initial condition and viscosity (first paper, section 3.2).

    u_t + (u^2 / 2)_x = nu u_xx on the periodic unit interval,  u(x, 0) = (1 - cos 2 pi c x) / 2 or any other,  0 <= t <= 1 / 2

Fields are cell averages, rows x, columns t. A frequency c that is not an integer (5.5, say) makes the initial condition jump at
the wrap x = 0 = 1: harder for every method, and stated wherever it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.data import key
from core.invariances.duhamel import Duhamel
from core.invariances.entropy import EntropyFiniteVolume
from core.invariances.finite_volume import FiniteVolume
from core.invariances.initial_column import InitialColumn
from core.invariances.sobel import Sobel
from core.models.decoder import ImageDecoder
from core.models.family import FamilyGenerator, moved, raised_cosine
from core.simulation import burgers
from core.types import HELD_OUT, Array, Conditions, Field, Preset, Problem, Quantity, Rival, TrainConfig

CELLS = 192
PAPER_SHAPE = (64, 64)
TIMES = [float(t) for t in burgers.levels(64)]
SHOCK_TIMES = [float(t) for t in burgers.levels(48, power=1.0)]
"""Equal steps of 1/96: with a mean of 1/2 the frame moves one cell a step."""
VISCOSITIES = (0.002, 0.03)
TRAINED_VISCOSITIES = (0.0018, 0.033)

FREQUENCY = Quantity(
    "frequency", "Frequency", "c", "", 1.0, 6.6, 4.0,
    "Waves of the initial condition (1 - cos 2 pi c x) / 2; unless it is an integer, the profile jumps at the wrap.",
    trained=(1.0, 6.6), step=0.05,
)  # fmt: skip
VISCOSITY = Quantity(
    "viscosity", "Viscosity", "nu", "", 0.001, 0.1, 0.006, "Small: steep fronts. Large: smooth decay.",
    trained=VISCOSITIES, step=0.0005,
)  # fmt: skip
INITIAL = Quantity(
    "initial", "Initial condition", "u0", "", -1.0, 2.0, (), "Cell averages of any initial condition, in place of the frequency.",
    kind="curve", size=CELLS, trained=(0.0, 1.0), optional=True,
)  # fmt: skip


def starts(conditions: Mapping[str, Array]) -> list[burgers.Initial]:
    """The initial conditions that were asked for, one per sample: `initial` where given, else the raised cosine."""
    if "initial" in conditions:
        return [burgers.Steps(tuple(float(v) for v in row)) for row in np.asarray(conditions["initial"], dtype=np.float64)]
    return [burgers.RaisedCosine(float(c)) for c in conditions["frequency"]]


def levels_of(shape: tuple[int, int]) -> Array:
    """The time levels of a field of this shape."""
    return burgers.levels(shape[1] - 1)


def coords(shape: tuple[int, int]) -> dict[str, Array]:
    """Cell centres x and time levels t (graded: dense at the start), for a field (cells, levels)."""
    return {"x": (np.arange(shape[0]) + 0.5) / shape[0], "t": levels_of(shape)}


def oracle(
    conditions: Mapping[str, Array], n: int, seed: int, shape: tuple[int, int],
    levels: Callable[[tuple[int, int]], Array] = levels_of,
) -> Array:  # fmt: skip
    """The exact solution (Cole-Hopf), cell averages (n, cells, levels); an `initial` array is constant in each cell."""
    pairs = zip(starts(conditions), np.broadcast_to(conditions["viscosity"], n), strict=True)
    fields = [burgers.cole_hopf_fft(start, float(nu), levels(shape), shape[0]) for start, nu in pairs]
    return np.stack([f.T for f in fields]).astype(np.float32)


def solver(solve: Any, viscous: bool = True) -> Any:
    """A rival from `solve(cells in the moving frame, viscosity, times) -> (levels, cells)`."""

    def make(conditions: Mapping[str, Array], n: int, seed: int, shape: tuple[int, int]) -> Array:
        found = []
        for start, nu in zip(starts(conditions), np.broadcast_to(conditions["viscosity"], n), strict=True):
            cells = start.cells(shape[0])
            field = solve(cells - cells.mean(), float(nu), levels_of(shape)) + cells.mean()
            found.append(burgers.translate(field, cells.mean() * levels_of(shape)).T)
        return np.stack(found).astype(np.float32)

    return make


def shock_levels(shape: tuple[int, int]) -> Array:
    """Equally spaced time levels of a field of this shape."""
    return burgers.levels(shape[1] - 1, power=1.0)


def shock_coords(shape: tuple[int, int]) -> dict[str, Array]:
    """Cell centres x and equally spaced times t, for a field (cells, levels)."""
    return {"x": (np.arange(shape[0]) + 0.5) / shape[0], "t": shock_levels(shape)}


def explicit_euler(conditions: Mapping[str, Array], n: int, seed: int, shape: tuple[int, int]) -> Array:
    """The paper's own reference scheme on its own grid."""
    pairs = zip(starts(conditions), np.broadcast_to(conditions["viscosity"], n), strict=True)
    return np.stack([burgers.explicit_euler(s, float(nu), shock_levels(shape), shape[0]).T for s, nu in pairs]).astype(np.float32)


def entropy_solution(conditions: Mapping[str, Array], n: int, seed: int, shape: tuple[int, int]) -> Array:
    """The exact entropy solution (Lax-Oleinik), cell averages (n, cells, levels)."""
    return np.stack([burgers.lax_oleinik(s, shock_levels(shape), shape[0]).T for s in starts(conditions)]).astype(np.float32)


def shock_solver(solve: Any) -> Any:
    """A rival from `solve(initial, times, cells) -> (levels, cells)`."""

    def make(conditions: Mapping[str, Array], n: int, seed: int, shape: tuple[int, int]) -> Array:
        return np.stack([solve(s, shock_levels(shape), shape[0]).T for s in starts(conditions)]).astype(np.float32)

    return make


def frozen(conditions: Mapping[str, Array], n: int, seed: int, shape: tuple[int, int]) -> Array:
    """The initial condition at all times."""
    return np.stack([np.tile(s.cells(shape[0])[:, None], shape[1]) for s in starts(conditions)]).astype(np.float32)


def flat(conditions: Mapping[str, Array], n: int, seed: int, shape: tuple[int, int]) -> Array:
    """The mean of the initial condition everywhere."""
    return np.stack([np.full(shape, s.cells(shape[0]).mean()) for s in starts(conditions)]).astype(np.float32)


def project(fields: Tensor, conditions: Conditions) -> Tensor:
    """One Newton sweep over the whole space-time system, in the frame of the mean: (B, 1, X, T) to (B, X, T)."""
    swept = []
    for field, nu in zip(fields[:, 0].double().cpu().numpy(), conditions["viscosity"].cpu().numpy(), strict=True):
        mean = field[:, 0].mean()
        swept.append(burgers.newton_sweep((field - mean).T, float(nu), levels_of((field.shape[0], field.shape[1]))).T + mean)
    return torch.from_numpy(np.stack(swept)).to(fields)


def deliver(fields: Tensor) -> Tensor:
    """From the frame of the mean to the laboratory, (B, X, T)."""
    mean = fields[:, :, 0].mean(1)
    times = torch.as_tensor(levels_of((fields.shape[1], fields.shape[2])), dtype=fields.dtype, device=fields.device)
    return moved(fields, mean, times)


def deliver_shocks(fields: Tensor) -> Tensor:
    """As `deliver`, without new extrema: whole cells by a roll, the rest by an upwind remap of limited slopes. With the levels of
    `SHOCK_TIMES` and a mean of 1/2 (every raised cosine of whole or half frequency) only whole cells are moved: exact."""
    mean = fields[:, :, 0].mean(1)
    cells = fields.shape[1]
    distance = mean[:, None] * torch.as_tensor(shock_levels((fields.shape[1], fields.shape[2])), dtype=fields.dtype) * cells
    whole = torch.floor(distance + 1e-4)
    part = (distance - whole).clamp(min=0)[:, None]
    index = (torch.arange(cells)[None, :, None] - whole[:, None].long()) % cells
    rolled = fields.gather(1, index.expand_as(fields))
    behind, ahead = rolled - rolled.roll(1, 1), rolled.roll(-1, 1) - rolled
    slope = torch.where(behind * ahead > 0, torch.sign(ahead) * torch.minimum(behind.abs(), ahead.abs()), torch.zeros_like(ahead))
    flux = part * (rolled + (1 - part) / 2 * slope)
    return rolled - flux + flux.roll(1, 1)


def requests(keys: Sequence[int]) -> dict[str, Tensor]:
    """A training batch: random initial conditions (half raised cosines), log-uniform viscosities; never held-out seeds."""
    low, high = np.log(TRAINED_VISCOSITIES)
    cells = [burgers.random_initial(k % HELD_OUT).cells(CELLS) for k in keys]
    nus = [np.exp(low + (high - low) * (key(k, "viscosity") % 2**24 / 2**24)) for k in keys]
    return {"initial": torch.tensor(np.stack(cells), dtype=torch.float32), "viscosity": torch.tensor(nus, dtype=torch.float32)}


def paper_requests(keys: Sequence[int]) -> dict[str, Tensor]:
    """A training batch of the paper's formulation: (c, nu), and the initial column they mean."""
    c = torch.tensor([1 + 5.6 * (key(k, "frequency") % 2**24 / 2**24) for k in keys], dtype=torch.float64)
    initial = raised_cosine(c, PAPER_SHAPE[0]).float()
    return {"frequency": c.float(), "viscosity": requests(keys)["viscosity"], "initial": initial}


def table_two(n: int) -> list[dict[str, Any]]:
    """The 16 cells of Table 2."""
    return [{"frequency": c, "viscosity": nu} for nu in (0.002, 0.006, 0.02, 0.03) for c in (2.0, 4.0, 5.5, 6.0)][:n]


def unseen(n: int) -> list[dict[str, Any]]:
    """Six (c, nu) between those of Table 2."""
    pairs = [(2.7, 0.002), (3.3, 0.004), (4.6, 0.01), (5.2, 0.025), (1.5, 0.003), (5.8, 0.0025)]
    return [{"frequency": c, "viscosity": nu} for c, nu in pairs][:n]


def random_cases(n: int) -> list[dict[str, Any]]:
    """Random initial conditions and viscosities from held-out seeds."""
    low, high = np.log(VISCOSITIES)
    seeds = range(HELD_OUT, HELD_OUT + n)
    nus = [float(np.exp(low + (high - low) * (key(s, "viscosity") % 2**24 / 2**24))) for s in seeds]
    return [{"initial": burgers.random_initial(s).cells(CELLS), "viscosity": nu} for s, nu in zip(seeds, nus, strict=True)]


def square_wave(n: int) -> list[dict[str, Any]]:
    """A square wave at the smallest viscosity."""
    return [{"initial": np.where(np.arange(CELLS) < CELLS // 2, 1.0, 0.0), "viscosity": 0.002}]


def shocks(n: int) -> list[dict[str, Any]]:
    """Raised cosines of Table 2's frequencies and four between them."""
    return [{"frequency": c} for c in (2.0, 4.0, 5.5, 6.0, 1.5, 2.7, 3.3, 4.6)][:n]


def random_shocks(n: int) -> list[dict[str, Any]]:
    """Random initial conditions from held-out seeds."""
    return [{"initial": c["initial"]} for c in random_cases(n)]


def square_shock(n: int) -> list[dict[str, Any]]:
    """A square wave: a shock and a rarefaction."""
    return [{"initial": square_wave(1)[0]["initial"]}]


CONFIG = TrainConfig(
    steps=4000, batch=16, turns={"projection": 1}, lr=0.01, betas=(0.9, 0.99), clip=0.0, optimiser="muon", decay=0.6, warmup=50,
    weights={"duhamel": 1.0, "finite_volume": 0.0, "initial": 0.0}, precision="fp32",
)  # fmt: skip

TINY = replace(CONFIG, steps=20, batch=4, warmup=2)
INVISCID_CONFIG = replace(CONFIG, steps=5000, weights={"entropy": 1.0, "initial": 0.0})

INVISCID = Preset(
    name="inviscid",
    title="Inviscid family",
    summary="Entropy solutions with shocks, for any initial condition: learnt from the upwind scheme's integral residual alone.",
    conditions=(FREQUENCY, INITIAL),
    latents=(),
    generator=lambda: FamilyGenerator(SHOCK_TIMES, CELLS),
    critic=None,
    config=INVISCID_CONFIG,
    tiny=replace(TINY, weights=INVISCID_CONFIG.weights),
    requests=lambda keys: {"initial": requests(keys)["initial"]},
    overrides={
        "field": Field(kind="continuous", shape=(CELLS, len(SHOCK_TIMES)), low=0.0, high=1.0, divisor=1, axes=("x", "t"), unit=""),
        "invariances": (EntropyFiniteVolume(SHOCK_TIMES, comoving=True), InitialColumn()),
        "project": lambda fields, conditions: fields[:, 0],
        "deliver": deliver_shocks,
        "coords": shock_coords,
        "oracle": entropy_solution,
        "rivals": (
            Rival("muscl", "MUSCL finite volumes", shock_solver(burgers.muscl)),
            Rival("godunov", "Godunov's scheme", shock_solver(burgers.godunov)),
            Rival("frozen", "Frozen initial condition", frozen),
            Rival("mean", "u = mean", flat),
        ),
        "cases": {"raised cosines": shocks, "random initial conditions": random_shocks, "square wave": square_shock},
        "bars": {
            "raised cosines, L1 max": ("<=", 0.01), "raised cosines, overshoot %, max": ("<=", 1.0),
            "raised cosines, mass drift, max": ("<=", 1e-5),
        },
    },
)

PAPER_CONFIG = replace(
    CONFIG, steps=2500, batch=16, turns={"sobel": 1, "initial": 1}, lr=1e-3, optimiser="adam",
    weights={"sobel": 1.0, "initial": 20.0}, precision="bf16",
)  # fmt: skip

SOBEL = Preset(
    name="sobel",
    title="The paper's formulation",
    summary="A decoder from (c, nu), Sobel residual and initial column taking turns: a baseline, with a ceiling of its own.",
    conditions=(FREQUENCY, VISCOSITY),
    latents=(),
    generator=ImageDecoder,
    critic=None,
    config=PAPER_CONFIG,
    tiny=replace(PAPER_CONFIG, steps=20, batch=4, warmup=2),
    requests=paper_requests,
    overrides={
        "field": Field(kind="continuous", shape=PAPER_SHAPE, low=0.0, high=1.0, divisor=1, axes=("x", "t"), unit=""),
        "invariances": (Sobel(list(shock_levels(PAPER_SHAPE))), InitialColumn()),
        "project": lambda fields, conditions: fields[:, 0],
        "deliver": None,
        "coords": shock_coords,
        "oracle": partial(oracle, levels=shock_levels),
        "rivals": (
            Rival("euler", "Explicit Euler, the paper's scheme", explicit_euler),
            Rival("frozen", "Frozen initial condition", frozen),
            Rival("mean", "u = mean", flat),
        ),
        "cases": {"Table 2": table_two, "unseen": unseen},
        "bars": {},
    },
)

VISCOUS = Preset(
    name="viscous",
    title="Viscous family",
    summary="Any initial condition and viscosity: the whole space-time field at once, learnt from the equation alone.",
    conditions=(FREQUENCY, VISCOSITY, INITIAL),
    latents=(),
    generator=lambda: FamilyGenerator(TIMES, CELLS),
    critic=None,
    config=CONFIG,
    tiny=TINY,
    requests=requests,
)  # fmt: skip

PROBLEM = Problem(
    name="burgers",
    title="Burgers' equation",
    summary="Drag frequency and viscosity, or draw the initial condition: the whole solution follows, its residual beside it.",
    citation="Shah et al., Encoding Invariances in Deep Generative Models (arXiv 1906.01626, 2019), section 3.2",
    field=Field(kind="continuous", shape=(CELLS, len(TIMES)), low=0.0, high=1.0, divisor=1, axes=("x", "t"), unit=""),
    presets=(VISCOUS, INVISCID, SOBEL),
    invariances=(Duhamel(TIMES, comoving=True), FiniteVolume(TIMES, comoving=True), InitialColumn()),
    source=None,
    project=project,
    deliver=deliver,
    coords=coords,
    oracle=oracle,
    rivals=(
        Rival("march", "Implicit march", solver(burgers.march)),
        Rival("heat", "Heat solution", solver(burgers.heat)),
        Rival("frozen", "Frozen initial condition", frozen),
        Rival("mean", "u = mean", flat),
    ),
    cases={"Table 2": table_two, "unseen": unseen, "random initial conditions": random_cases, "square wave": square_wave},
    bars={
        "Table 2, mean": ("<=", 0.0012), "Table 2, max": ("<=", 0.004), "unseen, max": ("<=", 0.003),
        "random initial conditions, mean": ("<=", 0.0015), "random initial conditions, p95": ("<=", 0.004),
        "square wave, max": ("<=", 0.04),
    },
)  # fmt: skip
