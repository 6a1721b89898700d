"""The motif itself: the nearest picture that has it."""

from __future__ import annotations

from torch import Tensor


def planted(fields: Tensor, motif: Tensor) -> Tensor:
    """fields (B, 1, H, W) with the motif (H, W) or (B, H, W) on its support, as they are elsewhere; (B, H, W).

    The orthogonal projection onto all pictures with this motif: x -> (I - P) x + m, in the notation of eq. 10.
    """
    return motif.to(fields).where((motif >= 0).to(fields.device), fields[:, 0])
