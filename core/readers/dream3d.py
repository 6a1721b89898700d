"""DREAM.3D and DREAM3D-NX files: grain numbers, orientations and crystal structures, identified by content, not path.

Both are HDF5. Version 6 stores a geometry's `DIMENSIONS` (x, y, z) as a dataset in a group next to the attribute
matrices, NX as an attribute `_DIMENSIONS` of the group that holds them; containers and matrices have any name. Arrays
are (z, y, x, components); grain number 0 means unassigned; Bunge angles (Z-X-Z) are in radians.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np

from core.readers.arrays import ALL_PIXELS, Choice, Stack, bad, sized, slices
from core.readers.hdf5 import checked, datasets, opened, the_one
from core.types import Array

GRAINS = ("featureids", "grainids")
ANGLES = ("avgeulerangles", "eulerangles", "eulers")
OWN = "orientation"
"""Cell array of orientation numbers 0, 1, ... that files of this project hold in addition to the grain numbers."""
MIXED = "phases of different crystal structures, so that orientations cannot be compared"

Arrays = dict[str, h5py.Dataset]
Size = tuple[int, int, int]


def word(name: str) -> str:
    """The last part of a name in lower case, without blanks and underscores."""
    return name.rsplit("/", 1)[-1].lower().replace(" ", "").replace("_", "")


def holds(path: Path) -> bool:
    """Whether an HDF5 file is DREAM.3D's: it has grain numbers, or the top group of one of the two versions."""
    with opened(path) as file:
        return (
            any(word(n) in GRAINS for n in datasets(path, file)) or "DataContainers" in file or "DataStructure" in file
        )


def read(path: Path, chosen: Choice | None, array: str | None, features: bool) -> Stack:
    """The maps of a file: orientation numbers where the file has this project's own (unless `features`), else grain
    numbers.

    Args:
        path: the file.
        chosen: slice of a volume.
        array: name of the grain numbers where it is unusual or there are several.
        features: read grain numbers in any case.

    Raises:
        ValueError: there are no grain numbers, no such slice, or the file is damaged or out of the limits.
    """
    with opened(path) as file:
        arrays = datasets(path, file)
        name = _grain_numbers(path, arrays, array)
        size, container = geometry(path, file, name)
        matrix = {n: d for n, d in arrays.items() if n.rsplit("/", 1)[0] == name.rsplit("/", 1)[0]}
        inside = {n: d for n, d in arrays.items() if n.startswith(container)}
        own = next((n for n, d in matrix.items() if word(n) == OWN and d.dtype.kind in "iu" and not features), None)
        axis, indices = _plane(path, size, chosen)
        shape = sized(path, *(n for a, n in enumerate(size) if a != axis))
        _counted(path, arrays[own or name], size, 1)
        if own is not None:
            return Stack(path.name, (shape,) * len(indices), _maps(path, own, size, axis, indices))
        structure, mixed = _structure(path, inside | arrays, matrix, size, axis, indices)
        angles, rows = (None, None) if mixed else _angles(path, inside, matrix, size)
    eulers = None if angles is None else _eulers(path, angles, size, axis, indices)
    maps = _maps(path, name, size, axis, indices)
    return Stack(path.name, (shape,) * len(indices), maps, True, eulers, rows, structure, MIXED if mixed else "")


def _grain_numbers(path: Path, arrays: Arrays, array: str | None) -> str:
    """Name of the array of grain numbers; `ValueError` lists what there is instead."""
    names = [n for n, d in arrays.items() if (d.dtype.kind in "iu" if array else word(n) in GRAINS)]
    if not names:
        present = ", ".join(sorted({n.rsplit("/", 1)[-1] for n in arrays})[:12]) or "no arrays"
        advice = "Name the array with --array, or segment the grains"
        raise bad(path, f"has no grain numbers (FeatureIds); it has {present}. {advice}")
    return the_one(path, names, array, "array of grain numbers")


def geometry(path: Path, file: h5py.File, name: str) -> tuple[Size, str]:
    """Geometry of an array: dimensions and group.

    Returns:
        (z, y, x) of the nearest geometry above the array `name`, else the array's own shape; and the group that it
        belongs to.

    Raises:
        ValueError: there are several geometries, none, or one out of the limits.
    """
    above = name
    while above:
        above = above.rpartition("/")[0]
        group = file[above or "/"]
        geometries = [group.attrs["_DIMENSIONS"]] if "_DIMENSIONS" in group.attrs else []
        for child in group:
            item = group.get(child) if isinstance(group.get(child, getlink=True), h5py.HardLink) else None
            inner = item.get("DIMENSIONS") if isinstance(item, h5py.Group) else None
            geometries += [inner[...]] if isinstance(inner, h5py.Dataset) and inner.size == 3 else []
        if len(geometries) > 1:
            raise bad(path, f"has {len(geometries)} geometries in {above}; keep the one of the map")
        if geometries:
            x, y, z = (int(n) for n in np.asarray(geometries[0]).reshape(3))
            if min(x, y, z) < 1 or x * y * z > ALL_PIXELS:
                raise bad(
                    path,
                    f"has a geometry of x = {x}, y = {y}, z = {z}; 1 to {ALL_PIXELS // 10**6} million cells are read",
                )
            return (z, y, x), f"{above}/"
    shape = file[name].shape
    size = shape[:-1] if len(shape) > 2 and shape[-1] == 1 else shape
    if len(size) not in (2, 3) or np.prod(size) > ALL_PIXELS:
        raise bad(path, f"has no geometry, and {name} of shape {shape} does not determine its dimensions")
    return (1,) * (3 - len(size)) + tuple(int(n) for n in size), f"{name.rsplit('/', 2)[0]}/"  # type: ignore[return-value]


def _plane(path: Path, size: Size, chosen: Choice | None) -> tuple[int, list[int]]:
    """Axis of `size` across the maps, and the slices along it; a volume of one layer needs no choice."""
    if chosen is None and 1 in size:
        return size.index(1), [0]
    indices = slices(path, chosen, {"x": size[2], "y": size[1], "z": size[0]})
    return "zyx".index(chosen[0]) if chosen else 0, indices


def _counted(path: Path, dataset: h5py.Dataset, size: Size, components: int) -> h5py.Dataset:
    """The dataset, checked to have that many values on each cell."""
    if dataset.size != components * size[0] * size[1] * size[2]:
        dimensions = f"x = {size[2]}, y = {size[1]}, z = {size[0]}"
        raise bad(path, f"has {dataset.shape} values in {dataset.name} but a geometry of {dimensions}")
    if components == 1 and dataset.dtype.kind not in "iu":
        raise bad(path, f"has grain numbers of type {dataset.dtype} in {dataset.name}; they must be integers")
    return checked(path, dataset)


def _slice(dataset: h5py.Dataset, size: Size, axis: int, index: int) -> Array:
    """One slice of an array of cells, (rows, columns, components)."""
    layer = size[1] * size[2]
    if dataset.shape[:3] == size:
        cut = dataset[(slice(None),) * axis + (index,)]
    elif axis == 0 and dataset.shape[0] == size[0] * layer:
        cut = dataset[index * layer : (index + 1) * layer]
    else:
        cut = dataset[...].reshape(*size, -1).take(index, axis)
    return cut.astype(cut.dtype.newbyteorder("="), copy=False).reshape(
        *(n for a, n in enumerate(size) if a != axis), -1
    )


def _maps(path: Path, name: str, size: Size, axis: int, indices: list[int]) -> Callable[[], Iterator[Array]]:
    """Function that reads the slices."""

    def read() -> Iterator[Array]:
        with opened(path) as file:
            for index in indices:
                yield _slice(file[name], size, axis, index)[..., 0]

    return read


def _eulers(path: Path, name: str, size: Size, axis: int, indices: list[int]) -> Callable[[int], Array]:
    """Function that reads the angles of one map."""

    def read(number: int) -> Array:
        with opened(path) as file:
            return _slice(file[name], size, axis, indices[number])

    return read


def _structure(
    path: Path, every: Arrays, matrix: Arrays, size: Size, axis: int, indices: list[int]
) -> tuple[int | None, bool]:
    """Crystal structure of the phases on the chosen slices (None where unknown), and whether there are several.

    The first table of `every` counts, which begins with those of the geometry (NX may keep it elsewhere).
    """
    structures = next((d for n, d in every.items() if word(n) == "crystalstructures" and d.size <= 1024), None)
    if structures is None:
        return None, False
    table = checked(path, structures)[...].ravel()
    phases = next((d for n, d in matrix.items() if word(n) == "phases" and d.dtype.kind in "iu"), None)
    present = {1}
    if phases is not None:
        _counted(path, phases, size, 1)
        present = {int(p) for i in indices for p in np.unique(_slice(phases, size, axis, i))} - {0} or {1}
    present_structures = {int(table[p]) for p in present if 0 <= p < len(table)}
    return (present_structures.pop(), False) if len(present_structures) == 1 else (None, len(present_structures) > 1)


def _angles(path: Path, inside: Arrays, matrix: Arrays, size: Size) -> tuple[str | None, Array | None]:
    """Name of the Bunge angles of the cells, or the angles of the grains (n, 3), which are preferred; None for no
    angles.
    """
    cells = size[0] * size[1] * size[2]
    for known in ANGLES:
        for dataset in (d for n, d in inside.items() if word(n) == known and d.dtype.kind == "f"):
            if dataset.ndim == 2 and dataset.shape[1] == 3 and dataset.size != 3 * cells:
                return None, checked(path, dataset)[...]
    for name, dataset in matrix.items():
        if word(name) in ANGLES and dataset.dtype.kind == "f":
            _counted(path, dataset, size, 3)
            return name, None
    return None, None
