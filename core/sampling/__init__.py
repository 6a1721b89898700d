"""From (checkpoint, conditions, seeds) to samples; `python -m core.sampling` writes large sets of them to HDF5."""

from core import folders
from core.fields import harden
from core.sampling.batch import CHUNK, low_discrepancy, measure
from core.sampling.loading import draw, load, path_of
from core.sampling.model import Model
from core.sampling.positions import places, position, representative
from core.sampling.validation import brief, range_warning, validate
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
    "low_discrepancy",
    "measure",
    "path_of",
    "places",
    "position",
    "range_warning",
    "representative",
    "validate",
]
