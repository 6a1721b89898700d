"""The tricks in the game: energies that the source knows, flipped labels by hand, a critic of groups, gradients,
training."""

import dataclasses

import pytest
import torch

from core import discovery
from core.data import Batches
from core.keys import uniform
from core.losses import relativistic_critic
from core.models.plain import scaled
from core.models.showers import GROUP
from core.training.game import Game
from core.training.loop import Trainer, fit
from tests.gradients import slopes

SOURCE = discovery.problem("showers").source
NAMES = [p.name for p in discovery.problem("showers").presets]


@pytest.fixture(scope="module")
def images():
    return SOURCE.draw(range(12), (24, 24))


def make(images, name, **changes):
    """The game of a preset in double precision, from fixed weights."""
    problem, preset = discovery.split(f"showers/{name}")
    config = dataclasses.replace(preset.tiny, precision="fp64", **changes)
    torch.manual_seed(1)
    generator, critic = preset.generator().double(), preset.critic().double()
    return Game(problem, preset, config, generator, critic, Batches(images, config.seed, ()))


def test_every_image_is_paired_with_the_energy_that_the_source_knows(images):
    game = make(images, "plain")
    fields, conditions = game.real_batch(4)
    chosen = game.images.choose(4, range(GROUP))
    torch.testing.assert_close(fields[:, 0].float(), torch.from_numpy(images)[chosen])
    torch.testing.assert_close(
        conditions["energy"].float(), torch.from_numpy(SOURCE.known_conditions(range(12))["energy"])[chosen]
    )
    assert conditions["occupancy"].shape == (GROUP,)


def test_flipped_labels_by_hand(images):
    """The loss of a draw is that of the same scores with the keyed pairs exchanged; without flipping it is the usual
    one."""
    real, fake = torch.arange(8.0), torch.arange(8.0) ** 2 / 10
    game = make(images, "plain", flip=0.5)
    taken, given = game.flipped(3, real, fake)
    wrong = torch.tensor([uniform(game.config.seed, 3, i, "flip") < 0.5 for i in range(8)])
    assert 0 < int(wrong.sum()) < 8
    assert torch.equal(taken, torch.where(wrong, fake, real)) and torch.equal(given, torch.where(wrong, real, fake))
    assert make(images, "plain").flipped(3, real, fake)[0] is real
    by_hand = relativistic_critic(*make(images, "plain", flip=1.0).flipped(3, real, fake))
    torch.testing.assert_close(by_hand, relativistic_critic(fake, real))


def test_flipping_everything_turns_the_critic_round(images):
    """With all labels flipped the critic's adversarial loss is that of a game with real and generated images
    exchanged."""
    usual, flipped = make(images, "plain"), make(images, "plain", flip=1.0)
    gap = usual.critic_loss(5)[1]["gap"]
    assert flipped.critic_loss(5)[1]["gap"] == pytest.approx(gap)
    difference = flipped.critic_loss(5)[1]["loss"] - usual.critic_loss(5)[1]["loss"]
    assert difference == pytest.approx(gap, rel=1e-9)  # softplus(g) - softplus(-g) = g


@pytest.mark.parametrize("name", ["tricks", "minibatch"])
def test_a_critic_of_groups_never_mixes_real_with_generated(images, name):
    """Scores of real images are the same whatever follows them, and depend on the others of their group."""
    game = make(images, name)
    fields, conditions = game.real_batch(2)
    real = game.real_critic_input(2, fields, conditions)
    fake = game.critic_input(game.generate(2, fields, conditions).detach(), conditions)
    alone, together = game.score(real), game.score(torch.cat([real, fake]))[: len(real)]
    torch.testing.assert_close(alone, together)
    changed = torch.cat([real[:-1], fake[-1:]])
    assert not torch.allclose(game.score(changed)[0], alone[0], rtol=1e-9, atol=0)
    torch.testing.assert_close(make(images, "plain").score(changed)[0], make(images, "plain").score(real)[0])


def test_the_energy_is_read_from_the_image_alone(images):
    """The second head does not see the channel that tells the energy."""
    game = make(images, "tricks")
    fields, conditions = game.real_batch(2)
    real = game.real_critic_input(2, fields, conditions)
    blank = torch.cat([real[:, :1], -real[:, 1:]], 1)
    torch.testing.assert_close(game.critic.read(real)[1], game.critic.read(blank)[1])
    misread = game.score_and_read(real, conditions)[1]
    want = (game.critic.read(real)[1] - scaled(conditions, game.preset.conditions)).square().mean()
    torch.testing.assert_close(misread, game.config.auxiliary * want)


@pytest.mark.parametrize("name", ["tricks", "minibatch"])
@pytest.mark.parametrize("player", ["critic", "generator"])
def test_gradients_are_those_of_the_loss(images, name, player):
    """Along a random direction against central differences, relative 1e-4."""
    slope, difference = slopes(make(images, name), player, 1e-8, 2)
    assert slope == pytest.approx(difference, rel=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_trains(images, name):
    problem, preset = discovery.split(f"showers/{name}")
    seen = list(fit(Trainer(problem, preset, preset.tiny, images)))
    assert len(seen) == preset.tiny.steps and not any(p.note for p in seen)
    assert (preset.config.turns["projection"] > 0) == any(k.startswith("projection") for k in seen[0].losses)


def test_the_same_generator_and_data_for_all_that_are_compared():
    found = discovery.problem("showers").presets
    free = ("flip", "auxiliary", "turns", "weights")
    same = [{k: v for k, v in dataclasses.asdict(p.config).items() if k not in free} for p in found]
    assert all(s == same[0] for s in same)
    assert len({sum(q.numel() for q in p.generator().parameters()) for p in found}) == 1


@pytest.mark.parametrize(("name", "refused"), [("tricks", True), ("plain", False)])
def test_shares_of_no_whole_groups_are_refused_before_the_first_step(images, monkeypatch, name, refused):
    """Otherwise real and generated images would be compared with each other."""
    monkeypatch.setattr("core.training.game.share", lambda n: range(n // 4))
    monkeypatch.setattr("core.training.game.world", lambda: 4)
    if not refused:
        assert make(images, name, batch=16)
        return
    with pytest.raises(
        ValueError, match=r"a batch of 16 must give each of 4 processes a multiple of 8. Use at most 2 of them"
    ):
        make(images, name, batch=16)
