"""The seeds of grains: packed on the torus, orientations in the requested shares, neighbours apart, channels that do
not touch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.models.nuclei import (
    Packing,
    apart,
    cells,
    centred,
    channelled,
    contacts,
    nearby,
    nucleate,
    oriented,
    packed,
)

SHAPE = (96.0, 128.0)


def draws(n=90, seed=0, orientations=5):
    rng = np.random.default_rng(seed)
    return rng.random((n, 2)) * SHAPE, np.exp(0.25 * rng.standard_normal(n)), rng.gumbel(size=(n, orientations))


def graph(points, radii):
    """Area shares and contacts of the cells of discs that fill .85 of the torus."""
    radii = radii * np.sqrt(0.85 * SHAPE[0] * SHAPE[1] / (np.pi * (radii**2).sum()))
    return contacts(cells(points, radii, SHAPE, 5)[0], len(points))


@given(st.integers(2, 40), st.floats(3, 60), st.integers(0, 1000))
def test_pairs_are_those_of_brute_force_on_the_torus(n, reach, seed):
    points, *_ = draws(n, seed)
    reach = min(reach, 0.499 * min(SHAPE))
    first, second, gap = nearby(points, SHAPE, reach)
    every = apart(points[:, None] - points[None], SHAPE)
    near = np.triu(np.hypot(every[..., 0], every[..., 1]) <= reach, 1)
    assert sorted(zip(first.tolist(), second.tolist(), strict=True)) == sorted(map(tuple, np.argwhere(near).tolist()))
    np.testing.assert_allclose(gap, every[first, second])


def test_pushing_takes_overlaps_apart_and_moves_nothing_else():
    points, radii, _ = draws()
    radii = radii * np.sqrt(0.7 * SHAPE[0] * SHAPE[1] / (np.pi * (radii**2).sum()))

    def overlap(at):
        first, second, gap = nearby(at, SHAPE, 2 * radii.max())
        return np.maximum(radii[first] + radii[second] - np.hypot(*gap.T), 0).sum()

    totals = [overlap(packed(points, radii, SHAPE, rounds)) for rounds in (0, 1, 3, 8)]
    assert totals == sorted(totals, reverse=True) and totals[-1] < 0.3 * totals[0]
    two = np.array([[10.0, 1.0], [10.0, 127.0]])  # 2 px apart across the border, radii 4
    moved = packed(two, np.array([4.0, 4.0]), SHAPE, 1)
    np.testing.assert_allclose(np.abs(apart(moved[0] - moved[1], SHAPE)), [0, 5])
    np.testing.assert_allclose(
        packed(np.array([[10.0, 20.0], [50.0, 60.0]]), np.ones(2), SHAPE, 3), [[10, 20], [50, 60]]
    )


def test_cells_are_the_power_diagram():
    """Against brute force at every place of the grid."""
    points, radii, _ = draws(20)
    radii = 6 * radii
    owner, places = cells(points, radii, SHAPE, 4)
    away = apart(places[:, :, None] - points, SHAPE)
    power = np.square(away).sum(-1) - np.square(radii)
    np.testing.assert_allclose(np.take_along_axis(power, owner[..., None], -1)[..., 0], power.min(-1), atol=1e-6)


def test_contacts_of_a_checkerboard():
    """Four cells of 2 x 2 on a torus: each a quarter, half of its boundary with either neighbour, none across."""
    owner = np.kron(np.array([[0, 1], [2, 3]]), np.ones((2, 2), int))
    areas, touching = contacts(owner, 4)
    np.testing.assert_array_equal(areas, [0.25] * 4)
    np.testing.assert_allclose(
        touching.toarray(), [[0, 0.5, 0.5, 0], [0.5, 0, 0, 0.5], [0.5, 0, 0, 0.5], [0, 0.5, 0.5, 0]]
    )


def test_centring_evens_the_cells_out():
    points, radii, _ = draws()
    radii = np.full(len(points), 5.0)

    def unevenness(at):
        return np.bincount(cells(at, radii, SHAPE, 6)[0].ravel(), minlength=len(at)).std()

    moved = points
    for _ in range(3):
        moved = centred(moved, *cells(moved, radii, SHAPE, 6), SHAPE)
    assert unevenness(moved) < 0.6 * unevenness(points)


@pytest.mark.parametrize("fractions", [(0.2,) * 5, (0.5, 0.2, 0.1, 0.1, 0.1), (0.6, 0.4, 0, 0, 0), (0.9, 0.1, 0, 0, 0)])
def test_orientations_have_their_shares_and_neighbours_differ_more_than_by_chance(fractions):
    errors, ratios = [], []
    for seed in range(12):
        points, radii, preference = draws(seed=seed)
        (areas, touching), requested = graph(points, radii), np.array(fractions)
        chosen = oriented(touching, areas, preference, requested)
        assert not (requested[chosen] == 0).any()
        errors.append(np.abs(np.bincount(chosen, areas, 5) - requested).max())
        equal = (touching.toarray() * (chosen[:, None] == chosen[None])).sum() / touching.sum()
        ratios.append(equal / (requested**2).sum())
    assert np.mean(errors) < 0.035 and np.mean(ratios) < (0.7 if max(fractions) < 0.5 else 1.06)


def test_a_small_change_of_the_request_flips_few_discs():
    flips = []
    for seed in range(12):
        points, radii, preference = draws(seed=seed)
        areas, touching = graph(points, radii)
        near = [np.array([a, *[(1 - a) / 4] * 4]) for a in (0.3, 0.304)]
        both = [oriented(touching, areas, preference, f) for f in near]
        flips.append(areas[both[0] != both[1]].sum())
    assert np.mean(flips) < 0.05


def test_every_requested_orientation_gets_a_disc():
    points, radii, preference = draws(20)
    areas, touching = graph(points, radii)
    chosen = oriented(touching, areas, preference, np.array([0.994, 0.002, 0.002, 0.002, 0]))
    assert set(chosen.tolist()) == {0, 1, 2, 3}


def test_channels_keep_what_touches_apart_and_orientations_together():
    points, radii, _ = draws()
    _, touching = graph(points, radii)
    orientations = np.random.default_rng(1).integers(5, size=len(points))
    channels, owner = channelled(touching, orientations)
    np.testing.assert_array_equal(owner[channels], orientations)
    rows, columns = touching.nonzero()
    assert not (channels[rows] == channels[columns]).any()
    assert len(owner) < 30 and len(np.unique(channels)) == len(owner)


def test_nuclei_are_a_pure_function_and_fill_the_torus():
    points, radii, preference = draws()
    requested, how = np.full(5, 0.2), Packing()
    a, b = (nucleate(points, radii, preference, requested, SHAPE, how) for _ in range(2))
    np.testing.assert_array_equal(a.points, b.points)
    np.testing.assert_array_equal(a.channels, b.channels)
    assert np.pi * (a.radii**2).sum() == pytest.approx(how.filling * SHAPE[0] * SHAPE[1])
    assert (a.points >= 0).all() and (a.points < SHAPE).all() and a.owner.max() < 5
