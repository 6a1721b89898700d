"""The shapes generator: request-shaped seed -> learned residual, in units of the requested radius R = sqrt(A / pi).

    y_k = 1 - |q - c_k| / R_k + roughness * smooth noise((q - c_k) / R_k),  levelled to the requested area
    logits = 0 for the background, SHARPNESS R_k (y_k + learning * residual_k) for shape k

The seed is an irregular blob of the right size at the right place; the residual has to learn its shape, a circle or a
square, from the data. The noise is fixed to the frame of the shape, so a blob keeps its form while it is dragged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from core import types
from core.models.critic import Critic
from core.models.plain import unscaled
from core.models.unet import UNet
from core.simulation.shapes import placed
from core.types import Generator, Quantity

GRID = 8
REACH = 2.0
"""Knots across the noise, which covers REACH radii on every side of the centre."""
ROUGHNESS = 0.25
"""Standard deviation of the noise at roughness 1, in radii."""
SHARPNESS = 2.5
"""Logit per px of distance from the outline."""
SCALE = 20.0
"""Radius in px at which the size input of the network is 0."""


class BlobGenerator(Generator):
    """Conditions `x1 y1 r1 x2 y2 r2` or `... area1 ... area2`, latents `roughness` and `learning` (B,), to logits (B,
    3, H, W).
    """

    stages = ("network",)

    def __init__(self, channels: tuple[int, int, int] = (12, 24, 32)) -> None:
        super().__init__()
        self.network = UNet(8, 2, 2, channels)

    def noise(self, keys: Sequence[int], shape: tuple[int, int]) -> dict[str, Tensor]:
        """`blobs` (B, 2, GRID, GRID): knots of the noise of both shapes; `frame` (B, 2): rows and columns."""
        drawn = [torch.randn(2, GRID, GRID, generator=torch.Generator().manual_seed(key)) for key in keys]
        return {"blobs": torch.stack(drawn), "frame": torch.tensor([shape] * len(keys))}

    def draw_latent(self, noise: Mapping[str, Tensor], conditions: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Latents as in training: unscaled noise and the whole residual."""
        ones = torch.ones_like(conditions["x1"])
        return {"roughness": ones, "learning": ones}

    def read_latent(self, fields: Tensor) -> dict[str, Tensor]:
        """The same latents for real fields, which have neither."""
        return {name: fields.new_ones(len(fields)) for name in ("roughness", "learning")}

    def forward(
        self,
        noise: Mapping[str, Tensor],
        conditions: Mapping[str, Tensor],
        latent: Mapping[str, Tensor],
        network: bool = True,
    ) -> Tensor:
        """Logits (B, 3, H, W). `network=False` leaves the seed as it is (for ablations)."""
        with torch.no_grad(), torch.autocast(conditions["x1"].device.type, enabled=False):
            centre, area = arranged(conditions)
            radius = (area / torch.pi).sqrt()
            height, width = (int(n) for n in noise["frame"][0])
            offset = relative(centre, radius, (height, width))
            y = seed(offset, noise["blobs"] * latent["roughness"].view(-1, 1, 1, 1), area)
        if network:
            bend = torch.tanh(self.residual(y, offset, radius))
            y = y + latent["learning"].view(-1, 1, 1, 1) * bend
        logits = SHARPNESS * radius[:, :, None, None] * y
        return torch.cat([torch.zeros_like(logits[:, :1]), logits], 1)

    def residual(self, y: Tensor, offset: Tensor, radius: Tensor) -> Tensor:
        """The learned correction (B, 2, H, W) of the seeds y.

        The inputs of the network are the seeds, the offset of every pixel from the centres along the axes and as a
        distance, cut at 2 radii, and the sizes.

        Reference:
            CoordConv, Liu et al. (2018).
        """
        distance = offset.square().sum(2).sqrt()
        images = torch.cat([y, offset.flatten(1, 2), distance], 1).clamp(-REACH, REACH)
        return self.network(images, torch.log(radius / SCALE)).to(y.dtype)


class PlacedCritic(types.Critic):
    """Scores (B,) of images (B, 3, H, W) with the conditions as additional constant channels, scaled to -1..1.

    The conditions become maps of (q - c_k) / R_k, up to 2 radii, so that every outline is seen from the requested
    centre.
    """

    def __init__(self, quantities: Sequence[Quantity], widths: tuple[int, int, int] = (16, 32, 64)) -> None:
        super().__init__()
        self.quantities, self.critic = tuple(quantities), Critic(3 + 4, widths)

    def forward(self, x: Tensor) -> Tensor:
        """See the class; x is (B, 3 + conditions, H, W). The penalty on the slope concerns the images alone."""
        scaled_conditions = x[:, 3:, 0, 0].detach()
        centre, area = arranged(unscaled(scaled_conditions, self.quantities))
        offset = relative(centre, (area / torch.pi).sqrt(), (x.shape[2], x.shape[3])).flatten(1, 2)
        return self.critic(torch.cat([x[:, :3], (offset.clamp(-REACH, REACH) + REACH) / (2 * REACH)], 1))


def arranged(conditions: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Centres (B, 2, 2) as (x, y) and areas (B, 2) of both shapes from their conditions (B,), in px."""
    shapes = placed(conditions)
    return torch.stack([torch.stack([x, y], 1) for x, y, _ in shapes], 1), torch.stack([area for *_, area in shapes], 1)


def relative(centre: Tensor, radius: Tensor, shape: tuple[int, int]) -> Tensor:
    """(q - c_k) / R_k on the pixels: centre (B, K, 2) as (x, y) in px, radius (B, K) px -> (B, K, 2, H, W)."""
    rows = torch.arange(shape[0], device=centre.device, dtype=centre.dtype)
    columns = torch.arange(shape[1], device=centre.device, dtype=centre.dtype)
    x, y = (centre[..., k, None, None] for k in (0, 1))
    dx, dy = torch.broadcast_tensors(columns - x, rows[:, None] - y)
    return torch.stack([dx, dy], 2) / radius[:, :, None, None, None]


def seed(offset: Tensor, knots: Tensor, area: Tensor) -> Tensor:
    """Irregular blobs, positive on exactly `area` px (to one pixel).

    The noise fades out at 2 radii, so that nothing grows there.

    Args:
        offset: offsets (B, K, 2, H, W) from the centres in radii.
        knots: noise (B, K, GRID, GRID) of unit variance.
        area: areas (B, K) in px.

    Returns:
        Fields (B, K, H, W).
    """
    b, k, _, height, width = offset.shape
    at = (offset / REACH).permute(0, 1, 3, 4, 2).reshape(b * k, height, width, 2)
    noise = F.grid_sample(knots.reshape(b * k, 1, GRID, GRID), at, mode="bicubic", align_corners=True).view(
        b, k, height, width
    )
    y = 1 - offset.square().sum(2).sqrt() + ROUGHNESS * noise
    flat, count = y.flatten(2), area.round().long().clamp(1, height * width)
    pairs = zip(flat.flatten(0, 1), count.flatten(), strict=True)
    level = torch.stack([row.kthvalue(row.numel() - int(n) + 1)[0] for row, n in pairs])
    return y - level.view(b, k, 1, 1) + 1e-6
