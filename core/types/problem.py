"""A problem: eight fields, six facets, presets with their training configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default
from typing import Literal, TypedDict

from torch import Tensor

from core.types.facets import Evaluation, Frame, GroundTruth, Projection, RequestRules, TrainingHooks
from core.types.protocols import Critic, Generator, Invariance, Source
from core.types.requests import Field, Quantity


@dataclass(frozen=True)
class TrainConfig:
    """Configuration of a training run; a run is a pure function of it and the data."""

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
    """Input of the critic in addition to the field, as constant channels: none; the conditions (cGAN); or L_I(x), 0 on
    real fields (Stinis et al.). `complement`: the field alone, set to 0 where the invariances fix it (eq. 10)."""
    residual_noise: float = 0.0
    """Standard deviation of the noise on the L_I of real fields that the critic sees (Stinis et al.'s remedy)."""
    auxiliary: float = 0.0
    """Weight of the error with which the critic's second head reads the conditions; both critic and generator minimise
    it."""
    flip: float = 0.0
    """Share of the pairs whose labels, real and generated, are exchanged for the critic (label flipping)."""
    straight_through: bool = True
    """Whether the critic sees the delivered array (with the soft field's gradient) or the soft field itself."""


class Overrides(TypedDict, total=False):
    """Fields and facets of `Problem` that a preset replaces; a facet is replaced as a whole."""

    field: Field
    invariances: tuple[Invariance, ...]
    source: Source
    projection: Projection
    requests: RequestRules
    truth: GroundTruth
    frame: Frame
    evaluation: Evaluation
    training: TrainingHooks


@dataclass(frozen=True)
class Preset:
    """One trained variant of a problem: conditions, latents, networks and training configuration."""

    name: str
    title: str
    summary: str
    conditions: tuple[Quantity, ...]
    latents: tuple[Quantity, ...]
    generator: Callable[[], Generator]
    critic: Callable[[], Critic] | None
    config: TrainConfig
    tiny: TrainConfig
    """Seconds-long configuration for tests; `generator` and `critic` stay the same."""
    requests: Callable[[Sequence[int]], dict[str, Tensor]] | None = None
    """The requested conditions of a training batch, each a pure function of its key: all of them where there are no
    data, else those that replace the ones measured on the real batch."""
    overrides: Overrides = default(default_factory=Overrides)
    """Fields and facets of the problem that this preset replaces."""


@dataclass(frozen=True)
class Problem:
    """A problem is one file: field, invariances, data source, presets, citation, and six facets that may stay empty."""

    name: str
    title: str
    summary: str
    citation: str
    field: Field
    presets: tuple[Preset, ...]
    invariances: tuple[Invariance, ...]
    source: Source | None
    """Source of the training data; None where there are none."""
    projection: Projection = default(default_factory=Projection)
    requests: RequestRules = default(default_factory=RequestRules)
    truth: GroundTruth = default(default_factory=GroundTruth)
    frame: Frame = default(default_factory=Frame)
    evaluation: Evaluation = default(default_factory=Evaluation)
    training: TrainingHooks = default(default_factory=TrainingHooks)
