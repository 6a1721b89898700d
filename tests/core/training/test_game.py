"""The vector field of the three-way game, by hand on a game small enough, and the loop on the real problem."""

import copy
import dataclasses
import math

import pytest
import torch
from torch import nn

from core import discovery
from core.data import Batches
from core.fields import as_soft, soft_field
from core.keys import key
from core.losses import ADVERSARIAL
from core.models.layers import smooth
from core.projection import rank_threshold
from core.training.game import Game, clipped
from core.training.loop import Trainer, fit
from core.training.schemes import SCHEMES
from core.types import Critic, Field, Generator

PROBLEM, PRESET = discovery.split("two_phase")
SIZE, BATCH = 64, 3
WEIGHTS = {"correlation": 7.0, "length": 0.0}
BY_HAND = dataclasses.replace(PRESET.tiny, batch=BATCH, precision="fp64", clip=0.0, lazy=1, gamma=0.3, weights=WEIGHTS)


class Tilt(Generator):
    """Logits a (noise + b (2 p - 1)): two parameters, gradients that can be written down."""

    def __init__(self):
        super().__init__()
        self.a, self.b = (nn.Parameter(torch.tensor(v, dtype=torch.float64)) for v in (0.8, 0.3))

    def noise(self, keys, shape):
        return {
            "white": torch.stack([torch.randn(1, *shape, generator=torch.Generator().manual_seed(k)) for k in keys])
        }

    def forward(self, noise, conditions, latent):
        return self.a * (noise["white"] + self.b * (2 * conditions["volume_fraction"] - 1)[:, None, None, None])


class Plane(Critic):
    """D(x) = <w, x>: its gradient is w everywhere."""

    def __init__(self):
        super().__init__()
        rng = torch.Generator().manual_seed(3)
        self.w = nn.Parameter(0.02 * torch.randn(1, SIZE, SIZE, generator=rng, dtype=torch.float64))

    def forward(self, x):
        return (self.w * x).sum((1, 2, 3))


@pytest.fixture
def game(structures):
    return make(structures)


def make(structures, **changes):
    config = dataclasses.replace(BY_HAND, **changes)
    return Game(PROBLEM, PRESET, config, Tilt(), Plane(), Batches(structures, config.seed))


def parts(game, number):
    """What every loss is made of, made again from the keys: real fields, noise, soft and delivered fields, images
    shown."""
    real = game.images.take(number, range(BATCH))[:, None].double()
    p = real.mean((1, 2, 3))
    white = game.generator.noise([key(0, number, i, "noise") for i in range(BATCH)], (SIZE, SIZE))["white"].double()
    a, b = game.generator.a.detach(), game.generator.b.detach()
    soft = torch.sigmoid(a * (white + b * (2 * p - 1)[:, None, None, None]))
    hard = rank_threshold(soft, p)[:, None].double()
    return real, p, white, soft, smooth(real, 0.7), smooth(hard, 0.7)


def by_name(game):
    return {player.name: player for player in game.players}


def gradient(game, name, number=5):
    return game.gradients(by_name(game)[name], number)


@pytest.mark.parametrize("loss", sorted(ADVERSARIAL))
def test_critics_gradient_by_hand(structures, loss):
    """relativistic: sum_i s_i (fake_i - real_i) / B with s the logistic of D(fake) - D(real), plus the penalty |w|^2
    gamma, from R1 and R2 by halves. wgan_gp: mean(fake - real) plus 10 (|w| - 1)^2. minimax and non_saturating:
    s(D(fake)) on the fake and s(D(real)) - 1 on the real ones, plus the same penalty."""
    game = make(structures, loss=loss)
    (got,), logs = gradient(game, "critic")
    *_, real, fake = parts(game, 5)
    w = game.critic.w.detach()
    gap = (w * (fake - real)).sum((1, 2, 3))
    if loss == "relativistic":
        want = (torch.sigmoid(gap)[:, None, None, None] * (fake - real)).mean(0) + 0.3 * 2 * w
        value = torch.log1p(gap.exp()).mean()
    elif loss != "wgan_gp":
        high, low = (torch.sigmoid((w * x).sum((1, 2, 3))) for x in (real, fake))
        want = (low[:, None, None, None] * fake - (1 - high)[:, None, None, None] * real).mean(0) + 0.3 * 2 * w
        value = -(high.log() + (1 - low).log()).mean()
    else:
        norm = w.norm()
        want, value = (fake - real).mean(0) + 10 * 2 * (norm - 1) * w / norm, gap.mean()
    torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-12)
    assert logs["critic.loss"] == pytest.approx(float(value)) and logs["critic.gap"] == pytest.approx(
        -float(gap.mean())
    )


@pytest.mark.parametrize("loss", sorted(ADVERSARIAL))
def test_generators_gradient_by_hand(structures, loss):
    """Straight through: scores of the delivered array, slope of the soft field; blur is its own adjoint."""
    game = make(structures, loss=loss)
    got, logs = gradient(game, "generator")
    _, p, white, soft, real, fake = parts(game, 5)
    w, a, b = game.critic.w.detach(), game.generator.a.detach(), game.generator.b.detach()
    gap = (w * (real - fake)).sum((1, 2, 3))
    low = torch.sigmoid((w * fake).sum((1, 2, 3)))
    slope = {
        "relativistic": torch.sigmoid(gap),
        "wgan_gp": torch.ones_like(gap),
        "minimax": low,
        "non_saturating": 1 - low,
    }[loss]
    back = -slope[:, None, None, None] * smooth(w[None], 0.7) * soft * (1 - soft) / BATCH
    tilt = (2 * p - 1)[:, None, None, None]
    want = [(back * (white + b * tilt)).sum(), (back * a * tilt).sum()]
    torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-12)
    values = {
        "relativistic": torch.log1p(gap.exp()),
        "wgan_gp": -(w * fake).sum((1, 2, 3)),
        "minimax": (1 - low).log(),
        "non_saturating": -low.log(),
    }
    assert logs["generator.loss"] == pytest.approx(float(values[loss].mean()))


def test_projections_gradient_by_finite_differences(game):
    """L_I = mean (p1 - p1*)^2 + 7 mean_r (S2 - S2*)^2 on the raw soft field, conditions measured on the real batch."""
    got, logs = gradient(game, "projection")

    def value():
        real, p, _, soft, *_ = parts(game, 5)
        volume, correlation = ((soft.mean((1, 2, 3)) - p) ** 2).mean(), PROBLEM.invariances[1]
        curves = (correlation.measure(soft) - correlation.measure(real)).square().mean()
        return [float(volume), float(curves), float(volume + 7 * curves)]

    told = [logs[f"projection.{name}"] for name in ("volume_fraction", "correlation", "loss")]
    assert told == pytest.approx(value())
    for parameter, slope in zip(game.generator.parameters(), got, strict=True):
        values = []
        for step in (-1e-5, 1e-5):
            parameter.data += step
            values.append(value()[2])
            parameter.data -= step
        assert float(slope) == pytest.approx((values[1] - values[0]) / 2e-5, rel=1e-5)


def test_a_gradient_is_a_function_of_its_number(game):
    first, again, other = (gradient(game, "generator", n)[0] for n in (5, 5, 6))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


def test_penalty_comes_every_lazy_draws_with_lazy_times_the_weight(structures):
    games = [make(structures, lazy=lazy, gamma=0.3) for lazy in (1, 4)]
    without, with_ = ([gradient(g, "critic", n)[0][0] for g in games] for n in (5, 8))
    w = games[0].critic.w.detach()
    torch.testing.assert_close(without[0] - without[1], 0.6 * w, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(with_[1] - with_[0], 3 * 0.6 * w, rtol=1e-9, atol=1e-12)


def test_gradients_are_clipped_by_their_joint_norm(structures):
    grads = [torch.tensor([3.0, 0.0]), torch.tensor([[4.0]])]
    torch.testing.assert_close(clipped(grads, 1.0), [torch.tensor([0.6, 0.0]), torch.tensor([[0.8]])])
    assert clipped(grads, 0.0) is grads and torch.equal(clipped(grads, 6.0)[0], grads[0])
    game, free = make(structures, clip=1e-3), make(structures)
    short, whole = (torch.stack(gradient(g, "generator")[0]) for g in (game, free))
    assert float(short.norm()) == pytest.approx(1e-3)
    torch.testing.assert_close(short / short.norm(), whole / whole.norm())


def test_players_move_in_order_and_share_what_the_configuration_says(structures):
    game = make(structures)
    assert [p.name for p in game.players] == ["critic", "generator", "projection"]
    critic, generator, projection = game.players
    assert projection.optimiser is generator.optimiser is not critic.optimiser
    own = make(structures, shared_projection_optimiser=False).players
    assert own[1].optimiser is not own[2].optimiser
    silent = make(structures, turns={"generator": 2, "critic": 0, "projection": 3})
    assert [(p.name, p.turns) for p in silent.players] == [("generator", 2), ("projection", 3)]


def test_without_data_there_is_no_critic_and_no_adversary():
    free = Game(PROBLEM, PRESET, BY_HAND, Tilt(), None, None)
    assert [p.name for p in free.players] == ["projection"]


def test_soft_fields_of_every_kind():
    logits = torch.randn(2, 3, 4, 4)

    def kind(k, c):
        return Field(k, (4, 4), channels=c)

    torch.testing.assert_close(soft_field(logits[:, :1], kind("binary", 1)), 1 / (1 + (-logits[:, :1]).exp()))
    torch.testing.assert_close(soft_field(logits, kind("categorical", 3)).sum(1), torch.ones(2, 4, 4))
    assert soft_field(logits, kind("continuous", 3)) is logits
    hot = as_soft(torch.tensor([[[0, 2], [1, 1]]]), kind("categorical", 3))
    assert hot[0].argmax(0).tolist() == [[0, 2], [1, 1]] and float(hot.sum()) == 4


# --- the real problem, seconds long
# ---------------------------------------------------------------------------------------


@pytest.fixture
def trainer(structures, fitted):
    """Makes a Trainer of the tiny preset around a fitted generator, with changes to the configuration."""

    def make(**changes):
        config = dataclasses.replace(PRESET.tiny, size=SIZE, **changes)
        preset = dataclasses.replace(PRESET, generator=lambda: copy.deepcopy(fitted).requires_grad_(True).train())
        return Trainer(PROBLEM, preset, config, structures, fit=False)

    return make


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)


@pytest.mark.parametrize("loss", ["relativistic", "wgan_gp", "non_saturating"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_rule_and_loss_trains_the_real_problem(trainer, scheme, loss):
    run = trainer(scheme=scheme, loss=loss, steps=2, batch=2)
    before = run.state()
    seen = list(fit(run))
    assert [p.step for p in seen] == [1, 2] and seen[-1].finished and not any(p.note for p in seen)
    assert {"critic.loss", "generator.loss", "projection.loss"} <= set(seen[0].losses)
    assert set(seen[0].residuals) == {"volume_fraction", "correlation"}
    after = run.state()
    moved = {k.split(".")[0] for k in before if not torch.equal(before[k], after[k])}
    assert {"critic", "generator", "ema", "step"} <= moved
    assert all(math.isfinite(v) for p in seen for v in p.losses.values()) and all(
        v.isfinite().all() for v in after.values()
    )


@pytest.mark.parametrize("precision", ["bf16", "fp32", "fp64"])
def test_every_precision_trains_and_keeps_its_weights_wide(trainer, precision):
    run = trainer(precision=precision, steps=1, batch=2)
    assert not next(fit(run)).note
    wide = torch.float64 if precision == "fp64" else torch.float32
    assert {p.dtype for p in (*run.generator.parameters(), *run.critic.parameters())} == {wide}


def test_a_generator_reads_its_statistics_in_double_precision_runs_too(structures):
    config = dataclasses.replace(PRESET.tiny, precision="fp64", steps=1, batch=2, size=SIZE)
    run = Trainer(PROBLEM, PRESET, config, structures[:48])
    assert (
        not next(fit(run)).note and run.generator.seed.curves.any() and run.generator.seed.curves.dtype == torch.float64
    )


def test_optimistic_memory_is_part_of_the_state(trainer):
    run, other = (trainer(scheme="optimistic", steps=2, batch=2) for _ in range(2))
    next(fit(run))
    other.restore(run.state())
    assert set(other.scheme.memory) == {"critic", "generator", "projection"}
    for name, grads in run.scheme.memory.items():
        assert any(g.any() for g in grads) and all(
            torch.equal(a, b) for a, b in zip(grads, other.scheme.memory[name], strict=True)
        )
    next(fit(run)), next(fit(other))
    assert same(run.state(), other.state())


def test_two_runs_and_one_resumed_are_bit_identical(trainer):
    one, two, resumed = (trainer(steps=3, batch=2, precision="bf16") for _ in range(3))
    list(fit(one))
    list(fit(two, 1))
    resumed.restore(two.state())
    list(fit(two))
    list(fit(resumed))
    assert same(one.state(), two.state()) and same(one.state(), resumed.state())


def test_the_rate_warms_up(trainer):
    run = trainer(steps=4, warmup=4, batch=2, lr=1e-3, lr_critic=4e-3)
    seen = []
    for _ in fit(run, 3):
        seen.append([round(p.optimiser.param_groups[0]["lr"], 9) for p in run.game.players])
    assert seen == [[1e-3, 2.5e-4, 2.5e-4], [2e-3, 5e-4, 5e-4], [3e-3, 7.5e-4, 7.5e-4]]


def test_residual_falls_from_a_wrong_calibration(trainer):
    """The learned correction starts 15 % off in composition and 65 % in time; ten steps of all three players take L_I
    down to a tenth (measured: .149 to .014)."""
    run = trainer(steps=10, batch=4, lr=1e-2, warmup=1)
    with torch.no_grad():
        run.generator.physics.correction.weight[:, 0] = torch.tensor([0.5, 0.15])
    projection = by_name(run.game)["projection"]

    def residual():
        return sum(run.game.gradients(projection, n)[1]["projection.loss"] for n in range(4)) / 4

    before = residual()
    list(fit(run))
    assert residual() < 0.3 * before
