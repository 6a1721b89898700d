"""One generator for a family of PDEs: initial condition and viscosity to the whole space-time field, without data.

    v = u - mean(u0) in the frame that moves with mean(u0)
    v(., t_n) = heat solution + tanh(t_n / t_c) net_n(v0; nu), zero mean

The initial condition and the conservation of mass are exact by construction; the network, ten residual blocks of
dilated periodic convolutions over x with the time levels as output channels, only adds what the linear heat solution
lacks. The field stays in the moving frame, where residuals are smallest; `core.models.frames` transforms it to the
laboratory.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.models.frames import wavenumbers
from core.types import Generator

DILATIONS = (1, 2, 4, 8, 16, 32, 16, 8, 4, 1)
ONSET = 0.02
HEATS = (0.25, 0.5, 0.75, 1.0)
PSEUDO_VISCOSITY = 0.002


def raised_cosine(frequency: Tensor, cells: int) -> Tensor:
    """Cell averages (B, cells) of b(x; c) = (1 - cos 2 pi c x) / 2 (eq. 5), exact; they jump at the wrap unless c is an
    integer.
    """
    faces = torch.arange(cells + 1, device=frequency.device, dtype=frequency.dtype) / cells
    turn = 2 * math.pi * frequency[:, None]
    primitive = (faces[None] - torch.sin(turn * faces[None]) / turn) / 2
    return primitive.diff(dim=1) * cells


class DilatedBlock(nn.Module):
    """x + W2 gelu(FiLM(W1 [x(-d), x, x(+d)])): a periodic dilated convolution over x (B, cells, W), as a matrix
    product.
    """

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.enter, self.leave = nn.Linear(3 * width, width), nn.Linear(width, width, bias=False)
        nn.init.normal_(self.enter.weight, std=1.4 / math.sqrt(3 * width))
        nn.init.zeros_(self.enter.bias)
        nn.init.normal_(self.leave.weight, std=0.5 / math.sqrt(width))

    def forward(self, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """`scale` and `shift` (B, 1, W) come from the viscosity."""
        near = torch.cat([x.roll(self.dilation, 1), x, x.roll(-self.dilation, 1)], -1)
        return x + self.leave(F.gelu(torch.addcmul(shift, self.enter(near), 1 + scale)))


class FamilyGenerator(Generator):
    """Conditions `initial` (B, cells) or `frequency` (B,), and `viscosity` (B,), to u (B, 1, cells, T + 1) in the
    moving frame.

    Without `viscosity` the equation is inviscid. Column n is time t_n of `times` (T + 1,), column 0 the initial
    condition. `hard=False` is the ablation without the heat solution, the gate and the exact initial column: the
    network makes all levels.
    """

    times: Tensor
    gate: Tensor

    def __init__(
        self, times: Sequence[float], cells: int = 192, width: int = 64, embedding: int = 64, hard: bool = True
    ) -> None:
        super().__init__()
        self.cells, self.width, self.hard = cells, width, hard
        self.register_buffer("times", torch.tensor(list(times), dtype=torch.float32), persistent=False)
        levels = len(times) - 1 if hard else len(times)
        self.enter = nn.Linear(5 * (4 + len(HEATS)), width)
        self.blocks = nn.ModuleList(DilatedBlock(width, d) for d in DILATIONS)
        self.embed = nn.Sequential(nn.Linear(9, embedding), nn.GELU(), nn.Linear(embedding, embedding), nn.GELU())
        self.film = nn.Linear(embedding, 2 * width * len(DILATIONS))
        self.leave = nn.Linear(3 * width, levels)
        nn.init.normal_(self.enter.weight, std=1 / math.sqrt(self.enter.in_features))
        nn.init.normal_(self.leave.weight, std=0.1 / math.sqrt(3 * width))
        for layer in (self.enter, self.leave, self.film):
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.film.weight)

    def noise(self, keys: Sequence[int], shape: tuple[int, int]) -> dict[str, Tensor]:
        """Only the number of samples: nothing is random."""
        return {"count": torch.zeros(len(keys))}

    def draw_latent(self, noise: Mapping[str, Tensor], conditions: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """No latents."""
        return {}

    def initial(self, conditions: Mapping[str, Tensor]) -> Tensor:
        """Cell averages (B, cells) of the requested initial condition."""
        if "initial" in conditions:
            return conditions["initial"]
        return raised_cosine(conditions["frequency"].double(), self.cells).to(self.leave.weight.dtype)

    def forward(
        self, noise: Mapping[str, Tensor], conditions: Mapping[str, Tensor], latent: Mapping[str, Tensor]
    ) -> Tensor:
        """See the class."""
        start = self.initial(conditions)
        mean = start.mean(1)
        v0 = start - mean[:, None]
        viscosity = conditions.get("viscosity", torch.full_like(mean, PSEUDO_VISCOSITY))
        heat = self.heat(v0, viscosity)
        out = self.network(v0, viscosity, heat)
        if self.hard:
            later = heat[:, :, 1:] + torch.tanh(self.times[1:] / ONSET) * out
            out = torch.cat([v0[:, :, None], later], 2)
        return (out + mean[:, None, None])[:, None]

    def heat(self, v0: Tensor, viscosity: Tensor) -> Tensor:
        """The heat solution (B, cells, T + 1) from v0 (B, cells)."""
        decay = torch.exp(-viscosity[:, None, None] * wavenumbers(self.cells, v0)[None, :, None] ** 2 * self.times)
        return torch.fft.irfft(torch.fft.rfft(v0)[:, :, None] * decay, n=self.cells, dim=1)

    def network(self, v0: Tensor, viscosity: Tensor, heat: Tensor) -> Tensor:
        """The learned part (B, cells, levels), zero mean over x."""
        spectrum, k = torch.fft.rfft(v0), wavenumbers(self.cells, v0)
        potential = torch.fft.irfft(spectrum / (1j * k.clamp(min=1)) * (k > 0), n=self.cells)
        smooth = torch.fft.irfft(spectrum * torch.exp(-0.005 * k**2), n=self.cells)
        levels = [round(h * (heat.shape[2] - 1)) for h in HEATS]
        features = [
            2 * v0,
            20 * potential,
            4 * (v0.roll(-1, 1) - v0.roll(1, 1)),
            2 * smooth,
            *(2 * heat[:, :, n] for n in levels),
        ]
        x = torch.stack(features, 2)
        x = self.enter(torch.cat([x.roll(s, 1) for s in (-2, -1, 0, 1, 2)], 2))
        film = self.film(self.embed(request(v0, viscosity))).view(len(v0), len(self.blocks), 2, 1, self.width)
        for number, block in enumerate(self.blocks):
            x = block(x, film[:, number, 0], film[:, number, 1])
        x = F.gelu(x)
        out = self.leave(torch.cat([x.roll(1, 1), x, x.roll(-1, 1)], -1))
        return out - out.mean(1, keepdim=True)


def request(v0: Tensor, viscosity: Tensor) -> Tensor:
    """Inputs of the FiLM layers for a request, (B, 9): functions of log nu, nu, and the deviation and range of v0."""
    log = torch.log(viscosity / 0.008) / 1.4
    waves = [f(m * log) for m in (2, 4) for f in (torch.sin, torch.cos)]
    scale = [2.8 * v0.std(1) - 1, v0.amax(1) - v0.amin(1) - 1]
    return torch.stack([log, log**2 - 0.5, 40 * viscosity - 1, *waves, *scale], 1)
