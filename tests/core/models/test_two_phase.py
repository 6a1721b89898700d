"""The generator: a pure function of key, request and latents; every dial moves pixels, and moves them smoothly."""

import copy

import pytest
import torch

from core import discovery
from core.keys import key
from core.models.two_phase import LENGTHS, MORPHS, STYLES, SeededGenerator, rotated_noise
from core.projection import rank_threshold

PRESET = discovery.split("two_phase/fraction")[1]
LATENTS = {q.name: q for q in PRESET.latents}
SHAPE = (64, 64)
KEYS = [key("generator test", i) for i in range(4)]


def full(value, n=4):
    return torch.full((n,), value)


def latent_at(n=4, **latents):
    """Latents at rest, length 8 px, with the settings of the test."""
    rest = {name: full(0.0, n) for name in (*STYLES, *MORPHS)} | {"length": full(8.0, n)}
    return rest | {k: full(v, n) for k, v in latents.items()}


def labels(fitted, p=0.4, stages=None, **latents):
    """Delivered arrays (4, 64, 64) of the same four keys."""
    logits = fitted(fitted.noise(KEYS, SHAPE), {"volume_fraction": full(p)}, latent_at(**latents), **(stages or {}))
    return rank_threshold(logits, full(p))


def moved(a, b):
    """Share of the pixels that differ."""
    return float((a != b).float().mean())


def test_noise_depends_on_its_key_alone(fitted):
    together, alone = fitted.noise(KEYS, SHAPE), fitted.noise(KEYS[2:3], SHAPE)
    assert all(torch.equal(together[k][2:3], alone[k]) for k in together)
    assert together["white"].shape == (4, 2, *SHAPE) and together["uniform"].shape == (4,)
    state = torch.random.get_rng_state()
    torch.manual_seed(99)
    assert torch.equal(fitted.noise(KEYS, SHAPE)["white"], together["white"])
    torch.random.set_rng_state(state)
    pairs = torch.corrcoef(together["white"].flatten(0, 1).flatten(1))
    assert (pairs - torch.eye(8)).abs().max() < 0.08  # neither keys nor channels share noise: 5 sd of 1 / sqrt(4096)


def test_a_sample_depends_on_itself_alone(fitted):
    """One by one or together, in any order: the same to rounding; one at a time again: the same bits."""
    latents = {"stretch": torch.tensor([0.2, 0.1, 0.0, -0.3]), "morph_a": torch.tensor([0.0, 0.5, -1.0, 0.2])}
    p, latent = torch.tensor([0.2, 0.4, 0.5, 0.75]), latent_at() | latents
    together = fitted(fitted.noise(KEYS, SHAPE), {"volume_fraction": p}, latent)

    def one(i):
        chosen = {k: v[i : i + 1] for k, v in latent.items()}
        return fitted(fitted.noise(KEYS[i : i + 1], SHAPE), {"volume_fraction": p[i : i + 1]}, chosen)

    alone = [one(i) for i in range(4)]
    torch.testing.assert_close(torch.cat(alone), together, rtol=0, atol=0.05)
    assert all(torch.equal(one(i), alone[i]) for i in (3, 0, 2, 1))


def test_latents_that_are_not_set_are_drawn_from_the_data(fitted):
    noise, p = fitted.noise(KEYS, SHAPE), {"volume_fraction": full(0.4)}
    drawn = fitted.draw_latent(noise, p)
    assert set(drawn) == set(LATENTS) and all(not drawn[k].any() for k in (*STYLES, *MORPHS))
    torch.testing.assert_close(drawn["length"], fitted.seed.quantile(noise["uniform"], full(0.4)))
    assert drawn["length"].unique().numel() == 4
    assert moved(labels(fitted, length=7.0), labels(fitted, length=11.0)) > 0.2


def test_there_are_nine_dials():
    assert len(LATENTS) == 9 == len({"length", *STYLES, *MORPHS} & set(LATENTS))


@pytest.mark.parametrize("name", LATENTS)
def test_every_dial_moves_pixels_and_moves_them_smoothly(fitted, name):
    """Half the range rearranges much; a hundredth of it a few percent; the more, the further."""
    quantity, start = LATENTS[name], 8.0 if name == "length" else 0.0
    at = [labels(fitted, **{name: start + share * (quantity.high - quantity.low)}) for share in (0, 0.01, 0.1, 0.5)]
    tiny, small, large = (moved(at[0], a) for a in at[1:])
    assert 0 < tiny < 0.06 and tiny < small < large and large > 0.1


def test_the_fraction_moves_smoothly_too(fitted):
    at = [labels(fitted, 0.4 + step) for step in (0.0, 0.005, 0.02, 0.2)]
    tiny, small, large = (moved(at[0], a) for a in at[1:])
    assert 0.005 <= tiny < 0.04 and tiny < small < large and large > 0.2


def test_morphs_turn_the_noise_and_keep_its_statistics(fitted):
    noise = fitted.noise(KEYS, SHAPE)
    quarter = {name: rotated_noise(noise, {name: full(torch.pi / 2)}) for name in MORPHS}
    arrangements = torch.stack([noise["white"][:, 0], *quarter.values()]).flatten(0, 1).flatten(1)
    assert (torch.corrcoef(arrangements) - torch.eye(16)).abs().max() < 0.08
    half = rotated_noise(noise, {"morph_b": full(0.5), "morph_c": full(0.3)})
    assert float(half.var()) == pytest.approx(1, abs=0.05)
    assert torch.equal(rotated_noise(noise, {"morph_a": full(0.0)}), noise["white"][:, 0])


def test_dials_are_right_before_training(fitted):
    """An untrained network adds nothing."""
    assert torch.equal(labels(fitted, stages={"network": False}), labels(fitted))
    y, texture = torch.randn(2, 16, 16), torch.randn(2, 16, 16)
    assert not fitted.residual(y, texture, full(0.3, 2), full(8.0, 2)).any()


def trained(fitted):
    """A copy whose network changes the field."""
    other = copy.deepcopy(fitted)
    torch.nn.init.normal_(other.network.leave.weight, std=0.1, generator=torch.Generator().manual_seed(0))
    return other


def test_stages_can_be_switched_off(fitted):
    other = trained(fitted)
    every = {(n, f): labels(other, stages={"network": n, "physics": f}) for n in (False, True) for f in (False, True)}
    assert torch.equal(every[False, True], labels(fitted)) and torch.equal(every[True, True], labels(other))
    arrays = list(every.values())
    assert all(moved(a, b) > 0.01 for i, a in enumerate(arrays) for b in arrays[:i])


def test_the_residual_bends_the_seed_within_its_amplitude(fitted):
    other = trained(fitted)
    torch.nn.init.normal_(other.network.leave.weight, std=0.1, generator=torch.Generator().manual_seed(0))
    got = other.residual(torch.randn(2, 16, 16), torch.randn(2, 16, 16), full(0.3, 2), full(8.0, 2))
    assert 0.1 * other.amplitude < got.abs().max() <= 2 * other.amplitude
    torch.testing.assert_close(got.mean((1, 2)), torch.zeros(2), rtol=0, atol=1e-5)


def test_gradients_reach_every_parameter_but_no_noise(fitted):
    other = trained(fitted).requires_grad_(True)
    noise = fitted.noise(KEYS[:1], SHAPE)
    other(noise, {"volume_fraction": full(0.3, 1)}, latent_at(1)).square().mean().backward()
    assert {n for n, p in other.named_parameters() if p.grad is None or not p.grad.any()} == set()


def test_length_of_real_fields_is_read_and_kept_in_range(fitted, structures):
    fields = torch.from_numpy(structures[:16]).float()[:, None]
    result = fitted.read_latent(fields)["length"]
    assert result.shape == (16,) and float(result.min()) > 5 and float(result.max()) < 18
    assert fitted.read_latent(torch.ones(1, 1, *SHAPE))["length"].tolist() == [LENGTHS[1]]


def test_any_size_divisible_by_8(fitted):
    for shape in [(64, 96), (40, 40)]:
        logits = fitted(fitted.noise(KEYS, shape), {"volume_fraction": full(0.4)}, latent_at())
        assert logits.shape == (4, 1, *shape) and torch.isfinite(logits).all()


def test_an_unfitted_generator_gives_finite_arrays():
    generator = SeededGenerator(steps=4)
    assert torch.isfinite(generator(generator.noise(KEYS, SHAPE), {"volume_fraction": full(0.4)}, latent_at())).all()
