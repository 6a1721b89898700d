"""Generators of small pictures, from a latent vector alone or around a motif."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.models.layers import leaky, up
from core.models.plain import LatentGenerator
from core.simulation.motifs import crossed
from core.types import Quantity

LATENT = 32
START = 4
KINDS = 10
"""Number of components of z that choose one of as many kinds: digits come in classes, with nothing in between."""
Named = Mapping[str, Tensor]


class DigitGenerator(LatentGenerator):
    """Generator of digits: latent vector to fields (B, 1, 32, 32) in 0..1.

    z ~ N(0, I) of 32, and which of its last ten components is the largest -> dense -> 4 x 4 -> two doublings with 3 x 3
    convolutions -> 16 x 16 -> sub-pixel convolution -> sigmoid.

    Reference:
        Shi et al. (2016) for the sub-pixel convolution.
    """

    def __init__(self, dials: int = 0, widths: Sequence[int] = (96, 64, 48), extra: int = 0) -> None:
        """Generator with adjustable latents and extra input channels.

        Args:
            dials: number of components of z that are latents `z1`, `z2`, ...
            widths: channels of the layers.
            extra: channels that join the features of every layer, and four times as many those of the last one.
        """
        super().__init__(dials)
        self.enter = nn.Linear(LATENT + KINDS, widths[0] * START**2)
        pairs = zip([widths[0], *widths[:-1]], widths, strict=True)
        self.blocks = nn.ModuleList(nn.Conv2d(a + extra, b, 3, padding=1) for a, b in pairs)
        self.leave = nn.Conv2d(widths[-1] + 4 * extra, 4, 3, padding=1)
        for layer in (self.enter, *self.blocks):
            nn.init.kaiming_normal_(layer.weight, 0.2)

    def noise(self, keys: Sequence[int], shape: tuple[int, int]) -> dict[str, Tensor]:
        """Latent vectors `z` (B, 32)."""
        return {"z": torch.stack([torch.randn(LATENT, generator=torch.Generator().manual_seed(key)) for key in keys])}

    def extra_channels(self, side: int, latent: Named, conditions: Named) -> list[Tensor]:
        """What joins features of that many pixels along a side: nothing here."""
        return []

    def forward(self, noise: Named, conditions: Named, latent: Named) -> Tensor:
        """Fields (B, 1, 32, 32)."""
        z = self.latent_vector(noise, latent)
        z = torch.cat([z, F.one_hot(z[:, -KINDS:].argmax(1), KINDS).to(z)], 1)
        h = leaky(self.enter(z)).view(len(z), -1, START, START).contiguous(memory_format=torch.channels_last)
        for number, block in enumerate(self.blocks):
            h = up(h) if number else h
            h = leaky(block(torch.cat([h, *self.extra_channels(h.shape[2], latent, conditions)], 1)))
        last = [F.pixel_unshuffle(m, 2) for m in self.extra_channels(2 * h.shape[2], latent, conditions)]
        return torch.sigmoid(F.pixel_shuffle(self.leave(torch.cat([h, *last], 1)), 2))


class MotifGenerator(DigitGenerator):
    """Generator around a motif: its support and values, averaged over the pixels of every layer, join the features.

    The motif is `conditions["motif"]` (B, H, W) where present, else the strokes that the latents of `places` (x, y,
    arm, turn) draw; latents that are not set have their defaults.
    """

    def __init__(self, dials: int, places: Sequence[Quantity]) -> None:
        super().__init__(dials, extra=2)
        self.places = tuple(places)

    def draw_latent(self, noise: Named, conditions: Named) -> dict[str, Tensor]:
        """The adjustable components of z, as drawn, and the default place of the motif."""
        place = {q.name: noise["z"].new_full((len(noise["z"]),), float(q.default)) for q in self.places}  # type: ignore[arg-type]
        return {**super().draw_latent(noise, conditions), **place}

    def extra_channels(self, side: int, latent: Named, conditions: Named) -> list[Tensor]:
        """Support and values of the motif, (B, 2, side, side)."""
        motif = conditions["motif"] if "motif" in conditions else strokes(latent)
        support = (motif >= 0).to(motif)
        both = torch.stack([support, support * (2 * motif - 1)], 1)
        return [F.adaptive_avg_pool2d(both, side)]


def strokes(latent: Mapping[str, Any], shape: tuple[int, int] = (32, 32)) -> Tensor:
    """The motif (B, H, W) that the latents x, y, arm and turn draw."""
    return crossed(latent["x"], latent["y"], latent["arm"], latent["turn"], shape)
