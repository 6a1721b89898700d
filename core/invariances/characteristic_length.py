"""The characteristic length of phase 1, prescribed as a value."""

from __future__ import annotations

import torch
from torch import Tensor

from core.invariances.two_point import TwoPointCorrelation
from core.types import Conditions, Invariance


class CharacteristicLength(Invariance):
    """Distance in px at which the autocovariance S2(r) - p1^2 of the soft field first vanishes.

    The zero is interpolated linearly between the bins of S2; where there is none, the value is the largest distance,
    min(H, W) / 2. The gradient flows through the two values next to the zero.

    Reference:
        The second moment of eq. 8 and 15 of the InvNet paper, reduced to one number.
    """

    name = "length"
    label = "Characteristic length"
    unit = "px"
    tolerance = 1.0
    source = "InvNet, eq. 8 and 15: first zero of p2(r) - p1^2"

    def measure(self, fields: Tensor) -> Tensor:
        """Length (B,) in px of soft fields (B, 1, H, W)."""
        shape = (fields.shape[2], fields.shape[3])
        statistic = TwoPointCorrelation(min(shape) // 2 + 1)
        curve = statistic.measure(fields)
        distance, p = statistic.distances(shape).to(curve), fields.to(curve).mean((1, 2, 3))[:, None]
        covariance = torch.where(p * (1 - p) > 0, curve - p.square(), torch.ones_like(curve))
        below = covariance <= 0
        after = below.int().argmax(1).clamp(min=1)
        left, right = (covariance.gather(1, i[:, None])[:, 0] for i in (after - 1, after))
        crossing = distance[after - 1] + (distance[after] - distance[after - 1]) * left / (left - right).clamp(
            min=1e-30
        )
        return torch.where(below.any(1), crossing, distance[-1])

    def residual(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """(L - L*)^2 (B,) in px^2 with L* = `conditions["length"]` (B,)."""
        return (self.measure(fields) - conditions[self.name]).square()
