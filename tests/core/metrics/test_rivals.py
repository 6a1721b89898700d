"""The other ways at the same request: they take all of it, are judged by one rule, and the table is printed by a
command."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from core import discovery, sampling
from core.descriptors import two_phase
from core.metrics import describe, rivals
from core.sampling import Model
from core.simulation import correlations
from core.simulation.cahn_hilliard import CahnHilliard
from core.types import Checkpoint

NAME, SHAPE = "two_phase/correlation", (64, 64)


@pytest.fixture(scope="module")
def curved(fitted):
    """An untrained model of the preset: `fitted` under its name."""
    tensors = {f"generator.{k}": v for k, v in fitted.state_dict().items()}
    manifest = {"problem": "two_phase", "preset": "correlation", "training": {"minutes": 2.0}}
    return Model(Checkpoint(tensors, manifest, "0" * 32))


@pytest.fixture(scope="module")
def asked(structures):
    """What eight structures measure, as a request."""
    found = sampling.measure(discovery.problem("two_phase"), torch.from_numpy(structures[:8, None]).float())
    return {name: found[name] for name in ("volume_fraction", "correlation")}


def error(arrays, asked):
    curve = two_phase.s2_radial(torch.from_numpy(arrays))[:, : correlations.BINS].numpy()
    return float(np.abs(curve - asked["correlation"]).mean())


@pytest.mark.parametrize(("name", "n"), [("level_cut", 8), ("stopped", 8), ("annealing", 1)])
def test_a_rival_takes_the_whole_request(curved, asked, name, n):
    rival = next(r for r in curved.problem.evaluation.baselines if r.name == name)
    asked = {k: v[:n] for k, v in asked.items()}
    made = rival.make(asked, n, 3, SHAPE)
    assert made.shape == (n, *SHAPE) and made.dtype == np.uint8
    np.testing.assert_allclose(made.mean((1, 2)), asked["volume_fraction"], atol=0.5 / 64**2 + 1e-6)
    cut = next(r for r in curved.problem.evaluation.baselines if r.name == "level_cut")
    without = cut.make({"volume_fraction": asked["volume_fraction"]}, n, 3, SHAPE)
    assert error(made, asked) < 0.8 * error(without, asked)
    np.testing.assert_array_equal(rival.make(asked, n, 3, SHAPE), made)


def test_a_simulation_stops_at_the_length():
    """Within 3 % of 6 to 10 px, from one frame to the next the length grows by less than that; other seeds, other
    structures."""
    source, lengths = CahnHilliard(), [6.0, 8.0, 10.0]
    made = source.stopped([0.5, 0.4, 0.5], lengths, 0, SHAPE)
    found = two_phase.characteristic_length(torch.from_numpy(made)).numpy()
    np.testing.assert_allclose(found, lengths, rtol=0.03)
    np.testing.assert_array_equal(source.stopped([0.5], [6.0], 0, SHAPE)[0], made[0])
    assert (source.stopped([0.5], [6.0], 1, SHAPE) != made[0]).mean() > 0.2


@pytest.mark.parametrize(
    ("training", "ours", "rival", "count"),
    [
        (60.0, 0.01, 1.01, 60),
        (60.0, 0.01, 0.01, math.inf),
        (60.0, 1.0, 0.5, math.inf),
        (math.nan, 0.1, 1.0, math.inf),
        (1.0, 0.0, 0.3, 4),
    ],
)
def test_the_break_even_count(training, ours, rival, count):
    assert rivals.break_even(training, ours, rival) == count


def test_judging_a_known_array(curved, asked, structures):
    expected = describe(curved.problem, structures[:8])
    perfect = rivals.evaluate(curved, structures[:8], asked, expected)
    assert perfect["p1 error"] == perfect["S2 error"] == perfect["Lineal path error"] == 0
    assert perfect["Euler number"] == pytest.approx(expected["euler_number"].mean())
    flipped = rivals.evaluate(curved, 1 - structures[:8], asked, expected)
    assert flipped["p1 error"] == pytest.approx(np.abs(1 - 2 * structures[:8].mean((1, 2))).mean(), abs=1e-6)


def test_the_table_has_everybody_and_says_never(curved, capsys):
    seen = []
    found = rivals.table(curved, 2, 64, tick=lambda done, total: seen.append((done, total)))
    unrefined, chosen = (f"{rivals.OURS}, {how}not refined" for how in ("", "best of 16, "))
    others = [*(r.label for r in curved.problem.evaluation.baselines), *rivals.siblings(curved)]
    assert list(found.index) == [rivals.TRUTH, rivals.OURS, unrefined, chosen, *others]
    exact = found.loc[[k for k in found.index if k not in ("InvNet, as in the paper", "WGAN-GP", "Critic on (x, L_I)")]]
    assert seen[-1] == (len(others) + 3,) * 2 and (exact["p1 error"] <= 0.5 / 64**2 + 1e-6).all()
    assert found.loc[rivals.OURS, "S2 error"] < 0.3 * found.loc[unrefined, "S2 error"]
    assert found.loc[chosen, "S2 error"] < 0.8 * found.loc[unrefined, "S2 error"]
    assert found.loc["Yeong-Torquato annealing", "S2 error"] <= 5e-4
    slow, ours = found.loc["Yeong-Torquato annealing", rivals.MILLISECONDS], found.loc[rivals.OURS, rivals.MILLISECONDS]
    assert found.loc["Yeong-Torquato annealing", rivals.BREAK_EVEN] == math.ceil(120e3 / (slow - ours))
    assert rivals.words(found).loc["Gaussian field, level cut", rivals.BREAK_EVEN] == "never"
    assert pd.isna(found.loc[rivals.OURS, rivals.BREAK_EVEN])


def test_one_sample_of_a_rival_from_the_command_line(curved, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sampling, "load", lambda name: curved)
    out = tmp_path / "one.npz"
    given = ["--only", "annealing", "--set", "volume_fraction=0.4", "--size", "64", "--out", str(out), "--lines"]
    assert rivals.main([NAME, *given]) == 0
    lines = capsys.readouterr().out.split()
    assert lines[-1] == "1000/1000" and len(lines) > 3
    with np.load(out) as made:
        assert (
            made["labels"].shape == SHAPE
            and made["labels"].mean() == pytest.approx(0.4, abs=2e-4)
            and made["seconds"] > 0
        )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--only", "luck", "--out", "x.npz"], "level_cut, stopped, annealing"),
        (["--only", "annealing"], "needs --out"),
        (["--only", "annealing", "--out", "x.npz", "--set", "volume_fraction=7"], "out of range"),
        (["--size", "63"], "multiple of 8"),
    ],
)
def test_what_cannot_be_made_is_a_sentence(curved, monkeypatch, given, words):
    monkeypatch.setattr(sampling, "load", lambda name: curved)
    with pytest.raises(SystemExit, match=words):
        rivals.main([NAME, *given])
