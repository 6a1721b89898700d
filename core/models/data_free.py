"""Generators that learn from requests alone (appendix C.3): no critic, no data, only the first two moments.

`RequestGenerator`: the request shapes the seed, and that map is learned. With features h of (p1, c(r), weights),

    contraction, log dt, excess, g(r) = MLP(h);   y = seed with covariance c(contraction r) + g(r)
    u = K Cahn-Hilliard steps from y

and the loss is applied to u, after the physics. `PlainGenerator` is the paper's own form, noise and request into a
network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from core.keys import uniform
from core.models.cahn_hilliard_layer import DOMAIN, DT_RANGE, EPS_RANGE, GROWTH, STAGES, with_mean
from core.models.two_phase import LOGIT, SMOOTHING
from core.models.unet import UNet
from core.simulation import correlations
from core.simulation.cahn_hilliard import propagate
from core.simulation.random_field import (
    colour,
    field_correlation,
    interpolate,
    level,
    offsets,
    sample_curve,
    spectral_amplitude,
)
from core.types import Generator

KNOTS = 9
REACH = 3.0
RADII, SPACING = 128, 0.5
ORDER = 1.5
"""Knots of the learned bend on r / L from 0 to REACH; radii of the seed's covariance and their spacing in px; the order
of the damped Bessel curve that a length alone stands for."""
LENGTHS = (4.0, 20.0)


def white(keys: Sequence[int], shape: tuple[int, int], layers: int) -> dict[str, Tensor]:
    """White noise (B, layers, H, W), determined by keys."""
    drawn = [torch.randn(layers, *shape, generator=torch.Generator().manual_seed(k)) for k in keys]
    return {"white": torch.stack(drawn)}


def requests(keys: Sequence[int]) -> dict[str, Tensor]:
    """Random requests without data, one per key.

    p1 is .2 to .8; the curve is a damped Bessel curve of length 5.5 to 12 px and order .8 to 2.5; the weight counts one
    stretch of the curve up to 16 times as much.
    """
    u = np.array([[uniform(k, name) for name in ("p", "length", "order", "weight", "from", "width")] for k in keys])
    p, length, order = 0.2 + 0.6 * u[:, 0], 5.5 + 6.5 * u[:, 1], 0.8 * 3.125 ** u[:, 2]
    at, start, width = correlations.distances().numpy(), 24 * u[:, 4:5], 3 + 9 * u[:, 5:]
    weight = np.where((at >= start) & (at <= start + width), 16 ** np.maximum(2 * u[:, 3:4] - 1, 0), 1.0)
    fraction, size, regular = (torch.from_numpy(v).float() for v in (p, length, order))
    curve = correlations.damped_bessel(fraction, size, regular)
    return {"volume_fraction": fraction, "correlation": curve, "weight": torch.from_numpy(weight).float()}


def features(p: Tensor, covariance: Tensor, length: Tensor, weight: Tensor | None) -> Tensor:
    """Inputs of the networks for a request, (B, 2 + 2 KNOTS): p1, log L, and c and the weights at KNOTS scaled
    distances.
    """
    at = correlations.distances().to(p).expand(len(p), -1)
    scaled = torch.linspace(0, REACH, KNOTS).to(p)[None] * length[:, None]
    weight = torch.ones_like(covariance) if weight is None else weight / weight.mean(1, keepdim=True).clamp(min=1e-6)
    curves = [
        interpolate(scaled, at, values.contiguous()) for values in (covariance, torch.log2(weight.clamp(min=0.05)) / 2)
    ]
    return torch.cat([4 * (p[:, None] - 0.5), 2 * torch.log(length[:, None] / 10), *curves], 1)


class Requested(Generator):
    """Base of both generators: keyed noise, no latents, and the conditions that follow from a request."""

    layers = 1

    def noise(self, keys: Sequence[int], shape: tuple[int, int]) -> dict[str, Tensor]:
        """`white` (B, layers, H, W)."""
        return white(keys, shape, self.layers)

    def draw_latent(self, noise: Mapping[str, Tensor], conditions: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """No latents: the noise is all there is."""
        return {}

    def implied(self, conditions: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Conditions that follow from a request: the length of a curve, or the damped Bessel curve of a length."""
        if "correlation" in conditions:
            return {"length": correlations.first_zero(conditions["correlation"])}
        length = conditions["length"]
        return {
            "correlation": correlations.damped_bessel(
                conditions["volume_fraction"], length, torch.full_like(length, ORDER)
            )
        }

    def request(self, conditions: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """A request as (p1 (B,), c (B, BINS), length (B,), features)."""
        p, curve = conditions["volume_fraction"], {**self.implied(conditions), **conditions}["correlation"]
        covariance, length = correlations.normalised(curve)[0], correlations.first_zero(curve).clamp(*LENGTHS)
        return p, covariance, length, features(p, covariance, length, conditions.get("weight"))


class RequestGenerator(Requested):
    """Conditions `volume_fraction` (B,), `correlation` (B, BINS) or `length` (B,), and `weight` to logits (B, 1, H, W).

    `weight` (B, BINS) is optional: without it all bins count alike. `physics=False` cuts the seed without coarsening.
    """

    stages = ("physics",)

    def __init__(self, steps: int = 64, sharpness: float = 4.0, width: int = 64) -> None:
        super().__init__()
        self.steps, self.sharpness = steps, sharpness
        last = nn.Linear(width, 3 + KNOTS)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.network = nn.Sequential(
            nn.Linear(2 + 2 * KNOTS, width), nn.GELU(), nn.Linear(width, width), nn.GELU(), last
        )

    def forward(
        self,
        noise: Mapping[str, Tensor],
        conditions: Mapping[str, Tensor],
        latent: Mapping[str, Tensor],
        physics: bool = True,
    ) -> Tensor:
        """See the class."""
        with torch.autocast(noise["white"].device.type, enabled=False):
            p, covariance, length, inputs = self.request(conditions)
            learned = self.network(inputs)
            contraction = 2.0 * torch.exp(0.5 * torch.tanh(learned[:, 0])) if physics else torch.ones_like(p)
            bend = torch.cat([torch.zeros_like(p)[:, None], 0.3 * torch.tanh(learned[:, 4:])], 1) * physics
            y = self.seed(noise["white"][:, 0], p, covariance, length, contraction, bend, 0.0 if physics else SMOOTHING)
            return LOGIT * (self.coarsen(y, p, length, learned[:, 1], learned[:, 2]) if physics else y)[:, None]

    def seed(
        self,
        noise: Tensor,
        p: Tensor,
        covariance: Tensor,
        length: Tensor,
        contraction: Tensor,
        bend: Tensor,
        smoothing: float,
    ) -> Tensor:
        """Gaussian field (B, H, W) minus its cut level, of covariance c(contraction r) + bend(r / L)."""
        radius = torch.arange(RADII).to(p)[None] * SPACING * contraction[:, None]
        knots = (torch.linspace(0, REACH, KNOTS).to(p)[None] * length[:, None]).contiguous()
        curve = correlations.read(covariance, radius) + interpolate(radius, knots, bend) * (radius < knots[:, -1:])
        field = field_correlation(curve.clamp(-1, 1), p)
        y, x = offsets((noise.shape[1], noise.shape[2]), noise.device)
        rings = torch.cat([torch.ones_like(p)[:, None], field[:, 1:]], 1)
        amplitude = spectral_amplitude(sample_curve(rings, SPACING, torch.hypot(x, y).to(p).expand(len(p), -1, -1)))
        if smoothing:
            k2 = (2 * torch.pi) ** 2 * (
                torch.fft.fftfreq(y.numel())[:, None] ** 2 + torch.fft.rfftfreq(x.numel())[None] ** 2
            )
            amplitude = amplitude * torch.exp(-(smoothing**2) * k2.to(p) / 2)
        return colour(noise, amplitude) - level(p)[:, None, None]

    def coarsen(self, y: Tensor, p: Tensor, length: Tensor, time: Tensor, excess: Tensor) -> Tensor:
        """K Cahn-Hilliard steps in growing stages; the total time is .1 L^3 at first, as in `PhysicsLayer`."""
        u = with_mean(torch.tanh(self.sharpness * y), ((2 * p - 1) * (1 - 0.3 * torch.tanh(excess))).clamp(-0.99, 0.99))
        dt = (length**3 / (10 * self.steps) * torch.exp(1.5 * torch.tanh(time))).clamp(*DT_RANGE)
        for stage in range(STAGES):
            eps = (length / DOMAIN).clamp(*EPS_RANGE)
            u = propagate(u, dt * GROWTH ** (stage / (STAGES - 1) - 1), self.steps // STAGES, eps)
        return u


class PlainGenerator(Requested):
    """The paper's data-free form: noise (B, 2, H, W) and the request into a periodic U-Net, to logits (B, 1, H, W)."""

    layers = 2

    def __init__(self, channels: tuple[int, int, int] = (32, 48, 64)) -> None:
        super().__init__()
        self.network = UNet(2, 1, 2 + 2 * KNOTS, channels)
        nn.init.normal_(self.network.leave.weight, std=0.05)

    def forward(
        self, noise: Mapping[str, Tensor], conditions: Mapping[str, Tensor], latent: Mapping[str, Tensor]
    ) -> Tensor:
        """See the class."""
        p, _, _, inputs = self.request(conditions)
        return self.network(noise["white"], inputs) + torch.logit(p)[:, None, None, None]
