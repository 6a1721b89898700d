"""Networks for sparse calorimeter images: a generator with exact zeros, a critic with occupancies and minibatch
features.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.models.layers import leaky, up
from core.models.plain import LatentGenerator, scaled, unscaled
from core.types import Critic, Quantity

LATENT, GRAIN, START = 16, 2, 6
LINEAR = 1.0
BALANCE = 10.0
GROUP = 8
"""Consecutive samples whose statistics the critic compares.

A fixed number, so that the statistics are the same on any number of processes that have whole groups.
"""
Named = Mapping[str, Tensor]
Soft = Callable[[Tensor], Tensor]


class ShowerGenerator(LatentGenerator):
    """Generator of showers: [z, r, log r] to fields (B, 1, 24, 24) in GeV with exact zeros.

    Dense -> 6 x 6 -> two doublings with 3 x 3 convolutions -> in each cell a dense layer of its features and its own
    noise -> h = ReLU -> h (1 + h). `dials` components of z are latents. For a given shower, cells fluctuate
    independently, as the numbers of spots in them do. An exponential instead of the square would turn every error of h
    into a many times larger error of the energy.
    """

    def __init__(self, quantities: Sequence[Quantity], dials: int = 0, widths: Sequence[int] = (64, 48, 32)) -> None:
        super().__init__(dials)
        self.quantities = tuple(quantities)
        self.enter = nn.Linear(LATENT + 2 * len(self.quantities), widths[0] * START**2)
        self.first = nn.Conv2d(widths[0], widths[0], 3, padding=1)
        self.second = nn.Conv2d(widths[0], widths[1], 3, padding=1)
        self.third = nn.Conv2d(widths[1], widths[2], 3, padding=1)
        self.cell = nn.Conv2d(widths[2] + GRAIN, widths[2], 1)
        self.leave = nn.Conv2d(widths[2], 1, 1)
        for layer in (self.enter, self.first, self.second, self.third, self.cell):
            nn.init.kaiming_normal_(layer.weight, 0.2)

    def noise(self, keys: Sequence[int], shape: tuple[int, int]) -> dict[str, Tensor]:
        """Latent vectors `z` (B, 16), and `grain` (B, 2, H, W), the noise of each cell."""
        drawn = [
            torch.randn(LATENT + GRAIN * shape[0] * shape[1], generator=torch.Generator().manual_seed(k)) for k in keys
        ]
        z, grain = torch.stack(drawn).split([LATENT, GRAIN * shape[0] * shape[1]], 1)
        return {"z": z, "grain": grain.reshape(-1, GRAIN, *shape)}

    def forward(self, noise: Named, conditions: Named, latent: Named) -> Tensor:
        """Fields (B, 1, 24, 24), GeV."""
        request = scaled(conditions, self.quantities), scaled(conditions, self.quantities, log=True)
        h = torch.cat([self.latent_vector(noise, latent), *request], 1)
        h = leaky(self.enter(h)).view(len(h), -1, START, START).contiguous(memory_format=torch.channels_last)
        h = leaky(self.second(up(leaky(self.first(h)))))
        h = leaky(self.cell(torch.cat([leaky(self.third(up(h))), noise["grain"]], 1)))
        h = F.relu(self.leave(h))
        return h * (LINEAR + h)


def deviations(x: Tensor, group: int = GROUP) -> Tensor:
    """Mean over the features of the standard deviation within each group of consecutive samples.

    Args:
        x: features (B, k).
        group: samples per group.

    Returns:
        Deviations (B, 1).

    Raises:
        ValueError: the batch does not consist of whole groups.

    Reference:
        Minibatch standard deviation, Karras et al. (2018).
    """
    mean_deviation = (groups(x, group).var(1, correction=0) + 1e-8).sqrt().mean(1, keepdim=True)
    return mean_deviation.repeat_interleave(group, 0)


def closeness(x: Tensor, kernels: int, group: int = GROUP) -> Tensor:
    """tanh of the sum over the others of a group of exp(-|x_i - x_j|_1), for each part of the features.

    Args:
        x: features (B, k).
        kernels: number of parts.
        group: samples per group.

    Returns:
        Closeness (B, kernels).

    Raises:
        ValueError: the batch does not consist of whole groups.

    Reference:
        Minibatch discrimination, Salimans et al. (2016), with CaloGAN's tanh.
    """
    parts = groups(x, group).unflatten(2, (kernels, -1))
    distance = (parts[:, :, None] - parts[:, None]).abs().sum(4)
    return torch.tanh(torch.exp(-distance).sum(2) - 1).flatten(0, 1)


def groups(x: Tensor, group: int) -> Tensor:
    """(B, k) -> (B / group, group, k).

    Raises:
        ValueError: the batch does not consist of whole groups.
    """
    if len(x) % group:
        raise ValueError(
            f"The critic compares {group} samples at a time: a batch of {len(x)} must be a multiple of {group}."
        )
    return x.view(-1, group, x.shape[1])


class ShowerCritic(Critic):
    """Scores (B,) of images (B, 2, 24, 24): GeV, and the requested energy as a constant channel.

    Values enter as log(1 + x / unit) / span. The energies of all layers, their sum and its deviation from `gain` times
    the requested energy join the features (as in CaloGAN). `read` also estimates `outputs` numbers.
    """

    def __init__(
        self,
        energy: Quantity,
        gain: float,
        unit: float,
        scales: Sequence[float],
        soft: Soft | None = None,
        minibatch: Literal["", "deviation", "discrimination"] = "",
        outputs: int = 0,
        layers: int = 24,
        span: float = 5.0,
        widths: Sequence[int] = (32, 64, 96),
        kernels: int = 10,
    ) -> None:
        """Critic with optional occupancy and minibatch features.

        Args:
            energy: the quantity of the second channel.
            gain: visible share of the requested energy.
            unit: unit of the logarithm, in GeV.
            scales: scales of `soft`, in GeV.
            soft: soft occupancy; its means over the cells of x / scale join the features.
            minibatch: statistics of groups of samples, of the features and of the occupancies, that join the features.
            outputs: numbers that `read` estimates.
            layers: layers of the calorimeter.
            span: scale of the logarithm.
            widths: channels of the convolutions.
            kernels: kernels of the minibatch discrimination.
        """
        super().__init__()
        self.energy, self.gain, self.group = energy, gain, GROUP if minibatch else 1
        self.unit, self.scales, self.span, self.soft, self.minibatch, self.kernels = (
            unit,
            scales,
            span,
            soft,
            minibatch,
            kernels,
        )
        pairs = zip([2, *widths[:-1]], widths, strict=True)
        self.blocks = nn.ModuleList(nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in pairs)
        self.hidden = nn.Linear(widths[-1] * 9, 128)
        scalars = len(scales) if soft else 0
        extra = {"": 0, "deviation": 1 + scalars, "discrimination": kernels + kernels * scalars}[minibatch]
        self.project = nn.Linear(128, 10 * kernels) if minibatch == "discrimination" else None
        self.spread = nn.Linear(1, 10 * kernels) if minibatch == "discrimination" and soft else None
        self.last, self.score = nn.Linear(128 + layers + 2 + scalars + extra, 64), nn.Linear(64, 1)
        self.numbers = nn.Linear(128, outputs) if outputs else None
        for layer in (*self.blocks, self.hidden):
            nn.init.kaiming_normal_(layer.weight, 0.2)

    def forward(self, x: Tensor) -> Tensor:
        """Scores (B,)."""
        return self.combined_score(x, self.features(x))

    def read(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (B,) and the numbers (B, outputs) estimated from the image alone; the constant channels, which could
        reveal them, are set to 0.
        """
        assert self.numbers is not None, "this critic has no second head"
        blank = torch.cat([x[:, :1], torch.zeros_like(x[:, 1:])], 1)
        return self(x), self.numbers(self.features(blank)).to(self.score.weight.dtype)

    def features(self, x: Tensor) -> Tensor:
        """Features (B, 128) of the images."""
        h = torch.cat([torch.log1p(x[:, :1] / self.unit) / self.span, x[:, 1:]], 1)
        for block in self.blocks:
            h = leaky(block(h))
        return leaky(self.hidden(h.flatten(1)))

    def combined_score(self, x: Tensor, h: Tensor) -> Tensor:
        """Scores (B,) from the features, the energies and the statistics."""
        depth = x[:, 0].sum(2)
        requested = self.gain * unscaled(x[:, 1:, 0, 0], (self.energy,))[self.energy.name][:, None]
        layers, whole, target = (torch.log1p(v) for v in (depth, depth.sum(1, keepdim=True), requested))
        energies = torch.cat([4 * layers, 4 * whole, BALANCE * (whole - target)], 1).to(h)
        occupancies = [10 * self.soft(x[:, 0] / s).mean((1, 2))[:, None].to(h) for s in self.scales if self.soft]
        extra = [energies, *occupancies]
        if self.minibatch == "deviation":
            extra += [deviations(v) for v in (h, *occupancies)]
        if self.project is not None:
            extra += [closeness(self.project(h), self.kernels)]
            extra += [closeness(self.spread(v), self.kernels) for v in occupancies if self.spread is not None]
        return self.score(leaky(self.last(torch.cat([h, *extra], 1))))[:, 0].to(self.score.weight.dtype)
