"""Players to gradients: the vector field of the three-way game (critic, generator, projection). No update rule lives
here.

    critic      max_psi    E f(D(x)) + E f(-D(G(z, r))) - penalty
    generator   min_theta  the same, through its own term
    projection  min_theta  L_I = sum_i w_i E I_i(G(z, r))              (eq. 2; r measured on the real batch)

What the critic sees in addition to the field, and a second head of it that reads r, make the other conditional GANs of
the same game.

Every draw is keyed by (run seed, step key, global sample index): a step is a pure function of the weights and its
number."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from core.data import Batches
from core.fields import as_soft, harden, soft_field
from core.keys import key, uniform
from core.losses import ADVERSARIAL, gradient_penalty, zero_centred_penalty
from core.models.layers import smooth
from core.models.plain import scaled
from core.training.distributed import average, share, world
from core.training.optimisers import make
from core.types import Array, Critic, Generator, Invariance, Player, Preset, Problem, TrainConfig

DTYPES = {"fp32": torch.float32, "fp64": torch.float64, "bf16": torch.float32}
"""Type of the weights by (resolved) precision; bf16 is that of the networks' arithmetic alone."""


def clipped(gradients: list[Tensor], largest: float) -> list[Tensor]:
    """The gradients scaled so that their joint norm is at most `largest` (0: as they are)."""
    if not largest:
        return gradients
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in gradients]))
    scale = (largest / norm.clamp(min=1e-12)).clamp(max=1.0)
    return [g * scale for g in gradients]


def invariance_loss(
    invariances: Sequence[Invariance], weights: Mapping[str, float], fields: Tensor, conditions: Mapping[str, Tensor]
) -> Tensor:
    """L_I = sum_i w_i I_i of each soft field, (B,); w_i = 1 where `weights` has none."""
    return torch.stack([weights.get(i.name, 1.0) * i.residual(fields, conditions) for i in invariances]).sum(0)


class Game:
    """The players of one preset on one device, and the gradients of their losses."""

    def __init__(
        self,
        problem: Problem,
        preset: Preset,
        config: TrainConfig,
        generator: Generator,
        critic: Critic | None,
        images: Batches | None,
        device: torch.device | str = "cpu",
    ) -> None:
        """`images` is None for data-free presets: then there is no critic, and conditions are drawn from the preset's
        ranges.

        Conditions that cannot be measured exactly on an image are those that the source knows of its first images
        (`known_conditions`)."""
        self.problem, self.preset, self.config = problem, preset, config
        self.generator, self.critic, self.images = generator, critic, images
        group = 1 if critic is None else critic.group
        if len(share(config.batch)) % group:
            raise ValueError(
                f"The critic compares {group} samples at a time: a batch of {config.batch} must give each of "
                f"{world()} processes a "
                f"multiple of {group}. Use at most {max(config.batch // group, 1)} of them, or a larger batch."
            )
        self.device, self.dtype = torch.device(device), DTYPES[config.precision]
        self.known: dict[str, Array] = {}
        if images is not None and problem.source is not None:
            self.known = problem.source.known_conditions(range(len(images.images)))
        self.players = self._players()
        self.progress_share = 0.0
        """Share of the steps that are done; the loop updates it."""

    def _players(self) -> tuple[Player, ...]:
        """The players in the order they move: critic, generator, projection; those without turns are left out."""
        c, generator = self.config, tuple(self.generator.parameters())
        theta = make(c.optimiser, generator, c.lr, c.betas)
        projection = theta if c.shared_projection_optimiser else make(c.optimiser, generator, c.lr, c.betas)
        parties = [
            ("generator", generator, self.generator_loss, theta),
            ("projection", generator, self.projection_loss, projection),
        ]
        if self.critic is not None:
            psi = tuple(self.critic.parameters())
            parties.insert(0, ("critic", psi, self.critic_loss, make("adam", psi, c.lr_critic, c.betas)))
        else:
            parties.pop(0)  # without a critic there is no adversarial loss
        for invariance in self.problem.invariances:  # turns by an invariance's own name: it moves alone (eq. 6)
            parties.append(
                (invariance.name, generator, partial(self.projection_loss, only=invariance.name), projection)
            )
        return tuple(Player(n, p, f, o, c.turns[n]) for n, p, f, o in parties if c.turns.get(n, 0) > 0)

    def gradients(self, player: Player, number: int) -> tuple[list[Tensor], dict[str, float]]:
        """Gradients of the player's loss at draw `number`, averaged over processes; the vector field that schemes
        follow."""
        loss, logs = player.loss(number)
        raw = torch.autograd.grad(loss, player.parameters, allow_unused=True)
        grads = [torch.zeros_like(p) if g is None else g for p, g in zip(player.parameters, raw, strict=True)]
        return clipped(average(grads), self.config.clip), {f"{player.name}.{k}": v for k, v in logs.items()}

    def autocast(self) -> torch.autocast:
        """bf16 for the networks where the configuration says so; statistics, penalties and logits stay in float32."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.precision == "bf16")

    def real_batch(self, number: int) -> tuple[Tensor, dict[str, Tensor]]:
        """A keyed batch of the data: soft fields (B, C, H, W) and their conditions: those that the preset requests,
        else what the source knows of these images, else those measured on the fields."""
        assert self.images is not None
        labels = self.images.take(number, share(self.config.batch))
        fields = as_soft(labels, self.problem.field, self.dtype)
        measured = {i.name: i.measure(fields) for i in self.problem.invariances}
        return fields, measured | self.source_conditions(number) | self.requested_conditions(number)

    def source_conditions(self, number: int) -> dict[str, Tensor]:
        """What the source knows of the images of a keyed batch."""
        if not self.known or self.images is None:
            return {}
        chosen = self.images.choose(number, share(self.config.batch)).cpu()
        return {k: torch.as_tensor(v)[chosen].to(self.device, self.dtype) for k, v in self.known.items()}

    def requested_conditions(self, number: int) -> dict[str, Tensor]:
        """The keyed conditions that the preset requests; none where it uses those of the data."""
        keys = [key(self.config.seed, number, i, "request") for i in share(self.config.batch)]
        drawn = self.preset.requests(keys) if self.preset.requests else {}
        return {k: v.to(self.device, self.dtype) for k, v in drawn.items()}

    def requested(self, number: int) -> tuple[Tensor | None, dict[str, Tensor]]:
        """Real fields and their conditions; for data-free presets no fields and drawn conditions."""
        return self.real_batch(number) if self.images is not None else (None, self.requested_conditions(number))

    def generate(self, number: int, fields: Tensor | None, conditions: Mapping[str, Tensor]) -> Tensor:
        """Logits of the generator at the conditions, with keyed noise and the latents read from the real fields, if
        any."""
        keys = [key(self.config.seed, number, i, "noise") for i in share(self.config.batch)]
        field, size = self.problem.field, self.config.size
        shape = (size, size) if field.sizes else field.shape
        if fields is not None:
            shape = (fields.shape[-2], fields.shape[-1])
        noise = self.generator.noise(keys, shape)
        noise = {k: v.to(self.device, self.dtype if v.is_floating_point() else None) for k, v in noise.items()}
        drawn = self.generator.draw_latent(noise, conditions) if fields is None else {}
        latent = drawn if fields is None else self.generator.read_latent(fields)
        with self.autocast():
            return self.generator(noise, conditions, latent).to(self.dtype)

    def critic_input(self, logits: Tensor, conditions: Mapping[str, Tensor]) -> Tensor:
        """What the critic sees of generated logits: the delivered array, blurred as the data are, with the gradient of
        the soft field (straight-through), so that neither grey levels nor the fraction give generated images away."""
        soft = soft_field(logits, self.problem.field)
        if self.problem.field.kind == "continuous":
            return self.append_channels(soft, soft, conditions)
        if not self.config.straight_through:
            return self.append_channels(smooth(soft, self.config.blur), soft, conditions)
        apply, field = self.problem.projection.apply, self.problem.field
        delivered = apply(logits.detach(), conditions) if apply else harden(soft.detach(), field)
        hard = as_soft(delivered, field, soft.dtype)
        return self.append_channels(smooth(soft + (hard - soft).detach(), self.config.blur), soft, conditions)

    def real_critic_input(self, number: int, fields: Tensor, conditions: Mapping[str, Tensor]) -> Tensor:
        """What the critic sees of real fields, on whose L_I there may be noise."""
        draws = (
            [uniform(self.config.seed, number, i, "residual") for i in share(len(fields))]
            if self.config.residual_noise
            else []
        )
        noise = (
            torch.special.ndtri(torch.tensor(draws).clamp(1e-6, 1 - 1e-6)).abs().to(fields) * self.config.residual_noise
        )
        return self.append_channels(smooth(fields, self.config.blur), fields, conditions, noise if draws else 0.0)

    def append_channels(
        self, images: Tensor, fields: Tensor, conditions: Mapping[str, Tensor], noise: Tensor | float = 0.0
    ) -> Tensor:
        """The images and, as constant channels, what else the critic sees: nothing, the conditions, or L_I of the
        fields; or what is left of the images where no invariance says what they are."""
        if self.config.critic_sees == "fields":
            return images
        if self.config.critic_sees == "complement":
            free = [i.free(conditions).to(images) for i in self.problem.invariances]
            return images * math.prod(free)
        if self.config.critic_sees == "conditions":
            values = scaled(conditions, self.preset.conditions)
        else:
            loss = invariance_loss(self.problem.invariances, self.config.weights, fields, conditions)
            values = (loss + noise)[:, None]
        return torch.cat([images, values.to(images)[:, :, None, None].expand(-1, -1, *images.shape[2:])], 1)

    def score(self, images: Tensor) -> Tensor:
        """Critic scores (B,) under autocast."""
        assert self.critic is not None
        with self.autocast():
            return self.critic(images.contiguous(memory_format=torch.channels_last))

    def score_and_read(self, images: Tensor, conditions: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Critic scores (B,) and the weighted mean squared error with which its second head, if any, reads the
        conditions of the first images, as many as there are conditions."""
        if not self.config.auxiliary:
            return self.score(images), torch.zeros((), device=self.device)
        assert self.critic is not None
        with self.autocast():
            scores, read = self.critic.read(images.contiguous(memory_format=torch.channels_last))
        target = scaled(conditions, self.preset.conditions).to(read)
        return scores, self.config.auxiliary * (read[: len(target)] - target).square().mean()

    def critic_loss(self, number: int) -> tuple[Tensor, dict[str, float]]:
        """Adversarial loss of the critic plus its penalty."""
        fields, conditions = self.real_batch(number)
        with torch.no_grad():
            fake = self.critic_input(self.generate(number, fields, conditions), conditions)
            real = self.real_critic_input(number, fields, conditions)
        scores, misread = self.score_and_read(torch.cat([real, fake]), conditions)
        scores_real, scores_fake = scores.chunk(2)
        as_real, as_fake = self.flipped(number, scores_real, scores_fake)
        loss = ADVERSARIAL[self.config.loss][0](as_real, as_fake).mean()
        logs = {"loss": float(loss.detach()), "gap": float((scores_real - scores_fake).mean().detach())}
        return loss + misread + self._penalty(number, real, fake), logs | self._misread(misread)

    def flipped(self, number: int, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (B,) that the loss counts as those of real and of generated images: a keyed share of the pairs is
        exchanged."""
        if not self.config.flip:
            return real, fake
        draws = [uniform(self.config.seed, number, i, "flip") for i in share(self.config.batch)]
        exchanged = torch.tensor(draws, device=real.device) < self.config.flip
        return torch.where(exchanged, fake, real), torch.where(exchanged, real, fake)

    def _penalty(self, number: int, real: Tensor, fake: Tensor) -> Tensor:
        """WGAN-GP on mixtures, else R1 + R2, every `lazy` draws (by key) with `lazy` times the weight."""
        c = self.config
        if c.loss == "wgan_gp":
            mix = [uniform(c.seed, number, i, "mix") for i in share(c.batch)]
            return (
                10
                * gradient_penalty(
                    self.score, real, fake, torch.tensor(mix, dtype=self.dtype, device=self.device)
                ).mean()
            )
        if number % c.lazy:
            return torch.zeros((), device=self.device)
        both = zero_centred_penalty(self.score, torch.cat([real, fake]))
        return c.lazy * c.gamma * both.mean()

    def generator_loss(self, number: int) -> tuple[Tensor, dict[str, float]]:
        """Adversarial loss of the generator, and the error with which the critic's second head reads the requested
        conditions."""
        fields, conditions = self.real_batch(number)
        fake = self.critic_input(self.generate(number, fields, conditions), conditions)
        with torch.no_grad():
            scores_real = self.score(self.real_critic_input(number, fields, conditions))
        scores_fake, misread = self.score_and_read(fake, conditions)
        loss = ADVERSARIAL[self.config.loss][1](scores_real, scores_fake).mean()
        return loss + misread, {"loss": float(loss.detach())} | self._misread(misread)

    def _misread(self, error: Tensor) -> dict[str, float]:
        """The auxiliary error for the logs, where there is one."""
        return {"auxiliary": float(error.detach())} if self.config.auxiliary else {}

    def projection_loss(self, number: int, only: str = "") -> tuple[Tensor, dict[str, float]]:
        """L_I: the weighted mean of the invariances' residuals on the raw soft field, before any projection; an
        invariance with weight 0, or another than `only`, is left out."""
        fields, conditions = self.requested(number)
        soft = soft_field(self.generate(number, fields, conditions), self.problem.field)
        used = [i for i in self.problem.invariances if self.config.weights.get(i.name, 1.0) and only in ("", i.name)]
        residuals = {i.name: i.residual(soft, conditions).mean() for i in used}
        loss = torch.stack([self.config.weights.get(n, 1.0) * r for n, r in residuals.items()]).sum()
        return loss, {"loss": float(loss.detach()), **{n: float(r.detach()) for n, r in residuals.items()}}
