"""The polycrystal generator: a pure function of key, request and latents; each latent acts as specified on the map."""

import numpy as np
import pytest
import torch

from core.descriptors import grains
from core.keys import key
from core.models.nuclei import Nuclei
from core.models.polycrystal import SCATTERS, CrystalGenerator, dominance, painted, statistics
from core.projection import specks, without_speckle
from core.simulation.grains import Grains

SHAPE = (64, 64)
KEYS = [key("crystal test", i) for i in range(6)]
EQUAL = (0.2,) * 5
SKEWED = (0.7, 0.1, 0.1, 0.05, 0.05)
UNSEEN = [EQUAL, SKEWED, (0.9, 0.025, 0.025, 0.025, 0.025), (0.6, 0.4, 0, 0, 0), (0.45, 0.45, 0.05, 0.03, 0.02)]
REST = {"grain_size": 14.0, "scatter": 0.25, "stretch": 0.0, "morph_a": 0.0, "morph_b": 0.0}


@pytest.fixture(scope="module")
def fitted():
    """A generator fitted to 32 small maps, its network untrained."""
    torch.manual_seed(0)
    generator = CrystalGenerator().eval().requires_grad_(False)
    generator.left = generator.fit(torch.from_numpy(Grains().draw(range(32), (64, 64))), range(32))
    return generator


def latent_at(n, **latents):
    return {k: torch.full((n,), v) for k, v in (REST | latents).items()}


def made(fitted, fractions=EQUAL, shape=SHAPE, keys=KEYS, stages=None, **latents):
    """Delivered maps and raw logits of the same keys."""
    requested = torch.tensor([fractions] * len(keys), dtype=torch.float32)
    logits = fitted(
        fitted.noise(keys, shape), {"fractions": requested}, latent_at(len(keys), **latents), **(stages or {})
    )
    return without_speckle(logits, requested), logits


def test_noise_depends_on_its_key_alone(fitted):
    together, alone = fitted.noise(KEYS, SHAPE), fitted.noise(KEYS[2:3], SHAPE)
    assert all(torch.equal(together[k][2:3], alone[k]) for k in together)
    gumbel = together["preference"]
    assert float(gumbel.mean()) == pytest.approx(0.5772, abs=0.06)
    assert float(gumbel.std()) == pytest.approx(np.pi / 6**0.5, abs=0.06)


def test_a_sample_depends_on_itself_alone(fitted):
    """One by one or together (other samples need other numbers of channels): the same to rounding."""
    requested, latent = torch.tensor(UNSEEN), latent_at(5) | {"stretch": torch.linspace(-0.3, 0.3, 5)}
    together = fitted(fitted.noise(KEYS[:5], SHAPE), {"fractions": requested}, latent)
    for i in range(5):
        chosen = {k: v[i : i + 1] for k, v in latent.items()}
        alone = fitted(fitted.noise(KEYS[i : i + 1], SHAPE), {"fractions": requested[i : i + 1]}, chosen)
        torch.testing.assert_close(torch.softmax(alone[0], 0), torch.softmax(together[i], 0), atol=1e-4, rtol=0)


@pytest.mark.parametrize("fractions", UNSEEN)
@pytest.mark.parametrize("stages", [{}, {"physics": False}])
def test_raw_fractions_are_near_the_request_before_any_training(fitted, fractions, stages):
    _, logits = made(fitted, fractions, (128, 128), KEYS[:4], stages)
    assert logits.isfinite().logical_or(torch.tensor(fractions).view(1, 5, 1, 1) == 0).all()
    raw = torch.stack([torch.bincount(one.flatten(), minlength=5) for one in logits.max(1)[1]]) / 128**2
    assert float((raw - torch.tensor(fractions)).abs().mean()) < (0.025 if stages else 0.01)


@pytest.mark.parametrize("size", [12.0, 15.0, 20.0])
def test_grain_size_is_the_mean_diameter_of_the_map(fitted, size):
    labels, _ = made(fitted, shape=(128, 128), keys=KEYS, grain_size=size)
    result = grains.mean_diameter(labels)
    assert float(result.mean()) == pytest.approx(size, rel=0.1 + 2 * float(result.std() / result.mean()) / 6**0.5)


def test_calibration_leaves_little(fitted):
    assert fitted.left["log_size"] < 0.03


def test_stretch_elongates_by_its_exponential(fitted):
    """Faces between labels met along y over those along x: e^(2 stretch) for an affinely stretched isotropic map."""
    for stretch in (-0.3, 0.0, 0.3):
        maps = made(fitted, shape=(128, 128), keys=KEYS[:4], stretch=stretch)[0].numpy()
        down, across = ((maps != np.roll(maps, -1, axis)).sum() for axis in (1, 2))
        assert np.log(down / across) / 2 == pytest.approx(stretch, abs=0.06)


def test_scatter_mixes_sizes(fitted):
    spread = []
    for scatter in SCATTERS:
        diameters = grains.diameters(made(fitted, shape=(128, 128), keys=KEYS, scatter=scatter)[0])
        spread.append(np.mean([d.std() / d.mean() for d in diameters]))
    assert spread[1] > 1.2 * spread[0]


def test_morphs_walk_smoothly_and_far(fitted):
    still = made(fitted)[0]
    for name in ("morph_a", "morph_b"):
        near, far = (float((made(fitted, **{name: angle})[0] != still).float().mean()) for angle in (0.01, 1.2))
        assert near < 0.35 < far


def test_a_small_change_of_the_request_changes_a_small_part(fitted):
    changes = []
    for largest in (0.25, 0.4, 0.6):
        two = [made(fitted, (a, *[(1 - a) / 4] * 4), (128, 128))[0] for a in (largest, largest + 0.004)]
        changes.append(float((two[0] != two[1]).float().mean()))
    assert np.mean(changes) < 0.2


def test_delivered_maps_have_no_speckle(fitted):
    for fractions in UNSEEN:
        assert sum(int(specks(one.numpy()).sum()) for one in made(fitted, fractions)[0]) == 0


def test_latents_follow_the_data(fitted):
    maps = torch.from_numpy(Grains().draw(range(100, 140), (64, 64)))
    fractions, size = statistics(maps)
    noise = {"uniform": torch.linspace(0.01, 0.99, 40)}
    drawn = fitted.draw_latent(noise, {"fractions": fractions})
    assert set(drawn) == set(REST) and float(drawn["grain_size"].mean()) == pytest.approx(float(size.mean()), rel=0.15)
    fields = torch.nn.functional.one_hot(maps.long(), 5).movedim(3, 1).float()
    torch.testing.assert_close(fitted.read_latent(fields)["grain_size"], size)


def test_dominance_is_none_for_equal_fractions_and_most_for_one():
    torch.testing.assert_close(dominance(torch.tensor([EQUAL, (1, 0, 0, 0, 0)])), torch.tensor([0, 0.8]))


def test_bumps_meet_on_the_power_diagram():
    """Two discs in channels of their own: equal weight where |x - x1|^2 - r1^2 = |x - x2|^2 - r2^2."""
    two = Nuclei(np.array([[16.0, 10.0], [16.0, 30.0]]), np.array([8.0, 4.0]), np.array([0, 1]), np.array([0, 1]))
    bumps = painted(two, np.ones(2), 0.7, 2, (32, 64))
    ratio = (bumps[0] / bumps[1]).log()[16]
    border = 10 + (20**2 + 8**2 - 4**2) / (2 * 20)
    crossing = float(np.interp(0, -ratio[10:30].numpy(), np.arange(10, 30)))
    assert crossing == pytest.approx(border, abs=0.01)


def test_gradients_reach_every_weight_of_the_network():
    torch.manual_seed(1)
    generator = CrystalGenerator()
    torch.nn.init.normal_(generator.network.leave.weight, std=0.1)
    requested = torch.tensor([EQUAL, SKEWED])
    logits = generator(generator.noise(KEYS[:2], (32, 32)), {"fractions": requested}, latent_at(2, grain_size=10.0))
    probe = torch.randn(logits.shape, generator=torch.Generator().manual_seed(0))
    (torch.softmax(logits, 1) * probe).sum().backward()
    for name, weight in generator.network.named_parameters():
        assert weight.grad.isfinite().all() and weight.grad.abs().sum() > 0, name
