"""Descriptors against slow obvious loops, exact solutions on paper, and properties that always hold."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.descriptors import two_phase as d
from tests.core.descriptors.loops import slow_chords, slow_components, slow_lineal, slow_radial, slow_s2

SCALARS = [d.volume_fraction, d.specific_surface, d.euler_number, d.mean_chord, d.characteristic_length]
CURVES = [d.s2_radial, d.lineal_path, d.chord_lengths]
IMAGES = st.tuples(st.integers(3, 12), st.integers(3, 12)).flatmap(
    lambda s: arrays(np.uint8, s, elements=st.integers(0, 1))
)
modest = settings(max_examples=40, deadline=None)


def noise(shape, seed, fraction=0.5):
    return (np.random.default_rng(seed).random(shape) < fraction).astype(np.uint8)


def batch(*images):
    return torch.from_numpy(np.stack(images))


def disc(shape, centre, radius):
    y, x = np.indices(shape)
    return ((y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2).astype(np.uint8)


def stripes(shape, period, width):
    return np.broadcast_to(np.arange(shape[1]) % period < width, shape).astype(np.uint8)


# --- slow and obvious -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(8, 8), (6, 9), (9, 6), (7, 5)])
def test_correlation_equals_the_double_loop(shape):
    image = noise(shape, 1)
    expected = slow_s2(image)
    radial, counts = slow_radial(expected)
    x = batch(image)
    np.testing.assert_allclose(d.s2_map(x)[0], expected, atol=2e-7)  # float32 rounding
    np.testing.assert_allclose(d.s2_radial(x)[0], radial[:, 1], atol=2e-7)
    np.testing.assert_allclose(d.radial_bins(shape)[0], radial[:, 0], rtol=1e-6)
    assert d.radial_bins(shape)[1].tolist() == counts
    along_x, along_y = d.s2_axes(x)
    np.testing.assert_allclose(along_x[0], expected[0, : shape[1] // 2 + 1], atol=2e-7)
    np.testing.assert_allclose(along_y[0], expected[: shape[0] // 2 + 1, 0], atol=2e-7)


@pytest.mark.parametrize("phase", [0, 1])
@pytest.mark.parametrize("shape", [(8, 8), (5, 11)])
def test_lineal_path_and_chords_equal_the_loop(shape, phase):
    image = noise(shape, 2, 0.6)
    chords = slow_chords(image, phase)
    histogram = np.array([chords.count(length) for length in range(1, 13)]) / len(chords)
    x = batch(image)
    np.testing.assert_allclose(d.lineal_path(x, phase, 6)[0], slow_lineal(image, phase, 6), rtol=1e-6)
    np.testing.assert_allclose(d.chord_lengths(x, phase, 12)[0], histogram, rtol=1e-6)
    assert d.mean_chord(x, phase)[0] == pytest.approx(np.mean(chords), rel=1e-6)


def test_the_last_chord_bin_gathers_the_longer_ones():
    x = batch(stripes((4, 20), 20, 13))
    assert d.chord_lengths(x, 1, 5)[0].tolist() == [0, 0, 0, 0, 1]


@pytest.mark.parametrize("seed", range(4))
def test_euler_number_is_pieces_minus_holes_in_the_plane(seed):
    image = np.pad(noise((14, 11), seed, 0.6), 1)  # the border of phase 0 makes the torus a plane piece
    expected = slow_components(image == 1, diagonal=False) - (slow_components(image == 0, diagonal=True) - 1)
    assert d.euler_number(batch(image))[0] * image.size / 1e4 == pytest.approx(expected, abs=1e-4)


def test_surface_counts_faces_times_a_quarter_pi():
    image = noise((7, 9), 3)
    faces = sum(
        image[y, x] != image[(y + a) % 7, (x + b) % 9] for y in range(7) for x in range(9) for a, b in ((0, 1), (1, 0))
    )
    assert d.specific_surface(batch(image))[0] == pytest.approx(math.pi / 4 * faces / 63, rel=1e-6)


# --- known on paper ---------------------------------------------------------------------------------------------------


def test_stripes_are_exact():
    """Stripes along y of width w = 4 and period 10: triangle wave along x, constant along y."""
    x = batch(stripes((20, 30), 10, 4))
    along_x, along_y = d.s2_axes(x)
    lag = np.arange(16)
    distance = np.minimum(lag % 10, 10 - lag % 10)
    np.testing.assert_allclose(along_x[0], np.maximum(4 - distance, 0) / 10, atol=2e-7)
    np.testing.assert_allclose(along_y[0], 0.4, atol=2e-7)
    assert d.specific_surface(x)[0] == pytest.approx(math.pi / 4 * 0.2)  # 2 faces per 10 px, all across x
    expected = (np.maximum(4 - np.arange(9), 0) / 10 + 0.4) / 2  # across: falls to 0 at w; along: never ends
    np.testing.assert_allclose(d.lineal_path(x, 1, 8)[0], expected, atol=1e-7)
    assert d.chord_lengths(x, 1, 8)[0].tolist() == [0, 0, 0, 1, 0, 0, 0, 0]
    assert (float(d.mean_chord(x)[0]), float(d.mean_chord(x, 0)[0])) == (4, 6)
    assert d.euler_number(x)[0] == 0  # three bands around the torus


def test_shapes_in_the_plane_have_their_euler_number():
    blob = disc((40, 40), (20, 20), 12)
    ring = blob - disc((40, 40), (20, 20), 6)
    two = disc((40, 40), (10, 10), 6) + disc((40, 40), (28, 28), 6)
    eight = blob - disc((40, 40), (20, 15), 3) - disc((40, 40), (20, 26), 3)
    chi = d.euler_number(batch(blob, ring, two, eight)) * 1600 / 1e4
    assert chi.round(decimals=3).tolist() == [1, 0, 2, -1]
    assert (d.euler_number(batch(1 - blob)) * 1600 / 1e4).item() == pytest.approx(-1, abs=1e-3)  # the torus less a disc


def test_phase_one_is_four_connected():
    image = np.zeros((6, 6), np.uint8)
    image[2, 2] = image[3, 3] = 1
    assert d.euler_number(batch(image))[0] * 36 / 1e4 == pytest.approx(2)
    assert d.euler_number(batch(1 - image))[0] * 36 / 1e4 == pytest.approx(-1)  # one hole, 8-connected, in a torus


@pytest.mark.parametrize("radius", [10.2, 20.4, 30.1])
def test_the_surface_of_a_disc_is_its_perimeter(radius):
    x = batch(disc((80, 80), (39.7, 40.2), radius))
    tolerance = 1 / radius  # half a pixel of radius on either side
    assert d.specific_surface(x)[0] * 6400 == pytest.approx(2 * math.pi * radius, rel=tolerance)


@pytest.mark.parametrize(("a", "b"), [(1, 0), (1, 1), (1, 2), (3, 2)])
def test_a_straight_interface_reads_its_length_times_the_known_anisotropy(a, b):
    """An interface with normal (a, b) has (|a| + |b|) / |(a, b)| faces per length: times pi / 4, 0.785 to 1.111, mean
    1."""
    y, x = np.indices((64, 64))
    slanted = batch(((a * x + b * y) % 64 < 32).astype(np.uint8))
    length = 2 * 64 * math.hypot(a, b)
    ratio = d.specific_surface(slanted)[0] * 4096 / length
    assert ratio == pytest.approx(math.pi / 4 * (a + b) / math.hypot(a, b), rel=1e-5)


def test_the_characteristic_length_of_a_plane_wave_is_the_zero_of_bessel():
    """A soft plane wave of wavenumber k has radial autocovariance ~ J0(k r), whose first zero is at k r = 2.4048."""
    for period in (16, 32):
        wave = 0.5 + 0.4 * torch.cos(2 * math.pi * torch.arange(64) / period).expand(1, 64, 64)
        expected = 2.4048 * period / (2 * math.pi)
        assert d.characteristic_length(wave)[0] == pytest.approx(expected, rel=0.02)  # pixel annuli and interpolation


def boolean_model(n, size, radius, eta, seed):
    """Discs at the points of a periodic Poisson process of eta = density * disc area: uint8 (n, size, size)."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(eta / (math.pi * radius**2) * size**2, n)
    grid, out = np.arange(size), np.zeros((n, size, size), bool)
    for i in range(counts.max()):
        y, x = rng.random((2, n)) * size
        dy, dx = (np.abs((grid[None] - c[:, None] + size / 2) % size - size / 2) for c in (y, x))
        out |= (dy[:, :, None] ** 2 + dx[:, None] ** 2 <= radius**2) & (i < counts)[:, None, None]
    return torch.from_numpy(out.astype(np.uint8))


def test_overlapping_discs_have_the_statistics_of_the_boolean_model():
    """p1 = 1 - e^-eta; S2 = 1 - 2 e^-eta + e^(-density * union area); void lineal path e^(-eta - 2 R density r)
    (Torquato 2002)."""
    size, radius, eta, n = 96, 6.0, 0.7, 64
    density = eta / (math.pi * radius**2)
    x = boolean_model(n, size, radius, eta, seed=0)

    def agrees(values, expected, slack=0.0):
        error = values.std(0) / math.sqrt(n)
        assert (np.abs(values.mean(0) - expected) < 4.5 * error + slack).all()  # 4.5 standard errors, every entry

    offset = np.minimum(np.arange(size), size - np.arange(size))
    r = np.minimum(np.hypot(offset[:, None], offset[None]), 2 * radius)
    lens = 2 * radius**2 * np.arccos(r / (2 * radius)) - r / 2 * np.sqrt(4 * radius**2 - r**2)
    s2 = 1 - 2 * math.exp(-eta) + np.exp(-density * (2 * math.pi * radius**2 - lens))
    agrees(d.volume_fraction(x).numpy(), 1 - math.exp(-eta))
    agrees(d.s2_map(x).numpy(), s2)
    radial, _ = slow_radial(s2)
    agrees(d.s2_radial(x).numpy(), radial[:, 1])
    agrees(d.specific_surface(x).numpy(), math.pi * (s2[0, 0] - s2[0, 1]))
    surface = 2 * math.pi * radius * density * math.exp(-eta)  # of the continuous discs
    agrees(d.specific_surface(x).numpy(), surface, slack=0.02 * surface)
    path = np.exp(-eta - 2 * radius * density * np.arange(17))
    agrees(d.lineal_path(x, 0, 16).numpy(), path, slack=0.002)  # pixels miss a disc that grazes the segment


# --- always true ------------------------------------------------------------------------------------------------------


@modest
@given(IMAGES)
def test_the_curves_start_and_end_where_they_must(image):
    x = batch(image)
    p1 = d.volume_fraction(x)
    assert p1[0] == pytest.approx(image.mean(), rel=1e-6)
    torch.testing.assert_close(d.s2_radial(x)[:, 0], p1, atol=1e-6, rtol=0)
    torch.testing.assert_close(d.lineal_path(x)[:, 0], p1)
    torch.testing.assert_close(d.lineal_path(x, 0)[:, 0], 1 - p1)
    assert (d.lineal_path(x).diff(dim=1) <= 0).all()
    total = d.chord_lengths(x).sum()
    assert (d.chord_lengths(x) >= 0).all() and (
        total == pytest.approx(1, abs=1e-6) if slow_chords(image, 1) else total == 0
    )
    assert 0 <= d.characteristic_length(x)[0] <= d.radial_bins(image.shape)[0][-1]


@modest
@given(IMAGES)
def test_the_two_phases_share_their_correlation_and_surface(image):
    """S2 of phase 0 = 1 - 2 p1 + S2 of phase 1."""
    x = batch(image)
    torch.testing.assert_close(
        d.s2_map(1 - x), 1 - 2 * d.volume_fraction(x)[:, None, None] + d.s2_map(x), atol=1e-6, rtol=0
    )
    assert torch.equal(d.specific_surface(x), d.specific_surface(1 - x))
    assert torch.equal(d.lineal_path(x, 0), d.lineal_path(1 - x, 1))
    assert torch.equal(d.mean_chord(x, 0), d.mean_chord(1 - x, 1))


@modest
@given(IMAGES, st.integers(0, 20), st.integers(0, 20))
def test_translations_change_nothing(image, dy, dx):
    x, moved = batch(image), batch(np.roll(image, (dy, dx), (0, 1)))
    for f in [*SCALARS[:4], *CURVES, d.s2_map]:
        torch.testing.assert_close(f(moved), f(x), atol=2e-6, rtol=1e-5)


@modest
@given(IMAGES)
def test_quarter_turns_and_mirrors_change_nothing(image):
    x = batch(image)
    for turned in (batch(np.rot90(image).copy()), batch(image[:, ::-1].copy())):
        for f in (*SCALARS[:4], *CURVES):
            torch.testing.assert_close(f(turned), f(x), atol=2e-6, rtol=1e-5)
    for one, other in zip(d.s2_axes(batch(np.rot90(image).copy())), d.s2_axes(x)[::-1], strict=True):
        torch.testing.assert_close(one, other, atol=2e-6, rtol=0)


# --- the contract of every function -----------------------------------------------------------------------------------


@pytest.mark.parametrize("f", [*SCALARS, *CURVES, d.s2_map])
def test_labels_of_any_dtype_and_batch_give_the_same(f):
    x = batch(*(noise((16, 12), seed, 0.4) for seed in range(5)))
    expected = f(x)
    assert expected.dtype == torch.float32 and len(expected) == 5
    for other in (x.bool(), x.long(), x.float(), x.to(torch.bfloat16)):
        assert torch.equal(f(other), expected)
    assert f(x.double()).dtype == torch.float64
    torch.testing.assert_close(f(x.double()).float(), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(torch.cat([f(x[i : i + 1]) for i in range(5)]), expected, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("f", [*SCALARS, *CURVES, d.s2_map, d.s2_axes])
def test_another_rank_is_refused(f):
    with pytest.raises(ValueError, match=r"shape \(n, H, W\); got \(4, 4\)"):
        f(torch.zeros(4, 4))


@pytest.mark.parametrize("f", [d.lineal_path, d.chord_lengths, d.mean_chord])
def test_another_phase_is_refused(f):
    with pytest.raises(ValueError, match="phase must be 0 or 1; got 2"):
        f(torch.zeros(1, 4, 4), 2)


@pytest.mark.parametrize("f", [d.volume_fraction, d.s2_map, d.s2_radial])
def test_soft_fields_are_measured_and_differentiated(f):
    soft = torch.rand(2, 6, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.autograd.gradcheck(f, soft.requires_grad_())
    np.testing.assert_allclose(d.s2_map(soft.detach())[0, 0, 0], (soft[0] ** 2).mean().item(), rtol=1e-12)


def test_measuring_in_inference_mode_first_spoils_no_gradient_later():
    shape = (10, 14)  # used by no other test: its annuli are made here
    with torch.inference_mode():
        d.s2_radial(torch.rand(1, *shape))
    soft = torch.rand(1, *shape, requires_grad=True)
    d.s2_radial(soft).sum().backward()
    assert soft.grad.abs().sum() > 0


@pytest.mark.parametrize("f", [d.specific_surface, d.euler_number, d.mean_chord, d.lineal_path, d.chord_lengths])
def test_soft_fields_are_cut_at_one_half_where_labels_are_needed(f):
    soft = torch.rand(2, 9, 8, generator=torch.Generator().manual_seed(1))
    assert torch.equal(f(soft), f(soft > 0.5))


def test_uniform_arrays_have_no_interface_and_no_chord():
    x = torch.stack([torch.zeros(12, 10), torch.ones(12, 10)])
    assert d.specific_surface(x).tolist() == [0, 0] and d.euler_number(x).tolist() == [0, 0]
    assert d.chord_lengths(x).abs().sum() == 0 and d.mean_chord(x).tolist() == [0, 12]
    assert d.characteristic_length(x).tolist() == [float(d.radial_bins((12, 10))[0][-1])] * 2


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_scikit_image_where_nothing_touches_the_border(seed):
    measure = pytest.importorskip("skimage.measure")
    image = np.pad(noise((30, 22), seed, 0.6), 2)
    x = batch(image)
    assert d.euler_number(x)[0] * image.size / 1e4 == pytest.approx(
        measure.euler_number(image, connectivity=1), abs=1e-3
    )
    crofton = measure.perimeter_crofton(image, directions=2)
    assert d.specific_surface(x)[0] * image.size == pytest.approx(crofton, rel=1e-5)
