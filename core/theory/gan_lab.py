"""A GAN between two densities on a line, moved by the trainer's own losses, players and schemes.

Generator and critic are radial-basis networks with plain gradient descent: one layer, and no adaptive step that would
hide a vanishing or an exploding gradient. Batches are stratified: one draw from each of equal parts of probability,
determined by (seed, draw). `core.theory.gan_exact` has the optimal critics; `python -m core.theory.gan_report` prints
the numbers.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.keys import key
from core.losses import ADVERSARIAL, gradient_penalty, zero_centred_penalty
from core.theory import gan_exact as theory
from core.theory.gan_exact import Density
from core.training.guards import NanGuard, NotFinite
from core.training.optimisers import make
from core.training.schemes import SCHEMES, apply
from core.types import Array, Player

LOSSES = ("non_saturating", "minimax", "wgan_gp", "relativistic")
GAMMA = 0.4
"""Weight of R1 + R2 (the mean over real and generated samples)."""
SLOPE_WEIGHT = 0.3
"""Weight of WGAN's gradient penalty."""
EVERY = 5
"""Steps between two entries of the history."""
FAR = 160.0
"""Squared distance in widths beyond which a bump is held at e^-80: where exp underflows, it takes several times as
long.
"""


class Bumps(nn.Module):
    """sum_k w_k exp(-(x - c_k)^2 / 2 s_k^2) / N on a line, with w = 0 at first.

    Centres are .8 s apart; N is the norm of the bumps at a point.
    """

    centres: Tensor
    widths: Tensor

    def __init__(self, widths: tuple[float, ...], low: float, high: float) -> None:
        """Bumps of each width s, from low to high."""
        super().__init__()
        places = [(c, s) for s in widths for c in np.arange(low, high + s / 2, 0.8 * s)]
        self.register_buffer("centres", torch.tensor([c for c, _ in places], dtype=torch.float32))
        self.register_buffer("widths", torch.tensor([s for _, s in places], dtype=torch.float32))
        self.norm = (len(widths) * math.pi**0.5 / 0.8) ** 0.5
        self.weights = nn.Parameter(torch.zeros(len(places)))

    def forward(self, x: Tensor) -> Tensor:
        """Values (B,) at x (B,)."""
        squared = ((x[:, None] - self.centres) / self.widths).square()
        return torch.exp(-squared.clamp(max=FAR) / 2) @ self.weights / self.norm


@dataclass(frozen=True)
class Setting:
    """Setting of the game.

    Attributes:
        density: the data.
        loss: name of the loss.
        penalty: whether the critic has a gradient penalty (WGAN's, else R1 + R2).
        turns: turns of the critic per step.
        ahead: turns of the critic before the first step.
        critic_rate, generator_rate: learning rates.
        scheme: update rule.
        batch: samples per batch.
        seed: seed of the samples.

    Raises:
        ValueError: an unknown loss or scheme, or rates that are not positive.
    """

    density: Density = field(default_factory=Density)
    loss: str = "non_saturating"
    penalty: bool = True
    turns: int = 2
    ahead: int = 0
    critic_rate: float = 10**0.3
    generator_rate: float = 10**0.3
    scheme: str = "alternating"
    batch: int = 256
    seed: int = 0

    def __post_init__(self) -> None:
        """Checks the attributes."""
        if self.loss not in LOSSES or self.scheme not in SCHEMES:
            raise ValueError(
                f"Losses are {', '.join(LOSSES)}, schemes {', '.join(SCHEMES)}; got {self.loss!r}, {self.scheme!r}."
            )
        if not (
            min(self.critic_rate, self.generator_rate) > 0 and min(self.turns, self.batch) >= 1 and self.ahead >= 0
        ):
            raise ValueError(f"Rates, turns and batch must be positive and the head start not negative; got {self}.")


@dataclass(frozen=True)
class Measured:
    """One entry of the history, computed without samples.

    Attributes:
        step: number of steps.
        loss: name of the loss.
        learnt: the game's value at the learnt critic.
        optimal: the game's value at the optimal critic.
        identity: the theoretical value of the latter.
        mean: mean D over p and q, nan for Wasserstein.
        off: mean |D - 1/2| over p and q, nan for Wasserstein.
        modes: modes covered.
        w1: Wasserstein distance.
        jsd: Jensen-Shannon divergence.
        slope: largest slope of the critic where p or q is.
        generator, critic: norms of the gradients in the last step.
        weights: norm of the critic's weights.
    """

    step: int
    loss: str
    learnt: float
    optimal: float
    identity: float
    mean: float
    off: float
    modes: int
    w1: float
    jsd: float
    slope: float
    generator: float
    critic: float
    weights: float


class GanLab:
    """The game at a setting that may change while it is played: p moves, a loss or a penalty is switched."""

    def __init__(self, setting: Setting) -> None:
        """Starts with G(z) = z and D = 1/2."""
        self.critic = Bumps((0.25, 0.7, 2.0), theory.EDGES[0], theory.EDGES[-1])
        self.generator = Bumps((0.03, 0.1, 0.3), 0.0, 1.0)
        self.optimisers = [
            make("sgd", list(net.parameters()), 1.0, (0.0, 0.0)) for net in (self.critic, self.generator)
        ]
        self.guard, self.done, self.warm, self.ended = NanGuard(), 0, 0, ""
        self.norms = (float("nan"), float("nan"))
        self.history: list[Measured] = []
        self.setting = setting
        self.change(setting)

    def change(self, setting: Setting) -> None:
        """Continues at another setting."""
        if not self.done or setting.scheme != self.setting.scheme:
            self.scheme = SCHEMES[setting.scheme]()
        self.setting = setting
        for optimiser, rate in zip(self.optimisers, (setting.critic_rate, setting.generator_rate), strict=True):
            optimiser.param_groups[0]["lr"] = rate
        nets = (
            ("critic", self.critic, self.critic_loss, setting.turns),
            ("generator", self.generator, self.generator_loss, 1),
        )
        self.players = tuple(
            Player(name, tuple(net.parameters()), loss, optimiser, turns)
            for (name, net, loss, turns), optimiser in zip(nets, self.optimisers, strict=True)
        )

    def uniforms(self, number: int, name: str) -> Tensor:
        """One number from each of `batch` equal parts of 0..1, shuffled (batch,), determined by (seed, draw, name)."""
        batch, rng = self.setting.batch, torch.Generator().manual_seed(key(self.setting.seed, number, name))
        return (torch.randperm(batch, generator=rng) + torch.rand(batch, generator=rng, dtype=torch.float64)) / batch

    def real(self, number: int) -> Tensor:
        """Samples of p (B, 1, 1, 1)."""
        return torch.from_numpy(self.setting.density.sample(self.uniforms(number, "real").numpy())).float()[
            :, None, None, None
        ]

    def generated(self, u: Tensor) -> Tensor:
        """G(z) = z + bumps(u) for the latents z ~ N(0, 1) of probability u, (B, 1, 1, 1)."""
        return (torch.special.ndtri(u).float() + self.generator(u.float()))[:, None, None, None]

    def fake(self, number: int) -> Tensor:
        """Samples of q (B, 1, 1, 1)."""
        return self.generated(self.uniforms(number, "noise"))

    def score(self, x: Tensor) -> Tensor:
        """Scores (B,) of the critic; for losses with a D, its logit."""
        return self.critic(x.flatten())

    def critic_loss(self, number: int) -> tuple[Tensor, dict[str, float]]:
        """Adversarial loss of the critic plus its penalty."""
        with torch.no_grad():
            real, fake = self.real(number), self.fake(number)
        scores = self.score(torch.cat([real, fake])).chunk(2)
        loss = ADVERSARIAL[self.setting.loss][0](*scores).mean()
        return loss + self.penalty(number, real, fake), {"loss": float(loss.detach())}

    def penalty(self, number: int, real: Tensor, fake: Tensor) -> Tensor:
        """WGAN's penalty on mixtures, R1 + R2 for the other losses, 0 where it is switched off."""
        if not self.setting.penalty:
            return torch.zeros(())
        if self.setting.loss == "wgan_gp":
            return SLOPE_WEIGHT * gradient_penalty(self.score, real, fake, self.uniforms(number, "mix").float()).mean()
        return GAMMA * zero_centred_penalty(self.score, torch.cat([real, fake])).mean()

    def generator_loss(self, number: int) -> tuple[Tensor, dict[str, float]]:
        """Adversarial loss of the generator."""
        with torch.no_grad():
            real = self.score(self.real(number))
        loss = ADVERSARIAL[self.setting.loss][1](real, self.score(self.fake(number))).mean()
        return loss, {"loss": float(loss.detach())}

    @staticmethod
    def gradients(player: Player, number: int) -> tuple[list[Tensor], dict[str, float]]:
        """The vector field that schemes follow, and its norm."""
        loss, logs = player.loss(number)
        gradients = list(torch.autograd.grad(loss, player.parameters))
        logs["gradient"] = float(torch.linalg.vector_norm(gradients[0]))
        return gradients, {f"{player.name}.{k}": v for k, v in logs.items()}

    def step(self) -> None:
        """One turn of the critic's head start, else one step of the scheme; nothing once the numbers are no longer
        finite.
        """
        if self.ended:
            return
        watched = self.guard.watch(self.gradients)
        try:
            if not self.done and self.warm < self.setting.ahead:
                apply(self.players[0], watched(self.players[0], key("ahead", self.warm))[0])
                self.warm += 1
                return
            logs = self.scheme.step(self.players, watched, self.done)
        except NotFinite as error:
            self.ended = f"Stopped at step {self.done}: {error}"
            return
        self.norms = logs["generator.gradient"], logs["critic.gradient"]
        self.done += 1
        if self.done % EVERY == 0 or self.done == 1:
            self.history.append(self.measure())

    def play(self, to: int, seconds: float = math.inf) -> None:
        """Plays until `to` steps are done, or the time is over."""
        end = time.perf_counter() + seconds
        while self.done < to and not self.ended and time.perf_counter() < end:
            self.step()

    @torch.no_grad()
    def scores(self, x: Array) -> Array:
        """The critic's scores at x."""
        return self.score(torch.from_numpy(x).float()).double().numpy()

    @torch.no_grad()
    def points(self) -> Array:
        """G at latents of equal probability, in their order."""
        u = (torch.arange(theory.POINTS, dtype=torch.float64) + 0.5) / theory.POINTS
        return self.generated(u).double().numpy().ravel()

    def cells(self) -> Array:
        """q: the probabilities of the cells."""
        return theory.masses(theory.pushed_cdf(self.points()))

    def measure(self) -> Measured:
        """The current entry of the history."""
        density, points = self.setting.density, self.points()
        p, q, x = density.cells, theory.masses(theory.pushed_cdf(points)), density.points
        real, fake = self.scores(x), self.scores(points)
        learnt, optimal, identity = theory.values(self.setting.loss, p, q, (x, points), (real, fake))
        shift = theory.shift(self.setting.loss, p, q, np.concatenate([x, points]), np.concatenate([real, fake]))
        d = (
            theory.logistic(np.concatenate([real, fake]) - shift)
            if self.setting.loss != "wgan_gp"
            else np.full(2, np.nan)
        )
        slopes = np.abs(np.diff(self.scores(theory.EDGES)) / np.diff(theory.EDGES))
        occupied = ((p + q) > 1e-6)[1:-1]
        return Measured(
            self.done,
            self.setting.loss,
            learnt,
            optimal,
            identity,
            float(d.mean()),
            float(np.abs(d - 0.5).mean()),
            theory.covered_modes(density, q),
            theory.wasserstein(p, q),
            theory.jensen_shannon(p, q),
            float(slopes[occupied].max(initial=0.0)),
            *self.norms,
            float(torch.linalg.vector_norm(self.critic.weights.detach())),
        )

    def slopes(self) -> dict[str, float]:
        """Norm of the generator's gradient that each loss would give at the current critic."""
        u = (torch.arange(theory.POINTS, dtype=torch.float64) + 0.5) / theory.POINTS
        real, fake = torch.from_numpy(self.scores(self.setting.density.points)).float(), self.score(self.generated(u))
        grad = partial(torch.autograd.grad, inputs=self.generator.weights, retain_graph=True)
        return {
            name: float(torch.linalg.vector_norm(grad(ADVERSARIAL[name][1](real, fake).mean())[0])) for name in LOSSES
        }


PRESETS: dict[str, tuple[Setting, dict[str, Any]]] = {
    "converges": (Setting(Density("two", 0.0, 0.6, 2.5)), {}),
    "collapse": (
        Setting(Density("eight", 0.0, 0.25, 1.5), penalty=False, turns=1, critic_rate=10**0.5, generator_rate=10**1.8),
        {"penalty": True},
    ),
    "vanishing": (
        Setting(
            Density("normal", 6.5, 0.5),
            loss="minimax",
            penalty=False,
            ahead=600,
            critic_rate=10**0.2,
            generator_rate=10**-0.3,
        ),
        {"loss": "wgan_gp", "penalty": True},
    ),
    "exploding": (
        Setting(
            Density("normal", 5.0, 0.6), loss="wgan_gp", penalty=False, critic_rate=10**0.5, generator_rate=10**-0.5
        ),
        {"penalty": True},
    ),
}
"""Presets: a setting that shows the behaviour, and the change that cures it."""
