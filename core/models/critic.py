"""The critic: a small convolutional network that scores images, without normalisation over the batch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core import types
from core.models.layers import leaky


class CriticBlock(nn.Module):
    """Residual block that optionally halves the resolution; it pools early to save time."""

    def __init__(self, inputs: int, outputs: int, down: bool) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, inputs, 3, padding=1)
        self.second = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.down = down
        for conv in (self.first, self.second):
            nn.init.kaiming_normal_(conv.weight, 0.2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H, W), or half of H and W when `down`."""
        y = leaky(self.first(leaky(x)))
        if self.down:
            x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
        return torch.add(self.skip(x), self.second(y), alpha=0.7)


class Critic(types.Critic):
    """Scores (B,) of images (B, C, H, W) in [0, 1]: strided convolution, residual blocks, channel means and deviations.

    Everything after the pooling runs in the precision of the parameters under autocast.
    """

    def __init__(self, channels: int = 1, widths: tuple[int, int, int] = (32, 64, 128)) -> None:
        super().__init__()
        a, b, c = widths
        self.enter = nn.Conv2d(channels, a, 4, stride=2, padding=1)
        self.blocks = nn.Sequential(CriticBlock(a, b, True), CriticBlock(b, c, True), CriticBlock(c, c, False))
        self.hidden, self.score = nn.Linear(2 * c, c), nn.Linear(c, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Images (B, C, H, W) in [0, 1] to scores (B,)."""
        h = leaky(self.blocks(self.enter(2 * x - 1))).to(self.score.weight.dtype).flatten(2)
        mean = h.mean(2)
        deviation = ((h - mean[:, :, None]).square().mean(2) + 1e-4).sqrt()
        with torch.autocast(x.device.type, enabled=False):
            return self.score(leaky(self.hidden(torch.cat([mean, deviation], 1))))[:, 0]
