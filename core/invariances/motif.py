"""A motif: prescribed values of the pixels on its support."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from core.types import FREE, Conditions, Invariance


class Motif(Invariance):
    """Motif: L_I = mean over the support M of (G(z) - m)^2, with m = `conditions["motif"]` (B, H, W).

    m is `FREE` off the support.

    Reference:
        InvNet (2019), eq. 3, ||M * G(z) - m||^2, as a mean over the support instead of a sum over the image.
    """

    name = "motif"
    label = "Motif"
    unit = ""
    tolerance = 0.03
    source = "InvNet (2019), eq. 3, section 3.1"

    def __init__(self, motif: Any = None) -> None:
        """Invariance for one motif (H, W), or, with None, for a motif anywhere in the array."""
        self.motif = None if motif is None else torch.as_tensor(motif)

    def measure(self, fields: Tensor) -> Tensor:
        """Fields (B, 1, H, W) on the support of the motif and `FREE` elsewhere, (B, H, W)."""
        if fields.ndim != 4 or fields.shape[1] != 1:
            raise ValueError(f"Fields must have shape (B, 1, H, W); got {tuple(fields.shape)}.")
        return fields[:, 0] if self.motif is None else torch.where(self.motif.to(fields) >= 0, fields[:, 0], FREE)

    def residual(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """Mean square deviation over the support, (B,); 0 for a motif without support."""
        target = conditions[self.name].to(fields)
        support = (target >= 0).to(fields)
        deviation = (fields[:, 0] - target).square() * support
        return deviation.sum((1, 2)) / support.sum((1, 2)).clamp(min=1)

    def free(self, conditions: Conditions) -> Tensor:
        """1 - M, the pixels that the motif leaves free, (B, 1, H, W): the projection of the modified critic (eq.
        10).
        """
        return (conditions[self.name] < 0)[:, None]
