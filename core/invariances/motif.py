"""A motif: what the pixels of its support are."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from core.types import FREE, Conditions, Invariance


class Motif(Invariance):
    """L_I = mean over the support M of (G(z) - m)^2, m = `conditions["motif"]` (B, H, W), `FREE` off the support.

    Source: eq. 3 of InvNet (2019), ||M * G(z) - m||^2, as a mean over the support instead of a sum over the image.
    """

    name = "motif"
    label = "Motif"
    unit = ""
    tolerance = 0.03
    source = "InvNet (2019), eq. 3, section 3.1"

    def __init__(self, motif: Any = None) -> None:
        """`motif` (H, W): the one that is looked for in arrays; None: wherever one may be, in the whole array."""
        self.motif = None if motif is None else torch.as_tensor(motif)

    def measure(self, fields: Tensor) -> Tensor:
        """What stands in the place of the motif: fields (B, 1, H, W) on its support, `FREE` elsewhere; (B, H, W)."""
        if fields.ndim != 4 or fields.shape[1] != 1:
            raise ValueError(f"Fields must have shape (B, 1, H, W); got {tuple(fields.shape)}.")
        return fields[:, 0] if self.motif is None else torch.where(self.motif.to(fields) >= 0, fields[:, 0], FREE)

    def residual(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """Mean square over the support; shape (B,). A motif without a support is always there."""
        wanted = conditions[self.name].to(fields)
        support = (wanted >= 0).to(fields)
        off = (fields[:, 0] - wanted).square() * support
        return off.sum((1, 2)) / support.sum((1, 2)).clamp(min=1)

    def free(self, conditions: Conditions) -> Tensor:
        """1 - M, the pixels that the motif leaves free, (B, 1, H, W): the projection of the modified critic (eq.
        10)."""
        return (conditions[self.name] < 0)[:, None]
