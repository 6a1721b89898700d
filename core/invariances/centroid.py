"""The centre of one channel's shape by image moments, pinned to a coordinate."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from core.invariances.area import area
from core.types import Conditions, Invariance


class Centroid(Invariance):
    """First moment over zeroth moment of channel k, in px from the centre of the top left pixel along one axis (x:
    columns).

    Measured from the middle of the frame, where a channel with less than a pixel in it is said to be: finite values and
    gradients for empty ones, no bias for others. Source: eq. 4 to 6 of InvNet.
    """

    unit = "px"
    tolerance = 0.1
    source = "InvNet (AAAI 2020), eq. 4 to 6"

    def __init__(self, channel: int, axis: Literal["x", "y"]) -> None:
        """Channel 0 is the background."""
        self.channel, self.axis = channel, axis
        self.name, self.label = f"{axis}{channel}", f"Centre of shape {channel}, {axis}"

    def measure(self, fields: Tensor) -> Tensor:
        """The coordinate for soft fields (B, C, H, W); shape (B,)."""
        mass = area(fields, self.channel)
        profile = fields[:, self.channel].sum(1 if self.axis == "x" else 2)
        middle = (profile.shape[1] - 1) / 2
        at = torch.arange(profile.shape[1], device=fields.device, dtype=profile.dtype) - middle
        return middle + (profile * at).sum(1) / mass.clamp(min=1.0)

    def residual(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """Squared deviation from `conditions[name]` in px^2; shape (B,)."""
        return (self.measure(fields) - conditions[self.name]).square()
