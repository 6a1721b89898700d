"""Files after reports of users, with the right value of each: read from the folder of cases where there is one."""

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile

from core.readers import maps, otsu, uploads

ROOT = Path(__file__).resolve().parents[3]
CASES = Path(os.environ.get("INVNET_CASES") or ROOT.parent / "shared" / "cases")
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the folder of cases is not here")


def read(name):
    return uploads.read(name, (CASES / name).read_bytes())


def share(picture):
    """Volume fraction of phase 1 above Otsu's threshold."""
    return float((picture.values > otsu.otsu(picture.values)).mean())


def test_overview_pages_are_left_out():
    picture = read("thumb_40.tif")
    assert picture.values.shape == (160, 200) and picture.count == 1 and "1 smaller overview page" in picture.notes[0]


@pytest.mark.parametrize(
    ("name", "tolerance"),
    # 675 bright pixels of u32.tif exceeded 2**32 when it was written, and are dark in the file.
    [("u16_miniswhite.tif", 0.001), ("i8.tif", 0.001), ("f64.tif", 0.001), ("u32.tif", 0.022)],
)
def test_types_of_values(name, tolerance):
    picture = read(name)
    assert picture.values.shape == (160, 200) and share(picture) == pytest.approx(0.30, abs=tolerance)


def test_the_orientation_tag_turns_the_image():
    picture = read("orient6.tif")
    assert picture.values.shape == (200, 160) and share(picture) == pytest.approx(0.30, abs=0.001)
    stored = tifffile.imread(CASES / "orient6.tif")
    np.testing.assert_array_equal(picture.values, stored[::-1].T)  # column 0 of the file is at the top, row 0 right
    assert "turned" in picture.notes[0]


@pytest.mark.parametrize("name", ["imagej2d.tif", "ome.ome.tif"])
def test_the_pixel_size_of_the_file(name):
    picture = read(name)
    assert picture.pixel == (0.4, "µm") and picture.values.shape == (300, 400)
    assert picture.notes == ("the pixel size 0.4 µm is taken from the file",)


@pytest.mark.parametrize(
    ("name", "array", "arrays"),
    [
        ("positions_first.h5", "/image", ("/a_positions", "/image")),
        ("rgb_first.h5", "/image", ("/IPF", "/image")),
        ("nan_first.h5", "/ci", ("/ci", "/image")),
    ],
)
def test_the_first_usable_array(name, array, arrays):
    picture = read(name)
    assert (picture.array, picture.arrays) == (array, arrays) and share(picture) == pytest.approx(0.30, abs=0.001)
    assert any("masked pixels" in note for note in picture.notes) == (array == "/ci")


def test_an_external_link_refuses_only_itself():
    picture = read("ext.h5")
    assert picture.array == "/entry/data" and share(picture) == pytest.approx(0.30, abs=0.001)
    assert picture.notes == ("links to other files are not followed (/entry/raw)",)


@pytest.mark.parametrize("name", ["jpeg.jpg", "bmp.bmp", "last.npy", "c.npz"])
def test_simple_formats(name):
    picture = read(name)
    assert picture.values.shape == (300, 400) and share(picture) == pytest.approx(0.35, abs=0.001)


def test_palettes_mean_colours():
    first, second = (maps.read(CASES / "pal" / f"pal_{letter}.png", {}).maps[0] for letter in "ab")
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", ["ids_vol.npy", "vol.h5"])
def test_a_slice_of_a_volume_is_one_map(name):
    source = maps.read(CASES / name, {"slice": "z=2"})
    assert len(source.maps) == 1
    np.testing.assert_array_equal(source.maps[0], np.load(CASES / "ids_vol.npy")[2])
