"""Published networks for Burgers' equation, kept as baselines: convolutional decoders and a physics-informed network.

The decoders map the request (c, nu) alone to a space-time image.

The physics-informed network solves one standard case as a pointwise function (Raissi et al. 2019):

    u_t + u u_x = nu u_xx on [-1, 1],   u(x, 0) = -sin(pi x),   u(+-1, t) = 0,   0 <= t <= 1,   nu = .01 / pi
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.types import Generator

WAVES = (1, 2, 4)
STANDARD_VISCOSITY = 0.01 / math.pi


class ImageDecoder(Generator):
    """Conditions `frequency` (B,) and `viscosity` (B,) to an image (B, 1, 64, 64), rows x (periodic), columns t.

    It contains neither the equation nor the initial condition: both are left to the invariances, as in the first paper.
    """

    def __init__(self, channels: tuple[int, int, int, int] = (96, 64, 32, 16)) -> None:
        super().__init__()
        self.base = channels[0]
        self.enter = nn.Sequential(nn.Linear(2 + 4 * len(WAVES), 128), nn.GELU(), nn.Linear(128, 16 * channels[0]))
        pairs = list(zip(channels, (*channels[1:], channels[-1]), strict=True))
        self.first = nn.ModuleList(nn.Conv2d(a, b, 3) for a, b in pairs)
        self.second = nn.ModuleList(nn.Conv2d(b, b, 3) for _, b in pairs)
        self.leave = nn.Conv2d(channels[-1], 1, 3)

    def noise(self, keys: Sequence[int], shape: tuple[int, int]) -> dict[str, Tensor]:
        """Only the number of samples: nothing is random."""
        return {"count": torch.zeros(len(keys))}

    def draw_latent(self, noise: Mapping[str, Tensor], conditions: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """No latents."""
        return {}

    def forward(
        self, noise: Mapping[str, Tensor], conditions: Mapping[str, Tensor], latent: Mapping[str, Tensor]
    ) -> Tensor:
        """See the class."""
        c, log = conditions["frequency"] / 3.5 - 1, torch.log(conditions["viscosity"] / 0.008) / 1.4
        waves = [f(m * v) for m in WAVES for v in (math.pi * c, log) for f in (torch.sin, torch.cos)]
        x = self.enter(torch.stack([c, log, *waves], 1)).view(-1, self.base, 4, 4)
        x = x.contiguous(memory_format=torch.channels_last)
        for first, second in zip(self.first, self.second, strict=True):
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = F.gelu(second(framed(F.gelu(first(framed(x))))))
        return 0.5 + self.leave(framed(x)).contiguous()


def framed(x: Tensor) -> Tensor:
    """x (B, C, X, T) with one pixel around it: periodic in x, repeated in t."""
    return F.pad(F.pad(x, (0, 0, 1, 1), mode="circular"), (1, 1, 0, 0), mode="replicate")


class DenseBlock(nn.Module):
    """`layers` convolutions, each of which takes the inputs of all before it and adds `growth` channels.

    Reference:
        Huang et al. (2017).
    """

    def __init__(self, channels: int, layers: int, growth: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels + n * growth) for n in range(layers))
        self.convolutions = nn.ModuleList(
            nn.Conv2d(channels + n * growth, growth, 3, padding=1, bias=False) for n in range(layers)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, X, T) to (B, channels + layers growth, X, T)."""
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            x = torch.cat([x, convolution(F.relu(norm(x)))], 1)
        return x


class CaseDecoder(nn.Module):
    """One image (1, 1, 64, 64) of one case from a fixed random code of 16 x 16.

    Dense blocks of 8 and 6 layers, growth 16, after 48 first features; each is followed by doubling the pixels and
    halving the channels.

    Reference:
        The decoder of Zhu et al. (2019, J. Comput. Phys.).
    """

    code: Tensor

    def __init__(self, features: int = 48, layers: tuple[int, ...] = (8, 6), growth: int = 16) -> None:
        super().__init__()
        self.register_buffer("code", torch.randn(1, 1, 16, 16))
        self.enter = nn.Conv2d(1, features, 3, padding=1, bias=False)
        stages: list[nn.Module] = []
        for count in layers:
            whole = features + count * growth
            features = whole // 2
            stages += [DenseBlock(whole - count * growth, count, growth), nn.BatchNorm2d(whole), nn.ReLU()]
            stages += [nn.Conv2d(whole, features, 1, bias=False), nn.Upsample(scale_factor=2, mode="nearest")]
            stages += [nn.Conv2d(features, features, 3, padding=1, bias=False)]
        self.stages = nn.Sequential(*stages)
        self.leave = nn.Sequential(nn.BatchNorm2d(features), nn.ReLU(), nn.Conv2d(features, 1, 3, padding=1))

    def forward(self) -> Tensor:
        """See the class."""
        return self.leave(self.stages(self.enter(self.code)))


class Pinn(nn.Module):
    """Network from points (x, t) (B, 2) to u (B,): `depth` hidden layers of `width` tanh units.

    Xavier weights, zero biases.
    """

    def __init__(self, depth: int = 8, width: int = 20) -> None:
        super().__init__()
        sizes = [2, *[width] * depth, 1]
        linear = [nn.Linear(a, b) for a, b in pairwise(sizes)]
        self.layers = nn.ModuleList(linear)
        for layer in linear:
            nn.init.xavier_normal_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, points: Tensor) -> Tensor:
        """See the class."""
        x = points
        for layer in self.layers[:-1]:
            x = torch.tanh(layer(x))
        value: Tensor = self.layers[-1](x)
        return value[:, 0]

    def residual(self, points: Tensor, viscosity: float) -> Tensor:
        """u_t + u u_x - nu u_xx (B,) at points (B, 2), by differentiating the network."""
        at = points.detach().requires_grad_()
        u = self(at)
        (slope,) = torch.autograd.grad(u.sum(), at, create_graph=True)
        (bend,) = torch.autograd.grad(slope[:, 0].sum(), at, create_graph=True)
        return slope[:, 1] + u * slope[:, 0] - viscosity * bend[:, 0]


def standard_edges(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Random points (count, 2) on the start and both ends of the standard case, and the values (count,) there;
    float64.
    """
    rng = torch.Generator().manual_seed(seed)
    where, at = (torch.rand(count, generator=rng, dtype=torch.float64) for _ in range(2))
    side = torch.arange(count) % 4
    x = torch.where(side < 2, 2 * at - 1, torch.where(side == 2, -1.0, 1.0))
    t = torch.where(side < 2, 0.0, where)
    return torch.stack([x, t], 1), torch.where(side < 2, -torch.sin(math.pi * x), 0.0)
