"""The physics layer of polycrystals: grain growth by volume-preserving threshold dynamics, differentiable.

Channels u_q (Q grain channels, each owned by one of C orientations) that sum to 1 take K steps

    v_q = G * u_q,    u_q <- w_c(q) v_q^p / sum_k w_c(k) v_k^p,    G the periodic Gaussian of standard deviation s px,

with one weight w_c = e^b_c per orientation such that its share stays the requested one: auction dynamics. Boundaries
move with their curvature and junctions turn to 120 degrees. p = infinity is the hard threshold, whose boundaries stick
to the pixels; a finite p keeps an interface about a pixel wide and a gradient. Grains of one orientation that touch lie
in different channels, so that they neither merge nor round each other off, as in a metal.

Reference:
    Jacobs, Merkurjev, Esedoglu, J. Comput. Phys. 354 (2018); Merriman, Bence, Osher (1994).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from core.models.optimal_transport import initial_offsets, newton

SUBSAMPLE = 2048
"""Number of pixels on which the weights are determined."""
CLOSE = 0.003
"""Largest error of a share that is left to the last step to correct."""
LEAST = 1e-18
"""Least weight of an orientation at a pixel, so that its logarithm exists."""


class ThresholdDynamics(nn.Module):
    """`steps` steps with the power p = `sharpness`, all but the last on a grid of half the size; no parameters."""

    def __init__(self, steps: int, sharpness: int) -> None:
        super().__init__()
        self.steps, self.sharpness = steps, sharpness

    def forward(self, u: Tensor, owner: Tensor, fractions: Tensor, deviation: Tensor) -> Tensor:
        """Takes the steps.

        Args:
            u: channels (B, Q, H / 2, W / 2) >= 0 at every second pixel.
            owner: orientation (B, Q) of each channel.
            fractions: requested fractions (B, C).
            deviation: standard deviations (B, 2) in px of the Gaussian along y and x.

        Returns:
            Logits (B, C, H, W).
        """
        shape = (2 * u.shape[2], 2 * u.shape[3])
        transfer = gaussian((u.shape[2], u.shape[3]), deviation / 2)
        offsets = initial_offsets(fractions)
        for step in range(self.steps):
            last = step + 1 == self.steps
            powers = blurred(u, transfer, shape if last else None).clamp(min=0) ** self.sharpness
            logits = pooled(powers, owner, fractions.shape[1]).clamp(min=LEAST).log()
            offsets = balanced(logits, fractions, offsets, 12 if last or not step else 2)
            logits = logits + offsets[..., None, None]
            if not last:
                weights = offsets.exp().gather(1, owner)[..., None, None]
                u = powers * weights / logits.exp().sum(1, keepdim=True)
        return logits


def balanced(logits: Tensor, fractions: Tensor, offsets: Tensor, most: int) -> Tensor:
    """Offsets (B, C) for which the soft shares of logits + offsets, at temperature 1, are the fractions.

    Newton steps until each sample is within `CLOSE`, at most `most`; the gradient of the last one is used as that of
    the solution.

    Args:
        logits: logits (B, C, H, W).
        fractions: requested fractions (B, C).
        offsets: offsets (B, C) to start from.
        most: most Newton steps.
    """
    flat = logits.flatten(2)
    sparse = flat[:, :, :: flat.shape[2] // SUBSAMPLE | 1].contiguous()
    with torch.no_grad():
        for _ in range(most - 1):
            corrected, share = newton(sparse, fractions, offsets, 1.0)
            unfinished = (share - fractions).abs().amax(1, keepdim=True) > CLOSE
            if not bool(unfinished.any()):
                break
            offsets = torch.where(unfinished, corrected, offsets)
    return newton(sparse, fractions, offsets, 1.0)[0]


def pooled(channels: Tensor, owner: Tensor, orientations: int) -> Tensor:
    """Sums (B, C, H, W) of the channels (B, Q, H, W) that each of C orientations owns; `owner` is (B, Q)."""
    member = torch.nn.functional.one_hot(owner, orientations).to(channels).transpose(1, 2)
    return (member @ channels.flatten(2)).view(len(channels), orientations, *channels.shape[2:])


def gaussian(shape: tuple[int, int], deviation: Tensor) -> Tensor:
    """Transfer function (B, 1, H, W // 2 + 1) of the periodic Gaussian blur with deviations (B, 2) px along y and x."""
    ky, kx = torch.fft.fftfreq(shape[0], device=deviation.device), torch.fft.rfftfreq(shape[1], device=deviation.device)
    axes = (torch.exp(-2 * (math.pi * deviation[:, i, None] * k.to(deviation)) ** 2) for i, k in enumerate((ky, kx)))
    rows, columns = axes
    return (rows[:, :, None] * columns[:, None])[:, None]


def blurred(u: Tensor, transfer: Tensor, shape: tuple[int, int] | None = None) -> Tensor:
    """u (B, Q, h, w) filtered with a real transfer function (B, 1, h, w // 2 + 1).

    With `shape` the result is on a finer grid that begins at the same point (the spectrum is continued by 0).
    """
    spectrum = torch.fft.rfft2(u) * transfer
    if shape is None:
        return torch.fft.irfft2(spectrum, s=u.shape[-2:])
    half = u.shape[2] // 2
    gap = spectrum.new_zeros(*u.shape[:2], shape[0] - u.shape[2], spectrum.shape[3])
    rows = torch.cat([spectrum[:, :, :half], gap, spectrum[:, :, half:]], 2)
    padded = torch.nn.functional.pad(rows, (0, shape[1] // 2 + 1 - rows.shape[3]))
    return torch.fft.irfft2(padded, s=shape) * (shape[0] * shape[1] / (u.shape[2] * u.shape[3]))
