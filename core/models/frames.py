"""Change of frame for fields (B, X, T) of periodic cell averages: laboratory, or moving with the mean; rows x, columns
t.

u(x, t) = v(x - m t, t) with m the mean of the initial condition (the first column): Galilean invariance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def wavenumbers(cells: int, like: Tensor) -> Tensor:
    """2 pi k (k = 0 .. cells / 2) on the unit interval, with the dtype and device of `like`."""
    return 2 * math.pi * torch.arange(cells // 2 + 1, device=like.device, dtype=like.dtype)


def moved(field: Tensor, speed: Tensor, times: Tensor) -> Tensor:
    """Field with every level shifted to the right by speed t_n, in Fourier space.

    Exact for resolved fields (the last mode of an even grid keeps its real part).

    Args:
        field: fields (B, X, T).
        speed: speeds (B,) in periods per time.
        times: levels (T,).
    """
    cells = field.shape[1]
    angle = wavenumbers(cells, field)[None, :, None] * (speed[:, None, None] * times[None, None])
    return torch.fft.irfft(torch.fft.rfft(field, dim=1) * torch.polar(torch.ones_like(angle), -angle), n=cells, dim=1)


def remapped(field: Tensor, speed: Tensor, times: Tensor) -> Tensor:
    """As `moved`, without new extrema, for fields with shocks.

    Whole cells by a roll, the rest by an upwind remap with slopes limited by minmod. Exact where speed t_n is a whole
    number of cells.
    """
    cells = field.shape[1]
    distance = speed[:, None] * times[None] * cells
    whole = torch.floor(distance + 1e-4)
    part = (distance - whole).clamp(min=0)[:, None]
    index = (torch.arange(cells, device=field.device)[None, :, None] - whole[:, None].long()) % cells
    rolled = field.gather(1, index.expand_as(field))
    behind, ahead = rolled - rolled.roll(1, 1), rolled.roll(-1, 1) - rolled
    slope = torch.where(
        behind * ahead > 0, torch.sign(ahead) * torch.minimum(behind.abs(), ahead.abs()), torch.zeros_like(ahead)
    )
    flux = part * (rolled + (1 - part) / 2 * slope)
    return rolled - flux + flux.roll(1, 1)


def change_frame(
    fields: Tensor, times: Sequence[float], sign: float = 1.0, move: Callable[[Tensor, Tensor, Tensor], Tensor] = moved
) -> Tensor:
    """Fields (B, X, T) from the frame of the mean to the laboratory (sign +1) or back (-1), at the levels `times`."""
    at = torch.as_tensor(times, dtype=fields.dtype, device=fields.device)
    return move(fields, sign * fields[:, :, 0].mean(1), at)
