"""The level of the Rosenbrock function that a point lies on."""

from __future__ import annotations

from torch import Tensor

from core.types import Conditions, Invariance


class Level(Invariance):
    """Level M(x) = 100 (x2 - x1^2)^2 + (1 - x1)^2 of points (B, 1, 1, 2), prescribed by the condition `level`."""

    name, label, unit, tolerance = "level", "Level of M", "", 0.1
    source = "Rosenbrock 1960; slides on conditional GANs, fig. 5"

    def measure(self, fields: Tensor) -> Tensor:
        """M (B,) of every point."""
        x1, x2 = fields.flatten(1).unbind(1)
        return 100 * (x2 - x1.square()).square() + (1 - x1).square()

    def residual(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """(sqrt M - sqrt y)^2 / 100 (B,), about the squared distance between the two levels along x2."""
        return ((self.measure(fields) + 1e-6).sqrt() - (conditions["level"] + 1e-6).sqrt()).square() / 100
