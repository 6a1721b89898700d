"""Tables of two-point correlations as the programs of users write them, and what is none."""

import io
import json

import numpy as np
import pytest
import torch

from core.descriptors import two_phase, windows
from core.readers import curves
from core.readers.curves import Curve
from core.readers.uploads import Picture, read
from core.simulation import correlations
from tests.cases import case

R = np.arange(40.0)
S2 = 0.09 + 0.21 * np.exp(-R / 6)
PHASE = (windows.example(1, (96, 96)) > 120).astype(np.float64)


def table(row, header=""):
    """A line `row(r, S2)` for every distance, below the header."""
    return "\n".join([*([header] if header else []), *(row(a, b) for a, b in zip(R, S2, strict=True))])


def npy(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def two(a, b):
    return f"{a:g},{b:.7f}"


def commas(a, b):
    return two(a, b).replace(",", " ").replace(".", ",")


# --- the cases of users
# ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "p", "unit"),
    [
        ("s2_nm.csv", 0.3, ""),
        ("s2_mm.csv", 0.3, ""),
        ("s2_metres.csv", 0.3, ""),
        ("s2_lowp.csv", 0.03, ""),
        ("s2_highp.csv", 0.97, ""),
        ("porespy_scaled.csv", 0.3, ""),
        ("porespy_three.csv", 0.3, ""),
        ("porespy_all.csv", 0.3, ""),
        ("std_first.csv", 0.3, "µm"),
        ("matlab.txt", 0.3, ""),
        ("de_quoted.csv", 0.3, ""),
    ],
)
def test_the_volume_fraction_of_a_case(name, p, unit):
    found = read(name, case(name).read_bytes())
    assert isinstance(found, Curve) and not found.relative
    assert found.p == pytest.approx(p, abs=1e-6) and found.likely == found.p and found.unit == unit


@pytest.mark.parametrize("name", ["porespy_scaled.csv", "porespy_three.csv", "porespy_all.csv"])
def test_the_bins_of_a_case_of_porespy(name):
    found = read(name, case(name).read_bytes())
    assert found.distance[0] == 0 and found.distance[1] == pytest.approx((1 + 2**0.5) / 2, abs=1e-6)
    request = curves.resampled(found.distance, found.s2(0.3), 0.3, 1.0)
    assert request[1] == pytest.approx(0.2721, abs=1e-3)


def test_the_case_of_a_cross_correlation():
    with pytest.raises(ValueError, match=r"cross-correlation of two phases.*\.$"):
        read("pymks_cross.npy", case("pymks_cross.npy").read_bytes())


# --- the same kinds, made here
# ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        table(two, "r,S2"),
        table(two, "# r,S2"),
        table(two, "sep=,\nr,S2"),
        table(two, "Sample A, heat treated\nDate,2020-10-01\nr,S2"),
        table(lambda a, b: f"{a:e}  {b:e}", "% r  S2"),
        table(lambda a, b: f"{a:e}  {b:e} % measured", "% made with MATLAB\n%"),
        table(lambda a, b: f"{a:.4e} {b:.7e}".replace("e", "D"), "! written by Fortran"),
        table(commas),
        table(lambda a, b: commas(a, b).replace(" ", ";"), "sep=;\nr;S2"),
        table(lambda a, b: commas(a, b).replace(" ", "\t"), "r\tS2"),
        table(lambda a, b: '"' + commas(a, b).replace(" ", '","') + '"', '"r","S2"'),
        table(lambda a, b: '"' + commas(a, b).replace(" ", '";"') + '"', '"r";"S2"'),
        table(lambda a, b: f'"{a + 1:g}" {a} {b:.7f}', '"r" "S2"'),
        table(two, ",S2"),
        table(lambda a, b: two(a, b) + ",,", "r,S2,,"),
        table(two, "r,S2") + "\n,\n,,\n40,\n,0.09",
        table(two, "r,S2") + "\n40,nan\nNaN,NaN\nNA,NA",
        "r,S2\n,\n" + table(two),
        table(lambda a, b: f"{a:g},0.01,{b:.7f}", "r,std,S2"),
        table(lambda a, b: f"{a:g},0.01,{b:.7f}", "r,S2_std,S2_mean"),
        table(lambda a, b: f"{a:g},1000,{b:.7f}", "lag,n,S₂(r)"),
        table(lambda a, b: f"{b:.7f},{a:g}", "S2(r),r"),
        table(lambda a, b: f"{a:g},0.01,{b:.7f}", "r,standard deviation,foo"),
        table(lambda a, b: f"{a:g},0.01,0.02,0.01,{b:.7f}", "r,stdS2,S2_std,σ,mean"),
        table(lambda a, b: f"{a:g},,{b:.7f}", "r,,S2"),
        table(lambda a, b: f"{a:g} | {b:.7f}", "r | S2"),
        table(lambda a, b: f"{a:g}\u00a0{b:.7f}"),
        table(lambda a, b: f"{a:.1f},{b:.7f}".replace(".", ","), "r,S2"),
        table(lambda a, b: f"{a:g},0.01,{b:.7f},0.2,0.4", "r,stderr,probability,lower,upper"),
        table(lambda a, b: f"{a:g},{0.3 - b:.7f},{b:.7f}", "r,S12,S11"),
        table(lambda a, b: f"{a + 3:g},{a:g},{b:.7f}", "index,distance,two-point probability"),
        table(lambda a, b: f"{a:e} 0.01 {b:e}", "% r  std  S2"),
    ],
)
def test_ways_to_write_a_table(content):
    for encoding in ("utf-8-sig", "utf-16"):
        found = read("s2.csv", content.encode(encoding))
        np.testing.assert_allclose(found.distance, R)
        np.testing.assert_allclose(found.values, S2, atol=1e-6)
        assert found.p == pytest.approx(0.3) and (found.pixel, found.unit) == (1, "")


@pytest.mark.parametrize(
    ("header", "pixel", "unit"),
    [
        ("r (nm),S2", 1, "nm"),
        ("r [um],S2", 1, "µm"),
        ("r / µm,S2", 1, "µm"),
        ("distance (μm),S2", 1, "µm"),
        ("distance_mm,S2", 1, "mm"),
        ("Distance in cm,S2", 1, "cm"),
        ("r (m),S2", 1, "m"),
        ("r in microns,S2 (-)", 1, "µm"),
        ("r ($\\mu$m),S2", 1, "µm"),
        ("r (Å),S2", 0.1, "nm"),
        ("r (px),S2", 1, "px"),
        ("r (voxels),S2", 1, "px"),
        ("r,S2\nµm,-", 1, "µm"),
        ("r,S2\n(nm),", 1, "nm"),
        ("m,S2", 1, ""),
        ("r (s),S2", 1, ""),
    ],
)
def test_units_in_headers(header, pixel, unit):
    found = read("s2.csv", table(two, header).encode())
    assert (found.pixel, found.unit) == (pixel, unit)
    np.testing.assert_allclose(found.distance, R)


def test_two_columns_of_distances_give_the_pixel_size():
    content = table(lambda a, b: f"{a:g},{0.4 * a:g},{b:.7f}", "distance (px),distance (µm),S2")
    found = read("s2.csv", content.encode())
    np.testing.assert_allclose(found.distance, R)
    assert (found.pixel, found.unit) == (0.4, "µm")


def test_lines_of_several_curves_are_chosen_by_their_name():
    rows = "\n".join([table(lambda a, b: f"lineal_path,{a:g},{b / 2:.7f}"), table(lambda a, b: f"S2,{a:g},{b:.7f}")])
    np.testing.assert_allclose(read("c.csv", f"curve,r,mean\n{rows}".encode()).values, S2, atol=1e-6)
    with pytest.raises(ValueError, match="has no lines of S2; its column of text holds lineal_path, chords"):
        read("c.csv", f"curve,r,mean\n{rows.replace('S2', 'chords')}".encode())


def porespy(width, closed, relative=True, voxel=1.0):
    """PoreSpy's table of the example: bins (k - 1, k] if `closed`, else [k, k + 1), listed by their centres."""
    plane = np.fft.fftshift(two_phase.s2_map(torch.from_numpy(PHASE)[None])[0].numpy())
    length = np.hypot(*(np.indices(plane.shape) - 48))
    edges = np.arange(0, 44, width)
    inside = [(length > e - width) & (length <= e) if closed else (length >= e) & (length < e + width) for e in edges]
    values = [plane[i].mean() for i in inside]
    rows = [((k + 0.5) * width * voxel, v, v / plane.max()) for k, v in enumerate(values)]
    unit = " (um)" if voxel > 1 else ""
    names = f"distance{unit},probability_scaled" + (",probability" if relative else "")
    body = [",".join(f"{v:.12g}" for v in (row if relative else row[:2])) for row in rows]
    lengths = [length[i].mean() * voxel for i in inside]
    return "\n".join([names, *body]).encode(), np.array(lengths), np.array(values)


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize(
    ("width", "closed", "voxel"), [(1, False, 1), (1, True, 1), (1, False, 0.4), (1, True, 2), (3, True, 1)]
)
def test_bins_of_porespy_stand_at_their_mean_distances(width, closed, voxel, relative):
    content, lengths, values = porespy(width, closed, relative, voxel)
    found = read("tpc.csv", content)
    np.testing.assert_allclose(found.distance, lengths, rtol=1e-6)
    np.testing.assert_allclose(found.values, values)
    assert found.p == pytest.approx(PHASE.mean()) and found.distance[0] == 0 and "PoreSpy" in found.note


def test_far_bins_and_relative_values():
    k = np.arange(900.0)
    for width, closed in ((1, False), (1, True), (4, False)):
        assert np.abs(np.diff(curves.bins(k, width, closed))[70:] / width - 1).max() < 1e-3
    values = (0.3 + 0.7 * np.exp(-k[:80] / 6)).tolist()
    content = "distance,probability\n" + "\n".join(f"{i + 0.5},{v}" for i, v in enumerate(values))
    found = read("tpc.csv", content.encode())
    assert found.relative and found.p is None and found.likely == pytest.approx(0.3, abs=1e-3)
    assert found.distance[1] == pytest.approx(1.2071, abs=1e-4)


@pytest.mark.parametrize("p", [1e-5, 0.004, 0.03, 0.97, 0.9999])
def test_p1_is_that_of_the_file(p):
    content = "r,S2\n" + "\n".join(f"{a:g},{p * p + p * (1 - p) * np.exp(-a / 6):.12g}" for a in R)
    assert read("s2.csv", content.encode()).p == pytest.approx(p, rel=1e-6)


@pytest.mark.parametrize("content", [{"like": True}, {"like": False}])
def test_json_of_this_software(content):
    sizes = {"micrograph_pixel": 0.5, "unit": "µm"}
    first = {"like": {"distance": R.tolist(), "S2": S2.tolist()}, "pixel_size": sizes}
    at = correlations.distances().double().numpy()
    facts = {"measured": {"correlation": [(0.09 + 0.21 * np.exp(-at / 6)).tolist()]}}
    found = read("request.json", json.dumps(first if content["like"] else facts).encode())
    assert found.p == pytest.approx(0.3)
    assert (found.pixel, found.unit) == ((0.5, "µm") if content["like"] else (1, "px"))
    np.testing.assert_allclose(found.distance, R if content["like"] else at)


@pytest.mark.parametrize(
    ("content", "say"),
    [
        (table(lambda a, b: f"{a:g},0.01", "r,std"), "has no column of S2; its columns are r, std"),
        (table(lambda a, b: f"{a:g},{b:g},{b:g}", "r,count,std"), "has no column of S2"),
        (table(lambda a, b: f"{a:g},{0.3 - b:g}", "r,S12"), r"holds a cross-correlation of two phases \(S12\)"),
        (table(lambda a, b: f"{a:g},{0.3 - b:g}", "r,S_12"), r"holds a cross-correlation of two phases \(S_12\)"),
        (table(lambda a, b: f"{a:g},{0.3 - b:g}"), "this is a cross-correlation of two phases"),
        (table(lambda a, b: f"{a:g},{b - 0.1:g}", "r,autocovariance"), "has no column of S2"),
        (table(lambda a, b: f"{a:g},{b - 0.1:g}", "r,value"), "no autocovariance"),
        (table(lambda a, b: f"{a:g},0", "r,S2"), "there are no two phases"),
        (table(lambda a, b: f"{a:g},1", "r,S2"), "there are no two phases"),
        (table(lambda a, b: f"{a:g},{b:g},{b:g}", "r and S2 and their spread"), "does not name one by one"),
        (table(lambda a, b: f"{a:g},{b:g},{b:g}", "x \\ t,0,0.01"), "has no 3 numbers in line"),
        (table(lambda a, b: f"{a:g},", "r,S2"), "no table of two columns"),
        (table(lambda a, b: f"{a:g},NaN", "r,S2"), "blank or not finite"),
        (table(lambda a, b: f"{a:g},inf", "r,S2"), "not finite"),
        ("{" * 100_000, "is no JSON file of this software"),
        ("[" * 100_000, "is no table of two columns"),
        ('{"like": 3}', "is no JSON file of this software"),
        ('{"like": {"distance": [0, 1, 2, 3], "S2": [0.3, 2, 0.1, 0.1]}}', "is a probability"),
    ],
)
def test_what_is_no_curve_is_refused_in_a_sentence(content, say):
    with pytest.raises(ValueError, match=say) as caught:
        read("my file.csv", content.encode())
    assert str(caught.value).endswith(".") and "--" not in str(caught.value)


# --- maps
# --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("shape", [(96, 96), (81, 81), (40, 41)])
def test_maps_of_other_correlations_are_refused(shape, centred):
    x = (windows.example(2, shape) > 120).astype(np.float64)
    power = np.fft.fft2(x)
    s2 = np.fft.ifft2(np.abs(power) ** 2).real / x.size
    for plane, say in ((x.mean() - s2, "cross-correlation of two phases"), (s2 - x.mean() ** 2, "autocovariance")):
        with pytest.raises(ValueError, match=rf"is a map of an? {say}.*\.$"):
            read("stats.npy", npy(np.fft.fftshift(plane) if centred else plane))
    found = read("stats.npy", npy(s2 - 1e-17))
    assert isinstance(found, Curve) and found.p == pytest.approx(x.mean())


def test_several_maps_are_curves_too_and_pictures_are_none():
    x = torch.from_numpy(np.stack([windows.example(k, (70, 70)) > 120 for k in range(3)]).astype(np.float64))
    found = read("stats.npy", npy(two_phase.s2_map(x).numpy()), 1)
    assert isinstance(found, Curve) and found.p == pytest.approx(float(x[1].mean())) and "Map 2 of 3" in found.note
    dark = np.random.default_rng(0).random((81, 81)) * 0.5 + 0.1
    dark[40, 40] = 0
    assert isinstance(read("a.npy", npy(dark)), Picture)
