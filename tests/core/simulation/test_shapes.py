"""The data source and the geometry of shapes, against counting by hand; measures on exact shapes of all sizes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.descriptors import shapes as morphometry
from core.simulation.shapes import Shapes, beyond, extent, overlap, paint, placed, refusal
from core.types import HELD_OUT

FRAME = (128, 128)
CIRCLES, MIXED = ("circle", "circle"), ("circle", "square")
near, size = st.floats(20, 107), st.floats(150, 3600)


def two(x, y, a, u, v, b):
    return [tuple(np.array([float(n)]) for n in s) for s in ((x, y, a), (u, v, b))]


def disc(radius, outline="circle", centre=64.0):
    side = 2 * radius
    area = math.pi * radius**2 if outline == "circle" else side**2
    return paint([(np.array([centre]), np.array([centre]), np.array([area]))], [outline], FRAME)[0] == 1


# --- the source -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outlines", [CIRCLES, MIXED])
def test_the_source_keeps_its_promises(outlines):
    source = Shapes(outlines)
    seeds = range(HELD_OUT, HELD_OUT + 300)
    shapes, labels = source.parameters(seeds), source.draw(seeds, FRAME)
    assert overlap(shapes, outlines).max() <= 0 and beyond(shapes, outlines, FRAME).max() <= 0
    for k, ((x, y, area), outline) in enumerate(zip(shapes, outlines, strict=True), 1):
        half = extent(area, outline)
        low, high = (14, 32) if outline == "circle" else (12.5, 28)
        assert half.min() >= low - 1e-9 and half.max() <= high + 1e-9
        assert min(x.min(), y.min()) >= 30 and max(x.max(), y.max()) <= 96.5
        for image, *at, a in zip(labels, x, y, area, strict=True):
            result = morphometry.moments(image == k)
            assert (result.x, result.y) == pytest.approx(at)
            assert result.area == pytest.approx(a, abs=0 if outline == "square" else 25)  # Gauss's circle problem
            assert morphometry.components(image == k) == 1 and morphometry.kind(image == k) == outline


def test_all_radii_and_centres_come_and_none_is_preferred():
    """Radii before rejection are uniform; rejection thins the large ones. Centres are about 63 within 4 standard
    errors."""
    (x, y, area), (u, v, other) = Shapes().parameters(range(4000))
    radius = np.sqrt(np.concatenate([area, other]) / math.pi).round(6)
    assert set(radius) == set(range(14, 33)) and np.mean(radius < 23) > 0.5
    for at in (x, y, u, v):
        assert abs(at.mean() - 63) < 4 * at.std() / math.sqrt(len(at)) and set(at) == set(range(30, 97))
    assert abs(np.corrcoef(x, y)[0, 1]) < 4 / math.sqrt(len(x))


def test_a_draw_is_a_function_of_its_seed():
    a, b = Shapes().draw([3, 9], FRAME), Shapes().draw([9, 3], FRAME)
    np.testing.assert_array_equal(a, b[::-1])
    whole, real = Shapes().parameters(range(50)), Shapes(whole=False).parameters(range(50))
    assert (whole[0][0] % 1 == 0).all() and (real[0][0] % 1 != 0).all()
    assert Shapes().identity() != Shapes(MIXED).identity()


def test_a_frame_without_room_says_so():
    with pytest.raises(ValueError, match="do not fit into 40 x 40 pixels"):
        Shapes().draw([0], (40, 40))


# --- rasters ----------------------------------------------------------------------------------------------------------


def test_rasters_by_counting():
    """Pixels whose centres lie in the shape: 1, 5, 13, 29, 49, 81 in discs of whole radii (OEIS A000328)."""
    for radius, count in enumerate((1, 5, 13, 29, 49, 81)):
        assert disc(max(radius, 0.01)).sum() == count
    assert disc(5, "square").sum() == 121 and disc(5, "square", 64.5).sum() == 100
    labels = paint(two(10, 20, math.pi * 9, 40, 50, 9), MIXED, FRAME)[0]
    assert labels[20, 13] == 1 and labels[20, 14] == 0 and labels[13, 20] == 0 and (labels[49:52, 39:42] == 2).all()
    assert (labels == 2).sum() == 9 and labels.dtype == np.uint8


def test_radii_and_areas_are_two_ways_to_say_the_same():
    given = {"x1": 1.0, "y1": 2.0, "r1": 3.0, "x2": 4.0, "y2": 5.0, "area2": 6.0}
    assert placed(given) == [(1.0, 2.0, math.pi * 9), (4.0, 5.0, 6.0)]
    assert extent(math.pi * 9, "circle") == pytest.approx(3) and extent(36.0, "square") == 3


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_overlap_by_hand():
    assert overlap(two(0, 0, math.pi * 100, 15, 0, math.pi * 49), CIRCLES)[0] == pytest.approx(2)
    assert overlap(two(0, 0, math.pi * 100, 15, 0, 100), MIXED)[0] == pytest.approx(0)  # beside
    assert overlap(two(0, 0, math.pi * 100, 13, 14, 100), MIXED)[0] == pytest.approx(
        10 - math.hypot(8, 9)
    )  # at the corner
    assert overlap(two(0, 0, math.pi * 4, 1, 0, 100), MIXED)[0] == pytest.approx(2 + 4)  # its centre in the square
    assert beyond(two(5, 50, math.pi * 100, 60, 125, 36), MIXED, FRAME) == pytest.approx(np.array([[4.5], [0.5]]))


@given(near, near, size, near, near, size, st.sampled_from([CIRCLES, MIXED]))
def test_what_is_not_refused_can_be_painted_and_what_is_painted_whole_is_not_refused(x, y, a, u, v, b, outlines):
    """Exact rasters: shapes that the sentence lets pass share at most the pixels of the slack; those with a gap share
    none."""
    shapes = two(x, y, a, u, v, b)
    alone = [paint([s], [o], FRAME)[0] > 0 for s, o in zip(shapes, outlines, strict=True)]
    into, out = overlap(shapes, outlines)[0], beyond(shapes, outlines, FRAME).max()
    if into <= -1e-5:
        assert not (alone[0] & alone[1]).any()
    if into > 1.5:
        assert (alone[0] & alone[1]).any() or out > 0
    requested = {"x1": x, "y1": y, "area1": a, "x2": u, "y2": v, "area2": b}
    text = refusal({k: np.array([n]) for k, n in requested.items()}, outlines, FRAME)
    assert bool(text) == (into > 0.05 or out > 0.05)
    worst = into if into > 0.05 else out
    assert not text or (f"by {worst:.1f} px" in text and "request" not in text)


def test_a_refusal_names_the_request():
    requested = {
        "x1": [40.0, 40.0],
        "y1": [64.0, 64.0],
        "r1": [10.0, 10.0],
        "x2": [90.0, 50.0],
        "y2": [64.0, 64.0],
        "r2": [9.0, 9.0],
    }
    text = refusal({k: np.array(v) for k, v in requested.items()}, CIRCLES, FRAME)
    assert text == "Circle 1 and circle 2 overlap by 9.0 px (request 2 of 2). Move them apart or make one smaller."
    moved = {**requested, "x2": [125.0, 100.0]}
    text = refusal({k: np.array(v) for k, v in moved.items()}, CIRCLES, FRAME)
    assert text == "Circle 2 leaves the frame by 6.5 px (request 1 of 2). Move it inwards or make it smaller."


# --- measures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outline", ["circle", "square"])
def test_every_size_is_recognised_wherever_it_lies(outline):
    for half in np.arange(7, 36, 0.5):
        for centre in (60.0, 60.5, 60.3):
            assert morphometry.kind(disc(half, outline, centre)) == outline


def test_other_shapes_are_neither():
    long = np.zeros(FRAME, bool)
    long[60:70, 40:80] = True
    ring = disc(20) & ~disc(12)
    merged = disc(15) | np.roll(disc(15), 12, 1)
    assert [morphometry.kind(m) for m in (long, ring, np.zeros(FRAME, bool), merged)] == ["neither"] * 4
    turned = np.add.outer(abs(np.arange(128) - 64), abs(np.arange(128) - 64)) <= 20
    assert morphometry.kind(turned) == "square"


def test_moments_and_perimeters_approach_their_exact_values():
    m = morphometry.moments(disc(30))
    assert m.spread == pytest.approx(1, abs=2e-3) and m.fourth < 0.04
    s = morphometry.moments(disc(20.5, "square"))
    assert s.spread == pytest.approx(math.pi / 3, rel=1e-9) and s.fourth == pytest.approx(1, abs=1e-3)
    assert morphometry.perimeter(disc(30)) == pytest.approx(2 * math.pi * 30, rel=0.03)
    assert morphometry.circularity(disc(30)) == pytest.approx(1, abs=0.05)
    assert morphometry.circularity(disc(20, "square")) < 0.9
    assert morphometry.circularity(np.zeros(FRAME, bool)) == 0 == morphometry.components(np.zeros(FRAME, bool))
    assert morphometry.components(disc(5, centre=20) | disc(5, centre=60)) == 2
