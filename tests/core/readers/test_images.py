"""Images as programs of the field write them: types of values, compressions, pages, orientation, pixel size, masks."""

import io
import zipfile

import h5py
import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from core.descriptors import windows
from core.readers import otsu, pixel_size, uploads

GREY = windows.example(0, (80, 100))
RGB = np.random.default_rng(0).integers(0, 256, (80, 100, 3)).astype(np.uint8)


def tif(array, **options):
    out = io.BytesIO()
    tifffile.imwrite(out, array, **{"photometric": "minisblack", "metadata": None, **options})
    return out.getvalue()


def h5(fill):
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        fill(file)
    return out.getvalue()


def npy(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def read(content, **options):
    return uploads.read("a file", content, **options)


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", ">u2", "u4", "i4", "f2", "f4", "f8", ">f8", "u8"])
def test_every_type_of_grey_values(dtype):
    values = (GREY.astype(float) - (128 if dtype == "i1" else 0)).astype(dtype)
    np.testing.assert_array_equal(read(tif(values)).values, values.astype(float))


@pytest.mark.parametrize("compression", ["lzw", "packbits", "zlib", "adobe_deflate", "zstd"])
@pytest.mark.parametrize("layout", [{}, {"tile": (32, 48)}, {"rowsperstrip": 7}, {"bigtiff": True}, {"byteorder": ">"}])
def test_compressions_and_layouts(compression, layout):
    np.testing.assert_array_equal(read(tif(GREY, compression=compression, **layout)).values, GREY)
    deep = GREY.astype(np.uint16) * 250
    predicted = {"predictor": True} if compression != "packbits" else {}
    np.testing.assert_array_equal(read(tif(deep, compression=compression, **predicted, **layout)).values, deep)


def test_bilevel_and_jpeg_pages():
    bright = Image.fromarray(GREY > 120)
    for options in ({}, {"compression": "group4"}, {"compression": "group3"}):
        out = io.BytesIO()
        bright.save(out, "TIFF", **options)
        np.testing.assert_array_equal(read(out.getvalue()).values, GREY > 120)
    found = read(tif(GREY, compression="jpeg", compressionargs={"level": 98}))
    assert np.abs(found.values.astype(float) - GREY).mean() < 2
    smooth = np.repeat(GREY[..., None], 3, -1)
    found = read(tif(smooth, photometric="ycbcr", compression="jpeg", compressionargs={"level": 98}))
    assert np.abs(found.values.astype(float) - GREY).mean() < 2 and "luminance" in found.notes[0]


@pytest.mark.parametrize("dtype", ["?", "u1", "u2", "u4", "i2", "f4"])
def test_zero_may_be_white(dtype):
    values = (GREY > 120).astype(dtype) if dtype in "?f4" else GREY.astype(dtype)
    found = read(tif(values, photometric="miniswhite"))
    order = np.argsort(values.ravel(), kind="stable")
    assert (np.diff(found.values.ravel()[order].astype(float)) <= 0).all()


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_colours_of_any_layout_and_depth(planar):
    expected = RGB @ [0.299, 0.587, 0.114]
    pixels = RGB if planar == "contig" else np.moveaxis(RGB, -1, 0)
    for scale, dtype in ((1, np.uint8), (257, np.uint16)):
        found = read(tif(pixels.astype(dtype) * dtype(scale), photometric="rgb", planarconfig=planar))
        np.testing.assert_allclose(found.values / scale, expected, atol=1)


def test_a_palette_is_looked_up():
    table = np.zeros((3, 256), np.uint16)
    table[:, 3], table[:, 7] = 65535, 257 * 40
    found = read(tif(np.where(GREY > 120, 3, 7).astype(np.uint8), photometric="palette", colormap=table))
    np.testing.assert_array_equal(found.values, np.where(GREY > 120, 255, 40))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_as_their_tag_says(orientation):
    content = tif(GREY, extratags=[(274, "H", 1, orientation, True)])
    with Image.open(io.BytesIO(content)) as stored:
        expected = np.array(ImageOps.exif_transpose(stored))
    np.testing.assert_array_equal(read(content).values, expected)
    exif = Image.Exif()
    exif[274] = orientation
    out = io.BytesIO()
    Image.fromarray(GREY).save(out, "PNG", exif=exif)
    np.testing.assert_array_equal(read(out.getvalue()).values, expected)


def test_overviews_are_left_out_whether_marked_or_not():
    for kind in (1, 0):
        out = io.BytesIO()
        with tifffile.TiffWriter(out) as file:
            file.write(GREY, photometric="minisblack", metadata=None)
            file.write(GREY[::2, ::2].copy(), photometric="minisblack", subfiletype=kind, metadata=None)
            file.write(GREY[::5, ::5].copy(), photometric="minisblack", subfiletype=kind, metadata=None)
        found = read(out.getvalue())
        assert found.count == 1 and found.values.shape == (80, 100) and "2 smaller overview pages" in found.notes[0]


def test_a_stack_of_imagej_behind_one_header(tmp_path):
    stack = np.stack([GREY // k for k in (1, 2, 3)])
    for truncate in (False, True):
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, stack, imagej=True, truncate=truncate, resolution=(4, 4), metadata={"unit": "micron"})
        found = uploads.read("a.tif", path.read_bytes(), 2)
        assert found.count == 3 and found.pixel == (0.25, "µm")
        np.testing.assert_array_equal(found.values, stack[2])


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"resolution": (25e3, 25e3), "resolutionunit": "CENTIMETER"}, (0.4, "µm")),
        ({"resolution": (2e6, 2e6), "resolutionunit": "CENTIMETER"}, (5, "nm")),
        ({"resolution": (20, 20), "resolutionunit": "CENTIMETER"}, (0.5, "mm")),
        ({"resolution": (25400, 25400), "resolutionunit": "INCH"}, (1, "µm")),
        ({"resolution": (300, 300), "resolutionunit": "INCH"}, None),
        ({"resolution": (72 / 2.54, 72 / 2.54), "resolutionunit": "CENTIMETER"}, None),
        ({"resolution": (25e3, 20e3), "resolutionunit": "CENTIMETER"}, None),
        ({"imagej": True, "resolution": (2, 2), "metadata": {"unit": "nm"}}, (0.5, "nm")),
        ({"imagej": True, "resolution": (2, 2), "metadata": {"unit": "pixel"}}, None),
        ({"ome": True, "metadata": {"PhysicalSizeX": 12.5, "PhysicalSizeXUnit": "nm"}}, (12.5, "nm")),
        ({"ome": True, "metadata": {"PhysicalSizeX": 0.3, "PhysicalSizeY": 0.6}}, None),
        ({"ome": True, "metadata": {"PhysicalSizeX": 0.3, "PhysicalSizeY": 0.3}}, (0.3, "µm")),
    ],
)
def test_pixel_sizes(options, size):
    assert read(tif(GREY, **options)).pixel == size


def test_pixel_sizes_that_make_no_sense():
    assert pixel_size.stated(float("nan"), "µm") is None and pixel_size.stated(0.0, "nm") is None
    assert pixel_size.stated(5.0, "Å") == (0.5, "nm") and pixel_size.of_density(0.0) is None
    assert pixel_size.of_ome('<OME PhysicalSizeX="words">') is None


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (GREY[..., None], GREY),
        (np.stack([GREY] * 3, -1), GREY),
        (np.dstack([GREY] * 3 + [np.full_like(GREY, 255)]), GREY),
        (np.stack([GREY] * 3, -1).astype(np.int64), GREY),
        (np.stack([GREY / 255] * 3, -1), (GREY / 255).astype(np.float32)),
    ],
)
def test_arrays_with_channels_last(array, expected):
    for content in (npy(array), npy(array[None]), h5(lambda f: f.create_dataset("a", data=array))):
        found = read(content)
        assert found.count == 1
        np.testing.assert_allclose(found.values, expected, rtol=1e-6)


def test_npz_offers_its_arrays():
    for save in (np.savez, np.savez_compressed):
        out = io.BytesIO()
        save(out, positions=np.zeros((500, 2)), image=np.asfortranarray(GREY), other=GREY > 120, text=np.array("words"))
        found = read(out.getvalue())
        assert found.array == "image" and found.arrays == ("positions", "image", "other")
        np.testing.assert_array_equal(found.values, GREY)
        np.testing.assert_array_equal(read(out.getvalue(), array="other").values, GREY > 120)
        with pytest.raises(ValueError, match="500 pixels; each side needs 16"):
            read(out.getvalue(), array="positions")


def test_a_bomb_and_a_cut_npz():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", npy(GREY)[:500] + bytes(50_000_000))
        archive.writestr("b.npy", npy(GREY)[:500])
    assert read(out.getvalue()).array == "a", "no more is unpacked than the header announces"
    with pytest.raises(ValueError, match="is damaged"):
        read(out.getvalue(), array="b")
    with pytest.raises(ValueError, match="is damaged"):
        read(out.getvalue()[:-40])


# --- masks, hot pixels and thresholds


def test_few_masked_pixels_have_their_nearest_value():
    values = GREY.astype(float)
    values[10:13, 20] = np.nan
    found = read(npy(values))
    assert np.isin(found.values[10:13, 20], values[9:14, 19:22]).all() and "3 of 8000" in found.notes[0]
    kept = ~np.isnan(values)
    np.testing.assert_array_equal(found.values[kept], values[kept])


def test_of_a_masked_surrounding_the_largest_rectangle_is_left():
    grey = windows.example(0, (300, 300)).astype(float)
    rows, columns = np.mgrid[:300, :300] - 150
    grey[rows**2 + columns**2 > 150**2] = np.nan
    found = read(npy(grey))
    assert min(found.values.shape) > 200 and np.isfinite(found.values).all() and "masked (NaN)" in found.notes[0]
    with pytest.raises(ValueError, match="not finite"):
        read(npy(np.where(np.eye(300)[::-1] + (rows % 20 == 0), np.nan, grey)))
    with pytest.raises(ValueError, match="not finite"):
        read(npy(np.where(rows == 3, np.inf, 1.0)))


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_hot_pixels_are_clipped(dtype):
    values = (GREY.astype(dtype) * dtype(5)).copy()
    expected = (values > otsu.otsu(values)).mean()
    values[::37, ::41] = 65535
    found = read(npy(values))
    assert f"{(values == 65535).sum()} hot or dead pixels" in found.notes[0] and found.values.max() < 2000
    assert (found.values > otsu.otsu(found.values)).mean() == pytest.approx(expected, abs=2e-3)


def test_the_threshold_is_exact_on_16_bits():
    rng = np.random.default_rng(0)
    values = np.where(rng.random((90, 90)) < 0.3, rng.normal(300, 12, (90, 90)), rng.normal(220, 12, (90, 90)))
    values = values.astype(np.uint16)
    values[0, 0] = 60000
    distinct = np.unique(values)[:-1]
    flat = values.ravel().astype(float)

    def between(cut):
        low, high = flat[flat <= cut], flat[flat > cut]
        return len(low) * len(high) * (low.mean() - high.mean()) ** 2

    best = max(distinct, key=between)
    np.testing.assert_array_equal(values > otsu.otsu(values), values > best)
    np.testing.assert_array_equal(values > otsu.otsu(values.astype(np.float32)), values > best)


# --- files made to do harm


def test_lzf_is_read_and_its_bombs_are_refused():
    found = read(h5(lambda f: f.create_dataset("a", data=GREY, chunks=(80, 100), compression="lzf")))
    np.testing.assert_array_equal(found.values, GREY)

    def bomb(file):
        made = file.create_dataset("a", (80, 100), np.uint8, chunks=(80, 100), compression="lzf")
        made.id.write_direct_chunk((0, 0), imagecodecs.lzf_encode(bytes(500_000)))

    with pytest.raises(ValueError, match="decompression bomb"):
        read(h5(bomb))


def test_a_jpeg_tile_larger_than_its_place():
    inner = imagecodecs.jpeg8_encode(np.zeros((2000, 2000), np.uint8))
    content = bytearray(tif(np.zeros((80, 100), np.uint8)))
    with tifffile.TiffFile(io.BytesIO(bytes(content))) as file:
        tags = file.pages[0].tags
        places = {code: (tags[code].valueoffset, tags[code].dtype) for code in (259, 273, 279)}
    for code, value in ((259, 7), (273, len(content)), (279, len(inner))):
        at, kind = places[code]
        width = 2 if int(kind) == 3 else 4
        content[at : at + width] = value.to_bytes(width, "little")
    with pytest.raises(ValueError, match="unpacks to 2000 x 2000"):
        read(bytes(content) + inner)


@pytest.mark.parametrize(
    ("content", "say"),
    [
        (tif(np.zeros((80, 100, 4), np.uint8), photometric="separated"), "pixels of kind CMYK"),
        (tif(np.zeros((80, 100), np.complex64)), "no integers or real numbers"),
        (tif(GREY, compression="lzma"), "is compressed in a way that is not read here"),
        (tif(GREY)[:-3000], "is damaged"),
        (tif(GREY, compression="zstd")[:-300], "is damaged"),
        (b"BM" + bytes(12) + b"\x28\0\0\0" + b"\xff" * 100, "is damaged|pixels"),
    ],
)
def test_what_is_refused(content, say):
    with pytest.raises(ValueError, match=say) as caught:
        read(content)
    assert str(caught.value).endswith(".") and "--" not in str(caught.value)
