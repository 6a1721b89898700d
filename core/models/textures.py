"""The plain generator of two-phase structures that the methods with invariances are compared with: no seed, no physics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from core.models.generator import MORPHS, turned
from core.models.unet import UNet


class TextureGenerator(nn.Module):
    """White noise (B, 2, H, W), and `volume_fraction` and `length` (B,) where it is `conditional`, into a periodic U-Net: logits
    (B, 1, H, W). The first layer of the noise can be turned by the morphs; all that it becomes is learnt."""

    def __init__(self, conditional: bool, channels: tuple[int, int, int] = (32, 48, 64)) -> None:
        super().__init__()
        self.conditional = conditional
        self.network = UNet(2, 1, 2, channels)
        nn.init.normal_(self.network.leave.weight, std=0.05)

    def noise(self, keys: Sequence[int], shape: tuple[int, int]) -> dict[str, Tensor]:
        """`white` (B, 2, H, W) and the `key` (B,) of the morphs."""
        drawn = [torch.randn(2, *shape, generator=torch.Generator().manual_seed(k)) for k in keys]
        return {"white": torch.stack(drawn), "key": torch.tensor(list(keys))}

    def draw_latent(self, noise: Mapping[str, Tensor], conditions: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Every morph 0: the noise as it is."""
        return {name: torch.zeros(len(noise["white"])) for name in MORPHS}

    def read_latent(self, fields: Tensor) -> dict[str, Tensor]:
        """None: real fields have no noise."""
        return {}

    def forward(self, noise: Mapping[str, Tensor], conditions: Mapping[str, Tensor], latent: Mapping[str, Tensor]) -> Tensor:
        """See the class."""
        white = torch.cat([turned(noise, latent)[:, None], noise["white"][:, 1:]], 1)
        request = white.new_zeros(len(white), 2)
        if self.conditional:
            request = torch.stack([4 * (conditions["volume_fraction"] - 0.5), 2 * torch.log(conditions["length"] / 10)], 1)
        return self.network(white, request)
