"""What a problem is made of: invariances, data source, generator, presets with their training configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from torch import Tensor, nn

from core.types.requests import Array, Conditions, Field, Handle, Position, Quantity
from core.types.results import Descriptor, Rival, Sample


@runtime_checkable
class Invariance(Protocol):
    """What must hold: a differentiable statistic of soft fields (B, C, H, W), one value set per sample.

    `name` is the condition it pins (where the two differ, an attribute `pins` names the condition that `measure`
    measures, or is empty); `tolerance` (in `unit`) is the deviation a person would call satisfied, which is no less
    than what the true arrays leave on their grid; `source` cites the equation. `residual` is 0 exactly when
    `measure(fields)` equals the condition."""

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
    """A data source: arrays as a pure function of global sample indices (never of the batch split).

    One that knows conditions of its arrays which no array tells exactly, such as the energy of a particle, says them by
    a method `known(seeds) -> {condition: array (n, ...)}`."""

    def draw(self, seeds: Sequence[int], shape: tuple[int, int]) -> Array:
        """uint8 labels or float32 fields (n, H, W), one per seed."""
        ...

    def identity(self) -> dict[str, Any]:
        """JSON-able parameters that fix the distribution (for cache names and manifests)."""
        ...


class Generator(Protocol):
    """A conditional generator: noise (keyed by seed), conditions and latents to logits (B, C, H, W)."""

    def noise(self, keys: Sequence[int], shape: tuple[int, int]) -> dict[str, Tensor]:
        """Everything random that one sample needs, each a pure function of its key; leading dimension len(keys). An
        entry `uniform` (B,), from which latents are drawn, is replaced by an even sequence when an ensemble is
        sampled."""
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
    loss: Literal["relativistic", "wgan_gp", "minimax", "non_saturating"] = "relativistic"
    scheme: Literal["alternating", "simultaneous", "extragradient", "optimistic"] = "alternating"
    turns: Mapping[str, int] = default(default_factory=lambda: {"critic": 1, "generator": 1, "projection": 1})
    lr: float = 2e-4
    lr_critic: float = 4e-4
    betas: tuple[float, float] = (0.5, 0.99)
    clip: float = 0.5
    """Largest norm of a player's gradient; larger ones are scaled down (gradients through the physics layer are
    heavy-tailed)."""
    gamma: float = 1.0
    lazy: int = 4
    blur: float = 0.7
    weights: Mapping[str, float] = default(default_factory=dict)
    shared_projection_optimiser: bool = True
    ema: float = 0.998
    warmup: int = 50
    decay: float = 0.0
    """Share of the steps, at the end, over which the learning rate falls linearly to 0."""
    optimiser: Literal["adam", "muon", "sgd"] = "adam"
    precision: Literal["auto", "bf16", "fp32", "fp64"] = "auto"
    """`auto`: bf16 where the hardware computes it, else fp32; see `core.training.precision`."""
    critic_sees: Literal["fields", "conditions", "residual", "complement"] = "fields"
    """Beside the field, as constant channels: nothing; the conditions (cGAN); or L_I(x), 0 on real fields (Stinis et
    al.). `complement`: the field alone, and 0 where the invariances say what it is (eq. 10)."""
    residual_noise: float = 0.0
    """Standard deviation of the noise on the L_I of real fields that the critic sees (Stinis et al.'s remedy)."""
    auxiliary: float = 0.0
    """Weight of the error with which the critic's second head reads the conditions; both critic and generator minimise
    it."""
    flip: float = 0.0
    """Share of the pairs in which the critic is told that the real image is generated and the other way round (label
    flipping)."""
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
    """The conditions that a training batch is asked for, each a pure function of its key: all of them where there are
    no data, else in the place of those measured on the real batch."""
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
    """Exact enforcement: logits (B, C, H, W) and conditions (latents too, when a sample is made) to labels or fields
    (B, H, W)."""
    descriptors: tuple[Descriptor, ...] = ()
    rivals: tuple[Rival, ...] = ()
    bars: Mapping[str, tuple[str, float]] = default(default_factory=dict)
    """Quality that a checkpoint must show: row name of `core.metrics` -> ("<=" or ">=", value). `column: row` speaks of
    that column of the table instead of the judged one."""
    compare: Callable[[Array, Sample, Source], Mapping[str, float]] | None = None
    """More rows for the table of quality: arrays (n, H, W), the drawn reference at whose conditions they were made, the
    source."""
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
    """From the frame that the generator and the invariances work in to the one that people see, (B, H, W) to (B, H,
    W)."""
    receive: Callable[[Tensor], Tensor] | None = None
    """The way back from `deliver`: to measure invariances on what people see."""
    projection: str = "Exact projection"
    """What the projection step is called where it can be switched off; empty where it changes nothing."""
    live: Rival | None = None
    """The exact reference at display rate, NaN where only `oracle` knows it; None: `oracle` is fast enough."""
    handles: tuple[Handle, ...] = ()
    """Shapes that can be dragged on the picture itself."""
    settle: Callable[[dict[str, Array], frozenset[str]], tuple[dict[str, Array], tuple[str, ...]]] | None = None
    """Makes the conditions of a request agree: all values and the names of those a person gave -> values and a sentence
    for each change; `ValueError` where they contradict each other."""
    follow: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    """What conditions become when a person moves one of them after giving another: all values of a dial -> values that
    agree."""
    refine: Callable[[Tensor, Conditions], Tensor] | None = None
    """Drives what is delivered onto the conditions that `project` alone does not make exact: logits to better
    logits."""
    best_of: tuple[int, ...] = ()
    """Of how many draws of a sample a person may take the best; empty where none is better than another, or all are
    exact."""
    refuse: Callable[[Mapping[str, Array]], str] | None = None
    """Why these conditions (each (n, ...), all of the preset's) cannot be delivered together, in a sentence that says
    by how much; empty where they can."""
    trace: Callable[[Any], dict[str, float]] | None = None
    """`trace(model) -> numbers` measured of the averaged generator now and then while it is trained."""
    film: int = 0
    """So many samples of the averaged generator are kept in the checkpoint whenever `trace` is measured."""
    quality: Callable[..., Any] | None = None
    """`quality(model, n, size, ablation, seed) -> table` where the statistics of ensembles are not what matters."""
    read: Callable[[Path, Mapping[str, Any]], Source] | None = None
    """A person's own file or folder (and options, such as the slice of a volume) as a data source; `ValueError` with a
    sentence for what cannot be used."""
    game: Callable[..., Any] | None = None
    """`game(problem, preset, config, generator, critic, images, device)` in the place of `core.training.game.Game`,
    where the data are drawn as they are needed: there are no images."""
