"""DREAM.3D files of both versions: the right slice, the right dimensions, orientations in classes or grains in
colours."""

import h5py
import numpy as np
import pytest

from core.readers import maps, misorientation
from tests import foreign

SHAPE = (18, 20, 28)
IDS = foreign.voronoi(SHAPE, 80)
DEGREES = [[0, 0, 0], [45, 90, 45], [45, 45, 0], [0, 75, 45], [45, 90, 0]]
KIND = np.random.default_rng(0).integers(0, 5, 81)
"""Which of the five orientations each grain has."""


def angles(noise=0.02):
    """Bunge angles of every cell: its grain's orientation, a little off."""
    return np.radians(DEGREES)[KIND][IDS] + np.random.default_rng(1).normal(0, noise, (*SHAPE, 3))


def same_partition(result, truth):
    """Whether labels stand for one orientation each: equal up to names where all five are there (fewer are split into
    five)."""
    pairs = set(zip(result.ravel().tolist(), truth.ravel().tolist(), strict=True))
    return len(pairs) == len(np.unique(result)) and (len(np.unique(truth)) < 5 or len(pairs) == 5)


@pytest.mark.parametrize("write", [foreign.version6, foreign.version_nx])
@pytest.mark.parametrize(("axis", "at"), [("z", 4), ("y", 0), ("x", 27)])
def test_a_slice_has_the_orientations_of_its_grains(tmp_path, write, axis, at):
    write(tmp_path / "a.dream3d", IDS, angles())
    result = maps.read(tmp_path / "a.dream3d", {"slice": f"{axis}={at}"})
    truth = KIND[IDS.take(at, "zyx".index(axis))]
    assert result.maps[0].shape == truth.shape and same_partition(result.maps[0], truth)
    assert "cubic" in result.identity()["labels"]


def test_names_do_not_matter(tmp_path):
    for i, names in enumerate([("A B", "VoxelData"), ("ImageDataContainer", "Cell Data"), ("x/y", "z")]):
        foreign.version6(
            tmp_path / f"{i}a.dream3d", IDS, angles(), container=names[0].replace("/", " "), matrix=names[1]
        )
        foreign.version_nx(tmp_path / f"{i}b.dream3d", IDS, angles(), names=names)
    result = maps.read(tmp_path, {"slice": "z=3"})
    assert len(result.maps) == 6 and all((m == result.maps[0]).all() for m in result.maps)


def test_all_slices_are_maps_of_their_own(tmp_path):
    foreign.version6(tmp_path / "a.dream3d", IDS, angles())
    result = maps.read(tmp_path / "a.dream3d", {"slice": "z=all"})
    assert len(result.maps) == 18 and result.held_out == 3 and same_partition(np.stack(result.maps), KIND[IDS])


@pytest.mark.parametrize("write", [foreign.version6, foreign.version_nx])
def test_a_volume_needs_a_slice(tmp_path, write):
    write(tmp_path / "a.dream3d", IDS)
    say = r"a\.dream3d is a volume \(x = 28, y = 20, z = 18\); choose a slice, such as --slice z=9, .*--slice z=all"
    with pytest.raises(ValueError, match=say):
        maps.read(tmp_path / "a.dream3d", {})
    with pytest.raises(ValueError, match=r"has no slice z=18; there are .* z = 0 to 17"):
        maps.read(tmp_path / "a.dream3d", {"slice": "z=18"})


def test_one_layer_needs_no_slice(tmp_path):
    for axis in range(3):
        thin = foreign.voronoi((24, 30), 30)
        foreign.version6(tmp_path / "a.dream3d", np.expand_dims(thin, axis))
        result = maps.read(tmp_path / "a.dream3d", {}).maps[0]
        np.testing.assert_array_equal(result[1:] != result[:-1], thin[1:] != thin[:-1])


def test_the_means_of_grains_are_preferred(tmp_path):
    mean = np.radians(DEGREES)[KIND]
    foreign.version6(tmp_path / "a.dream3d", IDS, foreign.random_angles(IDS.size).reshape(*SHAPE, 3), mean=mean)
    assert same_partition(maps.read(tmp_path / "a.dream3d", {"slice": "z=1"}).maps[0], KIND[IDS[1]])


def test_equivalent_angles_within_a_grain_are_one_orientation(tmp_path):
    turned = angles()
    turned[..., 2] += np.pi / 2 * np.random.default_rng(2).integers(0, 4, SHAPE)
    foreign.version6(tmp_path / "a.dream3d", IDS, np.mod(turned, 2 * np.pi))
    assert same_partition(maps.read(tmp_path / "a.dream3d", {"slice": "z=2"}).maps[0], KIND[IDS[2]])


def test_hexagonal_crystals_have_their_own_symmetry(tmp_path):
    """Two orientations 60 degrees about c apart are one, two 30 degrees apart are not."""
    turn = np.radians([0, 60, 30])[np.arange(81) % 3]
    mean = np.stack([turn, 0 * turn, 0 * turn], 1)
    foreign.version6(tmp_path / "a.dream3d", IDS, mean=mean, structure=misorientation.HEXAGONAL)
    result = maps.read(tmp_path / "a.dream3d", {"slice": "z=0", "labels": 2})
    assert same_partition(result.maps[0], np.arange(81)[IDS[0]] % 3 == 2)


def test_the_crystal_structure_may_lie_elsewhere(tmp_path):
    """NX files may keep ensembles outside the geometry; then it is the only one that counts."""
    turned = angles()
    turned[..., 2] += np.pi / 2 * (IDS % 4)
    foreign.version_nx(tmp_path / "a.dream3d", IDS, turned)
    with h5py.File(tmp_path / "a.dream3d", "a") as file:
        file.move("DataStructure/DataContainer/Cell Ensemble Data", "DataStructure/Ensembles")
    result = maps.read(tmp_path / "a.dream3d", {"slice": "z=2"})
    assert "cubic" in result.identity()["labels"] and same_partition(result.maps[0], KIND[IDS[2]])


def test_without_orientations_grains_are_coloured(tmp_path):
    foreign.version6(tmp_path / "a.dream3d", IDS)
    result = maps.read(tmp_path / "a.dream3d", {"slice": "z=3"})
    np.testing.assert_array_equal(result.maps[0][1:] != result.maps[0][:-1], IDS[3, 1:] != IDS[3, :-1])
    assert "coloured" in result.identity()["labels"] and " 0 adjoining" in result.identity()["labels"]


def test_two_crystal_structures_cannot_be_compared(tmp_path):
    phases = 1 + (IDS % 2)
    foreign.version6(tmp_path / "a.dream3d", IDS, angles(), structure=(1, 0), phases=phases)
    assert (
        "phases of different crystal structures"
        in maps.read(tmp_path / "a.dream3d", {"slice": "z=0"}).identity()["labels"]
    )


def test_unassigned_pixels_go_to_the_nearest_grain(tmp_path):
    ids = IDS.copy()
    ids[0, 5:8, 5:8] = 0
    foreign.version6(tmp_path / "a.dream3d", ids, angles())
    result = maps.read(tmp_path / "a.dream3d", {"slice": "z=0"}).maps[0]
    assert result.max() < 5 and (result[ids[0] > 0] != 255).all() and result[6, 5] == result[6, 4]
    ids[0, :10] = 0
    foreign.version6(tmp_path / "a.dream3d", ids, angles())
    with pytest.raises(ValueError, match="50% belongs to no grain"):
        maps.read(tmp_path / "a.dream3d", {"slice": "z=0"})


@pytest.mark.parametrize(
    ("spoil", "say"),
    [
        (lambda cells: cells.__delitem__("FeatureIds"), "has no grain numbers .*it has AvgEulerAngles, .*--array"),
        (lambda cells: cells["EulerAngles"].__setitem__((3, 0, 0), np.nan), "not finite"),
        (lambda cells: cells["EulerAngles"].__setitem__(..., np.full((*SHAPE, 3), 90.0)), "must be in radians"),
        (
            lambda cells: cells.parent["_SIMPL_GEOMETRY/DIMENSIONS"].__setitem__(0, 29),
            "but a geometry of x = 29, y = 20, z = 18",
        ),
        (lambda cells: cells.parent["_SIMPL_GEOMETRY/DIMENSIONS"].__setitem__(0, -1), "has a geometry of x = -1"),
        (
            lambda cells: cells.parent.copy(cells, "Again"),
            "more than one array of grain numbers; choose with --array one of",
        ),
        (lambda cells: cells.parent.copy(cells.parent["_SIMPL_GEOMETRY"], cells.parent, "More"), "2 geometries"),
    ],
)
def test_what_does_not_fit_is_said(tmp_path, spoil, say):
    path = tmp_path / "a.dream3d"
    mean = np.radians(DEGREES)[KIND] if "no grain" in say else None
    foreign.version6(path, IDS, angles(), mean=mean)
    with h5py.File(path, "a") as file:
        spoil(file["DataContainers/SyntheticVolume/CellData"])
    with pytest.raises(ValueError, match=say):
        maps.read(path, {"slice": "z=3"})


def test_cells_without_a_grain_may_have_no_orientation(tmp_path):
    ids, turned = IDS.copy(), angles()
    ids[2, 3, 4:9] = 0
    turned[2, 3, 4:7], turned[2, 3, 7:9] = np.nan, 4 * np.pi
    foreign.version6(tmp_path / "a.dream3d", ids, turned)
    result, there = maps.read(tmp_path / "a.dream3d", {"slice": "z=2"}).maps[0], ids[2] > 0
    assert same_partition(result[there], KIND[ids[2]][there])


@pytest.mark.parametrize(("axis", "at"), [("z", 4), ("x", 5)])
def test_flat_arrays_are_cells_too(tmp_path, axis, at):
    foreign.version6(tmp_path / "a.dream3d", IDS, angles())
    with h5py.File(tmp_path / "a.dream3d", "a") as file:
        cells = file["DataContainers/SyntheticVolume/CellData"]
        for name in ("FeatureIds", "EulerAngles", "Phases"):
            flat = cells[name][:].reshape(IDS.size, -1)
            del cells[name]
            cells[name] = flat
    result = maps.read(tmp_path / "a.dream3d", {"slice": f"{axis}={at}"}).maps[0]
    assert same_partition(result, KIND[IDS.take(at, "zyx".index(axis))])


def test_grain_numbers_of_another_name(tmp_path):
    path = tmp_path / "a.dream3d"
    foreign.version6(path, IDS, angles())
    with h5py.File(path, "a") as file:
        cells = file["DataContainers/SyntheticVolume/CellData"]
        cells.move("FeatureIds", "ParentIds")
    assert same_partition(maps.read(path, {"slice": "z=5", "array": "ParentIds"}).maps[0], KIND[IDS[5]])
    with pytest.raises(ValueError, match="has no array Nothing"):
        maps.read(path, {"slice": "z=5", "array": "Nothing"})


def test_a_link_to_another_file_refuses_only_itself(tmp_path):
    path = tmp_path / "a.dream3d"
    foreign.version6(path, IDS, angles())
    before = maps.read(path, {"slice": "z=3"}).maps[0]
    with h5py.File(path, "a") as file:
        file["DataContainers/SyntheticVolume/CellData/elsewhere"] = h5py.ExternalLink("b.h5", "/x")
    np.testing.assert_array_equal(maps.read(path, {"slice": "z=3"}).maps[0], before)
