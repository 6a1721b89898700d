"""The polycrystal source as a distribution: its angles, sizes, seams and fractions with standard errors, and its
promises."""

import json
import math

import numpy as np
import pytest

from core.descriptors import grains as g
from core.simulation import orientations, voronoi
from core.simulation.grains import Grains
from core.types import HELD_OUT

SOURCE = Grains()
SHAPE = (64, 64)


@pytest.fixture(scope="module")
def grown():
    """Grain numbers of 48 maps of 64 x 64."""
    return np.stack([SOURCE.grown(seed, SHAPE) for seed in range(48)])


@pytest.fixture(scope="module")
def drawn():
    """The orientation maps of the same seeds."""
    return SOURCE.draw(range(48), SHAPE)


@pytest.fixture(scope="module")
def large():
    """Grain numbers of 6 maps of 128 x 128."""
    return np.stack([SOURCE.grown(seed, (128, 128)) for seed in range(100, 106)])


def raw(grown):
    """Voronoi tessellations with as many grains as the grown maps."""
    maps = [np.random.default_rng([s, 9]).random((ids.max() + 1, 2)) * SHAPE for s, ids in enumerate(grown)]
    return np.stack([voronoi.cells(points, SHAPE) for points in maps])


def spread(samples):
    """Mean over maps of the mean squared deviation from 120 degrees, and its standard error."""
    each = np.array([np.mean((a - 120) ** 2) for a in samples if len(a)])
    return each.mean(), each.std(ddof=1) / math.sqrt(len(each))


def test_junctions_are_those_of_growth_and_not_of_voronoi(grown):
    """The dihedral angles' mean is 120 degrees by geometry; what growth gives is a small spread. Its standard deviation
    is below 14 degrees (7 of them are the reading's), Voronoi's above 21; the variances differ by 10 standard
    errors."""
    ours, error = spread(g.junction_angles(grown))
    theirs, other = spread(g.junction_angles(raw(grown)))
    assert math.sqrt(ours) < 14 and math.sqrt(theirs) > 21
    assert theirs - ours > 10 * math.hypot(error, other)


def test_sizes_are_those_of_normal_growth(grown):
    """Relative spread of the diameters .35 within .03 (standard error .008): Voronoi cells on pixels have .26. Nearly
    symmetric."""
    relative = np.concatenate([d / d.mean() for d in g.diameters(grown)])
    assert relative.std() == pytest.approx(0.345, abs=0.03)
    assert abs(np.mean((relative - 1) ** 3) / relative.std() ** 3) < 0.4
    assert np.concatenate([d / d.mean() for d in g.diameters(raw(grown))]).std() < 0.3


def test_grains_are_compact_and_without_speckle(grown, drawn):
    assert g.speckle(grown).sum() == g.speckle(drawn).sum() == 0
    assert np.mean(np.concatenate([g.solidity(ids) for ids in grown]) < g.SOLID) < 0.005
    for ids in grown:
        assert len(np.unique(ids)) == ids.max() + 1 == g.grain_count(ids[None]).item()


def test_the_number_of_grains_is_as_announced(grown, large):
    """30 to 150 per 128 x 128 px: what was aimed at, or a few less."""
    aimed = np.array([voronoi.grain_number(np.random.default_rng([s, 1]), SHAPE) for s in range(len(grown))])
    found = g.grain_count(grown).numpy()
    assert (found <= aimed).all() and (found >= 0.85 * aimed - 1).all()
    assert g.grain_count(large).min() >= 30 and g.grain_count(large).max() <= 150


def test_the_seam_is_a_line_like_any_other(grown):
    """Share of unlike neighbours across the wrap against that inside, both axes: equal within 4 standard errors."""
    for axis in (1, 2):
        unlike = (grown != np.roll(grown, -1, axis)).mean(3 - axis)
        difference = unlike[:, -1] - unlike[:, :-1].mean(1)
        assert abs(difference.mean()) < 4 * difference.std(ddof=1) / math.sqrt(len(grown))


@pytest.mark.parametrize(
    ("fractions", "equal"),
    [((0.2,) * 5, 0.02), ((0.3, 0.25, 0.2, 0.15, 0.1), 0.04), ((0.5, 0.2, 0.15, 0.1, 0.05), 0.13)],
)
def test_fractions_near_the_request_and_neighbours_different_where_they_can_be(large, fractions, equal):
    """6 maps of 128 x 128: mean largest error below .003; share of the boundary with equal orientations on both sides
    (a random choice leaves the sum of the squared fractions: .2, .23, .33)."""
    chosen = [orientations.assign(ids, fractions, np.random.default_rng([s, 2])) for s, ids in enumerate(large)]
    maps = np.stack([c[ids] for c, ids in zip(chosen, large, strict=True)])
    found = np.stack([np.bincount(m.ravel(), minlength=5) / m.size for m in maps])
    assert np.abs(found - fractions).max(1).mean() < 0.003
    assert g.equal_boundary(large, maps).mean() < equal


def test_a_dominant_orientation_is_still_met():
    maps = SOURCE.at(np.array([[0.9, 0.1, 0, 0, 0], [0, 0, 0, 0, 1.0]]), 3, (128, 128))
    assert (maps[0] == 0).mean() == pytest.approx(0.9, abs=0.005)
    assert (maps[1] == 4).mean() > 0.999  # to a grain of a few pixels


def test_fractions_are_even_and_skewed(drawn):
    """Drawn maps meet their own Dirichlet fractions; the largest fraction runs from a third to more than a half."""
    found = np.stack([np.bincount(m.ravel(), minlength=5) / m.size for m in drawn])
    wanted = np.stack([SOURCE.fractions(s) for s in range(len(drawn))])
    assert np.abs(found - wanted).max(1).mean() < 0.03  # 8 to 37 grains
    assert np.quantile(found.max(1), 0.1) < 0.35 and np.quantile(found.max(1), 0.9) > 0.5
    assert np.abs(found.mean(0) - 0.2).max() < 4 * 0.17 / math.sqrt(len(drawn))  # no orientation is favoured


def test_a_seed_fixes_the_map_whatever_the_batch(drawn):
    assert drawn.dtype == np.uint8 and drawn.max() == orientations.COUNT - 1
    for seeds in ([37], [40, 3, 11], range(20, 24), range(4)[::-1]):
        np.testing.assert_array_equal(SOURCE.draw(seeds, SHAPE), drawn[list(seeds)])
    held = SOURCE.draw([HELD_OUT, HELD_OUT + 1], SHAPE)
    assert len({m.tobytes() for m in (*drawn, *held)}) == 50
    fractions = np.stack([SOURCE.fractions(s) for s in (5, 6)])
    np.testing.assert_array_equal(SOURCE.at(fractions, 5, SHAPE), drawn[5:7])


@pytest.mark.parametrize("shape", [(32, 32), (32, 64), (40, 72), (96, 32)])
def test_any_size_divisible_by_eight_works(shape):
    maps = SOURCE.draw(range(4), shape)
    assert maps.shape == (4, *shape) and maps.max() < orientations.COUNT
    assert g.speckle(maps).sum() == 0


def test_the_identity_says_what_fixes_the_distribution():
    told = json.loads(json.dumps(SOURCE.identity()))
    assert told != json.loads(json.dumps(Grains(surplus=3.0).identity()))
    assert told["source"] == "grains"
