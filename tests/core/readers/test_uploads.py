"""Bytes to pictures and curves: every common layout, by the conventions of the field."""

import io
import tempfile

import h5py
import numpy as np
import pytest
import torch
from PIL import Image

from core.descriptors import two_phase, windows
from core.readers import curves, uploads
from core.readers.curves import Curve
from core.readers.uploads import Picture, read
from core.simulation import correlations

GREY = windows.example(0, (80, 100))
PHASE = torch.from_numpy((windows.example(1, (96, 96)) > 120).astype(np.float64))
P = float(PHASE.mean())


@pytest.fixture(autouse=True)
def nothing_left(tmp_path, monkeypatch):
    """What is written while reading is removed afterwards."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    assert list(tmp_path.iterdir()) == []


def saved(picture, ending="PNG", **options):
    out = io.BytesIO()
    picture.save(out, ending, **options)
    return out.getvalue()


def npy(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def h5(**arrays):
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array, compression="gzip")
    return out.getvalue()


def text(columns, separator=",", header="", decimal="."):
    rows = [separator.join(f"{v:.17g}".replace(".", decimal) for v in row) for row in zip(*columns, strict=True)]
    return "\n".join([header, *rows] if header else rows).encode()


@pytest.mark.parametrize(
    ("content", "values"),
    [
        (saved(Image.fromarray(GREY)), GREY),
        (saved(Image.fromarray(GREY), "TIFF", compression="tiff_lzw"), GREY),
        (saved(Image.fromarray(GREY.astype(np.uint16) * 200)), GREY.astype(np.uint16) * 200),
        (saved(Image.fromarray(GREY > 120)), (GREY > 120).astype(np.uint8)),
        (saved(Image.fromarray(np.stack([GREY] * 3, -1))), GREY),
        (saved(Image.fromarray(GREY / np.float32(7)), "TIFF"), GREY / np.float32(7)),
        (npy(GREY), GREY),
        (npy(GREY[None, None].astype(np.int64)), GREY.astype(np.float32)),
        (npy(GREY[None, :, :, None]), GREY),
    ],
)
def test_grey_values_come_as_they_are(content, values):
    result = read("a picture.png", content)
    assert isinstance(result, Picture) and result.values.dtype == values.dtype and result.count == 1
    np.testing.assert_array_equal(result.values, values)


def test_colours_become_luminance_and_it_is_said():
    photo = np.random.default_rng(0).integers(0, 256, (70, 70, 3)).astype(np.uint8)
    result = read("photo.png", saved(Image.fromarray(photo)))
    np.testing.assert_allclose(result.values, photo @ [0.299, 0.587, 0.114], atol=1)
    assert "luminance" in result.notes[0]


def test_a_palette_is_looked_up_and_what_is_transparent_is_white():
    indexed = Image.fromarray(GREY).quantize(2)
    result = read("p.png", saved(indexed))
    expected = np.array(indexed.convert("L"))
    np.testing.assert_array_equal(result.values, expected)
    alpha = np.full((80, 100), 255, np.uint8)
    alpha[:, :50] = 0
    result = read("a.png", saved(Image.fromarray(np.stack([GREY, GREY, GREY, alpha], -1))))
    assert (result.values[:, :50] == 255).all() and (result.values[:, 50:] == GREY[:, 50:]).all()


def test_a_page_of_a_tiff_is_chosen():
    pages = [Image.fromarray(GREY // k) for k in (1, 2, 3)]
    content = saved(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    for number in range(3):
        result = read("stack.tif", content, number)
        assert (result.number, result.count) == (number, 3)
        np.testing.assert_array_equal(result.values, GREY // (number + 1))
    with pytest.raises(ValueError, match="holds 3 pictures; there is no number 4"):
        read("stack.tif", content, 3)


def test_the_file_of_zenodo():
    images = np.random.default_rng(0).integers(0, 2, (5, 64, 64)).astype(np.uint8)
    content = h5(morphology=images.reshape(5, -1), other=np.zeros((70, 70)))
    result = read("2D_binary_morphologies.h5", content, 3)
    assert result.count == 5 and result.array == "/morphology" and result.arrays == ("/morphology", "/other")
    np.testing.assert_array_equal(result.values, images[3])
    with pytest.raises(ValueError, match="of one grey everywhere"):
        read("2D_binary_morphologies.h5", content, 0, "/other")


# --- curves
# ---------------------------------------------------------------------------------------------------------------

AT = two_phase.radial_bins((96, 96))[0].double().numpy()
S2 = two_phase.s2_radial(PHASE[None])[0].numpy()


@pytest.mark.parametrize("separator", [",", ";", "\t", "  "])
@pytest.mark.parametrize("header", ["", "r;S2", "# made by hand"])
def test_tables(separator, header):
    result = read("s2.csv", text((AT, S2), separator, header.replace(";", separator)))
    assert isinstance(result, Curve) and result.p == pytest.approx(P) and not result.relative
    np.testing.assert_allclose(result.distance, AT)
    np.testing.assert_allclose(result.s2(0.5), S2)


def test_decimal_commas_marks_and_encodings():
    plain = text((AT, S2), ";", "Abstand (µm);S2", decimal=",").decode()
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "latin-1"):
        np.testing.assert_allclose(read("s2.txt", plain.encode(encoding)).values, S2)


def test_porespy():
    both = read("tpc.csv", text((np.arange(49.0), AT, S2 / P, S2), ",", ",distance,probability,probability_scaled"))
    assert both.p == pytest.approx(P) and not both.relative and "PoreSpy" in both.note
    np.testing.assert_allclose(both.values, S2)
    one = read("tpc.csv", text((AT, S2 / P), ",", "distance,probability"))
    assert one.p is None and one.relative
    np.testing.assert_allclose(one.s2(P), S2)
    assert read("normalised.csv", text((AT, S2 / P))).relative, "a curve that starts at 1 is S2 / p1"


def test_a_curve_that_starts_beyond_zero_is_continued():
    result = read("s2.csv", text((AT[1:], S2[1:])))
    assert result.p == pytest.approx(P, abs=0.01) and "straight line" in result.note


@pytest.mark.parametrize("shape", [(96, 96), (95, 97), (96, 75)])
@pytest.mark.parametrize("centred", [False, True])
def test_maps_of_pymks(shape, centred):
    x = torch.from_numpy((windows.example(2, shape) > 120).astype(np.float64))
    plane = two_phase.s2_map(x[None])[0].numpy()
    result = read("stats.npy", npy((np.fft.fftshift(plane) if centred else plane)[None, ..., None]))
    assert isinstance(result, Curve) and result.p == pytest.approx(float(x.mean()))
    assert ("in the middle" if centred else "at the first pixel") in result.note
    expected, at = two_phase.s2_radial(x[None])[0].numpy(), two_phase.radial_bins(shape)[0].numpy()
    np.testing.assert_allclose(result.values[: len(expected)], expected, atol=1e-9)
    np.testing.assert_allclose(result.distance[: len(at)], at, rtol=1e-6)


def test_a_picture_is_no_map():
    smooth = np.random.default_rng(0).random((80, 80)) * 0.5
    smooth[40, 40] = 0.9
    assert isinstance(read("a.npy", npy(smooth)), Picture)
    rings = np.cos(np.hypot(*np.mgrid[-40:40, -40:40]))
    assert isinstance(read("a.npy", npy(rings)), Picture), "it has negative values"


# --- onto the distances of the generator
# -------------------------------------------------------------------------------


def test_at_the_same_scale_a_measured_curve_is_taken_as_it_is():
    at, s2 = windows.two_point(PHASE.numpy())
    np.testing.assert_allclose(curves.resampled(at, s2, P, 1.0), s2[: correlations.BINS], atol=1e-6)


@pytest.mark.parametrize("step", [0.4, 1.0, 2.5])
def test_other_scales(step):
    """exp(-r / 9) is read to 2e-4 between its points, and continued to p1^2 beyond them."""
    p, r = 0.3, np.arange(0.0, 60.0)
    covariance = np.exp(-((r / 9) ** 2))
    got = curves.resampled(r, p * p + p * (1 - p) * covariance, p, step)
    target = correlations.distances().double().numpy() * step
    np.testing.assert_allclose(got, p * p + p * (1 - p) * np.exp(-((target / 9) ** 2)), atol=2e-4)
    short = curves.resampled(r[:5], p * p + p * (1 - p) * covariance[:5], p, step)
    assert (np.diff(short) < 1e-12).all() and short[-1] < p * p + 0.06 and short[0] == p


# --- what cannot be used
# ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "say"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "is no table of two columns"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(200), "is damaged"),
        (b"GIF89a" + bytes(200), "of no kind that is read here"),
        (b"%PDF-1.4\n" + bytes(range(256)), "of no kind that is read here"),
        (saved(Image.fromarray(GREY))[:900], "is damaged"),
        (saved(Image.fromarray(np.full((80, 80), 9, np.uint8))), "of one grey everywhere"),
        (saved(Image.fromarray(GREY[:40])), "100 x 40 pixels; each side needs 64"),
        (npy(np.where(GREY > 120, np.nan, 1.0)), "not finite"),
        (npy(np.array([[{}] * 80] * 80)), "type object"),
        (npy(GREY.astype(complex)), "type complex128"),
        (npy(np.full((80, 80), 1e300) * (GREY[:, :80] > 120)), "cannot be told apart"),
        (h5(text=np.zeros(5)), "has no array of maps"),
        (text((AT, S2))[:30] + b"\nnot,numbers\n1,2,3", "has no 2 numbers in line"),
        (text((AT[::-1] * 0 + 1, S2)), "negative, repeated"),
        (text((AT, S2 * 7)), "is a probability, 0 to 1"),
        (text((AT, S2 * np.nan)), "not finite"),
        (text((AT[:3], S2[:3])), "is no table of two columns"),
        (text((AT,)), "is no table of two columns"),
    ],
)
def test_what_cannot_be_used_is_a_sentence(content, say):
    with pytest.raises(ValueError, match=say) as caught:
        read("../my <b>file</b>\n.png", content)
    assert (
        str(caught.value).endswith(".") and "<" not in str(caught.value) and "/" not in str(caught.value).split(" ")[0]
    )


def test_limits(monkeypatch):
    monkeypatch.setattr(uploads, "PIXELS", 7000)
    with pytest.raises(ValueError, match="holds 1 pictures of 100 x 80 pixels; at most"):
        read("a.png", saved(Image.fromarray(GREY)))
    monkeypatch.setattr(uploads, "BYTES", 100)
    with pytest.raises(ValueError, match="bytes; at most 100 are read"):
        read("a.png", saved(Image.fromarray(GREY)))
    monkeypatch.setattr(uploads, "TEXT_BYTES", 10)
    with pytest.raises(ValueError, match="bytes of text; at most 10"):
        read("a.csv", b"1,2\n" * 10)
