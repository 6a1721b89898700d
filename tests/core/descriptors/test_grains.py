"""Statistics of grain maps against slow counts, constructed junctions and shapes known on paper, and what moves cannot
change."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.descriptors import grains as g
from core.descriptors import two_phase
from core.descriptors.components import SPECK, components

MAPS = st.tuples(st.integers(6, 14), st.integers(6, 14)).flatmap(
    lambda s: arrays(np.uint8, s, elements=st.integers(0, 2))
)
SCALARS = (g.grain_count, g.speckle, g.mean_diameter, g.boundary_length, g.misfit)
CURVES = (g.size_distribution, g.angle_distribution)


def blocks(rng, cells=8, size=8):
    """A map of random square blocks, (cells size) px wide."""
    return np.kron(rng.integers(0, 5, (cells, cells)), np.ones((size, size), int))


def slow_areas(label):
    """Areas of the 4-connected pieces on the torus, by flood fill."""
    left, out = {tuple(p) for p in np.argwhere(label >= 0)}, []
    while left:
        stack, area = [left.pop()], 0
        while stack:
            y, x = stack.pop()
            area += 1
            for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                near = ((y + dy) % label.shape[0], (x + dx) % label.shape[1])
                if near in left and label[near] == label[y, x]:
                    left.remove(near)
                    stack.append(near)
        out.append(area)
    return out


def disc(shape, centre, radius):
    y, x = np.indices(shape)
    return (np.hypot(y - centre[0], x - centre[1]) <= radius).astype(np.uint8)


def junction(angles, turn, centre, rng, size=40):
    """Three sectors of these angles about `centre`, and beyond 14 px noise in which no junction can be read."""
    y, x = np.indices((size, size))
    sector = np.searchsorted(np.cumsum(angles)[:2], (np.degrees(np.arctan2(y - centre[0], x - centre[1])) - turn) % 360)
    return np.where(
        np.hypot(y - centre[0], x - centre[1]) < 14, sector, 3 + rng.permutation(size * size).reshape(size, size)
    )


# --- against slow counts ----------------------------------------------------------------------------------------------


@given(MAPS)
def test_pieces_are_those_of_a_flood_fill(label):
    slow = np.array(slow_areas(label))
    assert sorted(np.bincount(components(label).ravel())) == sorted(slow)
    grains = slow[slow >= SPECK]
    assert g.grain_count(label[None]).item() == len(grains)
    assert sorted(g.grain_areas(label[None])[0]) == sorted(grains)
    assert g.speckle(label[None]).item() == slow.sum() - grains.sum()
    expected = (2 * np.sqrt(grains / math.pi)).mean() if len(grains) else 0
    assert g.mean_diameter(label[None]).item() == pytest.approx(expected, rel=1e-6)


@given(MAPS)
def test_two_labels_have_the_specific_surface_of_a_two_phase_map(label):
    two = torch.from_numpy((label > 0).astype(np.uint8))[None]
    torch.testing.assert_close(g.boundary_length(two), two_phase.specific_surface(two))


def test_equal_boundary_is_the_share_of_faces_counted_one_by_one():
    rng = np.random.default_rng(0)
    ids, orientations = rng.integers(0, 9, (7, 9)), rng.integers(0, 3, 9)
    faces = [
        (ids[y, x], ids[(y + a) % 7, (x + b) % 9]) for y in range(7) for x in range(9) for a, b in ((0, 1), (1, 0))
    ]
    between = [(i, j) for i, j in faces if i != j]
    expected = np.mean([orientations[i] == orientations[j] for i, j in between])
    assert g.equal_boundary(ids[None], orientations[ids][None]).item() == pytest.approx(expected, rel=1e-6)
    assert g.equal_boundary(ids[None], ids[None]).item() == 0
    assert g.equal_boundary(ids[None], 0 * ids[None]).item() == 1


# --- known on paper ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("angles", [(120, 120, 120), (90, 120, 150), (60, 140, 160), (90, 90, 180)])
def test_a_constructed_junction_has_its_angles(angles):
    """Tolerance: 9 degrees rms per junction, its meeting point being known to half a pixel; a lean of 6 degrees in the
    mean of 100 random places and turns, since on pixels the tip of a narrow grain ends early."""
    rng, errors = np.random.default_rng(0), []
    for _ in range(100):
        turn, centre = rng.uniform(0, 360), 20 + rng.uniform(-0.5, 0.5, 2)
        label = junction(angles, turn, centre, rng)
        (result,) = g.junction_angles(label[None])
        assert len(result) <= 1
        errors += [result[0] - angles] if len(result) else []
    errors = np.array(errors)
    assert len(errors) >= 95
    np.testing.assert_allclose(errors.sum(1), 0, atol=1e-9)
    assert np.sqrt((errors**2).mean()) < 9
    assert np.abs(errors.mean(0)).max() < 6


def test_junctions_near_another_are_not_read_and_those_of_bricks_are_known():
    """A brick wall has two junctions per brick with angles 90, 90 and 180: read when 12 px apart, not when 5 px."""

    def wall(half):
        row = np.repeat(np.arange(4), 2 * half)
        return np.concatenate([np.tile(np.roll(row, half * r) + 4 * r, (2 * half, 1)) for r in range(4)])

    (angles,) = g.junction_angles(wall(8)[None])
    assert len(g.junctions(wall(8))) == len(angles) == 32
    np.testing.assert_allclose(np.sort(angles), np.tile((90, 90, 180), (32, 1)), atol=8)
    assert len(g.junction_angles(wall(3)[None])[0]) == 0
    assert g.angle_distribution(wall(3)[None]).sum() == 0


def test_the_size_of_a_disc_is_its_diameter():
    label = disc((64, 64), (3, 60), 10.4)[None]  # over the seam it is still one grain
    label = np.roll(label, (-9, 9), (1, 2))
    assert g.grain_count(label).item() == 2
    assert sorted(g.diameters(label)[0])[0] == pytest.approx(2 * math.sqrt(label.sum() / math.pi))
    assert g.size_distribution(label)[0].tolist()[-1] == 0.5  # the matrix, beyond the last edge
    at = g.size_classes((64, 64))[g.size_distribution(label)[0].argmax()]
    assert abs(at - sorted(g.diameters(label)[0])[0]) <= 1


@pytest.mark.parametrize("shift", [(0, 0), (20, 0), (5, 25)])
def test_solidity_is_one_for_convex_grains_and_known_for_an_angle(shift):
    """An L of two 12 x 4 arms: 80 px, its hull 144 - 28 px (the half square, its diagonal's pixels included)."""
    square, round_one, angle = np.zeros((3, 40, 40), np.uint8)
    square[4:10, 8:20] = 1
    round_one[:] = disc((40, 40), (20, 20), 9.3)
    angle[0:12, 0:4] = angle[0:4, 0:12] = 1
    for label, expected in ((square, 1.0), (round_one, 1.0), (angle, 80 / 108)):
        moved = np.roll(label, shift, (0, 1))
        area, solid = g.grain_areas(moved[None])[0], g.solidity(moved)
        assert solid[area.argmin()] == pytest.approx(expected)
        assert solid[area.argmax()] == 0  # the matrix winds round the torus


def test_misfit_is_the_area_of_what_looks_merged():
    label = np.kron(np.arange(16).reshape(4, 4), np.ones((8, 8), int))
    assert g.misfit(label[None]).item() == 0
    label[0:8, 8:16] = label[8:16, 0:8] = label[0, 0]  # three blocks become an angle
    assert g.misfit(label[None]).item() == pytest.approx(3 / 16)


def test_one_label_is_one_piece_without_boundary():
    one = np.zeros((1, 16, 16), np.uint8)
    assert [f(one).item() for f in (g.grain_count, g.speckle, g.boundary_length, g.misfit)] == [1, 0, 0, 1]
    assert g.junction_angles(one)[0].shape == (0, 3)


# --- what cannot change -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("f", [*SCALARS, *CURVES])
@pytest.mark.parametrize("seed", range(2))
def test_moves_and_names_change_nothing(f, seed):
    """Rolls, mirrors, quarter turns and other numbers for the labels; circles are read at pixels, so angles move in
    rounding."""
    rng = np.random.default_rng(seed)
    label = np.repeat(np.repeat(blocks(rng, 6, 4), 2, 0), 2, 1)
    names = rng.permutation(5) + 7
    expected = f(label[None])
    for other in (np.roll(label, (5, 17), (0, 1)), names[label]):
        torch.testing.assert_close(f(other[None]), expected)
    if f is not g.angle_distribution:
        for other in (label[::-1], np.rot90(label)):
            torch.testing.assert_close(f(other.copy()[None]), expected)


@pytest.mark.parametrize("f", [*SCALARS, *CURVES])
def test_any_type_and_batch_gives_the_same(f):
    labels = np.stack([blocks(np.random.default_rng(s)) for s in range(3)])
    expected = f(labels)
    assert expected.dtype == torch.float32 and len(expected) == 3
    for other in (torch.from_numpy(labels), torch.from_numpy(labels.astype(np.uint8)), labels.astype(np.int16)):
        assert torch.equal(f(other), expected)
    assert torch.equal(torch.cat([f(labels[i : i + 1]) for i in range(3)]), expected)


@pytest.mark.parametrize("curve", CURVES)
def test_curves_are_shares_over_their_classes(curve):
    labels = np.stack([blocks(np.random.default_rng(s), 8, 16) for s in range(3)])
    at = {g.size_distribution: g.size_classes, g.angle_distribution: g.angle_classes}[curve](labels.shape[1:])
    result = curve(labels)
    assert result.shape == (3, len(at))
    torch.testing.assert_close(result.sum(1), torch.ones(3))


@pytest.mark.parametrize("f", [*SCALARS, *CURVES, g.junction_angles, g.grain_areas])
def test_another_rank_is_refused(f):
    with pytest.raises(ValueError, match=r"shape \(n, H, W\); got \(4, 4\)"):
        f(np.zeros((4, 4), np.uint8))
