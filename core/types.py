"""The vocabulary: the few nouns that every other room speaks. Frozen dataclasses and protocols, no behaviour."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Array = NDArray[Any]
Conditions = Mapping[str, Tensor]
VERSION = "0.1.0"
HELD_OUT = 1_000_000_000
"""Seeds from here on are for held-out checks: no training ever draws them."""
FREE = -1.0
"""What a motif (H, W) with values in 0..1 has on the pixels of which it asks nothing."""


@dataclass(frozen=True)
class Stroke:
    """How a curve condition that is no period is drawn by hand: on the chart of the measured curve of the same name, or as bars
    `below` the chart of another.

    `at` are the positions of its ordinates. Control points at `knots` have values v in `low..high`; with the fixed first value
    `start` at `at[0]` they are joined smoothly, and the condition is zero + height v, (zero, height) = `scale(values of needs)`.
    """

    at: tuple[float, ...]
    knots: tuple[float, ...]
    scale: Callable[..., tuple[float, float]]
    needs: tuple[str, ...] = ()
    low: float = -1.0
    high: float = 1.0
    start: float = 1.0
    below: str = ""


@dataclass(frozen=True)
class Quantity:
    """Something a person can dial: a condition or a latent direction.

    `low..high` is the hard range (outside: `ValueError`); `trained` the range seen in training (outside: a warning).
    `kind` is `scalar`, `simplex` (`size` fractions that sum to 1) or `curve` (`size` ordinates). An `optional` one has no
    default: it is used only when it is given, and then in the place of the quantity that it `replaces`; giving both is an
    error. `heights` (curves whose level does not matter): largest less smallest value seen in training (above: a warning, whatever
    `trained` says) and allowed (above: `ValueError`).
    """

    name: str
    label: str
    symbol: str
    unit: str
    low: float
    high: float
    default: float | tuple[float, ...]
    help: str = ""
    kind: Literal["scalar", "simplex", "curve"] = "scalar"
    size: int = 1
    trained: tuple[float, float] | None = None
    step: float = 0.01
    optional: bool = False
    replaces: str = ""
    heights: tuple[float, float] | None = None
    stroke: Stroke | None = None
    """How a curve is drawn by hand where it is no period."""


@dataclass(frozen=True)
class Field:
    """What one generated array is.

    `kind`: `binary` (one channel, probability of phase 1, labels 0/1), `categorical` (one channel per label) or
    `continuous` (real values in `low..high`). `shape` is the default (rows, columns); any size divisible by `divisor`
    works when `sizes` lists more than one.
    """

    kind: Literal["binary", "categorical", "continuous"]
    shape: tuple[int, int]
    labels: tuple[str, ...] = ()
    channels: int = 1
    low: float = 0.0
    high: float = 1.0
    periodic: bool = True
    mirrored: bool = True
    """Whether mirror images and the transpose of an array belong to the data as well; of digits they do not."""
    divisor: int = 8
    sizes: tuple[int, ...] = ()
    axes: tuple[str, str] = ("y", "x")
    unit: str = "px"
    ramp: Literal["magma", "grey"] = "magma"
    """How continuous values are shown."""


@dataclass(frozen=True)
class Sample:
    """A batch of generated (or drawn) arrays with what was asked and what was measured.

    labels : uint8 (n, H, W) for discrete fields, else None.
    field : float32 (n, H, W) for continuous fields, else None.
    soft : float32 (n, C, H, W), probabilities before argmax or projection.
    requested, measured, raw : condition name -> array (n, ...): asked; measured on what is delivered; measured before projection.
    latent : latent name -> array (n,), the latent values used.
    coords : axis -> 1-D array in physical units, empty where pixels are the unit.
    """

    labels: NDArray[np.uint8] | None
    field: NDArray[np.float32] | None
    soft: NDArray[np.float32]
    requested: dict[str, Array]
    measured: dict[str, Array]
    raw: dict[str, Array]
    seeds: NDArray[np.int64]
    latent: dict[str, Array] = default(default_factory=dict)
    coords: dict[str, Array] = default(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def array(self) -> Array:
        """What is delivered, (n, H, W): the labels of discrete fields, else the field."""
        found = self.labels if self.labels is not None else self.field
        assert found is not None
        return found


@runtime_checkable
class Invariance(Protocol):
    """What must hold: a differentiable statistic of soft fields (B, C, H, W), one value set per sample.

    `name` is the condition it pins (where the two differ, an attribute `pins` names the condition that `measure` measures, or
    is empty); `tolerance` (in `unit`) is the deviation a person would call satisfied, which is no less than what the true arrays
    leave on their grid; `source` cites the equation. `residual` is 0 exactly when `measure(fields)` equals the condition.
    """

    name: str
    label: str
    unit: str
    tolerance: float
    source: str

    def measure(self, fields: Tensor) -> Tensor:
        """Values of the statistic, shape (B, ...)."""
        ...

    def residual(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """Squared deviation from `conditions[name]`, shape (B,)."""
        ...


class Source(Protocol):
    """A data source: arrays as a pure function of global sample indices (never of the batch split)."""

    def draw(self, seeds: Sequence[int], shape: tuple[int, int]) -> Array:
        """uint8 labels or float32 fields (n, H, W), one per seed."""
        ...

    def identity(self) -> dict[str, Any]:
        """JSON-able parameters that fix the distribution (for cache names and manifests)."""
        ...


@dataclass(frozen=True)
class Descriptor:
    """A statistic reported of delivered arrays: `measure` maps labels or fields (n, H, W) to (n,) or a curve (n, m).

    `abscissa` gives the curve's positions for an array of the given shape (None for scalars); `live` curves are drawn while
    dragging, and every scalar that is not `slow`. Of a histogram, `samples` gives the numbers themselves, one row per array:
    ensembles are compared by the Wasserstein distance of all of them.
    """

    name: str
    label: str
    unit: str
    measure: Callable[[Tensor], Tensor]
    abscissa: Callable[[tuple[int, int]], Array] | None = None
    axis: str = ""
    """What a curve's positions are, with their unit; empty: distances in the unit of the field."""
    live: bool = False
    help: str = ""
    slow: bool = False
    samples: Callable[[Tensor], Sequence[Array]] | None = None


@dataclass(frozen=True)
class Position:
    """A number by which requests are ordered that are no scalars: tables are split in thirds along it, a checkpoint carries its
    references at places on it.

    `of(conditions)` is the position (n,) of requests, `at(value)` a representative request, in `low..high`.
    """

    label: str
    low: float
    high: float
    of: Callable[[Mapping[str, Array]], Array]
    at: Callable[[float], Mapping[str, Array]]


@dataclass(frozen=True)
class Rival:
    """An honest alternative to the network: `make(conditions, n, seed, shape) -> labels or fields (n, H, W)`.

    `role`: a `yardstick` is a converged numerical solution on the same cells, by which errors are judged; `exact` is the reference
    itself, of interest for its time alone; a `single` one takes long or reads the whole request, and is compared sample by sample
    (`core.metrics.rivals`).
    """

    name: str
    label: str
    make: Callable[[Mapping[str, Array], int, int, tuple[int, int]], Array]
    role: Literal["", "yardstick", "exact", "single"] = ""
    run: Callable[[Mapping[str, Array], int, tuple[int, int]], Iterator[tuple[float, Array]]] | None = None
    """The same step by step: (share done, labels so far (1, H, W)), the last one finished."""
    truth: bool = False
    """A simulation of the whole request, by which the others are judged."""


@dataclass(frozen=True)
class Handle:
    """A shape that can be dragged on the picture: the names of the conditions that hold its centre (px from the centre of the
    top left pixel) and its size, which is a `radius` (px) or an `area` (px), and how its requested outline is drawn."""

    label: str
    x: str
    y: str
    size: str
    measure: Literal["radius", "area"] = "radius"
    outline: Literal["circle", "square"] = "circle"


class Generator(Protocol):
    """A conditional generator: noise (keyed by seed), conditions and latents to logits (B, C, H, W)."""

    def noise(self, keys: Sequence[int], shape: tuple[int, int]) -> dict[str, Tensor]:
        """Everything random that one sample needs, each a pure function of its key; leading dimension len(keys). An entry
        `uniform` (B,), from which latents are drawn, is replaced by an even sequence when an ensemble is sampled."""
        ...

    def draw_latent(self, noise: Mapping[str, Tensor], conditions: Conditions) -> dict[str, Tensor]:
        """Latent values (B,) drawn from the data's own distribution, for those that nobody dialled."""
        ...

    def read_latent(self, fields: Tensor) -> dict[str, Tensor]:
        """Latent values (B,) of real fields (B, C, H, W): what they are paired with in training."""
        ...

    def __call__(self, noise: Mapping[str, Tensor], conditions: Conditions, latent: Mapping[str, Tensor]) -> Tensor:
        """Logits (B, C, H, W) on the pixels of `noise`."""
        ...


@dataclass(frozen=True)
class TrainConfig:
    """Everything that fixes a training run; a run is a pure function of this and the data."""

    seed: int = 0
    steps: int = 4000
    batch: int = 16
    size: int = 64
    images: int = 8192
    loss: Literal["relativistic", "wgan_gp"] = "relativistic"
    scheme: Literal["alternating", "simultaneous", "extragradient", "optimistic"] = "alternating"
    turns: Mapping[str, int] = default(default_factory=lambda: {"critic": 1, "generator": 1, "projection": 1})
    lr: float = 2e-4
    lr_critic: float = 4e-4
    betas: tuple[float, float] = (0.5, 0.99)
    clip: float = 0.5
    """Largest norm of a player's gradient; larger ones are scaled down (gradients through the physics layer are heavy-tailed)."""
    gamma: float = 1.0
    lazy: int = 4
    blur: float = 0.7
    weights: Mapping[str, float] = default(default_factory=dict)
    shared_projection_optimiser: bool = True
    ema: float = 0.998
    warmup: int = 50
    decay: float = 0.0
    """Share of the steps, at the end, over which the learning rate falls linearly to 0."""
    optimiser: Literal["adam", "muon"] = "adam"
    precision: Literal["bf16", "fp32", "fp64"] = "bf16"
    critic_sees: Literal["fields", "conditions", "residual", "complement"] = "fields"
    """Beside the field, as constant channels: nothing; the conditions (cGAN); or L_I(x), 0 on real fields (Stinis et al.).
    `complement`: the field alone, and 0 where the invariances say what it is (eq. 10)."""
    residual_noise: float = 0.0
    """Standard deviation of the noise on the L_I of real fields that the critic sees (Stinis et al.'s remedy)."""
    auxiliary: float = 0.0
    """Weight of the error with which the critic's second head reads the conditions; both critic and generator minimise it."""
    straight_through: bool = True
    """Whether the critic sees the delivered array (with the soft field's gradient) or the soft field itself."""


@dataclass(frozen=True)
class Preset:
    """One trained variant of a problem: conditions, latents, networks and training configuration."""

    name: str
    title: str
    summary: str
    conditions: tuple[Quantity, ...]
    latents: tuple[Quantity, ...]
    generator: Callable[[], nn.Module]
    critic: Callable[[], nn.Module] | None
    config: TrainConfig
    tiny: TrainConfig
    """Seconds-long configuration for tests; `generator` and `critic` stay the same."""
    requests: Callable[[Sequence[int]], dict[str, Tensor]] | None = None
    """The conditions that a training batch is asked for, each a pure function of its key: all of them where there are no data, else
    in the place of those measured on the real batch."""
    overrides: Mapping[str, Any] = default(default_factory=dict)
    """Fields of `Problem` that are different for this preset (invariances, project, deliver, ...)."""


@dataclass(frozen=True)
class Problem:
    """A problem is one file: field, conditions, invariances, data source, oracle, networks, presets, citation."""

    name: str
    title: str
    summary: str
    citation: str
    field: Field
    presets: tuple[Preset, ...]
    invariances: tuple[Invariance, ...]
    source: Source | None
    project: Callable[[Tensor, Conditions], Tensor]
    """Exact enforcement: logits (B, C, H, W) and conditions (latents too, when a sample is made) to labels or fields (B, H, W)."""
    descriptors: tuple[Descriptor, ...] = ()
    rivals: tuple[Rival, ...] = ()
    bars: Mapping[str, tuple[str, float]] = default(default_factory=dict)
    """Quality that a checkpoint must show: row name of `core.metrics` -> ("<=" or ">=", value). `column: row` speaks of that
    column of the table instead of the judged one."""
    compare: Callable[[Array, Sample], Mapping[str, float]] | None = None
    """More rows for the table of quality: arrays (n, H, W) and the drawn reference at whose conditions they were made."""
    position: Position | None = None
    """How requests are ordered where the first condition is no scalar."""
    oracle: Callable[[Mapping[str, Array], int, int, tuple[int, int]], Array] | None = None
    """The reference at the same conditions: `oracle(conditions, n, seed, shape) -> labels or fields (n, H, W)`."""
    cases: Mapping[str, Callable[[int], Sequence[Mapping[str, Any]]]] = default(default_factory=dict)
    """Groups of conditions with exact solutions: group name -> (at most n cases of it)."""
    published: Mapping[str, Mapping[str, Sequence[float]]] = default(default_factory=dict)
    """Errors that others published: group name -> method -> one number for each case of the group, in order."""
    coords: Callable[[tuple[int, int]], dict[str, Array]] | None = None
    """Axis -> positions in physical units, for a field of the given shape; None where pixels are the unit."""
    deliver: Callable[[Tensor], Tensor] | None = None
    """From the frame that the generator and the invariances work in to the one that people see, (B, H, W) to (B, H, W)."""
    receive: Callable[[Tensor], Tensor] | None = None
    """The way back from `deliver`: to measure invariances on what people see."""
    projection: str = "Exact projection"
    """What the projection step is called where it can be switched off; empty where it changes nothing."""
    live: Rival | None = None
    """The exact reference at display rate, NaN where only `oracle` knows it; None: `oracle` is fast enough."""
    handles: tuple[Handle, ...] = ()
    """Shapes that can be dragged on the picture itself."""
    settle: Callable[[dict[str, Array], frozenset[str]], tuple[dict[str, Array], tuple[str, ...]]] | None = None
    """Makes the conditions of a request agree: all values and the names of those a person gave -> values and a sentence for each
    change; `ValueError` where they contradict each other."""
    follow: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    """What conditions become when a person moves one of them after giving another: all values of a dial -> values that agree."""
    refine: Callable[[Tensor, Conditions], Tensor] | None = None
    """Drives what is delivered onto the conditions that `project` alone does not make exact: logits to better logits."""
    refuse: Callable[[Mapping[str, Array]], str] | None = None
    """Why these conditions (each (n, ...), all of the preset's) cannot be delivered together, in a sentence that says by how
    much; empty where they can."""
    trace: Callable[[Any], dict[str, float]] | None = None
    """`trace(model) -> numbers` measured of the averaged generator now and then while it is trained."""
    film: int = 0
    """So many samples of the averaged generator are kept in the checkpoint whenever `trace` is measured."""
    quality: Callable[..., Any] | None = None
    """`quality(model, n, size, ablation, seed) -> table` where the statistics of ensembles are not what matters."""
    read: Callable[[Path, Mapping[str, Any]], Source] | None = None
    """A person's own file or folder (and options, such as the slice of a volume) as a data source; `ValueError` with a sentence
    for what cannot be used."""


@dataclass(frozen=True)
class Player:
    """A party of the game: whose parameters move, on which loss, with which optimiser, how many turns a step.

    `loss(key)` returns a scalar and a dict of logged values; `key` numbers the draw (same key, same randomness). Players
    that name the same `optimiser` object share its state (generator and projection step).
    """

    name: str
    parameters: tuple[nn.Parameter, ...]
    loss: Callable[[int], tuple[Tensor, dict[str, float]]]
    optimiser: torch.optim.Optimizer
    turns: int = 1


VectorField = Callable[[Player, int], tuple[list[Tensor], dict[str, float]]]
"""(player, key) -> gradients of the player's loss with respect to its parameters, averaged over processes, and logs."""


class Scheme(Protocol):
    """How gradients become a step."""

    name: str

    def step(self, players: Sequence[Player], gradients: VectorField, step: int) -> dict[str, float]:
        """One step of the whole game, in place; returns the logged values."""
        ...


@dataclass(frozen=True)
class Progress:
    """What the training loop yields after each step. `state` is a callable: copying weights costs, asking is optional."""

    step: int
    steps: int
    losses: dict[str, float]
    residuals: dict[str, float]
    seconds: float
    images_per_second: float
    state: Callable[[], dict[str, Tensor]]
    finished: bool = False
    note: str = ""


@dataclass(frozen=True)
class Checkpoint:
    """Tensors plus a manifest (problem, preset, config, seeds, data digest, versions, metrics); `digest` covers both."""

    tensors: dict[str, Tensor]
    manifest: dict[str, Any]
    digest: str = ""
