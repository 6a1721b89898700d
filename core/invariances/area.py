"""The area of one channel's shape, pinned as such or as the radius of the disc of that area."""

from __future__ import annotations

import math

from torch import Tensor

from core.types import Conditions, Invariance

LEAST = 1e-6
"""Area in px below which a channel counts as empty: the root of 0 has no gradient."""


def area(fields: Tensor, channel: int) -> Tensor:
    """Sum of the soft membership over the pixels of one channel, (B,) in px; `ValueError` when there is no such
    channel."""
    if fields.ndim != 4 or fields.shape[1] <= channel:
        raise ValueError(
            f"Fields with shape {channel} must be (B, {channel + 1} or more, H, W); got {tuple(fields.shape)}."
        )
    return fields[:, channel].sum((1, 2))


class Area(Invariance):
    """A_k = sum over the pixels of channel k; px. Source: eq. 3 of InvNet, squared as printed."""

    unit = "px"
    tolerance = 10.0
    source = "InvNet (AAAI 2020), eq. 3"

    def __init__(self, channel: int) -> None:
        """Channel 0 is the background."""
        self.channel, self.name, self.label = channel, f"area{channel}", f"Area of shape {channel}"

    def measure(self, fields: Tensor) -> Tensor:
        """A_k of soft fields (B, C, H, W); shape (B,)."""
        return area(fields, self.channel)

    def residual(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """(A_k - A_k*)^2 in px^2; shape (B,)."""
        return (self.measure(fields) - conditions[self.name]).square()


class Radius(Area):
    """r_k = sqrt(A_k / pi): the radius of the disc of the channel's area; px. An empty channel has a radius next to 0
    and no gradient. Source: eq. 3 of InvNet with the area of a circle put in."""

    tolerance = 0.1

    def __init__(self, channel: int) -> None:
        super().__init__(channel)
        self.name, self.label = f"r{channel}", f"Radius of circle {channel}"

    def measure(self, fields: Tensor) -> Tensor:
        """r_k of soft fields (B, C, H, W); shape (B,)."""
        return (area(fields, self.channel).clamp(min=LEAST) / math.pi).sqrt()
