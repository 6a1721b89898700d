"""The plain networks: sizes, latents, and conditions as the critics see them."""

import torch

from core import discovery
from core.models.plain import PlainCritic, PlainGenerator, scaled, unscaled
from core.types import Quantity

QUANTITIES = discovery.split("shapes/cgan")[1].conditions
SIMPLEX = Quantity("fractions", "F", "f", "", 0.0, 1.0, (0.5, 0.5), "", "simplex", 2)


def conditions(n, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return {q.name: q.trained[0] + (q.trained[1] - q.trained[0]) * torch.rand(n, generator=rng) for q in QUANTITIES}


def test_conditions_are_scaled_to_their_trained_ranges():
    ends = scaled({q.name: torch.tensor(q.trained) for q in QUANTITIES}, QUANTITIES)
    torch.testing.assert_close(ends, torch.tensor([[-1.0], [1.0]]).expand(2, 6))
    wide = scaled({"fractions": torch.tensor([[0.0, 1.0], [0.5, 0.25]])}, [SIMPLEX])
    torch.testing.assert_close(wide, torch.tensor([[-1.0, 1.0], [0.0, -0.5]]))


def test_scaled_conditions_can_be_read_back():
    requested = conditions(4)
    back = unscaled(scaled(requested, QUANTITIES), QUANTITIES)
    assert list(back) == [q.name for q in QUANTITIES]
    for name, value in requested.items():
        torch.testing.assert_close(back[name], value)


def test_the_generator_is_a_function_of_noise_conditions_and_dials():
    torch.manual_seed(0)
    generator = PlainGenerator(3, QUANTITIES)
    noise, requested = generator.noise([4, 5, 4], (128, 128)), conditions(3)
    logits = generator(noise, requested, generator.draw_latent(noise, requested))
    assert logits.shape == (3, 3, 128, 128) and generator.read_latent(logits) == {}
    same = {k: v[[0, 0, 0]] for k, v in requested.items()}
    one = generator(noise, same, {})
    torch.testing.assert_close(one[0], one[2])
    assert not torch.allclose(one[0], one[1])
    moved = generator(noise, {**same, "x1": same["x1"] + 20}, {})
    assert not torch.allclose(moved, one)


def test_latents_replace_the_drawn_components_of_z():
    torch.manual_seed(0)
    generator = PlainGenerator(3, (), 2)
    noise = generator.noise([1], (128, 128))
    drawn = generator.draw_latent(noise, {})
    assert set(drawn) == {"z1", "z2"} and torch.equal(drawn["z2"], noise["z"][:, 1])
    torch.testing.assert_close(generator(noise, {}, drawn), generator(noise, {}, {}))
    assert not torch.allclose(generator(noise, {}, {**drawn, "z2": drawn["z2"] + 1}), generator(noise, {}, {}))


def test_the_critic_scores_each_image_by_itself_and_sees_where_things_are():
    torch.manual_seed(0)
    critic = PlainCritic(4, 6)
    images = torch.rand(3, 4, 128, 128, generator=torch.Generator().manual_seed(1))
    scores, numbers = critic.read(images)
    assert scores.shape == (3,) and numbers.shape == (3, 6)
    torch.testing.assert_close(critic(images), scores)
    torch.testing.assert_close(critic(images[1:2]), scores[1:2])
    assert not torch.allclose(critic(images.roll(40, 3)), scores)
