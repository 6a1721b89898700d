"""The energy of a calorimeter image: the sum of its cells over the calibrated response."""

from __future__ import annotations

from torch import Tensor

from core.types import Conditions, Invariance


class VisibleEnergy(Invariance):
    """Energy E = sum of the cells / response, in GeV: prescribed in the mean, not image by image.

    The tolerance is a standard deviation of the simulation at 100 GeV.
    """

    name = "energy"
    label = "Calibrated energy"
    unit = "GeV"
    tolerance = 3.6
    source = "Energy conservation; Paganini et al., CaloGAN (arXiv 1712.10321), sec. 4"

    def __init__(self, response: float) -> None:
        """Energy for a calorimeter whose visible share of the incident energy is `response`."""
        self.response = response

    def measure(self, fields: Tensor) -> Tensor:
        """E (B,) in GeV of fields (B, 1, H, W)."""
        if fields.ndim != 4 or fields.shape[1] != 1:
            raise ValueError(f"Fields must have shape (B, 1, H, W); got {tuple(fields.shape)}.")
        return fields.sum((1, 2, 3)) / self.response

    def residual(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """(E - E*)^2 / E* (B,) in GeV, which is the same for sampling fluctuations at all energies."""
        return (self.measure(fields) - conditions[self.name]).square() / conditions[self.name]
