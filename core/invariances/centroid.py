"""The centre of the shape in one channel, from image moments, prescribed as a coordinate."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from core.invariances.area import area
from core.types import Conditions, Invariance


class Centroid(Invariance):
    """Coordinate of the centre of channel k along one axis: first moment over zeroth moment, in px.

    Coordinates count from the centre of the top left pixel; x runs along the columns, y along the rows. The moments are
    taken about the middle of the frame, and a channel with an area below one pixel is placed there. Values and
    gradients therefore stay finite for empty channels, without bias for the others.

    Reference:
        InvNet (AAAI 2020), eq. 4 to 6.
    """

    unit = "px"
    tolerance = 0.1
    source = "InvNet (AAAI 2020), eq. 4 to 6"

    def __init__(self, channel: int, axis: Literal["x", "y"]) -> None:
        """Invariance of one channel and axis; channel 0 is the background."""
        self.channel, self.axis = channel, axis
        self.name, self.label = f"{axis}{channel}", f"Centre of shape {channel}, {axis}"

    def measure(self, fields: Tensor) -> Tensor:
        """Coordinate (B,) in px of soft fields (B, C, H, W)."""
        mass = area(fields, self.channel)
        profile = fields[:, self.channel].sum(1 if self.axis == "x" else 2)
        middle = (profile.shape[1] - 1) / 2
        position = torch.arange(profile.shape[1], device=fields.device, dtype=profile.dtype) - middle
        return middle + (profile * position).sum(1) / mass.clamp(min=1.0)

    def residual(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """Squared deviation (B,) from `conditions[name]` (B,), in px^2."""
        return (self.measure(fields) - conditions[self.name]).square()
