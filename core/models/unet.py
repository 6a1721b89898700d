"""A small periodic U-Net at half resolution: the learned residual of the generators."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.models.layers import Conv, FilmBlock, leaky, pad, up


class UNet(nn.Module):
    """(B, inputs, H, W) and a condition vector (B, conditions) to (B, outputs, H, W), periodic; H and W divisible by 8.

    No layer runs at full resolution: the input is pixel-unshuffled by 2, the output pixel-shuffled and smoothed by a
    fixed 3 x 3 binomial kernel. The last convolution starts at zero, so training starts from "no residual".
    """

    binomial: Tensor

    def __init__(
        self, inputs: int, outputs: int, conditions: int, channels: tuple[int, int, int] = (32, 48, 64), width: int = 64
    ) -> None:
        super().__init__()
        a, b, c = channels
        self.condition = nn.Sequential(
            nn.Linear(conditions, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2)
        )
        self.enter = Conv(4 * inputs, a, gain=1.0)
        self.down0, self.down1, self.down2 = FilmBlock(a, a, width), FilmBlock(a, b, width), FilmBlock(b, c, width)
        self.up1, self.up0 = FilmBlock(c, b, width), FilmBlock(b, a, width)
        self.leave = Conv(a, 4 * outputs, gain=0.0)
        tap = torch.tensor([1.0, 2.0, 1.0]) / 4
        self.register_buffer(
            "binomial", (tap[:, None] * tap[None]).expand(outputs, 1, 3, 3).contiguous(), persistent=False
        )

    def forward(self, x: Tensor, conditions: Tensor) -> Tensor:
        """See the class."""
        w = self.condition(conditions)
        h = F.pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last)
        h0 = self.down0(self.enter(h), w)
        h1 = self.down1(F.avg_pool2d(h0, 2), w)
        h2 = self.down2(F.avg_pool2d(h1, 2), w)
        h1 = h1 + self.up1(up(h2), w)
        h0 = h0 + self.up0(up(h1), w)
        y = F.pixel_shuffle(self.leave(leaky(h0)), 2).to(self.binomial.dtype)
        with torch.autocast(y.device.type, enabled=False):
            return F.conv2d(pad(y.contiguous(), 1), self.binomial, groups=y.shape[1])
