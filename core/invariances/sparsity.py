"""Soft sparsity: a differentiable occupancy of sparse images, as the authors implemented it and as they printed it."""

from __future__ import annotations

from torch import Tensor

from core.types import Conditions, Invariance

LEAST = 1e-9
"""Values (in the unit) below which a cell counts as empty: fractional powers have no gradient at 0."""
PAPER = "de Oliveira, Paganini, Nachman: Tips and Tricks for Training GANs with Physics Constraints (2017), eq. 1"


def soft_sparsity(x: Tensor, alpha: float = 6.0, beta: float = 1.2) -> Tensor:
    """s / (1 + s) with s = |x|^alpha + |x|^(1 / beta), element by element: 0 at x = 0, close to 1 for |x| well above 1.

    On 0 < |x| < 1 its limit for large alpha, beta is 1/2, not 1: values must be in a unit below the smallest that
    counts.

    Reference:
        The authors' code (CaloGAN), alpha = 6, beta = 1.2.
    """
    magnitude = x.abs()
    powers = magnitude**alpha + magnitude.clamp(min=LEAST) ** (1 / beta) * (magnitude > LEAST)
    return powers / (1 + powers)


def printed_sparsity(x: Tensor, alpha: float = 6.0, beta: float = 1.2) -> Tensor:
    """As `soft_sparsity` with s = |x|^alpha + |x|^-beta, as eq. 1 is printed.

    It is 1 at x = 0 as well and therefore does not measure occupancy. Numerator and denominator are multiplied by
    |x|^beta to be finite at 0.
    """
    magnitude = x.abs()
    scaled = magnitude.clamp(min=LEAST) ** beta * (magnitude > LEAST)
    powers = scaled * magnitude**alpha + 1
    return powers / (scaled + powers)


def occupancy(fields: Tensor) -> Tensor:
    """Share of cells (B,) that are not 0, of arrays (B, H, W)."""
    return (fields != 0).to(fields.dtype).mean((1, 2))


class Occupancy(Invariance):
    """Occupancy o = mean over the cells of soft_sparsity(x / scale).

    Reference:
        de Oliveira et al. (2017), eq. 1, with 1 / beta for -beta; with `printed`, as printed.
    """

    name = "occupancy"
    unit = ""
    source = PAPER

    def __init__(self, scale: float, printed: bool = False) -> None:
        """Occupancy of values in units of `scale`, which must be below the smallest value that counts."""
        self.scale, self.soft = scale, printed_sparsity if printed else soft_sparsity
        self.tolerance = 3e-4 if printed else 0.01  # as printed, dense noise and sparse showers differ by .001
        self.label = "Soft sparsity as printed" if printed else "Soft occupancy"

    def measure(self, fields: Tensor) -> Tensor:
        """o of fields (B, 1, H, W); shape (B,)."""
        if fields.ndim != 4 or fields.shape[1] != 1:
            raise ValueError(f"Fields must have shape (B, 1, H, W); got {tuple(fields.shape)}.")
        return self.soft(fields[:, 0] / self.scale).mean((1, 2))

    def residual(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """(o - o*)^2; shape (B,)."""
        return (self.measure(fields) - conditions[self.name]).square()
