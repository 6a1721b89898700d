"""Refinement: the delivered array's own correlation arrives at the request, the fraction stays exact, nothing gets
worse."""

import pytest
import torch

from core.descriptors import two_phase
from core.invariances.two_point import TwoPointCorrelation
from core.projection import rank_threshold
from core.projection.two_point import TOLERANCE, match_correlation
from core.simulation import correlations
from core.simulation.random_field import colour, field_correlation, offsets, sample_curve, spectral_amplitude

MEASURE = TwoPointCorrelation(correlations.BINS)
P = torch.tensor([0.35, 0.5])


def level_cut(covariance, p, seed, side=64):
    """Gaussian fields whose cut at p (n,) has about the covariance c(r) given at r = 0, 1, 2, ... px (n, m)."""
    y, x = offsets((side, side))
    amplitude = spectral_amplitude(
        sample_curve(field_correlation(covariance, p), 1.0, torch.hypot(x, y).expand(len(p), -1, -1))
    )
    rng = torch.Generator().manual_seed(seed)
    return colour(torch.randn(len(p), side, side, generator=rng), amplitude)


def measured(fields, p):
    return MEASURE.measure(rank_threshold(fields, p)[:, None].float())


@pytest.fixture(scope="module")
def fields():
    covariance = torch.exp(-torch.arange(65.0) / 6).expand(2, -1)
    return level_cut(covariance, P, 1)[:, None]


@pytest.fixture(scope="module")
def targets():
    """The correlations of other structures: discs (p = .35) and a Gaussian-correlated field (p = .5)."""
    other = level_cut(torch.exp(-((torch.arange(65.0) / 5) ** 2)).expand(2, -1), P, 2)[:, None]
    return measured(other, P)


def test_the_delivered_curve_arrives_and_the_fraction_stays(fields, targets):
    before = (measured(fields, P) - targets).abs().mean(1)
    refined = match_correlation(fields, P, targets, steps=40)
    after = (measured(refined, P) - targets).abs().mean(1)
    assert (before > 50 * TOLERANCE).all() and (after <= 5 * TOLERANCE).all()
    assert (rank_threshold(refined, P).sum((1, 2)) == torch.round(P.double() * 64 * 64)).all()


def test_a_curve_that_is_there_already_changes_nothing(fields):
    torch.testing.assert_close(match_correlation(fields, P, measured(fields, P)), fields, rtol=0, atol=0)


def test_an_impossible_curve_makes_nothing_worse(fields):
    impossible = P[:, None] * (torch.arange(correlations.BINS) % 2 == 0)
    before = (measured(fields, P) - impossible).square().sum(1)
    after = (measured(match_correlation(fields, P, impossible, steps=6), P) - impossible).square().sum(1)
    assert (after <= before).all()


def test_each_sample_is_refined_alone(fields, targets):
    both = match_correlation(fields, P, targets, steps=5)
    torch.testing.assert_close(match_correlation(fields[1:], P[1:], targets[1:], steps=5), both[1:], rtol=0, atol=0)


@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_an_array_of_one_phase_is_left_as_it_is(fields, fraction):
    p = torch.full((2,), fraction)
    refined = match_correlation(fields, p, p[:, None].square().expand(-1, correlations.BINS) * 0.9)
    assert torch.isfinite(refined).all() and (rank_threshold(refined, p) == int(fraction)).all()


def test_the_interface_moves_a_little_and_the_shape_stays(fields, targets):
    labels, refined = rank_threshold(fields, P), rank_threshold(match_correlation(fields, P, targets, steps=40), P)
    assert 0 < (labels != refined).float().mean() < 0.25
    assert (two_phase.specific_surface(refined) < 1.5 * two_phase.specific_surface(labels)).all()
