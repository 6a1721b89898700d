"""The two-phase generator: request-shaped seed -> learned residual -> physics layer, each stage switchable.

    y = seed(white; p1, L, style);   y' = y + bend(UNet(y, tanh 3y, texture | p1, L));   u = physics(y'; p1, L)
    logits = 8 u

The volume fraction, the two-point correlation and the length are right before any training; the adversary only changes
the remaining degrees of freedom, and the rank threshold after it (`core.projection`) makes p1 exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from core.descriptors import two_phase
from core.models.cahn_hilliard_layer import PhysicsLayer
from core.models.seed import RequestSeed, statistics
from core.models.unet import UNet
from core.simulation import correlations
from core.types import Generator

STYLES = ("order", "stretch", "diagonal", "gradient_x", "gradient_y")
MORPHS = ("morph_a", "morph_b", "morph_c")
LOGIT = 8.0
CALIBRATION = 192
LENGTHS = (4.0, 20.0)
FAMILIAR = 0.05
SMOOTHING = 1.6
"""Blur (px) of a seed field that is cut without the physics layer; it removes the pixel-scale roughness of the cut."""


class SeededGenerator(Generator):
    """Two-phase generator with the condition `volume_fraction` (B,) and latents `length` (px), styles and morphs (B,).

    With `curves`, the length is a condition too, and `correlation` (B, BINS) may replace it. That curve then shapes the
    seed alone, unless it is of the family that the physics layer makes (`familiar`): then its length represents it in
    the physics layer. A morph rotates the white noise by an angle (rad) towards another, independent one: a smooth walk
    through arrangements.
    """

    stages = (
        "network",
        "physics",
    )

    def __init__(
        self,
        contraction: float = 2.5,
        steps: int = 128,
        sharpness: float = 4.0,
        channels: tuple[int, int, int] = (16, 32, 48),
        curves: bool = False,
    ) -> None:
        super().__init__()
        self.contraction, self.curves = contraction, curves
        self.seed = RequestSeed()
        self.network = UNet(3, 1, 2, channels)
        self.physics = PhysicsLayer(steps, sharpness)
        self.amplitude = 1.0

    def noise(self, keys: Sequence[int], shape: tuple[int, int]) -> dict[str, Tensor]:
        """Noise of the samples.

        Args:
            keys: one key per sample.
            shape: rows and columns.

        Returns:
            `white` (B, 2, H, W), seed noise and network texture; `uniform` (B,) for the length; `key` (B,) of the morph
            targets.
        """
        white, uniform = [], []
        for key in keys:
            rng = torch.Generator().manual_seed(key)
            uniform.append(torch.rand((), generator=rng))
            white.append(torch.randn(2, *shape, generator=rng))
        return {"white": torch.stack(white), "uniform": torch.stack(uniform), "key": torch.tensor(list(keys))}

    def draw_latent(self, noise: Mapping[str, Tensor], conditions: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Latents as in the data: lengths from the distribution at the requested fraction, styles and morphs 0.

        `length` is absent where it is a condition.
        """
        p = conditions["volume_fraction"]
        rest = {name: torch.zeros_like(p) for name in (*STYLES, *MORPHS)}
        return rest if self.curves else {"length": self.seed.quantile(noise["uniform"].to(p), p), **rest}

    def implied(self, conditions: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Conditions that follow from a request: the length (B,) of a curve, the curve (B, BINS) of a length."""
        p = conditions["volume_fraction"]
        if not self.curves:
            return {}
        if "correlation" in conditions:
            return {"length": correlations.first_zero(conditions["correlation"])}
        radius = correlations.distances().to(p).expand(len(p), -1)
        covariance = self.seed.covariance(p, conditions["length"], radius)
        return {"correlation": correlations.curve_of(torch.cat([torch.ones_like(p)[:, None], covariance[:, 1:]], 1), p)}

    def familiar(self, covariance: Tensor, p: Tensor, length: Tensor) -> Tensor:
        """Whether (B,) a curve c (B, BINS) is of the family of the physics layer: near the master curve at its
        length.
        """
        master = self.seed.covariance(p, length, correlations.distances().to(p).expand(len(p), -1))
        return (covariance - master).abs().mean(1) <= FAMILIAR

    def forward(
        self,
        noise: Mapping[str, Tensor],
        conditions: Mapping[str, Tensor],
        latent: Mapping[str, Tensor],
        network: bool = True,
        physics: bool = True,
    ) -> Tensor:
        """Logits (B, 1, H, W). `network=False` and `physics=False` switch the stage off (for ablations)."""
        p, requested = conditions["volume_fraction"], None
        length = conditions["length"] if self.curves and "length" in conditions else latent.get("length", p)
        if self.curves and "correlation" in conditions:
            requested, _ = correlations.normalised(conditions["correlation"])
            length = correlations.first_zero(conditions["correlation"])
            recognised = self.familiar(requested, p, length)
            if bool(recognised.any()) and not bool(recognised.all()):
                return self.one_by_one(noise, conditions, latent, network, physics)
            physics, length = physics and bool(recognised.all()), length.clamp(*LENGTHS)
            requested = None if physics else requested  # the layer coarsens to the family's own curve
        style = styles(latent, physics)
        exact = torch.autocast(p.device.type, enabled=False)
        with torch.no_grad(), exact:
            shape = {"contraction": self.contraction} if physics else {"smoothing": SMOOTHING}
            y = self.seed(rotated_noise(noise, latent), p, length, style, requested=requested, **shape)
        if network:
            y = y + self.residual(y, noise["white"][:, 1], p, length)
        with exact:
            return LOGIT * (self.physics(y, p, length) if physics else y)[:, None]

    def one_by_one(
        self,
        noise: Mapping[str, Tensor],
        conditions: Mapping[str, Tensor],
        latent: Mapping[str, Tensor],
        network: bool,
        physics: bool,
    ) -> Tensor:
        """Logits (B, 1, H, W), sample by sample: none depends on which curves the others request."""

        def one(i: int) -> list[dict[str, Tensor]]:
            return [{k: v[i : i + 1] for k, v in d.items()} for d in (noise, conditions, latent)]

        count = len(conditions["volume_fraction"])
        return torch.cat([self(*one(i), network=network, physics=physics) for i in range(count)])

    def residual(self, y: Tensor, texture: Tensor, p: Tensor, length: Tensor) -> Tensor:
        """The learned correction (B, H, W) of the seed field, zero mean, at most about `amplitude` of its standard
        deviation.

        It can bend the seed, but not replace or shift it.
        """
        images = torch.stack([y, torch.tanh(3 * y), texture], 1)
        request = torch.stack([4 * (p - 0.5), 2 * torch.log(length / 10)], 1)
        bend = self.amplitude * torch.tanh(self.network(images, request)[:, 0])
        return bend - bend.mean((1, 2), keepdim=True)

    def read_latent(self, fields: Tensor) -> dict[str, Tensor]:
        """Latents of real fields (B, 1, H, W): their characteristic length, clamped to `LENGTHS`."""
        return {"length": two_phase.characteristic_length(fields[:, 0]).clamp(*LENGTHS)}

    @torch.no_grad()
    def fit(self, labels: Tensor, keys: Sequence[int]) -> dict[str, float]:
        """Estimates the master curve and the length distribution from labels (n, H, W), then calibrates.

        `keys` number the noise of the calibration; returns its remaining deviations.
        """
        self.seed.fit(labels)
        return self.calibrate(labels, keys)

    @torch.no_grad()
    def calibrate(self, labels: Tensor, keys: Sequence[int]) -> dict[str, float]:
        """Calibrates the physics layer on the requests (p1, L) of the first labels; returns the remaining
        deviations.
        """
        p, length, _ = statistics(labels[:CALIBRATION])
        shape = (labels.shape[1], labels.shape[2])
        noise = [self.noise(list(keys[i : i + 16]), shape) for i in range(0, len(p), 16)]

        def make() -> Tensor:
            parts = zip(noise, p.split(16), length.split(16), strict=True)
            return torch.cat([self(n, {"volume_fraction": a}, {"length": b})[:, 0] for n, a, b in parts])

        return self.physics.calibrate(make, p, length)


def styles(latent: Mapping[str, Tensor], physics: bool) -> dict[str, Tensor]:
    """The styles (B,) that are not 0, as the seed needs them.

    Coarsening outgrows the short direction of the seed, so with the physics layer the other direction is elongated.
    """
    style = {k: v for k, v in latent.items() if k in STYLES and bool((v != 0).any())}
    if physics:
        style |= {k: -style[k] for k in ("stretch", "diagonal") if k in style}
    return style


def rotated_noise(noise: Mapping[str, Tensor], latent: Mapping[str, Tensor]) -> Tensor:
    """The first layer (B, H, W) of the `white` noise, rotated by the angle (B,) of each morph; unit variance is
    kept.
    """
    white = noise["white"][:, 0]
    for number, name in enumerate(MORPHS):
        angle = latent.get(name)
        if angle is not None and bool((angle != 0).any()):
            keys = [(int(k) + 7919 * (number + 1)) % 2**63 for k in noise["key"]]
            other = torch.stack(
                [torch.randn(*white.shape[1:], generator=torch.Generator().manual_seed(k)) for k in keys]
            )
            white = torch.cos(angle)[:, None, None] * white + torch.sin(angle)[:, None, None] * other.to(white)
    return white
