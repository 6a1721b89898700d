"""Structures in the formats of other programs, read back by parsers that know only the format."""

import base64
import io
import json
import re
import xml.etree.ElementTree as ElementTree

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage
from scipy.sparse import coo_matrix, csgraph

from core.readers import maps, misorientation
from core.types import Field
from explorer.files import formats
from explorer.live import models
from explorer.live.dial import Dial
from tests.explorer import untrained

SETS = tuple(f"ORIENTATION_{k + 1}" for k in range(5))


def structure(n=48, m=40, seed=0):
    """Five labels (n, m) in periodic patches."""
    noise = np.random.default_rng(seed).standard_normal((5, n, m))
    return ndimage.gaussian_filter(noise, (0, 3, 3), mode="wrap").argmax(0).astype(np.uint8)


# --- TIFF, NPZ, VTK
# -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pixel", "unit", "metres"), [(0.5, "µm", 5e-7), (3.0, "nm", 3e-9), (2.0, "mm", 2e-3), (1.0, "m", 1.0)]
)
def test_a_tiff_tells_the_size_of_its_pixels(pixel, unit, metres):
    image = Image.open(io.BytesIO(formats.tiff(structure(), pixel, unit)))
    assert image.mode == "L"
    np.testing.assert_array_equal(np.array(image), structure())
    assert image.tag_v2[296] == 3 and float(image.tag_v2[282]) == float(image.tag_v2[283])
    assert 0.01 / float(image.tag_v2[282]) == pytest.approx(metres, rel=1e-6)


def test_a_tiff_in_pixels_tells_no_length():
    assert 282 not in Image.open(io.BytesIO(formats.tiff(structure()))).tag_v2


def test_an_npz_holds_the_arrays_and_how_to_make_them_again(model):
    dial = Dial({"volume_fraction": 0.3}, seed=3, size=64)
    sample = models.sample_dial(model, dial)
    arrays = np.load(io.BytesIO(formats.npz(model, dial, sample)), allow_pickle=False)
    np.testing.assert_array_equal(arrays["labels"], sample.labels[0])
    assert arrays["soft"].dtype == np.float16 and arrays["soft"].shape == (1, 64, 64)
    told = json.loads(str(arrays["metadata"]))
    assert told["seed"] == 3 and arrays["requested_volume_fraction"] == np.float32(0.3)
    assert arrays["measured_volume_fraction"] == pytest.approx(sample.labels.mean(), abs=1e-6)


def read_vti(blob):
    """Spacing, extent and cell arrays of a VTK XML image with inline base64 data, read strictly by the format."""
    root = ElementTree.fromstring(blob)
    assert root.attrib == {"type": "ImageData", "version": "1.0", "byte_order": "LittleEndian", "header_type": "UInt64"}
    (image,) = root
    (piece,) = image
    assert image.tag == "ImageData" and piece.tag == "Piece" and piece.attrib == {"Extent": image.attrib["WholeExtent"]}
    ends = np.array(image.attrib["WholeExtent"].split(), int).reshape(3, 2)
    size = ends[:, 1] - ends[:, 0]
    assert [child.tag for child in piece] == ["PointData", "CellData"]
    found = {}
    for data in piece[1]:
        assert data.tag == "DataArray" and data.attrib["format"] == "binary"
        raw = base64.b64decode(data.text, validate=True)
        kind = {"UInt8": np.uint8, "Float32": np.float32}[data.attrib["type"]]
        assert int.from_bytes(raw[:8], "little") == len(raw) - 8 == size.prod() * np.dtype(kind).itemsize
        found[data.attrib["Name"]] = np.frombuffer(raw[8:], kind).reshape(size[::-1])
    assert piece[1].attrib["Scalars"] in found
    return np.array(image.attrib["Spacing"].split(), float), found


def test_a_vtk_image_is_by_the_format():
    labels, chance = structure(), np.random.default_rng(0).random((48, 40)).astype(np.float32)
    spacing, cells = read_vti(formats.vti({"label": labels, 'p "<&': chance}, 0.25))
    assert spacing.tolist() == [0.25] * 3
    np.testing.assert_array_equal(cells["label"][0, ::-1], labels)
    np.testing.assert_array_equal(cells['p "<&'][0, ::-1], chance)


# --- grains and DREAM.3D
# --------------------------------------------------------------------------------------------------


@given(st.integers(0, 500), st.sampled_from([True, False]))
def test_grains_are_the_connected_regions(seed, periodic):
    """Against the graph of all pixels: the same number of regions, and each grain in one of them."""
    labels = structure(20, 24, seed)
    ids = formats.grains(labels, periodic)
    number, pairs = np.arange(labels.size).reshape(labels.shape), []
    for axis in (0, 1):
        same = labels == np.roll(labels, 1, axis)
        if not periodic:
            np.moveaxis(same, axis, 0)[0] = False
        pairs.append((number[same], np.roll(number, 1, axis)[same]))
    a, b = (np.concatenate(p) for p in zip(*pairs, strict=True))
    n, region = csgraph.connected_components(coo_matrix((np.ones(len(a)), (a, b)), (labels.size,) * 2))
    assert len(set(zip(ids.ravel().tolist(), region.tolist(), strict=True))) == n == ids.max()


def test_two_stripes_are_joined_across_the_border():
    labels = np.zeros((8, 8), np.uint8)
    labels[:, 2:6] = 1
    assert formats.grains(labels).max() == 2 and formats.grains(labels, False).max() == 3


def test_the_orientations_are_well_apart():
    q = misorientation.quaternions(formats.EULERS)
    close = misorientation.nearest(q, q, misorientation.CUBIC)[0]
    angles = np.degrees(2 * np.arccos(np.clip(close, 0, 1)))
    assert angles[~np.eye(5, dtype=bool)].min() > 44.99


def written(tmp_path, labels):
    path = tmp_path / "a.dream3d"
    path.write_bytes(formats.dream3d(labels, True, 0.5))
    return path


def test_a_dream3d_file_reads_back_as_the_same_labels(tmp_path):
    np.testing.assert_array_equal(maps.read(written(tmp_path, structure()), {}).maps[0], structure())


def test_without_our_own_array_the_angles_give_the_same_partition(tmp_path):
    path, labels = written(tmp_path, structure()), structure()
    with h5py.File(path, "a") as file:
        del file["DataContainers/ImageDataContainer/CellData/Orientation"]
    found = maps.read(path, {})
    assert "cubic" in found.identity()["labels"]
    assert len(set(zip(found.maps[0].ravel().tolist(), labels.ravel().tolist(), strict=True))) == 5


def test_a_dream3d_file_has_the_layout_of_version_6(tmp_path):
    labels = structure()
    with h5py.File(written(tmp_path, labels)) as file:
        assert file.attrs["FileVersion"] == b"7.0" and {"DataContainerBundles", "DataContainers", "Pipeline"} == set(
            file
        )
        home = file["DataContainers/ImageDataContainer"]
        place = home["_SIMPL_GEOMETRY"]
        assert place["DIMENSIONS"][:].tolist() == [40, 48, 1] and place["SPACING"][:].tolist() == [0.5] * 3
        assert place["DIMENSIONS"].dtype == np.int64 and place.attrs["GeometryTypeName"] == b"ImageGeometry"
        kinds = {"CellData": 3, "CellFeatureData": 7, "CellEnsembleData": 11}
        for name, kind in kinds.items():
            matrix = home[name]
            assert matrix.attrs["AttributeMatrixType"].tolist() == [kind]
            for array in matrix.values():
                tuples, components = array.attrs["TupleDimensions"], array.attrs["ComponentDimensions"]
                assert tuples.tolist() == matrix.attrs["TupleDimensions"].tolist() and tuples.dtype == np.uint64
                assert array.shape == (*tuples[::-1], *components)
                kind_of = {"int32": b"int32_t", "uint32": b"uint32_t", "float32": b"float"}[array.dtype.name]
                assert array.attrs["ObjectType"] == b"DataArray<" + kind_of + b">"
        ids, n = home["CellData/FeatureIds"][0, :, :, 0], home["CellFeatureData/NumElements"][:, 0]
        np.testing.assert_array_equal(n, np.bincount(ids.ravel(), minlength=len(n)))
        np.testing.assert_array_equal(home["CellData/EulerAngles"][0], home["CellFeatureData/AvgEulerAngles"][:][ids])
        assert n[0] == 0 and home["CellEnsembleData/CrystalStructures"][:].ravel().tolist() == [999, 1]


# --- Abaqus
# ---------------------------------------------------------------------------------------------------------------


def read_inp(text):
    """Nodes {number: (x, y)}, element sets {name: {number: nodes}}, sections {set: material} and materials of an input
    file."""
    nodes, sets, sections, materials = {}, {}, {}, []
    keyword, options = "", {}
    for line in text.splitlines():
        assert len(line) <= 256
        if line.startswith("**"):
            continue
        if line.startswith("*"):
            keyword, *rest = (part.strip() for part in line.split(","))
            options = dict(part.split("=") for part in rest)
            if keyword == "*SOLID SECTION":
                sections[options["ELSET"]] = options["MATERIAL"]
            if keyword == "*MATERIAL":
                materials.append(options["NAME"])
        elif keyword == "*NODE":
            number, x, y = line.split(",")
            assert int(number) not in nodes
            nodes[int(number)] = (float(x), float(y))
        elif keyword == "*ELEMENT":
            assert options["TYPE"] == "CPE4"
            number, *corners = map(int, line.split(","))
            assert len(corners) == 4 and not any(number in s for s in sets.values())
            sets.setdefault(options["ELSET"], {})[number] = corners
    return nodes, sets, sections, materials


def test_an_abaqus_file_holds_every_pixel_once():
    labels = structure(24, 32)
    nodes, sets, sections, materials = read_inp(formats.abaqus(labels, SETS, 0.5, "µm").decode("ascii"))
    assert len(nodes) == 25 * 33 and sum(map(len, sets.values())) == labels.size
    counts = np.bincount(labels.ravel(), minlength=5)
    assert {name: len(found) for name, found in sets.items()} == {SETS[k]: c for k, c in enumerate(counts) if c}
    assert sections == {name: name for name in sets} and sorted(materials) == sorted(sets)
    for k, name in enumerate(SETS):
        for corners in sets.get(name, {}).values():
            x, y = np.array([nodes[c] for c in corners]).T
            assert (x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 2 == pytest.approx(
                0.25
            )  # counter-clockwise, its own area
            assert labels[int(24 - y.mean() / 0.5), int(x.mean() / 0.5)] == k
    assert max(nodes.values()) == (16.0, 12.0)


def test_the_header_tells_the_unit():
    text = formats.abaqus(structure(16, 16), SETS, 0.5, "µm").decode("ascii")
    assert re.match(r"\*HEADING\nInvNet Explorer [\d.]+: 16 x 16 elements of 0.5 um, lengths in um\n", text)


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (("phase 0", "phase 1"), ("PHASE_0", "PHASE_1")),
        (("orientation 1", "orientation 2"), ("ORIENTATION_1", "ORIENTATION_2")),
        ((), ("ORIENTATION_1", "ORIENTATION_2")),
        (("α", "β"), ("ORIENTATION_1", "ORIENTATION_2")),
        (("1", "2"), ("ORIENTATION_1", "ORIENTATION_2")),
        (("same", "same"), ("ORIENTATION_1", "ORIENTATION_2")),
    ],
)
def test_sets_have_names(labels, found):
    assert formats.names(Field("binary", (8, 8), labels)) == found


# --- the page
# -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "endings"),
    [
        ("two_phase/fraction", ["tiff", "npz", "vti", "dream3d", "inp"]),
        ("rings/shares", ["tiff", "npz", "vti", "dream3d", "inp"]),
        ("waves/sine", ["npz", "vti"]),
    ],
)
def test_every_field_has_its_formats(name, endings, tmp_path, monkeypatch):
    from core import sampling

    with untrained.invented():
        if not name.startswith("two_phase"):
            monkeypatch.setattr(sampling, "CHECKPOINTS", tmp_path)
            untrained.write(tmp_path, name)
        model = models.MODELS.get(name)
        dial = Dial({}, seed=1)
        made = {
            ending: make()
            for _, ending, _, make in formats.formats(model, dial, models.sample_dial(model, dial), 2.0, "nm")
        }
    assert list(made) == endings and all(made.values())


def test_the_page_offers_them(visit):
    page = visit(size="64")
    assert not page.exception
    offered = {b.proto.label for b in page.get("download_button")}
    assert {"TIFF (.tiff)", "NPZ (.npz)", "VTK image (.vti)", "DREAM.3D (.dream3d)", "Abaqus (.inp)"} <= offered
