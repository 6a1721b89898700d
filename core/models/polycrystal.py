"""The polycrystal generator: nuclei -> learned residual -> threshold dynamics, each stage switchable.

    d = nuclei(points; f, size);   l = log sum_q d_q + b;   l' = l + bend(UNet(softmax l, texture | f, size))
    logits = K steps of threshold dynamics from l'

The fractions are right before any training, by offsets; the adversary only changes the remaining degrees of freedom,
and the exact labelling after it (`core.projection.exact_fractions`) makes the counts exact.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from core.descriptors import grains as grain_statistics
from core.models.cahn_hilliard_layer import fit
from core.models.grain_growth_layer import LEAST, ThresholdDynamics, balanced, pooled
from core.models.nuclei import Nuclei, Packing, nucleate
from core.models.optimal_transport import initial_offsets
from core.models.seed import hat
from core.models.unet import UNet
from core.simulation.random_field import interpolate
from core.types import Array, Generator

ORIENTATIONS = 5
SIZES = (6.0, 40.0)
SCATTERS = (0.0, 0.6)
"""Least and largest mean grain diameter, px; least and largest scatter."""
MORPHS = ("morph_a", "morph_b")
FEATURES = 7
LEVELS = 33
DOMINANCE = (0.0, 0.25, 0.5)
"""Knots of `dominance` at which the distribution of sizes is stored."""
CALIBRATION = 128
PACKING = Packing()
PACE = 0.5
"""Distance in spacings by which a morph of 1 rad moves a nucleus."""


def dominance(fractions: Tensor) -> Tensor:
    """Probability (B,) that two pixels have one orientation, minus that of equal fractions: sum_c f_c^2 - 1 / C."""
    return fractions.square().sum(1) - 1 / fractions.shape[1]


def features(fractions: Tensor, size: Tensor, scatter: Tensor) -> Tensor:
    """Regressors (B, 7) of a request: 1, l, l^2, d, d^2, d l, s.

    l = log(size / 16 px), d the dominance, s the scatter minus that of the data.
    """
    scaled, skew = torch.log(size / 16), 4 * dominance(fractions)
    return torch.stack(
        [torch.ones_like(size), scaled, scaled**2, skew, skew**2, skew * scaled, scatter - PACKING.scatter], 1
    )


class CrystalGenerator(Generator):
    """Condition `fractions` (B, 5); latents `grain_size` (px), `scatter`, `stretch` and the morphs (B,).

    A morph moves every nucleus at its own speed in its own direction: a smooth walk through arrangements of equal
    statistics.
    """

    count: Tensor
    quantiles: Tensor
    levels: Tensor

    stages = (
        "network",
        "physics",
    )

    def __init__(
        self,
        packing: Packing = PACKING,
        steps: int = 7,
        sharpness: int = 3,
        reach: float = 0.2,
        focus: float = 0.7,
        channels: tuple[int, int, int] = (8, 16, 24),
    ) -> None:
        """Generator with its stages.

        Args:
            packing: packing of the nuclei.
            steps: steps of the physics layer.
            sharpness: power of the physics layer.
            reach: deviation of the layer's Gaussian over the mean diameter of a nucleus.
            focus: deviation of a nucleus's bump over the mean radius.
            channels: channels of the U-Net.
        """
        super().__init__()
        self.packing, self.reach, self.focus = packing, reach, focus
        self.network = UNet(ORIENTATIONS + 1, ORIENTATIONS, ORIENTATIONS + 1, channels)
        self.physics = ThresholdDynamics(steps, sharpness)
        self.amplitude = 1.5
        self.register_buffer("count", torch.zeros(FEATURES))
        self.register_buffer("quantiles", torch.linspace(12, 24, LEVELS).expand(len(DOMINANCE), -1).clone())
        self.register_buffer("levels", torch.linspace(0, 1, LEVELS), persistent=False)

    def noise(self, keys: Sequence[int], shape: tuple[int, int]) -> dict[str, Tensor]:
        """Noise of the M nuclei that fit into the frame at most, and of the other stages.

        Returns:
            `points` (B, M, 2) uniform, `sizes` (B, M) normal, `preference` (B, M, 5) Gumbel, `drift` (B, M, 2, 2)
            normal; `texture` (B, 1, H, W) for the network, `uniform` (B,) for the size.
        """
        most = math.ceil(2 * shape[0] * shape[1] / (math.pi / 4 * SIZES[0] ** 2))
        samples = []
        for key in keys:
            rng = torch.Generator().manual_seed(key)
            samples.append(
                {
                    "uniform": torch.rand((), generator=rng),
                    "points": torch.rand(most, 2, generator=rng),
                    "sizes": torch.randn(most, generator=rng),
                    "drift": torch.randn(most, len(MORPHS), 2, generator=rng),
                    "preference": -torch.log(torch.rand(most, ORIENTATIONS, generator=rng).clamp(min=1e-9).log().neg()),
                    "texture": torch.randn(1, *shape, generator=rng),
                }
            )
        return {name: torch.stack([m[name] for m in samples]) for name in samples[0]}

    def draw_latent(self, noise: Mapping[str, Tensor], conditions: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """`grain_size` from the data's distribution at the requested fractions; the others as in the data."""
        f = conditions["fractions"]
        knots = torch.tensor(DOMINANCE, device=f.device, dtype=f.dtype)
        row = hat(dominance(f), knots) @ self.quantiles
        size = interpolate(noise["uniform"].to(f)[:, None], self.levels.expand(len(f), -1), row)[:, 0]
        return {"grain_size": size, **self.rest(f)}

    def read_latent(self, fields: Tensor) -> dict[str, Tensor]:
        """Latents of real fields (B, 5, H, W): their mean grain diameter."""
        size = grain_statistics.mean_diameter(fields.max(1)[1]).to(fields)
        return {"grain_size": size.clamp(*SIZES), **self.rest(fields)}

    def rest(self, like: Tensor) -> dict[str, Tensor]:
        """The latents that do not vary in the data."""
        zero = torch.zeros(len(like), device=like.device, dtype=like.dtype)
        return {"scatter": zero + PACKING.scatter, **dict.fromkeys(("stretch", *MORPHS), zero)}

    def number(self, fractions: Tensor, size: Tensor, scatter: Tensor, shape: tuple[int, int]) -> Tensor:
        """Number of nuclei (B,), as a real number, that gives grains of this mean diameter."""
        discs = shape[0] * shape[1] / (math.pi / 4 * size.square())
        return discs * torch.exp((features(fractions, size, scatter) @ self.count).clamp(-1.5, 1.5))

    def forward(
        self,
        noise: Mapping[str, Tensor],
        conditions: Mapping[str, Tensor],
        latent: Mapping[str, Tensor],
        network: bool = True,
        physics: bool = True,
    ) -> Tensor:
        """Logits (B, 5, H, W). `network=False` and `physics=False` switch the stage off (for ablations)."""
        f, size = conditions["fractions"], latent["grain_size"]
        exact = torch.autocast(f.device.type, enabled=False)
        with torch.no_grad(), exact:
            bumps, owner, diameter = self.seed(noise, f, latent)
            share = pooled(bumps, owner, ORIENTATIONS)
            logits = share.clamp(min=LEAST).log()
            logits = logits + balanced(logits, f, initial_offsets(f), 12)[..., None, None]
        bend = self.residual(logits, noise["texture"], f, size) if network else torch.zeros_like(logits)
        with exact:
            if not physics:
                logits = logits + bend
                return logits + balanced(logits, f, initial_offsets(f), 12)[..., None, None]
            half, share, bent = (t[:, :, ::2, ::2] for t in (bumps, share.clamp(min=LEAST), logits + bend))
            weights = torch.softmax(bent, 1) / share
            grains = half * weights.gather(1, owner[..., None, None].expand_as(half))
            return self.physics(grains, owner, f, self.reach * diameter)

    def residual(self, logits: Tensor, texture: Tensor, fractions: Tensor, size: Tensor) -> Tensor:
        """The learned correction (B, 5, H, W) of the logits of the seed, at most `amplitude`.

        It can bend grains, but not replace them.
        """
        images = torch.cat([torch.softmax(logits, 1), texture], 1)
        request = torch.cat([fractions - 1 / ORIENTATIONS, 2 * torch.log(size / 16)[:, None]], 1)
        return self.amplitude * torch.tanh(self.network(images, request))

    def seed(
        self, noise: Mapping[str, Tensor], fractions: Tensor, latent: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The nuclei of a batch as smooth bumps.

        Returns:
            Bumps (B, Q, H, W) by channel, the orientation (B, Q) of each channel, and the mean diameters (B, 2) in px
            of a nucleus along y and x.
        """
        shape = (noise["texture"].shape[-2], noise["texture"].shape[-1])
        counts = self.number(fractions, latent["grain_size"], latent["scatter"], shape).round()
        counts = counts.clamp(ORIENTATIONS, noise["points"].shape[1])
        inputs = {
            k: v.cpu().double().numpy()
            for k, v in {**noise, **latent, "fractions": fractions}.items()
            if k != "texture"
        }
        packings = [self.nuclei({k: v[i] for k, v in inputs.items()}, int(n), shape) for i, n in enumerate(counts)]
        channels = max(len(one.owner) for one, _ in packings)
        owner = np.stack([np.pad(one.owner, (0, channels - len(one.owner))) for one, _ in packings])
        bumps = torch.stack([painted(one, scale, self.focus, channels, shape) for one, scale in packings])
        diameter = np.stack([2 * one.radii.mean() * scale for one, scale in packings])
        return (
            bumps.to(fractions),
            torch.from_numpy(owner).to(fractions.device),
            torch.from_numpy(diameter).to(fractions),
        )

    def nuclei(self, inputs: Mapping[str, Array], n: int, shape: tuple[int, int]) -> tuple[Nuclei, Array]:
        """The n nuclei of one sample, on a torus compressed along the direction in which grains are to be elongated.

        Returns:
            The nuclei, and the scale (2,) from the torus to the pixels along y and x.
        """
        scale = np.exp(np.array([-1.0, 1.0]) * inputs["stretch"])
        rows, columns = (float(v) for v in shape / scale)
        drift = sum(inputs[name] * inputs["drift"][:n, k] for k, name in enumerate(MORPHS))
        points = inputs["points"][:n] * (rows, columns) + PACE * math.sqrt(rows * columns / n) * drift
        radii = np.exp(inputs["scatter"] * inputs["sizes"][:n])
        return nucleate(
            points, radii, inputs["preference"][:n], inputs["fractions"], (rows, columns), self.packing
        ), scale

    @torch.no_grad()
    def fit(self, labels: Tensor, keys: Sequence[int]) -> dict[str, float]:
        """Estimates the distribution of grain sizes from labels (n, H, W), then calibrates; `keys` number the noise."""
        fractions, size = statistics(labels)
        weight = hat(dominance(fractions), torch.tensor(DOMINANCE))
        order = size.argsort()
        for row, mass in zip(self.quantiles, weight[order].T, strict=True):
            if mass.sum() > 0:
                row.copy_(
                    interpolate(self.levels[None] * mass.sum(), (mass.cumsum(0) - mass / 2)[None], size[order][None])[0]
                )
        return self.calibrate(labels, keys)

    @torch.no_grad()
    def calibrate(self, labels: Tensor, keys: Sequence[int], rounds: int = 6) -> dict[str, float]:
        """Calibrates the number of nuclei by fixed-point regression on the requests of the first labels.

        Every second request has a different scatter.

        Args:
            labels: labels (n, H, W), whose fractions and mean diameters are requested.
            keys: keys of the noise.
            rounds: rounds of the regression.

        Returns:
            The remaining mean deviation of log size.
        """
        fractions, size = statistics(labels[:CALIBRATION])
        noise = [self.noise([k], (labels.shape[1], labels.shape[2])) for k in keys[: len(size)]]
        latent = {"grain_size": size, **self.rest(size)}
        latent["scatter"][1::2] = torch.linspace(*SCATTERS, len(size) // 2)
        for round_ in range(rounds + 1):
            labels_made = [
                self(n, {"fractions": fractions[i : i + 1]}, {k: v[i : i + 1] for k, v in latent.items()}).max(1)[1]
                for i, n in enumerate(noise)
            ]
            log_error = torch.log(grain_statistics.mean_diameter(torch.cat(labels_made)) / size).clamp(-0.5, 0.5)
            if round_ < rounds:
                self.count += 1.5 * fit(features(fractions, size, latent["scatter"]), log_error)
        return {"log_size": float(log_error.mean().abs())}


def statistics(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Fractions (n, 5) and mean grain diameters (n,) px of labels (n, H, W)."""
    fractions = torch.stack([torch.bincount(one.flatten().long(), minlength=ORIENTATIONS) for one in labels])
    return fractions / labels[0].numel(), grain_statistics.mean_diameter(labels).clamp(*SIZES)


def painted(nuclei: Nuclei, scale: Array, focus: float, channels: int, shape: tuple[int, int]) -> Tensor:
    """Sums over the nuclei of each channel of exp(r^2 / 2 s^2 - |x - x_i|^2 / 2 s^2), s = `focus` mean radii.

    They are equal at the boundaries of the power diagram of the discs. The fields are separable.

    Args:
        nuclei: discs on their torus.
        scale: scale (2,) from the torus to the pixels.
        focus: width of a bump in mean radii.
        channels: number of channels Q.
        shape: rows and columns.

    Returns:
        Fields (Q, H, W).
    """
    width = focus * nuclei.radii.mean()
    points, radii = nuclei.points * scale, nuclei.radii / width
    order = np.argsort(nuclei.channels, kind="stable")
    counts = np.bincount(nuclei.channels, minlength=channels)
    slots = (nuclei.channels[order], np.arange(len(order)) - np.repeat(counts.cumsum() - counts, counts))
    rows, columns = (_lines(points[:, i], shape[i], width * scale[i]) for i in (0, 1))
    rows = rows * np.exp((np.square(radii) - np.square(radii).mean()) / 2)[:, None]
    sides = [np.zeros((channels, counts.max(), n), np.float32) for n in shape]
    sides[0][slots], sides[1][slots] = rows[order], columns[order]
    return torch.bmm(torch.from_numpy(sides[0]).transpose(1, 2), torch.from_numpy(sides[1]))


def _lines(at: Array, length: int, width: float) -> Array:
    """Periodic Gaussians (N, length) about the positions (N,), not below e^-40."""
    distances = np.arange(length) - at[:, None]
    nearest = distances - length * np.round(distances / length)
    return np.asarray(np.exp(np.maximum(-np.square(nearest / width) / 2, -40)))
