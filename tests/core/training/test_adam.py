"""What the update rules decide about a stateful optimiser (Adam): whose state, how often, on which gradient."""

import copy
import itertools
import math

import pytest
import torch

from core.training.schemes import SCHEMES
from core.types import Player

RATE, BETAS = 0.01, (0.5, 0.9)


class Duel:
    """Two bilinear players and a projection, each with an Adam; `told` records every gradient given out."""

    def __init__(self, shared=True, betas=BETAS):
        rng = torch.Generator().manual_seed(0)
        self.theta, self.psi = (
            torch.nn.Parameter(torch.randn(2, generator=rng, dtype=torch.float64)) for _ in range(2)
        )

        def adam(p):
            return torch.optim.Adam([p], RATE, betas=betas)

        critic, generator = adam(self.psi), adam(self.theta)
        projection = generator if shared else adam(self.theta)
        self.players = (
            Player("critic", (self.psi,), lambda key: (-(self.psi * self.theta).sum(), {}), critic),
            Player("generator", (self.theta,), lambda key: ((self.psi * self.theta).sum(), {}), generator),
            Player("projection", (self.theta,), lambda key: ((self.theta - 1).square().sum(), {}), projection),
        )
        self.told = []

    def gradients(self, player, key):
        found = list(torch.autograd.grad(player.loss(key)[0], player.parameters))
        self.told.append((player.name, found[0].clone()))
        return found, {}

    def play(self, scheme, steps=5):
        for step in range(steps):
            scheme.step(self.players, self.gradients, step)

    def of(self, name, every=1, start=0):
        """Gradients given to a player, every so many from `start` on."""
        return [g for n, g in self.told if n == name][start::every]

    def snapshot(self):
        """Weights and optimiser states, copied, one flat list of tensors."""
        states = [slot for p in self.players for s in p.optimiser.state.values() for slot in s.values()]
        return copy.deepcopy([self.theta.data, self.psi.data, *states])


def steps_taken(player):
    return [int(s["step"]) for s in player.optimiser.state.values()]


def adam_fed(start, gradients):
    """Where one Adam of its own goes when fed these gradients, and its state."""
    parameter = torch.nn.Parameter(start.clone())
    optimiser = torch.optim.Adam([parameter], RATE, betas=BETAS)
    for gradient in gradients:
        parameter.grad = gradient
        optimiser.step()
    return parameter.detach(), optimiser.state[parameter]


def start():
    return Duel().theta.detach().clone(), Duel().psi.detach().clone()


@pytest.mark.parametrize("name", SCHEMES)
def test_state_advances_once_per_step_but_twice_where_two_players_take_turns(name):
    duel, shared = Duel(), 10 if name == "alternating" else 5
    duel.play(SCHEMES[name]())
    assert [steps_taken(p) for p in duel.players] == [[5], [shared], [shared]]


def test_players_with_an_optimiser_each_keep_a_state_each():
    duel = Duel(shared=False)
    duel.play(SCHEMES["alternating"]())
    assert [steps_taken(p) for p in duel.players] == [[5], [5], [5]]


def test_alternating_feeds_one_shared_state_in_turn():
    duel = Duel()
    duel.play(SCHEMES["alternating"]())
    in_turn = [g for pair in zip(duel.of("generator"), duel.of("projection"), strict=True) for g in pair]
    assert torch.equal(duel.theta.detach(), adam_fed(start()[0], in_turn)[0])


def test_simultaneous_adds_the_gradients_of_a_shared_optimiser():
    duel = Duel()
    duel.play(SCHEMES["simultaneous"]())
    summed = [a + b for a, b in zip(duel.of("generator"), duel.of("projection"), strict=True)]
    assert torch.equal(duel.theta.detach(), adam_fed(start()[0], summed)[0])
    assert torch.equal(duel.psi.detach(), adam_fed(start()[1], duel.of("critic"))[0])


def test_extragradient_remembers_the_look_ahead_gradient_alone():
    """Adam fed with the second gradient of each step, and with nothing else, ends with the same moments and weights."""
    duel = Duel()
    duel.play(SCHEMES["extragradient"]())
    there = duel.of("critic", 2, 1)
    weights, state = adam_fed(start()[1], there)
    kept = duel.players[0].optimiser.state[duel.psi]
    assert len(there) == 5 and torch.equal(duel.psi.detach(), weights)
    assert all(torch.equal(kept[k], state[k]) for k in ("step", "exp_avg", "exp_avg_sq"))


def test_extragradient_looks_ahead_with_adams_own_step():
    """The second gradient is taken where Adam would be after the first: psi's gradient is -theta there."""
    duel = Duel()
    duel.play(SCHEMES["extragradient"](), 1)
    ahead, _ = adam_fed(start()[0], [duel.of("generator", 2)[0] + duel.of("projection", 2)[0]])
    assert torch.equal(duel.of("critic", 2, 1)[0], -ahead)


def test_optimistic_hands_on_twice_this_gradient_less_the_last():
    duel = Duel()
    duel.play(SCHEMES["optimistic"]())
    g = duel.of("critic")
    assert torch.equal(
        duel.psi.detach(), adam_fed(start()[1], [g[0], *(2 * b - a for a, b in itertools.pairwise(g))])[0]
    )


@pytest.mark.parametrize("before", [0, 3])
@pytest.mark.parametrize("name", ["extragradient", "simultaneous", "optimistic"])
def test_a_gradient_that_fails_leaves_everything_as_it_was(name, before):
    duel, scheme = Duel(), SCHEMES[name]()
    duel.play(scheme, before)
    kept, left = duel.snapshot(), [5 if name == "extragradient" else 2]

    def failing(player, key):
        left[0] -= 1
        if left[0] < 0:
            raise ArithmeticError("not finite")
        return duel.gradients(player, key)

    with pytest.raises(ArithmeticError):
        scheme.step(duel.players, failing, before)
    again = duel.snapshot()
    assert len(kept) == (11 if before else 2) and all(torch.equal(a, b) for a, b in zip(kept, again, strict=True))
    assert all(p.grad is None for player in duel.players for p in player.parameters)


def tiny_step(shared, steps=200):
    """Mean size of the projection's step, in learning rates: generator gradients of size 1 and signs of their own,
    projection gradients of 1e-6, Adam with beta1 = 0."""
    theta = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))

    def adam():
        return torch.optim.Adam([theta], RATE, betas=(0.0, 0.99))

    generator = adam()
    projection = generator if shared else adam()
    players = (Player("generator", (theta,), None, generator), Player("projection", (theta,), None, projection))
    moved = []

    def gradients(player, key):
        moved.append(theta.item())
        return [torch.tensor([1e-6 if player.name == "projection" else (-1.0) ** (key % 2)], dtype=torch.float64)], {}

    scheme = SCHEMES["alternating"]()
    for step in range(steps):
        scheme.step(players, gradients, step)
    return (moved[-1] - theta.item()) / RATE


def test_an_adam_of_its_own_turns_a_tiny_projection_gradient_into_full_steps():
    """Why the projection shares the generator's state: with beta1 = 0, Adam's step is g / sqrt(v). Alone, v -> g^2 and
    every step has the size of the learning rate, however small g is. Shared, v is the mean of 1 and g^2, right after
    the smaller."""
    assert tiny_step(shared=False) == pytest.approx(1e-6 / (1e-6 + 1e-8), rel=1e-9)
    v = 0.99 / (
        1 + 0.99
    )  # v' = .99 (.99 v + .01 g^2) + .01 with g = 1: the fixed point seen by the second of two calls
    assert tiny_step(shared=True, steps=1000) == pytest.approx(1e-6 / math.sqrt(v), rel=1e-4)
