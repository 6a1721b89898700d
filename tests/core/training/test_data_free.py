"""Training without data, seconds long: residuals fall, runs are pure functions of their configuration, players take
turns."""

import dataclasses

import numpy as np
import pytest
import torch

from core import discovery
from core.training.game import Game
from core.training.loop import Trainer, fit, schedule
from core.types import HELD_OUT, TrainConfig

PRESETS = ("viscous", "inviscid", "sobel")


def trainer(name, **changes):
    problem, preset = discovery.split(f"burgers/{name}")
    return Trainer(problem, preset, dataclasses.replace(preset.tiny, **{"batch": 2, **changes}), None)


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)


@pytest.mark.parametrize(("name", "steps", "share"), [("viscous", 16, 0.8), ("inviscid", 16, 0.8), ("sobel", 44, 0.93)])
def test_the_residual_falls(name, steps, share):
    """On requests that training has not seen, to less than a share of what the untrained network leaves, all players
    together."""
    run = trainer(name, steps=steps, warmup=2, decay=0.0, batch=4)

    def left():
        with torch.no_grad():
            return sum(p.loss(10**9 + n)[1]["loss"] for p in run.game.players for n in range(3)) / 3

    before = left()
    seen = list(fit(run))
    assert left() < share * before and not any(p.note for p in seen)
    assert all(np.isfinite(list(p.residuals.values())).all() for p in seen)


def test_an_untrained_image_is_flat_and_satisfies_the_paper_s_residual():
    """Why that residual needs the initial column beside it, and why trivial predictors stand in every table."""
    run = trainer("sobel")
    sobel, initial = run.game.players
    assert sobel.loss(0)[1]["sobel"] < 1e-3 and initial.loss(0)[1]["initial"] > 0.05


@pytest.mark.parametrize("name", ["viscous", "sobel"])
def test_two_runs_and_one_resumed_are_bit_identical(name):
    one, two, resumed = (trainer(name, steps=3) for _ in range(3))
    list(fit(one))
    list(fit(two, 1))
    resumed.restore(two.state())
    list(fit(two))
    list(fit(resumed))
    assert same(one.state(), two.state()) and same(one.state(), resumed.state())
    assert any(k.startswith("optimiser0.") for k in one.state())


def test_an_invariance_with_turns_of_its_own_moves_alone():
    run = trainer("sobel", steps=1)
    assert [p.name for p in run.game.players] == ["sobel", "initial"]
    for player in run.game.players:
        _, logs = run.game.gradients(player, 3)
        assert set(logs) == {f"{player.name}.loss", f"{player.name}.{player.name}"}
        weight = run.config.weights[player.name]
        assert logs[f"{player.name}.loss"] == pytest.approx(weight * logs[f"{player.name}.{player.name}"], rel=1e-5)
    assert len({id(p.optimiser) for p in run.game.players}) == 1
    seen = next(fit(run))
    assert set(seen.residuals) == {"sobel", "initial"}


def test_turns_apart_add_up_to_the_gradient_of_the_sum():
    """At the same weights and the same requests: what alternates is only the order of moves."""
    apart, whole = trainer("sobel"), trainer("sobel", turns={"projection": 1})
    parts = [apart.game.gradients(p, 5)[0] for p in apart.game.players]
    (player,) = whole.game.players
    together = whole.game.gradients(player, 5)[0]
    for a, b, both in zip(*parts, together, strict=True):
        torch.testing.assert_close(a + b, both, atol=1e-4 * float(both.abs().max()), rtol=2e-2)


def test_an_invariance_of_weight_0_costs_nothing_and_is_not_followed():
    _, logs = (run := trainer("viscous")).game.gradients(run.game.players[0], 0)
    assert set(logs) == {"projection.loss", "projection.duhamel"}


@pytest.mark.parametrize("name", PRESETS)
def test_requests_are_functions_of_their_keys_within_what_is_said_to_be_trained(name):
    _, preset = discovery.split(f"burgers/{name}")
    keys = [3, HELD_OUT + 7, 12345678901]
    together, alone = preset.requests(keys), preset.requests(keys[1:2])
    assert all(torch.equal(together[k][1:2], alone[k]) for k in together)
    many = preset.requests(range(200))
    assert many["initial"].min() >= -1e-6 and many["initial"].max() <= 1 + 1e-6
    if "viscosity" in many:
        low, high = float(many["viscosity"].min()), float(many["viscosity"].max())
        trained = next(q.trained for q in preset.conditions if q.name == "viscosity")
        assert low < 1.3 * trained[0] and high > trained[1] / 1.3 and 0.8 * trained[0] < low and high < 1.2 * trained[1]
    if "frequency" in many:
        assert many["frequency"].min() >= 1.0 and many["frequency"].max() <= 6.6 and many["frequency"].std() > 1


def test_training_never_asks_for_a_held_out_initial_condition():
    """Held-out seeds come back to seeds below: the initial conditions of the held-out cases are no training
    requests."""
    problem, preset = discovery.split("burgers/viscous")
    cases = problem.truth.test_cases["random initial conditions"](4)
    asked = preset.requests(range(HELD_OUT, HELD_OUT + 4))["initial"].numpy()
    assert all(np.abs(case["initial"] - row).max() > 0.01 for case in cases for row in asked)


def test_a_game_without_data_has_no_adversary():
    problem, preset = discovery.split("burgers/viscous")
    run = trainer("viscous")
    game = Game(
        problem,
        preset,
        dataclasses.replace(run.config, turns={"projection": 1, "generator": 5}),
        run.generator,
        None,
        None,
    )
    assert [p.name for p in game.players] == ["projection"]


# --- the rate ---------------------------------------------------------------------------------------------------------


def test_the_rate_warms_up_stays_and_falls_to_0_at_the_end():
    config = TrainConfig(steps=100, warmup=10, decay=0.4)
    rates = [schedule(config, n) for n in range(101)]
    assert rates[:10] == pytest.approx([(n + 1) / 10 for n in range(10)])
    assert rates[10:61] == [1.0] * 51
    assert rates[60:] == pytest.approx([(100 - n) / 40 for n in range(60, 101)]) and rates[100] == 0.0


def test_without_decay_the_rate_stays_and_past_the_end_it_is_0_not_negative():
    assert schedule(TrainConfig(steps=10, warmup=1), 500) == 1.0
    assert schedule(TrainConfig(steps=10, warmup=1, decay=0.5), 15) == 0.0


def test_the_schedule_reaches_both_groups_of_muon():
    run = trainer("viscous", steps=10, warmup=1, decay=1.0)
    seen = []
    for _ in fit(run, 3):
        seen.append([g["lr"] for g in run.optimisers[0].param_groups])
    assert np.array(seen) == pytest.approx(np.outer([1.0, 0.9, 0.8], [0.01, 0.002]))
