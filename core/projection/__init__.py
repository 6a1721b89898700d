"""Exact enforcement at inference: what the network only approximates is made exact on the delivered array."""

from core.projection.calorimeter import read_out
from core.projection.fractions import exact_fractions, specks, tamed, whole, without_speckle
from core.projection.motif import planted
from core.projection.newton import newton
from core.projection.placing import carried, place_shapes
from core.projection.rank import rank_threshold

__all__ = [
    "carried",
    "exact_fractions",
    "newton",
    "place_shapes",
    "planted",
    "rank_threshold",
    "read_out",
    "specks",
    "tamed",
    "whole",
    "without_speckle",
]
