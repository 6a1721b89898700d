"""Small pictures from a latent vector alone, or around a motif that the network is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.models.layers import leaky, up

LATENT = 32
START = 4


class DigitGenerator(nn.Module):
    """z ~ N(0, I) of 32 -> dense -> 4 x 4 -> two doublings with 3 x 3 convolutions -> 16 x 16 -> sub-pixel convolution (Shi et al.
    2016) -> sigmoid: fields (B, 1, 32, 32) in 0..1.

    `dials` of the components of z can be dialled as latents `z1`, `z2`, ...
    """

    def __init__(self, dials: int = 0, widths: Sequence[int] = (96, 64, 48)) -> None:
        super().__init__()
        self.dials = dials
        self.enter = nn.Linear(LATENT, widths[0] * START**2)
        pairs = zip([widths[0], *widths[:-1]], widths, strict=True)
        self.blocks = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairs)
        self.leave = nn.Conv2d(widths[-1], 4, 3, padding=1)
        for layer in (self.enter, *self.blocks):
            nn.init.kaiming_normal_(layer.weight, 0.2)

    def noise(self, keys: Sequence[int], shape: tuple[int, int]) -> dict[str, Tensor]:
        """`z` (B, 32)."""
        return {"z": torch.stack([torch.randn(LATENT, generator=torch.Generator().manual_seed(key)) for key in keys])}

    def draw_latent(self, noise: Mapping[str, Tensor], conditions: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The dialled components of z, as drawn."""
        return {f"z{k + 1}": noise["z"][:, k] for k in range(self.dials)}

    def read_latent(self, fields: Tensor) -> dict[str, Tensor]:
        """None: real fields have no z."""
        return {}

    def forward(self, noise: Mapping[str, Tensor], conditions: Mapping[str, Tensor], latent: Mapping[str, Tensor]) -> Tensor:
        """Fields (B, 1, 32, 32)."""
        dialled = [latent[f"z{k + 1}"][:, None] for k in range(self.dials) if latent]
        z = torch.cat([*dialled, noise["z"][:, len(dialled) :]], 1)
        h = leaky(self.enter(z)).view(len(z), -1, START, START).contiguous(memory_format=torch.channels_last)
        for number, block in enumerate(self.blocks):
            h = leaky(block(up(h) if number else h))
        return torch.sigmoid(F.pixel_shuffle(self.leave(h), 2))
