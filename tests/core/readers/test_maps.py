"""Maps of users become the labels they hold, whatever the format; windows of them are functions of the seed."""

import json

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core import data
from core.readers import maps as own_maps
from core.readers import otsu
from core.types import HELD_OUT
from tests import foreign

LABELS = np.random.default_rng(0).integers(0, 5, (3, 40, 56)).astype(np.uint8)
COLOURS = np.array([[230, 159, 0], [86, 180, 233], [0, 158, 115], [240, 228, 66], [0, 114, 178]], np.uint8)


def saved(folder, name, array):
    path = folder / name
    if name.endswith(".npy"):
        np.save(path, array)
    elif name.endswith(".h5"):
        with h5py.File(path, "w") as file:
            file.create_dataset("dataset", data=array, compression="gzip")
    else:
        Image.fromarray(array).save(path)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.npy", "a.h5", "no ending"])
@pytest.mark.parametrize("first", [0, 1])
def test_one_map_reads_back(tmp_path, name, first):
    path = saved(tmp_path, "a.png" if name == "no ending" else name, LABELS[0] + np.uint8(first))
    source = own_maps.read(path.rename(tmp_path / name), {})
    assert len(source.maps) == 1 and source.held_out == 0
    np.testing.assert_array_equal(source.maps[0], LABELS[0])
    assert "overlap" in source.identity()["held out"]


@pytest.mark.parametrize("kind", ["uint16", "int32", "float32"])
def test_deep_tiff_holds_labels(tmp_path, kind):
    np.testing.assert_array_equal(
        own_maps.read(saved(tmp_path, "a.tif", LABELS[0].astype(kind)), {}).maps[0], LABELS[0]
    )


@pytest.mark.parametrize("kind", ["uint16", "int64", "float64", ">i4", "<f4"])
def test_stacks_are_maps(tmp_path, kind):
    for array in (LABELS, LABELS[:, None], np.asfortranarray(LABELS)):
        for name in ("a.npy", "a.h5"):
            source = own_maps.read(saved(tmp_path, name, array.astype(kind)), {})
            np.testing.assert_array_equal(np.stack(source.maps), LABELS)


def test_the_legend_is_that_of_all_files(tmp_path):
    saved(tmp_path, "b.png", np.full((20, 20), 4, np.uint8))
    saved(tmp_path, "a.npy", np.full((30, 20), 2, np.uint8))
    saved(tmp_path, "c.tif", np.full((20, 20), 5, np.uint8))
    (tmp_path / "notes.txt").write_text("not a map")
    (tmp_path / ".hidden").write_text("")
    source = own_maps.read(tmp_path, {})
    assert [int(m[0, 0]) for m in source.maps] == [1, 3, 4]
    stated = source.identity()
    assert (
        stated["files"] == ["a.npy", "b.png", "c.tif"]
        and stated["notes"][0] == "1 other entries of the folder were left out"
    )
    assert str(tmp_path) not in json.dumps(stated)


def test_other_numbers_take_labels_in_order(tmp_path):
    table = np.array([0, 60, 120, 180, 240], np.uint8)
    np.testing.assert_array_equal(own_maps.read(saved(tmp_path, "a.png", table[LABELS[0]]), {}).maps[0], LABELS[0])


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "grey as RGB"])
def test_colours_are_labels(tmp_path, mode):
    image = Image.fromarray(COLOURS[LABELS[0]])
    if mode == "P":
        image = Image.fromarray(LABELS[0])
        image.putpalette(COLOURS.tobytes())
    elif mode == "RGBA":
        image = image.convert("RGBA")
    elif mode != "RGB":
        image = Image.fromarray(np.stack([LABELS[0] * 50] * 3, -1))
    image.save(tmp_path / "a.png")
    result = own_maps.read(tmp_path / "a.png", {}).maps[0]
    assert len({(a, b) for a, b in zip(result.ravel(), LABELS[0].ravel(), strict=True)}) == 5
    if mode == "grey as RGB":
        np.testing.assert_array_equal(result, LABELS[0])


def test_a_palette_means_its_colours_whatever_their_order(tmp_path):
    order = np.array([3, 0, 4, 1, 2], np.uint8)
    for name, indices, table in (
        ("a.png", LABELS[0], COLOURS),
        ("b.png", order[LABELS[0]], COLOURS[np.argsort(order)]),
    ):
        image = Image.fromarray(indices)
        image.putpalette(table.tobytes())
        image.save(tmp_path / name)
    first, second = (own_maps.read(tmp_path / name, {}).maps[0] for name in ("a.png", "b.png"))
    np.testing.assert_array_equal(first, second)


def test_matlab_arrays_have_their_axes_reversed(tmp_path):
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        file["all_morph"] = LABELS.transpose(0, 2, 1) + 1
        file["all_morph"].attrs["MATLAB_class"] = np.bytes_("double")
    np.testing.assert_array_equal(np.stack(own_maps.read(tmp_path / "a.mat", {}).maps), LABELS)


def test_one_of_several_arrays_is_named(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["train/maps"], file["valid/maps"] = LABELS, LABELS[:1]
    with pytest.raises(ValueError, match="choose with --array one of: /train/maps, /valid/maps"):
        own_maps.read(tmp_path / "a.h5", {})
    assert len(own_maps.read(tmp_path / "a.h5", {"array": "valid/maps"}).maps) == 1


def test_two_phases_are_cut_at_the_threshold_of_otsu(tmp_path):
    grey = np.linspace(0.2, 0.6, 40 * 56).reshape(40, 56)
    for name, array in (
        ("a.npy", grey),
        ("a.png", (grey * 255).astype(np.uint8)),
        ("a.tif", (grey * 65535).astype(np.uint16)),
    ):
        source = own_maps.read(saved(tmp_path, name, array), {"labels": 2})
        np.testing.assert_array_equal(source.maps[0], array > otsu.otsu(array))
        assert source.maps[0].mean() == pytest.approx(0.5, abs=0.015)


def test_flattened_squares_are_maps(tmp_path):
    with h5py.File(tmp_path / "2D_binary_morphologies.h5", "w") as file:
        file["morphology"] = np.random.default_rng(0).random((7, 33 * 33)).astype(np.float32)
    source = own_maps.read(tmp_path / "2D_binary_morphologies.h5", {"labels": 2})
    assert len(source.maps) == 7 and source.maps[0].shape == (33, 33) and source.held_out == 1


def test_pages_of_a_tiff_are_chosen(tmp_path):
    pages = [Image.fromarray(m) for m in LABELS]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(ValueError, match=r"a volume \(z = 3\); choose a slice, such as --slice z=1, .* --slice z=all"):
        own_maps.read(tmp_path / "a.tif", {})
    np.testing.assert_array_equal(own_maps.read(tmp_path / "a.tif", {"slice": "z=2"}).maps[0], LABELS[2])
    np.testing.assert_array_equal(np.stack(own_maps.read(tmp_path / "a.tif", {"slice": "z=all"}).maps), LABELS)


@pytest.mark.parametrize("name", ["a.npy", "a.h5"])
def test_a_slice_applies_to_every_kind_of_volume(tmp_path, name):
    volume = np.random.default_rng(2).integers(0, 5, (20, 24, 28))
    path = saved(tmp_path, name, volume)
    for text, expected in (("z=2", volume[2]), ("y=5", volume[:, 5]), ("x=27", volume[:, :, 27])):
        result = own_maps.read(path, {"slice": text})
        assert len(result.maps) == 1
        np.testing.assert_array_equal(result.maps[0], expected)
    np.testing.assert_array_equal(np.stack(own_maps.read(path, {"slice": "z=all"}).maps), volume)
    np.testing.assert_array_equal(np.stack(own_maps.read(path, {"slice": "x=all"}).maps), np.moveaxis(volume, 2, 0))
    with pytest.raises(ValueError, match="has no slice z=20; there are x = 0 to 27, y = 0 to 23, z = 0 to 19"):
        own_maps.read(path, {"slice": "z=20"})


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.npy"])
def test_a_single_map_has_no_other_slice(tmp_path, name):
    path = saved(tmp_path, name, LABELS[0])
    np.testing.assert_array_equal(own_maps.read(path, {"slice": "z=0"}).maps[0], LABELS[0])
    with pytest.raises(ValueError, match="has no slice z=2; there are z = 0 to 0"):
        own_maps.read(path, {"slice": "z=2"})


def test_grain_numbers_are_coloured(tmp_path):
    ids = foreign.voronoi((64, 64), 60)
    path = saved(tmp_path, "a.tif", ids)
    with pytest.raises(ValueError, match=r"holds 60 distinct values, but there are only 5 labels\. .* --features"):
        own_maps.read(path, {})
    result = own_maps.read(path, {"features": True}).maps[0]
    here, there = ids[1:] != ids[:-1], result[1:] != result[:-1]
    np.testing.assert_array_equal(here, there)


# --- windows
# ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def source(tmp_path):
    """Ten maps of 40 x 56 px whose first pixel of each row tells the map: its number modulo 5."""
    maps = np.broadcast_to((np.arange(10) % 5)[:, None, None], (10, 40, 56)).astype(np.uint8).copy()
    maps[:, :, 1:] = np.random.default_rng(1).integers(0, 5, (10, 40, 55))
    return own_maps.read(saved(tmp_path, "a.npy", maps), {})


def test_windows_are_functions_of_the_seed(source):
    many = source.draw(range(20), (32, 24))
    assert many.shape == (20, 32, 24) and many.dtype == np.uint8
    np.testing.assert_array_equal(source.draw([7], (32, 24)), many[7:8])
    assert len({m.tobytes() for m in many}) == 20


def test_windows_are_pieces_of_maps(source):
    pieces = np.lib.stride_tricks.sliding_window_view(np.stack(source.maps[:8]), (32, 24), (1, 2)).reshape(-1, 32, 24)
    for one in source.draw(range(5), (32, 24)):
        assert (pieces == one).all((1, 2)).any()


def test_held_out_windows_come_from_maps_that_training_never_sees(source):
    assert source.held_out == 2
    whole = (40, 56)
    training, held = ({m.tobytes() for m in source.draw(range(s, s + 200), whole)} for s in (0, HELD_OUT))
    assert len(training) == 8 and len(held) == 2 and not training & held
    assert source.identity()["held out"] == "the last 2 of 10 maps"


def test_small_maps_are_continued_by_their_mirror_image(source):
    one = source.draw([3], (60, 70))[0]
    mirrored = [np.block([[m, m[:, ::-1]], [m[::-1], m[::-1, ::-1]]]) for m in source.maps[:8]]
    tiles = [np.tile(m, (2, 2)) for m in mirrored]
    assert any((np.lib.stride_tricks.sliding_window_view(t, one.shape) == one).all((2, 3)).any() for t in tiles)


def test_every_place_of_a_map_is_seen_equally_often():
    column = np.arange(20, dtype=np.uint8)
    source = own_maps.source((np.broadcast_to(column, (16, 20)).copy(),), ["a"], {}, [])
    starts = np.bincount(source.draw(range(4000), (16, 11))[:, 0, 0], minlength=10)
    assert len(starts) == 10 and np.abs(starts - 400).max() < 4 * np.sqrt(400 * 0.9)


@given(st.integers(16, 90), st.floats(0.2, 1))
def test_scaling_only_picks_pixels(n, scale):
    whole = np.arange(n * 64).reshape(n, 64)
    small = own_maps.smaller(whole, scale)
    assert small.shape == (int(n * scale), int(64 * scale)) and np.isin(small, whole).all()
    rows = small[:, 0] // 64
    assert np.abs(rows + 0.5 - (np.arange(len(rows)) + 0.5) / scale).max() <= 1


def test_half_the_scale_is_every_second_pixel_of_blocks(tmp_path):
    blocks = np.kron(LABELS[0], np.ones((2, 2), np.uint8))
    np.testing.assert_array_equal(own_maps.read(saved(tmp_path, "a.png", blocks), {"scale": 0.5}).maps[0], LABELS[0])


def test_the_source_can_be_cached(tmp_path, source):
    images = data.cached(source, range(30), (32, 32), tmp_path / "cache")
    np.testing.assert_array_equal(images, data.cached(source, range(30), (32, 32), tmp_path / "cache"))
    other = own_maps.source(tuple(m[::-1] for m in source.maps), ["a.npy"], {}, [])
    assert other.identity() != source.identity()
