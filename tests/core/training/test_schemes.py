"""Update rules on the linear game of the paper (eq. 9 to 11): rates against spectral radii, fixed points, eq. 11 by
hand.

x ~ N(v, I), G(z) = z + theta, D(x) = <psi, x>, in expectation: L = <psi, v - theta> + mu |P theta - m|^2, min over
theta, max over psi. The modified critic sees (I - P) x. Coordinate 0 is on the motif (P), coordinates 1 and 2 are not.
"""

import numpy as np
import pytest
import torch

from core.training.schemes import SCHEMES
from core.types import Player

P = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
V = torch.tensor([0.7, -0.4, 1.1], dtype=torch.float64)
M = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
MU = 0.5


class Game:
    """The players of the linear game; `seen` is what the critic sees of each coordinate."""

    def __init__(self, eta, mu=MU, modified=False):
        rng = torch.Generator().manual_seed(0)
        self.theta, self.psi = (
            torch.nn.Parameter(torch.randn(3, generator=rng, dtype=torch.float64)) for _ in range(2)
        )
        self.mu, self.seen = mu, 1 - P if modified else torch.ones_like(P)
        generator, critic = (torch.optim.SGD([p], eta) for p in (self.theta, self.psi))
        self.players = (
            Player("critic", (self.psi,), lambda key: (-self.critical(), {"loss": 0.0}), critic),
            Player("generator", (self.theta,), lambda key: (self.critical(), {}), generator),
            Player("projection", (self.theta,), lambda key: (self.invariance(), {}), generator),
        )

    def critical(self):
        return (self.psi * self.seen * (V - self.theta)).sum()

    def invariance(self):
        return self.mu * (P * self.theta - M).square().sum()

    def play(self, scheme, steps):
        """States (steps + 1, 2, 3): theta and psi of every coordinate after each step."""
        states = [self.state()]
        for step in range(steps):
            scheme.step(self.players, gradients, step)
            states.append(self.state())
        return np.stack(states)

    def state(self):
        return torch.stack([self.theta, self.psi]).detach().numpy().copy()

    def rest(self, shrink=1.0):
        """The stationary point of the standard game: theta* = v, psi* = 2 mu (P v - m), over `shrink`."""
        return torch.stack([V, 2 * self.mu * (P * V - M) / shrink]).numpy()


def gradients(player, key):
    loss, logs = player.loss(key)
    return list(torch.autograd.grad(loss, player.parameters)), logs


def generator_of(mu):
    """A of z' = z - eta A z at one coordinate, z = (theta, psi): mu on the motif, 0 off it."""
    return np.array([[2 * mu, -1.0], [1.0, 0.0]])


def radius(matrix):
    return np.abs(np.linalg.eigvals(matrix)).max()


def alternating(eta, mu):
    """The critic moves, then the generator with the new critic, then the projection."""
    critic, generator, projection = np.eye(2), np.eye(2), np.eye(2)
    critic[1, 0], generator[0, 1], projection[0, 0] = -eta, eta, 1 - 2 * eta * mu
    return projection @ generator @ critic


PREDICTED = {
    "simultaneous": lambda eta, mu: radius(np.eye(2) - eta * generator_of(mu)),
    "alternating": lambda eta, mu: radius(alternating(eta, mu)),
    "extragradient": lambda eta, mu: radius(np.eye(2) - eta * generator_of(mu) @ (np.eye(2) - eta * generator_of(mu))),
    "optimistic": lambda eta, mu: radius(
        np.block([[np.eye(2) - 2 * eta * generator_of(mu), eta * generator_of(mu)], [np.eye(2), np.zeros((2, 2))]])
    ),
}
CLOSED = {
    "simultaneous": lambda eta: np.sqrt(1 + eta**2),
    "alternating": lambda eta: 1.0,
    "extragradient": lambda eta: np.sqrt(1 - eta**2 + eta**4),
}


def rest_of(name, game, eta):
    """Where a scheme comes to rest. Moving in turn, the generator's step eta psi* and the projection's must undo each
    other, which shifts the critic on the motif to psi* / (1 - 2 eta mu); theta* = v stays."""
    return game.rest(1 - 2 * eta * game.mu if name == "alternating" else 1.0)


def measured(states, rest, memory=1):
    """Spectral radius at every coordinate of the linear map that best explains a trajectory (`memory` states decide the
    next)."""
    found = []
    for z in np.moveaxis(states - rest, 2, 0):
        past = np.hstack([z[memory - 1 - i : len(z) - 1 - i] for i in range(memory)])
        step, _, rank, _ = np.linalg.lstsq(past, z[memory:], rcond=None)
        assert rank == 2 * memory and np.abs(past @ step - z[memory:]).max() < 1e-12
        found.append(radius(np.vstack([step.T, np.eye(2 * memory)[: 2 * memory - 2]])))
    return found


@pytest.mark.parametrize("eta", [0.1, 0.3])
@pytest.mark.parametrize("name", SCHEMES)
def test_one_step_has_the_predicted_spectral_radius(name, eta):
    game, memory = Game(eta), 2 if name == "optimistic" else 1
    on, *off = measured(game.play(SCHEMES[name](), 40)[1:], rest_of(name, game, eta), memory)
    assert on == pytest.approx(PREDICTED[name](eta, MU), abs=1e-6)
    assert off == pytest.approx([PREDICTED[name](eta, 0.0)] * 2, abs=1e-6)
    if name in CLOSED:
        assert PREDICTED[name](eta, 0.0) == pytest.approx(CLOSED[name](eta), abs=1e-12)


@pytest.mark.parametrize("name", SCHEMES)
def test_distance_from_rest_grows_at_that_rate(name):
    """Off the motif, over 400 steps at eta = .1; on it, the distance is below 1e-6 by then."""
    game = Game(0.1)
    far = np.linalg.norm(game.play(SCHEMES[name](), 400) - rest_of(name, game, 0.1), axis=1)
    np.testing.assert_allclose((far[400] / far[100])[1:] ** (1 / 300), PREDICTED[name](0.1, 0.0), atol=5e-4)
    assert far[400, 0] < 1e-6 * far[0, 0]


def test_the_radii_are_those_of_the_paper():
    told = {"simultaneous": (1.004988, 0.953939), "alternating": (1.0, None), "extragradient": (0.995038, 0.948209)}
    for name, (off, on) in told.items():
        assert PREDICTED[name](0.1, 0.0) == pytest.approx(off, abs=1e-6)
        assert on is None or PREDICTED[name](0.1, 0.5) == pytest.approx(on, abs=1e-6)
    assert PREDICTED["optimistic"](0.1, 0.0) == pytest.approx(0.994936, abs=1e-6)
    assert PREDICTED["simultaneous"](0.3, 0.0) == pytest.approx(1.044031, abs=1e-6)
    assert PREDICTED["extragradient"](0.3, 0.0) == pytest.approx(0.958175, abs=1e-6)


@pytest.mark.parametrize("name", ["simultaneous", "extragradient"])
def test_off_the_motif_every_single_step_grows_alike(name):
    game = Game(0.2)
    far = np.linalg.norm(game.play(SCHEMES[name](), 20) - game.rest(), axis=1)[:, 1:]
    np.testing.assert_allclose(far[1:] / far[:-1], CLOSED[name](0.2), rtol=1e-12)


def test_alternating_off_the_motif_goes_round_for_ever():
    """theta^2 + psi^2 + eta theta psi is kept exactly, in deviations from rest, seen before the critic moves."""
    game, eta = Game(0.3), 0.3
    theta, psi = np.moveaxis(game.play(SCHEMES["alternating"](), 200) - game.rest(), 1, 0)
    kept = (theta**2 + psi**2 - eta * theta * psi)[:, 1:]
    np.testing.assert_allclose(kept, np.broadcast_to(kept[0], kept.shape), rtol=1e-10)


def test_a_stiff_motif_makes_extragradient_diverge():
    """mu = 2, eta = .3: spectral radius 1.134 on the motif, .958 off it."""
    game = Game(0.3, mu=2.0)
    on, *off = measured(game.play(SCHEMES["extragradient"](), 20), game.rest())
    assert on == pytest.approx(PREDICTED["extragradient"](0.3, 2.0), abs=1e-6)
    assert on == pytest.approx(1.134, abs=1e-3) and off == pytest.approx([0.958175] * 2, abs=1e-6)


def test_extragradient_is_equation_11():
    eta, game = 0.2, Game(0.2)
    theta, psi = game.theta.detach().clone(), game.psi.detach().clone()

    def slope(t, p):
        return (-p + 2 * MU * P * (t - M), V - t)

    states = game.play(SCHEMES["extragradient"](), 50)
    for state in states[1:]:
        down, up = slope(theta, psi)
        half_theta, half_psi = theta - eta * down, psi + eta * up
        down, up = slope(half_theta, half_psi)
        theta, psi = theta - eta * down, psi + eta * up
        np.testing.assert_allclose(state, torch.stack([theta, psi]).numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["extragradient", "optimistic"])
def test_standard_critic_settles_on_the_data_not_on_the_motif(name):
    game = Game(0.4)
    np.testing.assert_allclose(game.play(SCHEMES[name](), 300)[-1], game.rest(), atol=1e-8)
    assert abs(float(game.theta.detach()[0]) - float(M[0])) > 0.2


@pytest.mark.parametrize("name", ["extragradient", "optimistic"])
def test_modified_critic_settles_on_motif_and_data(name):
    game = Game(0.4, modified=True)
    before = float(game.psi.detach()[0])
    theta, psi = game.play(SCHEMES[name](), 300)[-1]
    np.testing.assert_allclose(theta, ((1 - P) * V + M).numpy(), atol=1e-8)
    np.testing.assert_allclose(psi[1:], 0, atol=1e-8)
    assert psi[0] == before  # what the critic does not see does not move


@pytest.mark.parametrize("name", ["alternating", "simultaneous"])
def test_plain_descent_does_not_settle(name):
    game = Game(0.4)
    far = np.linalg.norm(game.play(SCHEMES[name](), 300) - game.rest(), axis=1)[:, 1:]
    assert far[-50:].max() > 0.5 * far[0].max()


def test_players_take_their_turns_with_draws_of_their_own():
    game, asked = Game(0.1), []
    players = tuple(
        Player(p.name, p.parameters, p.loss, p.optimiser, n) for p, n in zip(game.players, (3, 1, 2), strict=True)
    )

    def watched(player, key):
        asked.append((player.name, key))
        return gradients(player, key)

    scheme = SCHEMES["alternating"]()
    logs = scheme.step(players, watched, 0)
    assert [name for name, _ in asked] == ["critic"] * 3 + ["generator"] + ["projection"] * 2 and logs == {"loss": 0.0}
    scheme.step(players, watched, 1)
    assert len({key for _, key in asked}) == 12
    again = len(asked)
    scheme.step(players, watched, 1)
    assert asked[again:] == asked[6:12]


def test_extragradient_draws_afresh_for_the_second_gradient():
    game, asked = Game(0.1), []
    SCHEMES["extragradient"]().step(game.players, lambda player, key: (asked.append(key), gradients(player, key))[1], 0)
    assert len(asked) == len(set(asked)) == 6
