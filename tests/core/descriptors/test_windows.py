"""Estimators on a window of something larger: exact by brute force, free of bias, and the periodic ones far from
edges."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from skimage.filters import threshold_otsu
from skimage.measure import euler_number as connected_less_holes

from core.descriptors import two_phase, windows
from core.readers import otsu
from core.simulation import correlations
from core.simulation.random_field import colour, spectral_amplitude

BINARY = arrays.arrays(np.uint8, st.tuples(st.integers(5, 9), st.integers(5, 9)), elements=st.integers(0, 1))


def fields(n, side, length=7.0, p=0.35, seed=0):
    """Periodic structures (n, side, side): Gaussian fields with exp(-r^2 / length^2), cut at the fraction p."""
    d = torch.minimum(torch.arange(side), side - torch.arange(side)).float()
    amplitude = spectral_amplitude(torch.exp(-(d[:, None] ** 2 + d[None] ** 2) / length**2)[None])
    white = torch.randn(n, side, side, generator=torch.Generator().manual_seed(seed))
    field = colour(white, amplitude)
    return (field > field.flatten(1).quantile(1 - p, dim=1)[:, None, None]).to(torch.uint8)


def brute_pairs(x, dy, dx):
    """(both in phase 1, all) pairs of pixels that far apart, one by one."""
    rows, columns = x.shape
    result = [
        (x[i, j], x[i + dy, j + dx])
        for i in range(rows)
        for j in range(columns)
        if 0 <= i + dy < rows and 0 <= j + dx < columns
    ]
    return sum(int(a) * int(b) for a, b in result), len(result)


@settings(max_examples=25, deadline=None)
@given(BINARY)
def test_pairs_are_counted_exactly(x):
    reach = min(x.shape) - 1
    both, possible = windows.pairs(x, reach)
    for dy in range(-reach, reach + 1):
        for dx in range(reach + 1):
            assert (both[dy + reach, dx], possible[dy + reach, dx]) == brute_pairs(x, dy, dx)


@settings(max_examples=20, deadline=None)
@given(BINARY)
def test_the_correlation_is_the_mean_over_displacements(x):
    reach = min(x.shape) - 1
    at, s2 = windows.two_point(x, reach)
    rings = {r: [] for r in range(reach + 1)}
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            r = math.hypot(dy, dx)
            if round(r) <= reach:
                inside, possible = brute_pairs(x, dy, dx)
                rings[round(r)].append((r, inside / possible))
    np.testing.assert_allclose(at, [np.mean([r for r, _ in ring]) for ring in rings.values()], atol=1e-12)
    np.testing.assert_allclose(s2, [np.mean([v for _, v in ring]) for ring in rings.values()], atol=1e-12)
    assert s2[0] == pytest.approx(x.mean(), abs=1e-15)


def test_distances_are_those_of_the_generator():
    at, _ = windows.two_point(fields(1, 80)[0].numpy())
    np.testing.assert_allclose(at[: correlations.BINS], correlations.distances().numpy(), rtol=1e-6)


@settings(max_examples=25, deadline=None)
@given(BINARY)
def test_segments_faces_and_cells_are_counted_exactly(x):
    rows, columns = x.shape
    path = windows.lineal_path(x, 4)
    for r in range(5):
        lines = [x[i, j : j + r + 1] for i in range(rows) for j in range(columns - r)]
        lines += [x[i : i + r + 1, j] for i in range(rows - r) for j in range(columns)]
        assert path[r] == np.mean([line.all() for line in lines])
    across = np.mean([x[i, j] != x[i, j + 1] for i in range(rows) for j in range(columns - 1)])
    down = np.mean([x[i, j] != x[i + 1, j] for i in range(rows - 1) for j in range(columns)])
    assert windows.specific_surface(x) == pytest.approx(math.pi / 4 * (across + down), abs=1e-12)


def test_euler_number_of_a_structure_away_from_the_edges():
    """Then components less holes over the area, up to the edge correction of the densities (their places are 1/64
    fewer)."""
    x = np.zeros((64, 64), np.uint8)
    x[8:20, 8:20], x[30:50, 30:50], x[36:44, 36:44], x[10:14, 40:60] = 1, 1, 0, 1
    chi = connected_less_holes(x, connectivity=1)
    assert chi == 2
    pixels, right, down = int(x.sum()), int((x[:, 1:] & x[:, :-1]).sum()), int((x[1:] & x[:-1]).sum())
    blocks = int((x[1:, 1:] & x[1:, :-1] & x[:-1, 1:] & x[:-1, :-1]).sum())
    assert pixels - right - down + blocks == chi
    expected = pixels / 64**2 - (right + down) / (64 * 63) + blocks / 63**2
    assert windows.euler_number(x) == pytest.approx(1e4 * expected, rel=1e-12)


def test_a_tiled_structure_has_the_periodic_statistics():
    """The window of k x k periods differs from one period only at its edges: by about 1 / k, so a quarter at four times
    k."""
    x = fields(1, 64, seed=4)
    reach = 32
    truth = two_phase.s2_radial(x.double())[0].numpy()
    gaps = []
    for k in (2, 8):
        tiled = np.tile(x[0].numpy(), (k, k))
        gaps.append(float(np.abs(windows.two_point(tiled, reach)[1][:32] - truth[:32]).max()))
        assert windows.specific_surface(tiled) == pytest.approx(float(two_phase.specific_surface(x)[0]), rel=0.06 / k)
        assert windows.euler_number(tiled) == pytest.approx(float(two_phase.euler_number(x)[0]), abs=4 / k)
        np.testing.assert_allclose(windows.lineal_path(tiled, 32), two_phase.lineal_path(x)[0].numpy(), atol=0.03 / k)
    assert gaps[1] < 0.4 * gaps[0] and gaps[1] < 0.004


@pytest.fixture(scope="module")
def crops():
    """Structures of 256 px, and the 16 windows of 64 px that each is made of."""
    whole = fields(32, 256, seed=1)
    return whole, whole.view(-1, 4, 64, 4, 64).transpose(2, 3).reshape(-1, 64, 64).numpy()


def test_windows_have_no_bias(crops):
    """Means over 512 windows against the whole: within 3.5 standard errors; the periodic estimators are not, they see a
    seam."""
    whole, cut = crops
    pairs = {
        "surface": (windows.specific_surface, two_phase.specific_surface),
        "euler": (windows.euler_number, two_phase.euler_number),
    }
    for ours, periodic in pairs.values():
        truth = float(periodic(whole).mean())
        own = np.array([ours(c) for c in cut])
        wrapped = periodic(torch.from_numpy(cut)).numpy()
        error = own.std() / math.sqrt(len(own))
        assert abs(own.mean() - truth) < 3.5 * error < abs(wrapped.mean() - truth)


def test_the_correlation_of_windows_is_nearer_without_wrapping(crops):
    whole, cut = crops
    truth = two_phase.s2_radial(whole)[:, :33].mean(0).numpy()
    own = np.stack([windows.two_point(c)[1] for c in cut])
    wrapped = two_phase.s2_radial(torch.from_numpy(cut)).numpy()
    assert (np.abs(own.mean(0) - truth) < 4 * own.std(0) / math.sqrt(len(own))).all()
    fall = [(s[:, :1] - s[:, 1:6]) for s in (own, wrapped)]  # p1 - S2 at short distances, where a seam adds to it
    error = fall[0].std(0) / math.sqrt(len(own))
    gap = [np.abs(f.mean(0) - (truth[0] - truth[1:6])) for f in fall]
    assert (gap[0] < 3.5 * error).all() and (gap[1] > 3.5 * error).all()


def test_standard_errors_are_the_spread_of_windows():
    """Over 40 windows the standard error of each one is, on average, the scatter of their p1 and S2 to within
    40 %."""
    cut = fields(40, 512, length=6.0, seed=2)[:, :128, :128].numpy()
    result = [windows.statistics(c) for c in cut]
    for r in (0, 3, 8):
        scatter = np.std([f.s2[r] for f in result])
        assert np.mean([f.s2_error[r] for f in result]) == pytest.approx(scatter, rel=0.4)
    assert np.mean([f.p_error for f in result]) == pytest.approx(np.std([f.p for f in result]), rel=0.4)


def test_the_first_zero_is_that_of_the_periodic_estimator():
    x = fields(1, 512, seed=5)
    result = windows.statistics(x[0].numpy())
    step = windows.first_zero(np.arange(5.0), np.array([0.5, 0.4, 0.3, 0.2, 0.1]), 0.5)
    assert step == pytest.approx(2.5)
    assert windows.first_zero(np.arange(3.0), np.array([0.5, 0.5, 0.5]), 0.5) == 2.0
    assert 0 < windows.first_zero(result.at, result.s2, result.p, 0.5) < result.length


@pytest.mark.parametrize(
    ("phase", "say"),
    [
        (np.zeros((63, 200), np.uint8), "200 x 63 pixels; each side needs 64"),
        (np.zeros((3000, 3000), np.uint8), "at most 4194304 are measured"),
        (np.zeros((64, 64), np.uint8), "all of phase 0"),
        (np.ones((64, 64), np.uint8), "all of phase 1"),
    ],
)
def test_windows_that_cannot_be_measured(phase, say):
    with pytest.raises(ValueError, match=say):
        windows.statistics(phase)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("seed", range(4))
def test_the_threshold_is_that_of_scikit_image(dtype, seed):
    rng = np.random.default_rng(seed)
    two = np.where(
        rng.random((80, 90)) < 0.2 + 0.15 * seed, rng.normal(60, 12, (80, 90)), rng.normal(150, 20, (80, 90))
    )
    values = (two.clip(0, 255) * {np.uint16: 257}.get(dtype, 1)).astype(dtype)
    theirs, ours = threshold_otsu(values), otsu.otsu(values)
    bin_width = (float(values.max()) - float(values.min())) / 256
    assert abs(ours - theirs) <= 2 * bin_width
    if dtype is np.uint8:
        np.testing.assert_array_equal(values > ours, values > theirs)


def test_the_threshold_of_two_values_is_between_them():
    assert otsu.otsu(np.array([[3, 3, 7]])) == pytest.approx(5)
    with pytest.raises(ValueError, match="All values are 4"):
        otsu.otsu(np.full((3, 3), 4))


def test_the_example_is_discs():
    grey = windows.example(5, (512, 512))
    phase = windows.phases(grey, otsu.otsu(grey))
    result = windows.statistics(phase)
    assert result.p == pytest.approx(0.42, abs=4 * result.p_error)
    overlap = 2 * 7.0  # S2 of discs of radius 7 is p1^2 beyond two radii (radii vary by a tenth)
    beyond = result.s2[int(overlap * 1.3) : 33]
    assert np.abs(beyond - result.p**2).max() < 4 * result.s2_error[20]
    assert (windows.phases(grey, 100.0) + windows.phases(grey, 100.0, bright=False) == 1).all()
    assert windows.smoothed(grey, 0.0) is grey and windows.smoothed(grey, 1.0).std() < grey.std()
