"""The plain generator of two-phase structures, without seed and physics: the baseline of methods with invariances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from core.models.two_phase import MORPHS, rotated_noise
from core.models.unet import UNet
from core.types import Generator

GLOBAL = 2
"""Components of the latent vector that holds for a whole image, `z1` and `z2`."""


class TextureGenerator(Generator):
    """White noise (B, 2, H, W) and two numbers into a periodic U-Net: logits (B, 1, H, W).

    The numbers are `volume_fraction` and `length` (B,) where it is `conditional`, else a latent vector z ~ N(0, I). The
    morphs rotate the first layer of the noise.
    """

    def __init__(self, conditional: bool, channels: tuple[int, int, int] = (32, 48, 64)) -> None:
        super().__init__()
        self.conditional = conditional
        self.network = UNet(2, 1, GLOBAL, channels)
        nn.init.normal_(self.network.leave.weight, std=0.05)

    def noise(self, keys: Sequence[int], shape: tuple[int, int]) -> dict[str, Tensor]:
        """`white` (B, 2, H, W), `z` (B, 2) and the `key` (B,) of the morphs."""
        drawn = [torch.Generator().manual_seed(k) for k in keys]
        white, z = (torch.stack([torch.randn(s, generator=rng) for rng in drawn]) for s in ((2, *shape), (GLOBAL,)))
        return {"white": white, "z": z, "key": torch.tensor(list(keys))}

    def draw_latent(self, noise: Mapping[str, Tensor], conditions: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """z as drawn, where there are no conditions, and all morphs 0: unchanged noise."""
        z = {} if self.conditional else {f"z{k + 1}": noise["z"][:, k] for k in range(GLOBAL)}
        return z | {name: torch.zeros_like(noise["z"][:, 0]) for name in MORPHS}

    def read_latent(self, fields: Tensor) -> dict[str, Tensor]:
        """No latents: real fields have neither noise nor z."""
        return {}

    def forward(
        self, noise: Mapping[str, Tensor], conditions: Mapping[str, Tensor], latent: Mapping[str, Tensor]
    ) -> Tensor:
        """See the class."""
        white = torch.cat([rotated_noise(noise, latent)[:, None], noise["white"][:, 1:]], 1)
        if self.conditional:
            request = torch.stack(
                [4 * (conditions["volume_fraction"] - 0.5), 2 * torch.log(conditions["length"] / 10)], 1
            )
        else:
            request = torch.stack([latent.get(f"z{k + 1}", noise["z"][:, k]) for k in range(GLOBAL)], 1)
        return self.network(white, request)
