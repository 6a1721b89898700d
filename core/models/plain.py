"""Plain networks as baselines: latent vector and conditions to images, and images to numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.models.layers import leaky, up
from core.types import Critic, Generator, Quantity

LATENT = 16
START = 8


def latent_quantities(count: int) -> tuple[Quantity, ...]:
    """The first `count` components of a latent vector z as quantities `z1`, `z2`, ... from -3 to 3."""
    meaning = "A component of the latent vector z, without an assigned meaning."
    return tuple(
        Quantity(f"z{k}", f"Latent direction {k}", f"z{k}", "", -3.0, 3.0, 0.0, meaning) for k in range(1, count + 1)
    )


def scaled(conditions: Mapping[str, Tensor], quantities: Sequence[Quantity], log: bool = False) -> Tensor:
    """Conditions, or their logarithms, scaled to -1..1 over the ranges of training.

    Args:
        conditions: values (B,) or (B, size).
        quantities: the quantities to use, in order.
        log: scale the logarithms instead.

    Returns:
        Matrix (B, k).
    """
    columns = []
    for q in quantities:
        low, high = q.trained or (q.low, q.high)
        value = conditions[q.name]
        if log:
            low, high, value = math.log(low), math.log(high), value.log()
        columns.append(((2 * value - low - high) / (high - low)).reshape(-1, q.size))
    return torch.cat(columns, 1)


def unscaled(matrix: Tensor, quantities: Sequence[Quantity]) -> dict[str, Tensor]:
    """The inverse of `scaled` for scalar quantities: (B, k) to conditions (B,)."""
    conditions = {}
    for column, q in zip(matrix.unbind(1), quantities, strict=True):
        low, high = q.trained or (q.low, q.high)
        conditions[q.name] = (low + high + column * (high - low)) / 2
    return conditions


class LatentGenerator(Generator):
    """Base of generators from a latent vector: the first `dials` components of z are latents `z1`, `z2`, ..."""

    def __init__(self, dials: int) -> None:
        super().__init__()
        self.dials = dials

    def draw_latent(self, noise: Mapping[str, Tensor], conditions: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The adjustable components of z, as drawn."""
        return {f"z{k + 1}": noise["z"][:, k] for k in range(self.dials)}

    def read_latent(self, fields: Tensor) -> dict[str, Tensor]:
        """No latents: real fields have no z."""
        return {}

    def latent_vector(self, noise: Mapping[str, Tensor], latent: Mapping[str, Tensor]) -> Tensor:
        """z (B, k) as drawn, with the components that are set as latents replaced."""
        replaced = [latent[f"z{k + 1}"][:, None] for k in range(self.dials) if latent]
        return torch.cat([*replaced, noise["z"][:, len(replaced) :]], 1)


class PlainGenerator(LatentGenerator):
    """Convolutional generator: [z, r] to logits (B, channels, 128, 128).

    Dense -> 8 x 8 -> three doublings with 3 x 3 convolutions; the last doubling is bilinear, of the logits themselves,
    so that no layer runs at full resolution. z ~ N(0, I) of 16; `dials` of its components are latents `z1`, `z2`, ...
    """

    def __init__(
        self,
        channels: int = 3,
        quantities: Sequence[Quantity] = (),
        dials: int = 0,
        widths: Sequence[int] = (64, 48, 32, 16),
    ) -> None:
        super().__init__(dials)
        self.quantities = tuple(quantities)
        self.enter = nn.Linear(LATENT + len(self.quantities), widths[0] * START**2)
        pairs = zip([widths[0], *widths[:-1]], widths, strict=True)
        self.blocks = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairs)
        self.leave = nn.Conv2d(widths[-1], channels, 3, padding=1)
        for layer in (self.enter, *self.blocks):
            nn.init.kaiming_normal_(layer.weight, 0.2)

    def noise(self, keys: Sequence[int], shape: tuple[int, int]) -> dict[str, Tensor]:
        """Latent vectors `z` (B, 16)."""
        return {"z": torch.stack([torch.randn(LATENT, generator=torch.Generator().manual_seed(key)) for key in keys])}

    def forward(
        self, noise: Mapping[str, Tensor], conditions: Mapping[str, Tensor], latent: Mapping[str, Tensor]
    ) -> Tensor:
        """Logits (B, channels, 128, 128)."""
        request = [scaled(conditions, self.quantities)] if self.quantities else []
        h = leaky(self.enter(torch.cat([self.latent_vector(noise, latent), *request], 1)))
        h = h.view(len(h), -1, START, START).contiguous(memory_format=torch.channels_last)
        for number, block in enumerate(self.blocks):
            h = leaky(block(up(h) if number else h))
        return F.interpolate(self.leave(h), scale_factor=2, mode="bilinear")


class PlainCritic(Critic):
    """Scores (B,) of images (B, channels, 128, 128), and with `read` `outputs` more numbers from the same features.

    A strided convolution for each of `widths`, then dense layers on the flattened features, `side` pixels wide, which
    preserve positions.
    """

    def __init__(
        self, channels: int = 3, outputs: int = 0, widths: Sequence[int] = (12, 24, 48, 64), side: int = START
    ) -> None:
        super().__init__()
        pairs = zip([channels, *widths[:-1]], widths, strict=True)
        self.blocks = nn.ModuleList(nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in pairs)
        self.hidden = nn.Linear(widths[-1] * side**2, 128)
        self.score, self.numbers = nn.Linear(128, 1), nn.Linear(128, outputs) if outputs else None
        for layer in (*self.blocks, self.hidden):
            nn.init.kaiming_normal_(layer.weight, 0.2)

    def forward(self, x: Tensor) -> Tensor:
        """Scores (B,)."""
        return self.score(self.features(x))[:, 0].to(self.score.weight.dtype)

    def read(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (B,) and the numbers (B, outputs) estimated from the images: the auxiliary classifier of AC-GAN, for
        real numbers.
        """
        assert self.numbers is not None, "this critic has no second head"
        h = self.features(x)
        return self.score(h)[:, 0].to(self.score.weight.dtype), self.numbers(h).to(self.score.weight.dtype)

    def features(self, x: Tensor) -> Tensor:
        """Features (B, 128) of images (B, channels, H, W)."""
        h = 2 * x - 1
        for block in self.blocks:
            h = leaky(block(h))
        return leaky(self.hidden(h.flatten(1)))
