"""Motifs: what holds them, what does not see them, what makes them exact; the marks themselves; own masks."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import train
from core import checkpoint, discovery, sampling
from core.data import Batches
from core.invariances.motif import Motif
from core.metrics.digits import motif_error
from core.models.motif import strokes
from core.problems import motif as problem
from core.projection import planted
from core.sampling.custom_motif import with_motif
from core.simulation import motifs
from core.simulation.digits import Digits, embedded
from core.training.game import Game
from core.training.loop import Trainer
from core.types import FREE, HELD_OUT, Checkpoint

SHAPE = (32, 32)


def fields(n, seed=0):
    return torch.rand(n, 1, *SHAPE, generator=torch.Generator().manual_seed(seed))


def game(name):
    torch.manual_seed(0)
    found, preset = discovery.split(f"motif/{name}")
    config = replace(preset.tiny, batch=4)
    images = Batches(fields(16)[:, 0].numpy(), 0, ())
    return Game(found, preset, config, preset.generator(), preset.critic(), images)


def model(name):
    torch.manual_seed(0)
    _, preset = discovery.split(f"motif/{name}")
    tensors = {f"generator.{k}": v for k, v in preset.generator().state_dict().items()}
    return sampling.Model(Checkpoint(tensors, {"problem": "motif", "preset": name}))


# --- the marks --------------------------------------------------------------------------------------------------------


def test_a_plus_has_the_pixels_of_two_strokes_and_a_cross_is_a_plus_turned():
    plus = motifs.crossed(7.0, 7.0, 4.5, 0.0, SHAPE)
    assert int((plus >= 0).sum()) == 9 * 3 + 9 * 3 - 9 and set(plus.unique().tolist()) == {FREE, 1.0}
    assert (plus[3:12, 6:9] == 1).all() and (plus[6:9, 3:12] == 1).all()
    cross = motifs.crossed(7.0, 7.0, 4.5, 45.0, SHAPE)
    assert cross[7, 7] == 1 and cross[4, 4] == 1 and cross[7, 3] == FREE
    torch.testing.assert_close(motifs.crossed(7.0, 7.0, 4.5, -45.0, SHAPE), cross)
    both = motifs.crossed(torch.tensor([7.0, 9.0]), 7.0, 4.5, 0.0, SHAPE)
    torch.testing.assert_close(both[0], plus)
    torch.testing.assert_close(both[1], plus.roll(2, 1))


def test_random_motifs_depend_on_their_key_alone_and_stay_small():
    many = motifs.random(range(200), SHAPE)
    torch.testing.assert_close(motifs.random([7, 3], SHAPE), many[[7, 3]])
    share = (many >= 0).float().mean((1, 2))
    assert share.min() > 0 and share.max() < 0.23 and len({m.numpy().tobytes() for m in many}) > 190
    assert set(many.unique().tolist()) == {FREE, 0.0, 1.0}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "1 to 32 lines"),
        ("#" * 33, "1 to 32 signs"),
        ("#x#", "'x' means nothing"),
        ("..\n..", "free everywhere"),
    ],
)
def test_what_is_written_wrongly_is_a_sentence(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        motifs.written(text)


def test_own_masks_are_read_and_placed():
    mask = motifs.written("\n#o\n.#.\n")
    assert mask.tolist() == [[1.0, 0.0, FREE], [FREE, 1.0, FREE]]
    placed = motifs.placed(mask, 29, 30, SHAPE)
    assert placed[30:, 29:].tolist() == mask.tolist() and int((placed >= 0).sum()) == 3
    for x, y in ((30, 30), (29, 31), (-1, 0)):
        with pytest.raises(ValueError, match=r"fits at x = 0 to 29 and y = 0 to 30; got"):
            motifs.placed(mask, x, y, SHAPE)
    assert png(np.array([[255, 0], [128, 127]], np.uint8)) == [[1.0, FREE], [pytest.approx(128 / 255), FREE]]
    clear = np.array([[[255, 255], [0, 255]], [[90, 0], [51, 255]]], np.uint8)
    assert png(clear) == [[1.0, 0.0], [FREE, pytest.approx(0.2)]], "transparent is free, black is black"


def png(pixels):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return motifs.read(out.getvalue()).tolist()


def test_pictures_that_are_no_motif_are_sentences():
    out = io.BytesIO()
    Image.new("L", (33, 4), 255).save(out, "PNG")
    for content, sentence in (
        (out.getvalue(), "33 x 4"),
        (b"", "no PNG"),
        (out.getvalue()[:40], "no PNG"),
        (bytes(2**20 + 1), "at most 1048576 bytes"),
    ):
        with pytest.raises(ValueError, match=sentence):
            motifs.read(content)
    rng = np.random.default_rng(0)
    for _ in range(100):
        damaged = bytearray(out.getvalue())
        for place in rng.integers(0, len(damaged), 3):
            damaged[place] = rng.integers(256)
        with pytest.raises(ValueError, match=r"\.$"):
            motifs.read(bytes(damaged))


# --- what holds them --------------------------------------------------------------------------------------------------


def test_the_residual_is_the_mean_square_over_the_support():
    made = fields(3)
    wanted = motifs.random(range(3), SHAPE)
    by_hand = [float(((f[0] - m)[m >= 0] ** 2).mean()) for f, m in zip(made, wanted, strict=True)]
    np.testing.assert_allclose(Motif().residual(made, {"motif": wanted}), by_hand, rtol=1e-5)
    assert float(Motif().residual(made, {"motif": torch.full((3, *SHAPE), FREE)}).abs().max()) == 0
    measured = Motif(problem.PLUS).measure(made)
    assert ((measured == FREE) == (problem.PLUS < 0)).all()
    assert float(Motif(problem.PLUS).residual(made, {"motif": measured}).max()) == 0
    with pytest.raises(ValueError, match=r"\(B, 1, H, W\)"):
        Motif().measure(made[:, 0])


@given(st.integers(0, 2**31))
def test_planting_is_the_nearest_picture_with_the_motif(seed):
    """x -> (I - P) x + m: the motif exactly, idempotent, and what is left is orthogonal to every other picture with the
    motif."""
    made, other = fields(2, seed)
    wanted = motifs.random([seed], SHAPE)
    near = planted(made[None], wanted)
    assert float(Motif().residual(near[:, None], {"motif": wanted}).max()) == 0
    torch.testing.assert_close(planted(near[:, None], wanted), near, rtol=0, atol=0)
    elsewhere = planted(other[None], wanted)
    assert abs(float(((made[0] - near[0]) * (near[0] - elsewhere[0])).sum())) < 1e-9


@pytest.mark.parametrize(("name", "blind"), [("projected", True), ("any", True), ("standard", False)])
def test_only_the_projected_critic_is_blind_on_the_support(name, blind):
    """eq. 10: what stands on the support of the motif changes neither the score nor its gradient, for real and
    generated alike."""
    play = game(name)
    real, conditions = play.real_batch(3)
    support = conditions["motif"] >= 0
    changed = torch.where(support[:, None], 1 - real, real)
    for show in (lambda x: play.critic_input(x, conditions), lambda x: play.real_critic_input(3, x, conditions)):
        assert torch.equal(show(real), show(changed)) == blind
    at = real.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(play.score(play.critic_input(at, conditions)).sum(), at)
    assert (float(gradient[support[:, None]].abs().max()) == 0) == blind and float(gradient.abs().max()) > 0


def test_the_batch_is_asked_for_the_motif_and_not_for_what_stands_in_the_data():
    asked = game("projected").real_batch(5)[1]["motif"]
    torch.testing.assert_close(asked, problem.PLUS.expand(4, *SHAPE))
    play = game("any")
    assert not torch.equal(play.real_batch(5)[1]["motif"], play.real_batch(6)[1]["motif"])
    torch.testing.assert_close(play.real_batch(5)[1]["motif"], play.real_batch(5)[1]["motif"])


# --- samples ----------------------------------------------------------------------------------------------------------


def test_the_motif_is_exact_and_can_be_left_away():
    made = model("projected")
    sample, raw = made.sample(n=3), made.sample(n=3, project=False)
    support = problem.PLUS >= 0
    assert (sample.array[:, support] == 1).all() and (raw.array[:, support] < 1).all()
    np.testing.assert_array_equal(sample.array[:, ~support], raw.array[:, ~support])
    assert problem.error(torch.from_numpy(sample.array)).max() == 0


def test_the_dialled_motif_is_the_one_that_is_planted():
    made = model("any")
    place = {"x": 20.0, "y": 12.0, "arm": 5.0, "turn": 45.0}
    wanted = motifs.crossed(20.0, 12.0, 5.0, 45.0, SHAPE)
    assert (made.sample(n=2, latent=place).array[:, wanted >= 0] == 1).all()
    usual = made.sample(n=4, seed=1)
    assert (usual.array[:, problem.PLUS >= 0] == 1).all() and usual.latent["x"].tolist() == [7.0] * 4
    moved = made.sample(n=4, seed=1, latent={"x": [5.0, 9.0, 20.0, 24.5]})
    free = strokes({k: torch.from_numpy(v) for k, v in moved.latent.items()})
    assert len({m.numpy().tobytes() for m in free}) == 4 and (moved.array[(free >= 0).numpy()] == 1).all()
    assert made.sample(latent={**place, "arm": 12.0}).warnings, "longer than any arm in training"


@pytest.mark.parametrize("name", ["any", "projected"])
def test_a_model_carries_another_motif(name):
    made = model(name)
    wanted = motifs.placed(motifs.written("#o#\no#o"), 9, 20, SHAPE)
    other = with_motif(made, wanted)
    sample = other.sample(n=2, seed=4)
    assert motif_error(sample.array, wanted.expand(2, *SHAPE)).max() == 0
    changed = other.sample(n=2, seed=4, project=False).array != made.sample(n=2, seed=4, project=False).array
    assert changed.any() == (name == "any"), "only that one looks at the motif"
    np.testing.assert_array_equal(made.sample(n=2, seed=4).array, model(name).sample(n=2, seed=4).array)


# --- the data ---------------------------------------------------------------------------------------------------------


def test_held_out_digits_are_never_those_of_training():
    source = Digits()
    train, held = ({source._chosen(s)[0] for s in range(start, start + 3000)} for start in (0, HELD_OUT))
    assert len(embedded()[0]) == 1797 and not train & held and max(train) < min(held)
    classes = source.classes(range(2000))
    assert np.bincount(classes, minlength=10).min() > 120, "no digit is rare"
    pictures = source.draw(range(200), SHAPE)
    assert pictures.min() == 0 and pictures.max() == 1 and pictures[:, [0, -1]].max() < 0.05, (
        "digits stay in their frame"
    )


def test_without_scikit_learn_it_is_a_sentence(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn.datasets", None)
    embedded.cache_clear()
    with pytest.raises(ValueError, match=r"pip install scikit-learn.*--data"):
        Digits().draw([0], SHAPE)
    embedded.cache_clear()


def test_digits_are_never_mirrored():
    problem_, preset = discovery.split("motif/projected")
    images = problem_.source.draw(range(8), SHAPE)
    trainer = Trainer(problem_, preset, preset.tiny, images, None)
    taken = trainer.game.images.take(3, range(8)).numpy()
    assert all(any(np.array_equal(one, image) for image in images) for one in taken)


def test_own_digits_train_from_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INVNET_CACHE", str(tmp_path / "cache"))
    header = np.array([0x803, 40, 28, 28], ">u4").tobytes()
    pixels = (255 * Digits().draw(range(40), (28, 28))).astype(np.uint8)
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "train-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
    assert train.main(["motif/projected", "--data", "mnist", "--tiny", "--samples", "32"]) == 0
    path = tmp_path / "checkpoints-mnist" / "motif" / "projected.safetensors"
    found = checkpoint.load(path)
    assert found.manifest["data"]["source"] == "own images" and found.manifest["data"]["held out"] == 8
    assert sorted(k for k in found.tensors if k.startswith("film")) == ["film.0000001"]
    assert found.manifest["trace"][0]["step"] == 1 and "confidence" not in capsys.readouterr().out, (
        "there are no labels"
    )
