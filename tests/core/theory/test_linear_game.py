"""The linear game: closed forms against numerics, theory against the trainer's schemes, equilibria, and the paper's
claims."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.theory import linear_exact, linear_game
from core.theory.linear_exact import CRITICS, Setting, eigenvalues, iteration, nash, orbit, radius, singular_values
from core.theory.linear_game import ETAS, MUS, LinearGame, measured
from core.training.schemes import SCHEMES

rates = st.floats(1e-3, 1.5)
weights = st.floats(0, 3)
schemes = st.sampled_from(linear_exact.SCHEMES)
V = np.array([0.7, -0.4, 1.1, -0.9])
MOTIF = np.array([True, True, False, False])


def setting(mu=0.5, critic="standard", motif=MOTIF):
    return Setting(V, np.where(motif, 1.0, 0.0), motif, mu, critic)


def distance(states, game, best):
    """Largest distance from (theta*, psi*), psi where the critic sees it, after each step."""
    theta, psi = states[:, 0] - best[0], (states[:, 1] - best[1]) * game.seen
    return np.maximum(np.abs(theta), np.abs(psi)).max(1)


def test_theory_knows_every_scheme_of_the_trainer():
    assert set(linear_exact.SCHEMES) == set(SCHEMES)


@given(schemes, rates, weights, st.booleans())
@example("optimistic", 0.5, 1.0, False)
@example("alternating", 0.5, 1.0, True)
def test_closed_forms_are_the_eigenvalues(scheme, eta, mu, seen):
    """Their power sums are the traces of the powers of the matrix: exact at double eigenvalues too."""
    matrix, result = iteration(scheme, eta, mu, seen), eigenvalues(scheme, eta, mu, seen)
    assert len(result) == len(matrix)
    size = np.abs(result).max()
    for k in range(1, len(matrix) + 1):
        assert np.sum(result**k) == pytest.approx(
            np.trace(np.linalg.matrix_power(matrix, k)), abs=1e-12 * max(1, size) ** k
        )
    assert np.abs(np.linalg.eigvals(matrix)).max() == pytest.approx(radius(scheme, eta, mu, seen), abs=1e-3)


@given(st.floats(1e-3, 0.999))
def test_free_coordinates_have_the_known_radii(eta):
    assert radius("simultaneous", eta, 0) == pytest.approx(np.sqrt(1 + eta**2), abs=1e-12)
    assert radius("extragradient", eta, 0) == pytest.approx(np.sqrt(1 - eta**2 + eta**4), abs=1e-12)
    assert radius("alternating", eta, 0) == pytest.approx(1, abs=1e-12)
    if eta <= 0.5:
        assert radius("optimistic", eta, 0) == pytest.approx(np.sqrt((1 + np.sqrt(1 - 4 * eta**2)) / 2), abs=1e-12)
    assert (radius("optimistic", eta, 0) < 1) == (eta < 1 / np.sqrt(3)) or eta == pytest.approx(
        1 / np.sqrt(3), abs=1e-6
    )
    assert radius("extragradient", eta, 0) < 1 < radius("simultaneous", eta, 0)


@given(rates, weights)
def test_simultaneous_steps_on_the_motif(eta, mu):
    """Where they contract, and the paper's claim on singular values: its negation for every 0 < eta < 4 mu."""
    contracts = eta < 2 * mu and 4 * eta * mu < 4 + eta**2
    r = radius("simultaneous", eta, mu)
    assert (r < 1) == contracts or r == pytest.approx(1, abs=1e-9)
    large, small = singular_values("simultaneous", eta, mu)
    assert (large**2 - 1) * (small**2 - 1) == pytest.approx(eta**3 * (eta - 4 * mu), rel=1e-6, abs=1e-10)
    if mu > 0 and abs(eta - 4 * mu) > 1e-2:
        assert (small < 1) == (eta < 4 * mu)


def test_the_papers_claims_in_numbers():
    """Theorem A.1: a singular value below 1 on the motif; its conclusion holds by the free block. A.2: needs a careful
    eta."""
    assert singular_values("simultaneous", 0.1, 0.5)[-1] == pytest.approx(0.905249, abs=1e-6)
    assert radius("simultaneous", 0.1, 0.5) == pytest.approx(0.953939, abs=1e-6)
    assert radius("simultaneous", 0.1, 0) == pytest.approx(1.004988, abs=1e-6)
    assert radius("extragradient", 0.3, 2) == pytest.approx(1.134, abs=1e-3) and radius("extragradient", 0.1, 2) < 1


def test_with_a_motif_everywhere_simultaneous_steps_converge():
    """The theorem's conclusion needs a free coordinate."""
    game = setting(motif=np.ones(4, dtype=bool))
    states = LinearGame(game, 0.1).play("simultaneous", 450)
    assert distance(states, game, nash(game))[-1] < 1e-8


@pytest.mark.parametrize("critic", CRITICS)
@pytest.mark.parametrize("eta", ETAS)
@pytest.mark.parametrize("scheme", linear_exact.SCHEMES)
def test_growth_of_the_trainers_schemes_is_the_spectral_radius(scheme, eta, critic):
    free, *motif = measured(scheme, eta, MUS, critic, 500)
    assert free == pytest.approx(radius(scheme, eta, 0), abs=1e-3)
    assert motif == pytest.approx(radius(scheme, eta, np.array(MUS), critic == "standard"), abs=1e-3)


@given(schemes, st.floats(0.01, 0.9), st.floats(0, 2), st.sampled_from(CRITICS))
def test_orbits_are_those_of_the_trainers_schemes(scheme, eta, mu, critic):
    game = setting(mu, critic)
    played = LinearGame(game, eta).play(scheme, 60)
    theta, psi = nash(game)
    for here in (MOTIF, ~MOTIF):
        seen = bool(game.seen[here][0])
        start = np.stack([-theta[here], -psi[here]][: 1 + seen])
        result = orbit(scheme, eta, mu if here[0] else 0.0, start, psi[here], 60, seen)
        stated = result + np.stack([theta[here], psi[here]])[: 1 + seen]
        exact = played[:, : 1 + seen, here]
        assert (
            np.abs(stated - exact) <= 1e-12 * np.maximum.accumulate(np.abs(exact).max((1, 2)).clip(1))[:, None, None]
        ).all()


def test_orbits_go_on_exactly_for_a_thousand_steps():
    game = setting()
    played = LinearGame(game, 0.1).play("extragradient", 1000)[:, :, MOTIF]
    theta, psi = (a[MOTIF] for a in nash(game))
    result = orbit("extragradient", 0.1, 0.5, -np.stack([theta, psi]), psi, 1000)
    np.testing.assert_allclose(result + np.stack([theta, psi]), played, rtol=0, atol=1e-12)


@pytest.mark.parametrize("critic", CRITICS)
@pytest.mark.parametrize("mu", [0.1, 0.5, 1.0])
def test_extragradient_reaches_the_nash_equilibrium(critic, mu):
    game = setting(mu, critic)
    best = nash(game)
    states = LinearGame(game, 0.3).play("extragradient", 500)
    assert distance(states, game, best)[-1] < 1e-8
    expected = V if critic == "standard" else np.where(MOTIF, 1.0, V)
    np.testing.assert_allclose(states[-1, 0], expected, atol=1e-8)


@pytest.mark.parametrize("critic", CRITICS)
def test_at_the_nash_equilibrium_no_player_moves(critic):
    game = setting(0.8, critic)
    for scheme in ("simultaneous", "extragradient", "optimistic"):
        states = LinearGame(game, 0.2, np.stack(nash(game))).play(scheme, 5)
        np.testing.assert_allclose(states, np.broadcast_to(states[0], states.shape), rtol=0, atol=1e-15)


def test_alternating_steps_cycle_and_simultaneous_ones_diverge():
    game = setting(0.5, "projected")
    start = distance(LinearGame(game, 0.3).play("alternating", 0), game, nash(game))[0]
    cycling = distance(LinearGame(game, 0.3).play("alternating", 1200), game, nash(game))
    assert 0.5 * start < cycling[-100:].max() < 2 * start
    assert distance(LinearGame(game, 0.3).play("simultaneous", 400), game, nash(game))[-1] > 1e6 * start


def test_alternating_steps_rest_off_the_nash_equilibrium():
    eta, mu = 0.2, 0.5
    game = setting(mu)
    theta, psi = nash(game)
    last = LinearGame(game, eta).play("alternating", 600)[-1][:, MOTIF]
    np.testing.assert_allclose(last[0], theta[MOTIF], atol=1e-8)
    np.testing.assert_allclose(last[1], psi[MOTIF] * (1 + linear_exact.shift("alternating", eta, mu)), atol=1e-8)
    assert 1 + linear_exact.shift("alternating", eta, mu) == pytest.approx(1 / (1 - 2 * eta * mu))
    assert linear_exact.shift("alternating", 0.5, 1.0) == float("inf")
    drifting = LinearGame(setting(1.0), 0.5).play("alternating", 50)[:, 1, 0]
    np.testing.assert_allclose(np.diff(drifting[2:]), 0.5 * (V[0] - 1), atol=1e-12)


def test_samples_follow_the_expectation():
    """The mean over seeds of theta after 20 steps, within 4 standard errors; one seed twice is one path, two are
    two."""
    game = setting()
    played = [LinearGame(game, 0.1, batch=16, seed=s).play("simultaneous", 20)[-1] for s in range(60)]
    expected = LinearGame(game, 0.1).play("simultaneous", 20)[-1]
    error = np.std(played, 0, ddof=1) / np.sqrt(len(played))
    assert (np.abs(np.mean(played, 0) - expected) < 4 * error).all() and error.max() < 0.1
    again = LinearGame(game, 0.1, batch=16, seed=1).play("simultaneous", 20)[-1]
    assert np.array_equal(again, played[1]) and not np.array_equal(again, played[0])


@pytest.mark.parametrize(("distances", "expected"), [(0.5 ** np.arange(20), 0.5), (np.array([1, *[0.0] * 9]), 0.0)])
def test_growth_of_known_series(distances, expected):
    assert linear_exact.growth(distances) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("t", [400, 2000])
@pytest.mark.parametrize("r", [0.1, 0.9, 1.0, 3.0])
def test_growth_of_double_eigenvalues_and_oscillations(r, t):
    at = np.arange(t)
    with np.errstate(over="ignore"):
        assert linear_exact.growth((1 + at) * r**at) == pytest.approx(r, abs=1e-6)
        assert linear_exact.growth((2 + np.sin(0.7 * at)) * r**at) == pytest.approx(r, abs=1e-3)


def test_what_cannot_be_played_is_refused_with_a_sentence():
    for change, words in (
        ({"mu": -1}, "not negative"),
        ({"critic": "blind"}, "standard, projected"),
        ({"mu": np.nan}, "finite"),
    ):
        with pytest.raises(ValueError, match=words):
            setting(**change)
    with pytest.raises(ValueError, match="one length"):
        Setting(V, V[:2], MOTIF, 0.5)
    with pytest.raises(ValueError, match="positive"):
        LinearGame(setting(), 0.0)
    with pytest.raises(ValueError, match="theta and psi"):
        LinearGame(setting(), 0.1, np.zeros(4))
    with pytest.raises(ValueError, match="one of"):
        iteration("backwards", 0.1, 0.5)


def test_the_command_prints_the_table(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["linear_game", "--steps", "60"])
    linear_game.main()
    lines = capsys.readouterr().out.splitlines()
    rows = [line.split() for line in lines if line.startswith(CRITICS)]
    assert len(rows) == 4 * len(ETAS) * (1 + 2 * len(MUS))
    assert any(line.startswith("Largest difference") for line in lines)
    assert any("0.905249" in s and "0.953939" in s and "1.004988" in s for s in lines) and any(
        "1.133923" in s for s in lines
    )
    reached = [float(s.split(": ")[1].split()[0]) for s in lines if s.startswith("Extragradient")]
    assert len(reached) == 2 and max(reached) < 1e-8
