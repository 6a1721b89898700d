"""Exact fractions of several phases: the counts are right whatever the logits are, and nothing better exists."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from core.descriptors.components import SPECK
from core.models.grain_growth_layer import blurred, gaussian
from core.projection import exact_fractions, finite_logits, pixel_counts, specks, without_speckle

KINDS = {
    "normal": lambda shape, rng: torch.randn(shape, generator=rng),
    "bf16": lambda shape, rng: (8 * torch.randn(shape, generator=rng)).bfloat16(),
    "ties": lambda shape, rng: torch.randint(0, 3, shape, generator=rng).float(),
    "constant": lambda shape, rng: torch.full(shape, -2.5),
    "infinite": lambda shape, rng: torch.randn(shape, generator=rng).sign() * torch.inf,
    "steep": lambda shape, rng: 1e4 * torch.randn(shape, generator=rng),
}
SHARES = st.lists(st.sampled_from([0.0, 0.0, 1e-4, 0.02, 0.3, 1.0]) | st.floats(0, 1), min_size=2, max_size=6)
SKEWED = [
    (0.2,) * 5,
    (0.7, 0.1, 0.1, 0.05, 0.05),
    (0.9, 0.025, 0.025, 0.025, 0.025),
    (0.5, 0.5, 0, 0, 0),
    (0, 0, 1, 0, 0),
]


def simplex(shares):
    """Shares as float32 fractions that sum to 1; the first takes all where there is nothing."""
    values = np.asarray(shares, dtype=np.float64)
    values[0] += values.sum() < 1e-6
    return torch.from_numpy((values / values.sum()).astype(np.float32))[None]


def counts(labels, channels):
    return torch.stack([torch.bincount(one.flatten().long(), minlength=channels) for one in labels])


def smooth(n, size, width=4.0, seed=0):
    """Smooth random logits (n, 5, size, size) of unit variance."""
    white = torch.randn(n, 5, size, size, generator=torch.Generator().manual_seed(seed))
    field = blurred(white, gaussian((size, size), torch.full((n, 2), width)))
    return field / field.std()


@given(SHARES, st.tuples(st.integers(1, 20), st.integers(1, 20)), st.sampled_from(sorted(KINDS)), st.integers(0, 2**31))
def test_counts_are_the_largest_remainder_rounding(shares, shape, kind, seed):
    fractions = simplex(shares)
    logits = KINDS[kind]((1, len(shares), *shape), torch.Generator().manual_seed(seed))
    labels = exact_fractions(logits, fractions)
    assert labels.dtype == torch.uint8 and labels.shape == (1, *shape)
    assert torch.equal(counts(labels, len(shares)), pixel_counts(fractions, shape[0] * shape[1]))


@given(SHARES, st.integers(1, 5000))
def test_whole_numbers_are_within_one_of_the_request_and_sum_to_the_pixels(shares, pixels):
    fractions = simplex(shares)
    result = pixel_counts(fractions, pixels)
    exact = fractions.double() / fractions.double().sum() * pixels
    assert int(result.sum()) == pixels and (result >= 0).all()
    assert ((result - exact).abs() < 1).all() and (result[fractions == 0] == 0).all()


def best(logits, target):
    """Largest total of any labelling (C, P) with these counts, by linear programming over transport plans."""
    channels, pixels = logits.shape
    rows = np.kron(np.eye(channels), np.ones(pixels)), np.kron(np.ones(channels), np.eye(pixels))
    result = linprog(-logits.ravel(), A_eq=np.vstack(rows), b_eq=np.concatenate([target, np.ones(pixels)]))
    return -result.fun


@pytest.mark.parametrize("kind", ["normal", "ties", "bf16"])
@pytest.mark.parametrize("seed", range(6))
def test_no_other_labelling_has_a_larger_total(kind, seed):
    rng = torch.Generator().manual_seed(seed)
    logits = KINDS[kind]((1, 4, 5, 6), rng)
    fractions = torch.distributions.Dirichlet(torch.full((4,), 0.7)).sample((1,)) if seed else simplex([0, 1, 0, 2])
    labels = exact_fractions(logits, fractions)
    total = logits.double().gather(1, labels[:, None].long()).sum()
    most = best(logits[0].flatten(1).double().numpy(), pixel_counts(fractions, 30)[0].numpy())
    assert float(total) == pytest.approx(most, abs=1e-6 * float(logits.double().abs().max()))


def test_the_total_is_that_of_brute_force():
    logits = torch.randn(1, 3, 2, 3, generator=torch.Generator().manual_seed(1))
    target = [3, 2, 1]
    every = (torch.tensor(p).view(1, 2, 3) for p in set(itertools.permutations([0, 0, 0, 1, 1, 2])))
    most = max(float(logits.gather(1, p[:, None]).sum()) for p in every)
    labels = exact_fractions(logits, torch.tensor([target]) / 6)
    assert float(logits.gather(1, labels[:, None].long()).sum()) == pytest.approx(most, abs=1e-5)


@pytest.mark.parametrize("fractions", SKEWED)
def test_large_maps_are_optimal_too(fractions):
    """Complementary slackness: offsets exist for which every pixel's label is the best, to rounding."""
    logits, requested = smooth(1, 64), torch.tensor([fractions])
    labels = exact_fractions(logits, requested)[0].flatten().numpy()
    scores = logits[0].flatten(1).double().numpy()
    used = np.flatnonzero(np.bincount(labels, minlength=5))
    price = np.array(
        [[(scores[s] - scores[t])[labels == s].min() for t in used] for s in used]
    )  # b_t - b_s <= price[s, t]
    for k in range(len(used)):
        price = np.minimum(price, price[:, k : k + 1] + price[k : k + 1])
    assert np.diag(price).min() > -1e-5  # no cycle of moves gains anything


@pytest.mark.parametrize("fractions", SKEWED[:3])
def test_pixels_leave_their_argmax_at_boundaries_alone(fractions):
    """Against the labelling of the same logits by the same offsets: what differs touches another label."""
    logits, requested = smooth(2, 64), torch.tensor([fractions] * 2)
    labels = exact_fractions(logits, requested)
    nearly = requested + 0.002 * torch.tensor([[1, -1, 0, 0, 0]])
    other = exact_fractions(logits, nearly)
    changed = labels != other
    edge = torch.stack([labels != labels.roll(s, a) for s in (1, -1) for a in (1, 2)]).any(0)
    wide = torch.stack([edge.roll(s, a) for s in (-2, -1, 0, 1, 2) for a in (1, 2)]).any(0)
    assert changed.any() and (changed & ~wide).float().sum() <= 0.05 * changed.sum()


def test_infinities_and_what_is_no_number_are_tamed():
    given = torch.tensor(
        [[[1.0, torch.inf], [-torch.inf, torch.nan]], [[torch.inf, torch.inf], [-torch.inf, -torch.inf]]]
    )
    assert finite_logits(given).tolist() == [[[1, 1], [1, 0]], [[1, 1], [-1, -1]]]


def test_each_sample_is_labelled_by_itself():
    logits, requested = smooth(3, 32), torch.tensor(SKEWED[:3])
    together = without_speckle(logits, requested)
    for i in range(3):
        assert torch.equal(without_speckle(logits[i : i + 1], requested[i : i + 1])[0], together[i])


def planted():
    """Logits of two halves with a dozen islands of 1 to 4 px in them."""
    logits = torch.zeros(1, 3, 32, 32)
    logits[:, 0, :, :16], logits[:, 1, :, 16:] = 5, 5
    for i in range(12):
        logits[:, 2, (5 * i) % 32, 3 + 2 * i : 3 + 2 * i + 1 + i % 2] = 20
    return logits


def test_speckle_is_counted_and_removed_and_the_counts_stay_exact():
    logits, requested = planted(), torch.tensor([[0.5, 0.484, 0.016]])
    assert specks(exact_fractions(logits, requested)[0].numpy()).sum() > 10
    labels = without_speckle(logits, requested, rounds=8)
    assert torch.equal(counts(labels, 3), pixel_counts(requested, 1024))
    assert specks(labels[0].numpy()).sum() < SPECK


def test_an_orientation_that_vanished_comes_back_as_one_grain():
    """Label 2 is nowhere the best, and best off in scattered places; with 18 px requested, it is one compact piece."""
    logits = planted()
    logits[:, 2] = -30 + torch.randn(1, 32, 32, generator=torch.Generator().manual_seed(0))
    requested = torch.tensor([[0.5, 0.482, 0.018]])
    assert specks(exact_fractions(logits, requested)[0].numpy()).sum() > 10
    labels = without_speckle(logits, requested)
    assert torch.equal(counts(labels, 3), pixel_counts(requested, 1024)) and specks(labels[0].numpy()).sum() == 0
    rows, columns = (labels[0] == 2).nonzero(as_tuple=True)
    spread = [min(int(torch.remainder(v - v[k], 32).max()) for k in range(len(v))) for v in (rows, columns)]
    assert max(spread) <= 6


@pytest.mark.parametrize("fractions", SKEWED)
def test_smooth_logits_leave_no_speckle(fractions):
    logits, requested = smooth(4, 64), torch.tensor([fractions] * 4)
    labels = without_speckle(logits, requested)
    assert torch.equal(counts(labels, 5), pixel_counts(requested, 4096))
    assert sum(int(specks(one.numpy()).sum()) for one in labels) == 0
