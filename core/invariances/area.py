"""The area of the shape in one channel, prescribed directly or as the radius of the disc of that area."""

from __future__ import annotations

import math

from torch import Tensor

from core.types import Conditions, Invariance

LEAST = 1e-6
"""Area in px below which a channel counts as empty: the root of 0 has no gradient."""


def area(fields: Tensor, channel: int) -> Tensor:
    """Sum of the soft membership of one channel over the pixels.

    Args:
        fields: soft fields (B, C, H, W).
        channel: index of the channel; 0 is the background.

    Returns:
        Areas (B,) in px.

    Raises:
        ValueError: there is no such channel.
    """
    if fields.ndim != 4 or fields.shape[1] <= channel:
        raise ValueError(
            f"Fields with shape {channel} must be (B, {channel + 1} or more, H, W); got {tuple(fields.shape)}."
        )
    return fields[:, channel].sum((1, 2))


class Area(Invariance):
    """Area of the shape in channel k: A_k = sum of the channel over the pixels, in px.

    Reference:
        InvNet (AAAI 2020), eq. 3, squared as printed.
    """

    unit = "px"
    tolerance = 10.0
    source = "InvNet (AAAI 2020), eq. 3"

    def __init__(self, channel: int) -> None:
        """Invariance of one channel; channel 0 is the background."""
        self.channel, self.name, self.label = channel, f"area{channel}", f"Area of shape {channel}"

    def measure(self, fields: Tensor) -> Tensor:
        """A_k (B,) in px of soft fields (B, C, H, W)."""
        return area(fields, self.channel)

    def residual(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """(A_k - A_k*)^2 (B,) in px^2, with A_k* = `conditions[name]` (B,)."""
        return (self.measure(fields) - conditions[self.name]).square()


class Radius(Area):
    """Radius of the disc with the area of channel k: r_k = sqrt(A_k / pi), in px.

    An empty channel has a radius close to 0 and no gradient.

    Reference:
        InvNet (AAAI 2020), eq. 3, with the area of a circle inserted.
    """

    tolerance = 0.1

    def __init__(self, channel: int) -> None:
        super().__init__(channel)
        self.name, self.label = f"r{channel}", f"Radius of circle {channel}"

    def measure(self, fields: Tensor) -> Tensor:
        """r_k (B,) in px of soft fields (B, C, H, W)."""
        return (area(fields, self.channel).clamp(min=LEAST) / math.pi).sqrt()
