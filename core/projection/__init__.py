"""Projection: what a network only approximates is made exact on the delivered arrays, at inference.

Rank thresholds, exact fractions, placed shapes, motifs, calorimeter cells, levels, one Newton sweep for Burgers'
equation, and in `two_point` the refinement of a correlation. Differentiable penalties used in training are in
`core.invariances`.
"""

from core.projection.calorimeter import read_out
from core.projection.fractions import exact_fractions, finite_logits, pixel_counts, specks, without_speckle
from core.projection.motif import planted
from core.projection.newton import newton
from core.projection.placing import move_and_zoom, place_shapes
from core.projection.rank import rank_threshold

__all__ = [
    "exact_fractions",
    "finite_logits",
    "move_and_zoom",
    "newton",
    "pixel_counts",
    "place_shapes",
    "planted",
    "rank_threshold",
    "read_out",
    "specks",
    "without_speckle",
]
