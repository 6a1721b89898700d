"""The two-point correlation of phase 1, prescribed as a curve."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from core.types import Conditions, Invariance


class TwoPointCorrelation(Invariance):
    """S2(r) = <f(q) f(q + d)> over pixels q and displacements d whose periodic length rounds to r = 0 .. bins - 1.

    S2(r) is the probability that both ends of a random segment of length r lie in phase 1: S2(0) = p1 for labels,
    S2(inf) = p1^2, without unit. Fields need min(H, W) >= 2 (bins - 1).

    Reference:
        InvNet, eq. 14 and eq. 8/15: second moment p2; appendix C.3 for the weights.
    """

    name = "correlation"
    label = "Two-point correlation"
    unit = ""
    tolerance = 0.01
    source = "InvNet, eq. 8 and 15: second moment p2 = <f f>"

    def __init__(self, bins: int = 33, weights: Sequence[float] | None = None) -> None:
        """The curve at `bins` distances.

        Args:
            bins: number of distances, 0 .. bins - 1 px.
            weights: (bins,), none negative: relative weight of each distance in the residual; None weighs all alike.

        Raises:
            ValueError: no bins, or weights that do not fit them.
        """
        if bins < 1:
            raise ValueError(f"bins must be at least 1; got {bins}.")
        if weights is not None and (len(weights) != bins or min(weights) < 0):
            raise ValueError(f"weights must be {bins} numbers, none negative; got {list(weights)!r}.")
        self.bins = bins
        self.weights = tuple(weights) if weights is not None else (1.0,) * bins

    def distances(self, shape: tuple[int, int]) -> Tensor:
        """Mean distance (bins,) in px, float32, of the displacements in each bin on (H, W) pixels: the abscissa of the
        curve.
        """
        return _annuli(tuple(shape), self.bins)[2]

    def annuli(self, shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Flat indices (k,) of the displacements in any bin on (H, W) pixels, and the matrix (k, bins) of means over
        the bins.
        """
        return _annuli(tuple(shape), self.bins)[:2]

    def measure(self, fields: Tensor) -> Tensor:
        """S2 of soft fields, as |ifft2(F conj(F))| / (H W) averaged over each bin.

        Args:
            fields: soft fields (B, 1, H, W); the dtype is kept, half precision becomes float32.

        Returns:
            Curves (B, bins).

        Raises:
            ValueError: another number of channels, or too few pixels.
        """
        if fields.ndim != 4 or fields.shape[1] != 1:
            raise ValueError(f"Two-phase fields must have shape (B, 1, H, W); got {tuple(fields.shape)}.")
        phase = fields[:, 0] if fields.dtype in (torch.float32, torch.float64) else fields[:, 0].float()
        index, average, _ = _annuli((phase.shape[1], phase.shape[2]), self.bins)
        transform = torch.fft.fft2(phase)
        correlation = torch.fft.ifft2(transform * transform.conj()).real.flatten(1) / phase[0].numel()
        return correlation[:, index.to(phase.device)] @ average.to(phase)

    def residual(self, fields: Tensor, conditions: Conditions) -> Tensor:
        """Weighted mean over r of (S2(r) - S2*(r))^2.

        Args:
            fields: soft fields (B, 1, H, W).
            conditions: "correlation" S2* (B, bins); "weight" (B, bins), if present, is normalised to mean 1 and
                replaces the weights of the invariance.

        Returns:
            Mean squares (B,).
        """
        curve = self.measure(fields)
        weights = torch.tensor(self.weights, dtype=curve.dtype, device=curve.device)
        if "weight" in conditions:
            weights = conditions["weight"] / conditions["weight"].mean(1, keepdim=True)
        return ((curve - conditions[self.name]).square() * weights).mean(1)


@lru_cache(maxsize=16)
@torch.inference_mode(False)  # kept for all callers: an inference tensor could not enter a gradient later
def _annuli(shape: tuple[int, int], bins: int) -> tuple[Tensor, Tensor, Tensor]:
    """Flat indices (k,) of the displacements in any bin, their averaging matrix (k, bins), mean distances (bins,) in
    px."""
    if min(shape) < 2 * (bins - 1):
        raise ValueError(f"{bins} distances need at least {2 * (bins - 1)} pixels a side; got {shape[0]} x {shape[1]}.")
    rows, columns = (torch.fft.fftfreq(s, 1 / s, dtype=torch.float64) for s in shape)
    length = (rows[:, None] ** 2 + columns**2).sqrt().flatten()
    index = (length < bins - 0.5).nonzero()[:, 0]
    member = torch.nn.functional.one_hot(length[index].round().long(), bins).double()
    average = member / member.sum(0)
    return index, average, (length[index] @ average).float()
