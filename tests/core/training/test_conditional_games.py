"""The games of other conditional GANs: what the critic sees, the sign of the auxiliary error, gradients by finite
differences."""

import dataclasses

import pytest
import torch

from core import discovery
from core.data import Batches
from core.fields import soft_field
from core.models.plain import scaled
from core.training.game import Game
from core.training.loop import Trainer, fit
from tests.gradients import slopes

SOURCE = discovery.problem("shapes").source
BATCH = 2


@pytest.fixture(scope="module")
def images():
    return SOURCE.draw(range(8), (128, 128))


def make(images, name, **changes):
    """The game of a preset in double precision, from fixed weights."""
    problem, preset = discovery.split(f"shapes/{name}")
    config = dataclasses.replace(preset.tiny, precision="fp64", batch=BATCH, **changes)
    torch.manual_seed(1)
    generator, critic = preset.generator().double(), preset.critic().double()
    return Game(problem, preset, config, generator, critic, Batches(images, config.seed, ()))


def by_name(game, name):
    return next(p for p in game.players if p.name == name)


def made(game, number):
    """Real fields, conditions and soft generated fields of one draw."""
    fields, conditions = game.real_batch(number)
    return fields, conditions, soft_field(game.generate(number, fields, conditions), game.problem.field)


@pytest.mark.parametrize("name", ["cgan", "ac_gan", "stinis_noise"])
@pytest.mark.parametrize("player", ["critic", "generator"])
def test_gradients_are_those_of_the_loss(images, name, player):
    """Along a random direction against central differences, relative 1e-4."""
    slope, difference = slopes(make(images, name), player, 1e-9, 0)
    assert slope == pytest.approx(difference, rel=1e-4)


def test_a_step_of_the_generator_lowers_the_auxiliary_error(images):
    """AC-GAN with a critic that only reads: the generator goes where the conditions asked for are read better, not
    worse."""
    game = make(images, "ac_gan")
    with torch.no_grad():
        game.critic.score.weight.zero_()
        game.critic.score.bias.zero_()
    player = by_name(game, "generator")
    grads, logs = game.gradients(player, 3)
    before = logs["generator.auxiliary"]
    with torch.no_grad():
        for p, g in zip(player.parameters, grads, strict=True):
            p -= 1e-3 * g / torch.linalg.vector_norm(g).clamp(min=1e-12)
    assert game.gradients(player, 3)[1]["generator.auxiliary"] < before


def test_the_auxiliary_error_is_against_the_conditions_asked_for(images):
    """The generator's on its own images against the request, the critic's on real images against what was measured on
    them."""
    game = make(images, "ac_gan")
    fields, conditions, soft = made(game, 4)
    asked = scaled(conditions, game.preset.conditions)
    for player, shown in (("generator", soft), ("critic", fields)):
        want = game.config.auxiliary * (game.critic.read(shown)[1] - asked).square().mean().detach()
        got = game.gradients(by_name(game, player), 4)[1][f"{player}.auxiliary"]
        assert got == pytest.approx(float(want), rel=1e-9)


def test_what_a_conditional_critic_sees(images):
    """cGAN: the image, then one constant channel for each condition, -1 to 1 over its range, the same for real and
    generated."""
    game = make(images, "cgan")
    fields, conditions, soft = made(game, 6)
    real = game.real_critic_input(6, fields, conditions)
    fake = game.critic_input(soft.log(), conditions)
    assert real.shape == fake.shape == (BATCH, 9, 128, 128)
    torch.testing.assert_close(real[:, :3], fields)
    torch.testing.assert_close(fake[:, :3], soft)
    want = scaled(conditions, game.preset.conditions)[:, :, None, None].expand(-1, -1, 128, 128)
    torch.testing.assert_close(real[:, 3:], want)
    torch.testing.assert_close(fake[:, 3:], want)


@pytest.mark.parametrize("name", ["stinis", "stinis_noise"])
def test_what_a_critic_of_the_residual_sees(images, name):
    """(x, L_I(x)): 0 on real images, or noise where that is asked for, keyed by the draw; on generated ones what the
    projection step of InvNet would minimise."""
    game, projection = make(images, name), make(images, "invnet")
    fields, conditions, soft = made(game, 6)
    real, fake = game.real_critic_input(6, fields, conditions), game.critic_input(soft.log(), conditions)
    torch.testing.assert_close(fake[:, 3, 0, 0].mean(), projection.projection_loss(6)[0], rtol=1e-9, atol=1e-9)
    assert (fake[:, 3] == fake[:, 3, :1, :1]).all() and real.shape[1] == 4
    noise = real[:, 3, 0, 0]
    if name == "stinis":
        assert (noise == 0).all()
    else:
        assert (noise > 0).all() and (noise < 5 * game.config.residual_noise).all() and noise[0] != noise[1]
        assert torch.equal(game.real_critic_input(6, fields, conditions), real)
        assert not torch.equal(game.real_critic_input(7, fields, conditions), real)


@pytest.mark.parametrize("name", ["two_circles", "circle_square", "invnet", "cgan", "ac_gan", "stinis_noise"])
def test_every_preset_trains(images, name):
    problem, preset = discovery.split(f"shapes/{name}")
    run = Trainer(problem, preset, preset.tiny, problem.source.draw(range(8), (128, 128)))
    seen = list(fit(run))
    assert len(seen) == preset.tiny.steps and not any(p.note for p in seen)
    assert (preset.config.turns["projection"] > 0) == any(k.startswith("projection") for k in seen[0].losses)


def test_the_same_generator_critic_and_data_for_all_that_are_compared():
    found = [p for p in discovery.problem("shapes").presets if p.name not in ("two_circles", "circle_square")]
    free = ("critic_sees", "residual_noise", "auxiliary", "turns")
    same = [{k: v for k, v in dataclasses.asdict(p.config).items() if k not in free} for p in found]
    assert len(found) == 6 and all(s == same[0] for s in same)
    counts = {p.name: sum(q.numel() for q in p.generator().parameters()) for p in found}
    assert len({v for k, v in counts.items() if k != "wgan_gp"}) == 1
    assert all(p.config.turns["critic"] == found[0].config.turns["critic"] for p in found)
