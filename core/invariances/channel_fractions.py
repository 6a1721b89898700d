"""The area fractions of several phases or orientations, prescribed as values that sum to 1."""

from __future__ import annotations

from torch import Tensor

from core.types import Conditions, Invariance


class ChannelFractions(Invariance):
    """Fraction of each channel: f_c = mean of channel c of the soft field over the pixels, without unit.

    The field keeps its dtype.

    Reference:
        InvNet (AAAI 2020), eq. 9, applied to each channel.
    """

    name = "fractions"
    label = "Orientation fractions"
    unit = ""
    tolerance = 0.01
    source = "InvNet (AAAI 2020), eq. 9: f_v(x) = sum_i x_i / d for each channel"

    def measure(self, fields: Tensor) -> Tensor:
        """Fractions (B, C) of soft fields (B, C, H, W).

        Raises:
            ValueError: there are fewer than two channels.
        """
        if fields.ndim != 4 or fields.shape[1] < 2:
            raise ValueError(
                f"Fields of several phases must have shape (B, C, H, W), C at least 2; got {tuple(fields.shape)}."
            )
        return fields.mean((2, 3))

    def residual(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """|f - f*|^2 (B,) with f* = `conditions["fractions"]` (B, C)."""
        return (self.measure(fields) - conditions[self.name]).square().sum(1)
