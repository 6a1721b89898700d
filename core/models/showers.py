"""Networks for sparse calorimeter images: a generator with exact zeros, a critic that is told occupancies and sees
groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.models.layers import leaky, up
from core.models.plain import Dialled, scaled, unscaled
from core.types import Critic, Quantity

LATENT, GRAIN, START = 16, 2, 6
LINEAR = 1.0
BALANCE = 10.0
GROUP = 8
"""Samples in a row whose statistics the critic compares: a fixed number, so that they are the same on any number of
processes that have whole groups."""
Named = Mapping[str, Tensor]
Soft = Callable[[Tensor], Tensor]


class ShowerGenerator(Dialled):
    """[z, r, log r] -> dense -> 6 x 6 -> two doublings with 3 x 3 convolutions -> in each cell a dense layer of its
    features and its own noise -> h = ReLU -> h (1 + h) GeV: fields (B, 1, 24, 24) with exact zeros. `dials` components
    of z can be dialled.

    Given the shower, cells fluctuate independently, as the numbers of spots in them do. An exponential in the place of
    the square makes every error of h one of the energy many times larger."""

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
        """`z` (B, 16), and `grain` (B, 2, H, W): what differs from cell to cell."""
        drawn = [
            torch.randn(LATENT + GRAIN * shape[0] * shape[1], generator=torch.Generator().manual_seed(k)) for k in keys
        ]
        z, grain = torch.stack(drawn).split([LATENT, GRAIN * shape[0] * shape[1]], 1)
        return {"z": z, "grain": grain.reshape(-1, GRAIN, *shape)}

    def forward(self, noise: Named, conditions: Named, latent: Named) -> Tensor:
        """Fields (B, 1, 24, 24), GeV."""
        asked = scaled(conditions, self.quantities), scaled(conditions, self.quantities, log=True)
        h = torch.cat([self.dialled(noise, latent), *asked], 1)
        h = leaky(self.enter(h)).view(len(h), -1, START, START).contiguous(memory_format=torch.channels_last)
        h = leaky(self.second(up(leaky(self.first(h)))))
        h = leaky(self.cell(torch.cat([leaky(self.third(up(h))), noise["grain"]], 1)))
        h = F.relu(self.leave(h))
        return h * (LINEAR + h)


def deviations(x: Tensor, group: int = GROUP) -> Tensor:
    """Mean over the features of the standard deviation within each group of consecutive samples: (B, k) -> (B, 1).

    Minibatch standard deviation (Karras et al. 2018). `ValueError` where the batch is not made of whole groups.
    """
    found = (groups(x, group).var(1, correction=0) + 1e-8).sqrt().mean(1, keepdim=True)
    return found.repeat_interleave(group, 0)


def closeness(x: Tensor, kernels: int, group: int = GROUP) -> Tensor:
    """tanh of the sum over the others of a group of exp(-|x_i - x_j|_1), for each of `kernels` parts of the features:
    (B, k) to (B, kernels). Minibatch discrimination (Salimans et al. 2016), with CaloGAN's tanh. `ValueError` as in
    `deviations`."""
    parts = groups(x, group).unflatten(2, (kernels, -1))
    distance = (parts[:, :, None] - parts[:, None]).abs().sum(4)
    return torch.tanh(torch.exp(-distance).sum(2) - 1).flatten(0, 1)


def groups(x: Tensor, group: int) -> Tensor:
    """(B, k) -> (B / group, group, k); `ValueError` where the batch is not made of whole groups."""
    if len(x) % group:
        raise ValueError(
            f"The critic compares {group} samples at a time: a batch of {len(x)} must be a multiple of {group}."
        )
    return x.view(-1, group, x.shape[1])


class ShowerCritic(Critic):
    """Images (B, 2, 24, 24), in GeV and the energy told as a constant channel, to scores (B,), and by `read` to
    `outputs` numbers.

    Values are seen as log(1 + x / unit) / span; the energies of all layers, their sum and how far this is from `gain`
    times the energy told join the features (as in CaloGAN). `soft`: so do its means over the cells of x / scale, for
    each of `scales`. `minibatch`: so do `deviation` or `discrimination` of groups of samples, of the features and of
    the occupancies where these are seen."""

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
        return self.judge(x, self.features(x))

    def read(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (B,) and the numbers (B, outputs) read from the image alone: the constant channels, which may tell
        them, are 0."""
        assert self.numbers is not None, "this critic has no second head"
        blank = torch.cat([x[:, :1], torch.zeros_like(x[:, 1:])], 1)
        return self(x), self.numbers(self.features(blank)).to(self.score.weight.dtype)

    def features(self, x: Tensor) -> Tensor:
        """(B, 128)."""
        h = torch.cat([torch.log1p(x[:, :1] / self.unit) / self.span, x[:, 1:]], 1)
        for block in self.blocks:
            h = leaky(block(h))
        return leaky(self.hidden(h.flatten(1)))

    def judge(self, x: Tensor, h: Tensor) -> Tensor:
        """Scores (B,) from the features and what is told beside them."""
        depth = x[:, 0].sum(2)
        told = self.gain * unscaled(x[:, 1:, 0, 0], (self.energy,))[self.energy.name][:, None]
        layers, whole, wanted = (torch.log1p(v) for v in (depth, depth.sum(1, keepdim=True), told))
        energies = torch.cat([4 * layers, 4 * whole, BALANCE * (whole - wanted)], 1).to(h)
        seen = [10 * self.soft(x[:, 0] / s).mean((1, 2))[:, None].to(h) for s in self.scales if self.soft]
        beside = [energies, *seen]
        if self.minibatch == "deviation":
            beside += [deviations(v) for v in (h, *seen)]
        if self.project is not None:
            beside += [closeness(self.project(h), self.kernels)]
            beside += [closeness(self.spread(v), self.kernels) for v in seen if self.spread is not None]
        return self.score(leaky(self.last(torch.cat([h, *beside], 1))))[:, 0].to(self.score.weight.dtype)
