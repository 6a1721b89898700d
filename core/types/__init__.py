"""The types that all packages share: frozen dataclasses and protocols, without behaviour."""

from core.types.facets import Evaluation, Frame, GroundTruth, Projection, RequestRules, TrainingHooks
from core.types.problem import Overrides, Preset, Problem, TrainConfig
from core.types.protocols import Critic, Generator, Invariance, PointwiseInvariance, Source
from core.types.requests import FREE, HELD_OUT, VERSION, Array, Conditions, Field, Handle, Position, Quantity, Stroke
from core.types.results import Checkpoint, Descriptor, Rival, Row, Sample, Threshold
from core.types.training import Player, Progress, Scheme, VectorField

__all__ = [
    "FREE",
    "HELD_OUT",
    "VERSION",
    "Array",
    "Checkpoint",
    "Conditions",
    "Critic",
    "Descriptor",
    "Evaluation",
    "Field",
    "Frame",
    "Generator",
    "GroundTruth",
    "Handle",
    "Invariance",
    "Overrides",
    "Player",
    "PointwiseInvariance",
    "Position",
    "Preset",
    "Problem",
    "Progress",
    "Projection",
    "Quantity",
    "RequestRules",
    "Rival",
    "Row",
    "Sample",
    "Scheme",
    "Source",
    "Stroke",
    "Threshold",
    "TrainConfig",
    "TrainingHooks",
    "VectorField",
]
