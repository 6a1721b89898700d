"""From (checkpoint, conditions, seeds) to samples; `python -m core.sampling` writes large sets of them to HDF5."""

from core import folders
from core.fields import harden
from core.sampling.model import CHUNK, Model, draw, load, measure, path_of, places, position, representative, spread
from core.sampling.validation import brief, outside, validate
from core.types import Sample

CHECKPOINTS = folders.to_read()
"""The folder of trained models: the environment's INVNET_CHECKPOINTS, else the one that comes with the software."""

__all__ = [
    "CHECKPOINTS",
    "CHUNK",
    "Model",
    "Sample",
    "brief",
    "draw",
    "harden",
    "load",
    "measure",
    "outside",
    "path_of",
    "places",
    "position",
    "representative",
    "spread",
    "validate",
]
