"""How digits are judged: every number against a case in which it is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from core import discovery, sampling
from core.metrics import digits, verdicts
from core.simulation.digits import OwnDigits
from core.types import FREE, HELD_OUT, Checkpoint

SHAPE = (32, 32)


@pytest.fixture(scope="module")
def known():
    return discovery.split("motif/projected")


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INVNET_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(digits, "IMAGES", 512)
        patch.setattr(digits, "STEPS", 120)
        digits._trained.cache_clear()
        yield
        digits._trained.cache_clear()


def model(name, trace=()):
    torch.manual_seed(0)
    _, preset = discovery.split(f"motif/{name}")
    tensors = {f"generator.{k}": v for k, v in preset.generator().state_dict().items()}
    config = {"images": 64}
    return sampling.Model(
        Checkpoint(tensors, {"problem": "motif", "preset": name, "config": config, "trace": list(trace)})
    )


@pytest.mark.parametrize("name", ["projected", "any"])
def test_the_motif_is_found_from_what_the_projection_does(name):
    made = model(name)
    sample = made.sample(n=3, seed=2, latent=digits.random_latents(made, 3, 2))
    found = digits.target_motif(made.problem, sample)
    assert (
        digits.motif_error(sample.array, found).max() == 0
        and (digits.motif_error(sample.soft[:, 0], found) > 0.01).all()
    )
    share = (found >= 0).float().mean((1, 2))
    assert share.min() > 0.02 and share.max() < 0.12
    assert len({m.numpy().tobytes() for m in found}) == (1 if name == "projected" else 3)


def test_pasting_changes_the_support_alone():
    images = np.random.default_rng(0).random((2, *SHAPE), np.float32)
    motif = torch.full((2, *SHAPE), FREE)
    motif[:, 3, 4] = 0.25
    made = digits.pasted(images, motif)
    assert (made != images).sum() == 2 and (made[:, 3, 4] == 0.25).all() and digits.motif_error(made, motif).max() == 0
    np.testing.assert_allclose(digits.motif_error(images, motif), (images[:, 3, 4] - 0.25) ** 2, rtol=1e-5)


def test_distances_and_entropies_are_known():
    images = np.random.default_rng(1).random((5, *SHAPE), np.float32)
    np.testing.assert_allclose(digits.nearest(images + 0.25, images + 0.0), 0.25, rtol=1e-3)
    assert digits.nearest(images[1:3], images).max() < 1e-3, "copies are found"
    assert digits.entropy(np.arange(30) % 10, 10) == pytest.approx(1) and digits.entropy(np.full(9, 3), 10) == 0
    assert digits.entropy(np.array([0, 1]), 4) == pytest.approx(0.5)


def test_the_gap_is_read_from_the_training():
    lines = [{"step": s, "critic.gap": float(g)} for s, g in enumerate((1, 8, 4, 2, 2, 2, 1, 1, 0.5, 0.3))]
    found = digits.along([*lines, {"step": 99}])
    assert {row.id: v for row, v in found.items()} == pytest.approx(
        {"gap.largest": 8.0, "gap.last": 0.4, "gap.ratio": 0.05}
    )
    assert digits.along(lines[:4]) == {}


def test_the_classifier_knows_digits_and_is_unsure_of_noise(quick, known):
    problem, preset = known
    network = digits.classifier(problem, preset)
    assert network is digits.classifier(problem, preset), "trained once"
    seeds = range(HELD_OUT, HELD_OUT + 256)
    real, motif = problem.source.draw(seeds, SHAPE), digits.training_motifs(preset, 256, "test")
    for images in (real, digits.pasted(real, motif)):
        assert (digits.read(network, images)[0].argmax(1) == problem.source.classes(seeds)).mean() > 0.75
    noise = np.random.default_rng(0).random((256, *SHAPE), np.float32)
    alike, odd = (digits.confidence_rows(network, images, real) for images in (real, noise))
    assert alike[digits.CONFIDENCE_RATIO] == 1 and alike[digits.FEATURES] < 1e-3
    assert odd[digits.FEATURES] > 10 and odd[digits.LABEL_ENTROPY] < 0.9
    before = network.score.weight.clone()
    digits._trained.cache_clear()
    torch.manual_seed(99)
    torch.testing.assert_close(digits.classifier(problem, preset).score.weight, before)
    without = OwnDigits(np.zeros((1, 8, 8), np.uint8), None, 0, {})
    assert digits.classifier(replace(problem, source=without), preset) is None


def test_the_table_has_every_number_of_the_bars(quick):
    lines = [{"step": s, "critic.gap": g} for s, g in enumerate((4.0, 1.0, 0.5, 0.1, 0.1))]
    made = model("projected", lines)
    table = digits.quality(made, n=64)
    assert list(table.columns) == ["label", "bar", "digits", "data", "raw", "all"]
    assert (
        table.loc["motif_error", "all"] == table.loc["motif_error", "data"] == 0
        and table.loc["motif_error", "digits"] > 0.5
    )
    assert table.loc["accuracy", "data"] > 0.7 and np.isnan(table.loc["accuracy", "all"])
    judged = {(t.column, t.row): met for t, met in verdicts(made.problem, table).items()}
    assert judged == {
        ("", "motif_error"): True,
        ("raw", "motif_error"): False,
        ("", "confidence_ratio"): False,
        ("", "gap.ratio"): True,
    }
    standard = verdicts(discovery.split("motif/standard")[0], table)
    assert not next(met for t, met in standard.items() if t.row == "gap.ratio"), "there the gap must stay"
    assert digits.trace(made, 64)["motif MSE"] == pytest.approx(float(table.loc["motif_error", "raw"]), rel=0.2)
