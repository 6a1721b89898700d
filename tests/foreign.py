"""Files as other programs write them, for tests of the readers: DREAM.3D version 6 and NX."""

import h5py
import numpy as np
from scipy.spatial import cKDTree


def voronoi(shape, n, seed=0):
    """Grain numbers 1 .. n (z, y, x) of a Voronoi tessellation, int32."""
    rng = np.random.default_rng(seed)
    cells = np.stack(np.mgrid[tuple(slice(0, s) for s in shape)], -1).reshape(-1, len(shape))
    found = cKDTree(rng.random((n, len(shape))) * shape).query(cells)[1]
    return (np.unique(found, return_inverse=True)[1] + 1).reshape(shape).astype(np.int32)


def random_angles(n, seed=0):
    """Bunge angles (n, 3) of orientations drawn evenly over all rotations, in radians."""
    u = np.random.default_rng(seed).random((n, 3))
    return np.stack([2 * np.pi * u[:, 0], np.arccos(1 - 2 * u[:, 1]), 2 * np.pi * u[:, 2]], 1)


def old_array(group, name, data, kind, components, tuples):
    """A DataArray of version 6."""
    made = group.create_dataset(name, data=data)
    made.attrs["ComponentDimensions"] = np.array([components], np.uint64)
    made.attrs["DataArrayVersion"] = np.array([2], np.int32)
    made.attrs["ObjectType"] = np.bytes_(f"DataArray<{kind}>")
    made.attrs["TupleDimensions"] = np.array(tuples, np.uint64)


def version6(
    path, ids, angles=None, structure=1, container="SyntheticVolume", matrix="CellData", phases=None, mean=None
):
    """ids (z, y, x), angles (z, y, x, 3) of the cells, mean (n, 3) of the grains, phases (z, y, x)."""
    z, y, x = ids.shape
    with h5py.File(path, "w") as file:
        file.attrs["FileVersion"] = np.bytes_("7.0")
        file.create_group("DataContainerBundles")
        home = file.create_group(f"DataContainers/{container}")
        place = home.create_group("_SIMPL_GEOMETRY")
        place["DIMENSIONS"] = np.array([x, y, z], np.int64)
        place["SPACING"], place["ORIGIN"] = np.ones(3, np.float32), np.zeros(3, np.float32)
        cells = home.create_group(matrix)
        cells.attrs["TupleDimensions"] = np.array([x, y, z], np.uint64)
        old_array(cells, "FeatureIds", ids[..., None].astype(np.int32), "int32_t", 1, (x, y, z))
        phases = np.ones_like(ids) if phases is None else phases
        old_array(cells, "Phases", phases[..., None].astype(np.int32), "int32_t", 1, (x, y, z))
        if angles is not None:
            old_array(cells, "EulerAngles", angles.astype(np.float32), "float", 3, (x, y, z))
        if mean is not None:
            old_array(
                home.create_group("Grain Data"), "AvgEulerAngles", mean.astype(np.float32), "float", 3, (len(mean),)
            )
        structures = np.array([999, *np.atleast_1d(structure)], np.uint32)[:, None]
        old_array(
            home.create_group("CellEnsembleData"), "CrystalStructures", structures, "uint32_t", 1, (len(structures),)
        )


def version_nx(path, ids, angles=None, structure=1, names=("DataContainer", "Cell Data")):
    """The same as DREAM3D-NX writes it: dimensions as attributes of the geometry, blanks in names."""
    z, y, x = ids.shape
    with h5py.File(path, "w") as file:
        file.attrs["FileVersion"] = "8.0"
        home = file.create_group("DataStructure/" + names[0])
        home.attrs["ObjectType"] = "ImageGeom"
        home.attrs["_DIMENSIONS"] = np.array([x, y, z], np.uint64)
        home.attrs["_SPACING"], home.attrs["_ORIGIN"] = np.ones(3, np.float32), np.zeros(3, np.float32)
        cells = home.create_group(names[1])
        chunks = (1, min(y, 32), min(x, 32), 1)
        cells.create_dataset("FeatureIds", data=ids[..., None], chunks=chunks, compression="gzip", shuffle=True)
        cells["Phases"] = np.ones((z, y, x, 1), np.int32)
        if angles is not None:
            cells["EulerAngles"] = angles.astype(np.float32)
        home.create_group("Cell Ensemble Data")["CrystalStructures"] = np.array([[999], [structure]], np.uint32)
