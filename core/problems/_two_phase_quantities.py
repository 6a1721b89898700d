"""Quantities of two-phase microstructures: conditions and latent directions."""

from __future__ import annotations

from core.models.plain import latent_quantities
from core.simulation import correlations
from core.types import Quantity, Stroke

FRACTION = Quantity(
    "volume_fraction",
    "Volume fraction",
    "p1",
    "",
    0.05,
    0.95,
    0.35,
    "Fraction of the pixels in phase 1; exact to one pixel.",
    trained=(0.2, 0.8),
    step=0.005,
)


LATENTS = (
    Quantity(
        "length",
        "Length scale",
        "L",
        "px",
        5.0,
        20.0,
        8.0,
        "First zero of the autocovariance: the size of the domains.",
        trained=(5.5, 14.0),
        step=0.1,
    ),
    Quantity(
        "order",
        "Order",
        "o",
        "",
        -1.0,
        1.0,
        0.0,
        "Regular spacing to the right, mixed sizes to the left.",
        trained=(-0.5, 0.5),
    ),
    Quantity(
        "stretch",
        "Stretch",
        "s",
        "",
        -0.6,
        0.6,
        0.0,
        "Elongates the domains across (right) or down (left).",
        trained=(-0.1, 0.1),
    ),
    Quantity(
        "diagonal",
        "Diagonal",
        "d",
        "",
        -0.6,
        0.6,
        0.0,
        "Elongates the domains along one diagonal or the other.",
        trained=(-0.1, 0.1),
    ),
    Quantity(
        "gradient_x",
        "Gradient across",
        "gx",
        "",
        -1.0,
        1.0,
        0.0,
        "More phase 1 in the middle (right) or at the left and right edges (left).",
        trained=(-0.1, 0.1),
    ),
    Quantity(
        "gradient_y",
        "Gradient down",
        "gy",
        "",
        -1.0,
        1.0,
        0.0,
        "More phase 1 in the middle (right) or at the upper and lower edges (left).",
        trained=(-0.1, 0.1),
    ),
    Quantity(
        "morph_a", "Morph A", "a", "rad", -1.57, 1.57, 0.0, "Walks to another arrangement of the same statistics."
    ),
    Quantity("morph_b", "Morph B", "b", "rad", -1.57, 1.57, 0.0, "A second, independent direction of arrangements."),
    Quantity("morph_c", "Morph C", "c", "rad", -1.57, 1.57, 0.0, "A third, independent direction of arrangements."),
)

LENGTH = Quantity(
    "length",
    "Length scale",
    "L",
    "px",
    5.0,
    20.0,
    8.0,
    "Distance at which the two-point correlation first reaches its limit p1².",
    trained=(5.5, 14.0),
    step=0.1,
)

AT, KNOTS = tuple(correlations.distances().tolist()), (2.0, 4.0, 7.0, 10.0, 14.0, 19.0, 25.0, 32.0)

CORRELATION = Quantity(
    "correlation",
    "Two-point correlation",
    "S2",
    "",
    0.0,
    1.0,
    (),
    "S2(r) at r = 0 to 32 px, instead of the length.",
    kind="curve",
    size=correlations.BINS,
    optional=True,
    replaces="length",
    stroke=Stroke(AT, KNOTS, lambda p: (p * p, p * (1 - p)), needs=("volume_fraction",)),
)

WEIGHT = Quantity(
    "weight",
    "Weight of the curve",
    "w",
    "",
    0.05,
    100.0,
    (),
    "How strictly each distance is matched; only ratios count.",
    kind="curve",
    size=correlations.BINS,
    optional=True,
    stroke=Stroke(AT, KNOTS, lambda: (0.0, 1.0), low=0.0, high=16.0, below="correlation"),
)

DIALS = latent_quantities(2)
"""Latent directions of the networks that learn their own."""
