"""The vocabulary: the few nouns that every other room speaks. Frozen dataclasses and protocols, no behaviour."""

from core.types.problem import Generator, Invariance, Preset, Problem, Source, TrainConfig
from core.types.requests import FREE, HELD_OUT, VERSION, Array, Conditions, Field, Handle, Position, Quantity, Stroke
from core.types.results import Checkpoint, Descriptor, Rival, Sample
from core.types.training import Player, Progress, Scheme, VectorField

__all__ = [
    "FREE",
    "HELD_OUT",
    "VERSION",
    "Array",
    "Checkpoint",
    "Conditions",
    "Descriptor",
    "Field",
    "Generator",
    "Handle",
    "Invariance",
    "Player",
    "Position",
    "Preset",
    "Problem",
    "Progress",
    "Quantity",
    "Rival",
    "Sample",
    "Scheme",
    "Source",
    "Stroke",
    "TrainConfig",
    "VectorField",
]
