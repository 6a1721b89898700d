"""Orientations: exact rotations and symmetry groups, classes that are recovered; colours that separate neighbours."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from core.readers import colouring, misorientation
from tests.foreign import random_angles, voronoi


def apart(p, q, structure):
    """Misorientation of two orientations in degrees."""
    return np.degrees(2 * np.arccos(min(1.0, misorientation.nearest(p[None], q[None], structure)[0][0, 0])))


def test_angles_are_turned_about_z_x_z():
    angles = random_angles(50)
    ours = misorientation.quaternions(angles)
    theirs = Rotation.from_euler("ZXZ", angles).as_quat()[:, [3, 0, 1, 2]]
    np.testing.assert_allclose(np.abs((ours * theirs).sum(1)), 1, atol=1e-12)


@pytest.mark.parametrize(
    ("structure", "order"), [(misorientation.CUBIC, 24), (misorientation.HEXAGONAL, 12), (None, 1), (6, 1)]
)
def test_the_groups_are_groups(structure, order):
    group = misorientation.symmetries(structure)
    assert len(group) == order
    every = misorientation.product(group[:, None], group).reshape(-1, 4)
    assert np.abs(every @ group.T).max(1).min() == pytest.approx(1, abs=1e-9)


def test_the_groups_hold_the_turns_of_scipy():
    for structure, name in ((misorientation.CUBIC, "O"), (misorientation.HEXAGONAL, "D6")):
        theirs = Rotation.create_group(name).as_quat()[:, [3, 0, 1, 2]]
        assert np.abs(theirs @ misorientation.symmetries(structure).T).max(1).min() == pytest.approx(1, abs=1e-6)


def test_a_quarter_turn_of_a_cube_is_no_turn():
    a, b = misorientation.quaternions(np.array([[0.3, 0.7, 0.2], [0.3, 0.7, 0.2 + np.pi / 2]]))
    assert apart(a, b, misorientation.CUBIC) == pytest.approx(0, abs=1e-5)
    assert apart(a, b, misorientation.HEXAGONAL) == pytest.approx(30, abs=1e-5)
    assert apart(a, b, None) == pytest.approx(90, abs=1e-5)


@given(st.integers(0, 10_000), st.sampled_from([misorientation.CUBIC, misorientation.HEXAGONAL, None]))
def test_aligned_orientations_are_the_same_and_close(seed, structure):
    q, c = misorientation.quaternions(random_angles(2, seed))
    close, aligned = misorientation.nearest(q[None], c[None], structure)
    assert aligned[0] @ c == pytest.approx(close[0, 0], abs=1e-9)
    assert apart(aligned[0], q, structure) == pytest.approx(0, abs=1e-5)


def test_means_do_not_mind_which_equivalent_is_written():
    rng = np.random.default_rng(0)
    truth = misorientation.quaternions(random_angles(7))
    ids = rng.integers(0, 7, 2000)
    noise = misorientation.quaternions(rng.normal(0, 0.02, (2000, 3)))
    group = misorientation.symmetries(misorientation.CUBIC)
    cells = misorientation.product(misorientation.product(truth[ids], noise), group[rng.integers(0, 24, 2000)])
    cells *= rng.choice([-1, 1], (2000, 1))
    sums = misorientation.averages(ids[:1000], cells[:1000], 7, misorientation.CUBIC)
    sums = misorientation.averages(ids[1000:], cells[1000:], 7, misorientation.CUBIC, sums)
    means = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    assert max(apart(m, t, misorientation.CUBIC) for m, t in zip(means, truth, strict=True)) < 0.5


@pytest.mark.parametrize("structure", [misorientation.CUBIC, misorientation.HEXAGONAL, None])
def test_five_classes_are_recovered(structure):
    """Centres 45 degrees or more apart, orientations within about 5 degrees of them, in any equivalent form."""
    rng = np.random.default_rng(1)
    cubic = np.radians([[0, 0, 0], [45, 90, 45], [45, 45, 0], [0, 75, 45], [45, 90, 0]])
    centres = misorientation.quaternions(cubic if structure == misorientation.CUBIC else random_angles(5, 6))
    truth = rng.integers(0, 5, 600)
    group = misorientation.symmetries(structure)
    q = misorientation.product(centres[truth], misorientation.quaternions(rng.normal(0, 0.03, (600, 3))))
    q = misorientation.product(q, group[rng.integers(0, len(group), 600)])
    result = misorientation.classes(q, 5, structure)
    assert len({(a, b) for a, b in zip(truth, result, strict=True)}) == 5
    assert (np.diff(np.bincount(result)) <= 0).all()
    np.testing.assert_array_equal(result, misorientation.classes(q, 5, structure))


def test_many_orientations_join_the_centres_of_some(monkeypatch):
    q = misorientation.quaternions(random_angles(500))
    monkeypatch.setattr(misorientation, "FITTED", 100)
    result = misorientation.classes(q, 5, misorientation.CUBIC)
    assert len(result) == 500 and set(result.tolist()) == {0, 1, 2, 3, 4}
    assert misorientation.classes(q[:3], 5, misorientation.CUBIC).max() == 2


@given(st.integers(0, 1000), st.integers(2, 400))
def test_neighbours_never_share_a_colour(seed, n):
    ids = voronoi((48, 48), n, seed) - 1
    result, clashes = colouring.colours(ids)
    painted = result[ids]
    assert clashes == 0 and result.max() < 5
    for axis in (0, 1):
        a, b = (np.delete(ids, k, axis).ravel() for k in (0, -1))
        one, two = (np.delete(painted, k, axis).ravel() for k in (0, -1))
        assert ((one != two) | (a == b)).all()


def test_an_exchange_frees_a_colour():
    """A hub within a rim that has all five colours."""
    near = [{} for _ in range(6)]
    for a, b in [(0, i) for i in range(1, 6)] + [(i, i % 5 + 1) for i in range(1, 6)]:
        near[a][b] = near[b][a] = 1
    colour = [-1, 0, 1, 2, 3, 4]
    colouring._exchange(near, colour, 0, 5)
    assert len(set(colour[1:])) == 4
    assert all(colour[a] != colour[b] for a in range(1, 6) for b in near[a] if b)


def test_complete_graphs_clash_and_say_so():
    """Six grains of which every two touch (in pieces, as no plane allows) cannot do with five colours."""
    result, clashes = colouring.colours(np.array([[a, b] for a in range(6) for b in range(6)]))
    assert clashes >= 1 and len(result) == 6


def test_pixels_of_no_grain_go_to_the_nearest():
    ids = np.array([[1, 0, 0, 2], [1, 1, -3, 2]])
    np.testing.assert_array_equal(colouring.filled(ids)[:, [0, 3]], [[1, 2], [1, 2]])
    assert (colouring.filled(ids) > 0).all() and colouring.filled(ids)[0, 1] == 1 and colouring.filled(ids)[0, 2] == 2
