"""Muon on the matrices, Adam on the rest, as one optimiser: the updates are those of the two, the state survives a
round trip."""

import copy

import pytest
import torch
from torch import nn

from core.training.optimisers import ADAM_SHARE, MOMENTUM, MuonAdam, make

RATE, BETAS = 0.02, (0.9, 0.99)


def parameters():
    """Two matrices and three others."""
    rng = torch.Generator().manual_seed(0)
    shapes = [(6, 4), (4,), (3, 5), (2, 3, 3), (7,)]
    return [nn.Parameter(torch.randn(shape, generator=rng)) for shape in shapes]


def push(found, number):
    rng = torch.Generator().manual_seed(100 + number)
    for p in found:
        p.grad = torch.randn(p.shape, generator=rng)


def test_matrices_move_by_muon_and_the_rest_by_adam():
    ours, theirs = parameters(), parameters()
    both = MuonAdam(ours, RATE, BETAS)
    muon = torch.optim.Muon([p for p in theirs if p.ndim == 2], lr=RATE, momentum=MOMENTUM, weight_decay=0.0)
    adam = torch.optim.Adam([p for p in theirs if p.ndim != 2], lr=ADAM_SHARE * RATE, betas=BETAS)
    for number in range(4):
        push(ours, number)
        push(theirs, number)
        both.step()
        muon.step()
        adam.step()
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(ours, parameters(), strict=True))


def test_a_state_that_went_through_a_file_continues_bit_by_bit():
    one, two = parameters(), parameters()
    first, second = MuonAdam(one, RATE, BETAS), MuonAdam(two, RATE, BETAS)
    for number in range(3):
        push(one, number)
        first.step()
    with torch.no_grad():
        for a, b in zip(one, two, strict=True):
            b.copy_(a)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for number in range(3, 6):
        for found, optimiser in ((one, first), (two, second)):
            push(found, number)
            optimiser.step()
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    states = [o.state_dict()["state"] for o in (first, second)]
    assert states[0].keys() == states[1].keys() and len(states[0]) == 5
    assert all(
        torch.equal(torch.as_tensor(v), torch.as_tensor(states[1][i][k]))
        for i, s in states[0].items()
        for k, v in s.items()
    )


def test_there_are_two_groups_and_each_follows_its_rate():
    found = parameters()
    optimiser = MuonAdam(found, RATE, BETAS)
    assert [g["lr"] for g in optimiser.param_groups] == [RATE, ADAM_SHARE * RATE]
    assert [[p.ndim for p in g["params"]] for g in optimiser.param_groups] == [[2, 2], [1, 3, 1]]
    before = [p.detach().clone() for p in found]
    optimiser.param_groups[0]["lr"] = 0.0
    push(found, 0)
    optimiser.step()
    assert [torch.equal(a, b) for a, b in zip(found, before, strict=True)] == [True, False, True, False, False]


def test_rates_set_after_a_state_was_loaded_count_too():
    found = parameters()
    optimiser = MuonAdam(found, RATE, BETAS)
    push(found, 0)
    optimiser.step()
    optimiser.load_state_dict(copy.deepcopy(optimiser.state_dict()))
    before = [p.detach().clone() for p in found]
    for group in optimiser.param_groups:
        group["lr"] = 0.0
    push(found, 1)
    optimiser.step()
    assert all(torch.equal(a, b) for a, b in zip(found, before, strict=True))


@pytest.mark.parametrize(("name", "kind"), [("adam", torch.optim.Adam), ("muon", MuonAdam)])
def test_optimisers_by_name(name, kind):
    made = make(name, parameters(), RATE, BETAS)
    assert isinstance(made, kind) and made.param_groups[0]["lr"] == RATE
