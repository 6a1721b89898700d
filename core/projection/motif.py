"""Motifs: the nearest picture that contains the motif."""

from __future__ import annotations

from torch import Tensor


def planted(fields: Tensor, motif: Tensor) -> Tensor:
    """Fields with the motif on its support, unchanged elsewhere.

    The orthogonal projection onto all pictures with this motif: x -> (I - P) x + m, in the notation of eq. 10.

    Args:
        fields: fields (B, 1, H, W).
        motif: motif (H, W) or (B, H, W), negative where it is free.

    Returns:
        Fields (B, H, W).
    """
    return motif.to(fields).where((motif >= 0).to(fields.device), fields[:, 0])
