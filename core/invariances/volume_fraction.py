"""The volume fraction of phase 1, prescribed as a value."""

from __future__ import annotations

from torch import Tensor

from core.types import Conditions, Invariance


class VolumeFraction(Invariance):
    """Volume fraction p1 = mean of the soft field over the pixels, without unit.

    The field keeps its dtype.

    Reference:
        InvNet, eq. 14 (phase function) and eq. 8/15 (residual).
    """

    name = "volume_fraction"
    label = "Volume fraction"
    unit = ""
    tolerance = 0.005
    source = "InvNet, eq. 8 and 15: first moment p1 = <f>"

    def measure(self, fields: Tensor) -> Tensor:
        """p1 (B,) of soft fields (B, 1, H, W).

        Raises:
            ValueError: there is not exactly one channel.
        """
        if fields.ndim != 4 or fields.shape[1] != 1:
            raise ValueError(f"Two-phase fields must have shape (B, 1, H, W); got {tuple(fields.shape)}.")
        return fields.mean((1, 2, 3))

    def residual(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """(p1 - p1*)^2 (B,) with p1* = `conditions["volume_fraction"]` (B,)."""
        return (self.measure(fields) - conditions[self.name]).square()
