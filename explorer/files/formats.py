"""One structure in the formats of other programs: TIFF, NPZ, VTK image, DREAM.3D, Abaqus. Pure functions to bytes.

`pixel` is the side of a pixel in `unit`. In VTK and Abaqus y points up, so that the structure looks there as on the
page."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from itertools import repeat
from typing import Any
from xml.sax.saxutils import quoteattr

import h5py
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from scipy.sparse import coo_matrix, csgraph

import core
from core.sampling import Model
from core.types import Array, Field, Sample
from explorer.files import exports
from explorer.live.dial import Dial

CENTIMETRES = {"nm": 1e-7, "µm": 1e-4, "mm": 0.1, "cm": 1.0, "m": 100.0}
"""Length in centimetres of the units that a TIFF resolution can express."""
UNITS = ("px", *CENTIMETRES)
EULERS = np.radians([[0, 0, 0], [45, 90, 45], [45, 45, 0], [0, 75, 45], [45, 90, 0]])
"""Bunge angles for labels 0 to 4: at least 45 degrees of misorientation between any two under cubic symmetry."""
VTK_TYPES = {"uint8": "UInt8", "int32": "Int32", "float32": "Float32"}

Format = tuple[str, str, str, Callable[[], bytes]]
"""Label of the button, extension of the file, media type, and the function that makes it."""


def formats(model: Model, dial: Dial, sample: Sample, pixel: float = 1.0, unit: str = "px") -> list[Format]:
    """The formats available for a sample of this model; nothing is computed before it is called."""
    array, field, raw = sample.array[0], model.field, "application/octet-stream"
    npz_too: Format = ("NPZ", "npz", raw, partial(npz, model, dial, sample))
    if sample.labels is None:
        return [npz_too, ("VTK image", "vti", "application/xml", partial(vti, {"field": array}, pixel))]
    chances = sample.soft[0]
    cells = {
        "label": array,
        **{f"probability_{k}" if len(chances) > 1 else "probability": p for k, p in enumerate(chances)},
    }
    choices: list[Format] = [
        ("TIFF", "tiff", "image/tiff", partial(tiff, array, pixel, unit)),
        npz_too,
        ("VTK image", "vti", "application/xml", partial(vti, cells, pixel)),
        ("DREAM.3D", "dream3d", raw, partial(dream3d, array, field.periodic, pixel)),
        ("Abaqus", "inp", "text/plain", partial(abaqus, array, names(field), pixel, unit)),
    ]
    return [f for f in choices if f[1] != "dream3d" or len(names(field)) <= len(EULERS)]


def names(field: Field) -> tuple[str, ...]:
    """The labels as names of sets: capitals, digits and underscores; ORIENTATION_1, ... if the labels do not give
    any."""
    sets = tuple(re.sub(r"\W+", "_", label, flags=re.ASCII).strip("_").upper() for label in field.labels)
    usable = sets and len(set(sets)) == len(sets) and all(re.match("[A-Z]", name) for name in sets)
    return sets if usable else tuple(f"ORIENTATION_{k + 1}" for k in range(max(len(sets), field.channels, 2)))


def tiff(labels: NDArray[np.uint8], pixel: float = 1.0, unit: str = "px") -> bytes:
    """Labels as an 8-bit grey TIFF; its resolution tags hold the pixel size if `unit` is a length."""
    out = io.BytesIO()
    about = f"labels, pixel {pixel:g} {unit}".replace("µ", "u")
    metadata: dict[str, Any] = {"description": about, "software": f"InvNet Explorer {core.__version__}"}
    if unit in CENTIMETRES:
        metadata["resolution_unit"] = "cm"
        metadata["x_resolution"] = metadata["y_resolution"] = 1 / (pixel * CENTIMETRES[unit])
    Image.fromarray(labels).save(out, "TIFF", compression="tiff_deflate", **metadata)
    return out.getvalue()


def npz(model: Model, dial: Dial, sample: Sample) -> bytes:
    """`labels` or `field` (H, W), `soft` (C, H, W) in float16, `requested_*`, `measured_*`, and `metadata`, the
    sidecar's JSON."""
    arrays: dict[str, Any] = {"labels" if sample.labels is not None else "field": sample.array[0]}
    arrays |= {
        "soft": sample.soft[0].astype(np.float16),
        "metadata": np.array(json.dumps(exports.facts(model, dial, sample))),
    }
    for kind, values in (("requested", sample.requested), ("measured", sample.measured)):
        arrays |= {f"{kind}_{name}": value[0] for name, value in values.items()}
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def vti(cells: Mapping[str, Array], pixel: float = 1.0) -> bytes:
    """Arrays (H, W) as cell data of a VTK XML image (one layer of cubes), encoded in base64; row 0 is at the top, y
    points up."""
    rows, columns = next(iter(cells.values())).shape
    extent = f"0 {columns} 0 {rows} 0 1"
    data = "\n".join(
        f'<DataArray type="{VTK_TYPES[a.dtype.name]}" Name={quoteattr(name)} '
        f'format="binary">{_block(a[::-1])}</DataArray>'
        for name, a in cells.items()
    )
    first = quoteattr(next(iter(cells)))
    return f"""<?xml version="1.0"?>
<VTKFile type="ImageData" version="1.0" byte_order="LittleEndian" header_type="UInt64">
<ImageData WholeExtent="{extent}" Origin="0 0 0" Spacing="{pixel:.9g} {pixel:.9g} {pixel:.9g}">
<Piece Extent="{extent}">
<PointData/>
<CellData Scalars={first}>
{data}
</CellData>
</Piece>
</ImageData>
</VTKFile>
""".encode()


def _block(array: Array) -> str:
    """The array's bytes after their number, in base64."""
    raw = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
    return base64.b64encode(np.uint64(len(raw)).astype("<u8").tobytes() + raw).decode()


def grains(labels: NDArray[np.uint8], periodic: bool = True) -> NDArray[np.int32]:
    """Grain numbers 1, 2, ... (H, W): regions of one label connected by edges, across the border too if `periodic`."""
    ids, n = np.zeros(labels.shape, np.int32), 0
    for label in np.unique(labels):
        connected, more = ndimage.label(labels == label)
        ids += np.where(connected > 0, connected + n, 0).astype(np.int32)
        n += more
    if periodic:
        pairs = [(ids[0], ids[-1], labels[0] == labels[-1]), (ids[:, 0], ids[:, -1], labels[:, 0] == labels[:, -1])]
        a, b = (np.concatenate([p[k][p[2]] for p in pairs]) for k in (0, 1))
        graph = coo_matrix((np.ones(len(a)), (a, b)), (n + 1, n + 1))
        joined = csgraph.connected_components(graph, directed=False)[1]
        ids = np.unique(joined[ids], return_inverse=True)[1].reshape(labels.shape).astype(np.int32) + 1
    return ids


def dream3d(labels: NDArray[np.uint8], periodic: bool = True, pixel: float = 1.0) -> bytes:
    """A DREAM.3D file (version 6, file version 7.0) of one layer: FeatureIds (`grains`), Phases, EulerAngles (`EULERS`)
    and Orientation (the label) of the cells, mean angles of the grains, one cubic phase. Up to five labels."""
    ids = grains(labels, periodic)
    rows, columns = labels.shape
    owner = np.zeros(ids.max() + 1, np.int32)
    owner[ids] = labels
    angles = EULERS.astype(np.float32)
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        file.attrs["FileVersion"], file.attrs["DREAM3D Version"] = np.bytes_("7.0"), np.bytes_("6.5.171")
        file.create_group("DataContainerBundles")
        pipeline = file.create_group("Pipeline")
        pipeline.attrs["Current Pipeline"], pipeline.attrs["Pipeline Version"] = (
            np.bytes_("Pipeline"),
            np.array([2], np.int32),
        )
        home = file.create_group("DataContainers/ImageDataContainer")
        _geometry(home.create_group("_SIMPL_GEOMETRY"), (columns, rows, 1), pixel)
        cells: dict[str, Array] = {
            "FeatureIds": ids,
            "Phases": np.ones_like(ids),
            "Orientation": labels.astype(np.int32),
        }
        cells |= {"EulerAngles": angles[labels]}
        _matrix(home, "CellData", 3, (columns, rows, 1), {k: v.reshape(1, rows, columns, -1) for k, v in cells.items()})
        n = len(owner)
        sizes = np.bincount(ids.ravel(), minlength=n).astype(np.int32)[:, None]
        means = np.where(sizes, angles[owner], np.float32(0))
        features = {"Phases": np.minimum(sizes, 1), "AvgEulerAngles": means, "NumElements": sizes}
        _matrix(home, "CellFeatureData", 7, (n,), features)
        ensemble = {
            "CrystalStructures": np.array([[999], [1]], np.uint32),
            "PhaseTypes": np.array([[999], [0]], np.uint32),
        }
        _matrix(home, "CellEnsembleData", 11, (2,), ensemble)
    return out.getvalue()


def _geometry(group: h5py.Group, size: tuple[int, int, int], pixel: float) -> None:
    """An image geometry of (x, y, z) cells."""
    group.attrs["GeometryName"] = group.attrs["GeometryTypeName"] = np.bytes_("ImageGeometry")
    for name, value in {"GeometryType": 0, "SpatialDimensionality": 3, "UnitDimensionality": 3}.items():
        group.attrs[name] = np.array([value], np.uint32)
    group["DIMENSIONS"] = np.array(size, np.int64)
    group["ORIGIN"], group["SPACING"] = np.zeros(3, np.float32), np.full(3, pixel, np.float32)


def _matrix(home: h5py.Group, name: str, kind: int, tuples: tuple[int, ...], arrays: Mapping[str, Array]) -> None:
    """An attribute matrix with its arrays; their last axis holds the components."""
    group = home.create_group(name)
    group.attrs["AttributeMatrixType"], group.attrs["TupleDimensions"] = (
        np.array([kind], np.uint32),
        np.array(tuples, np.uint64),
    )
    kinds = {"int32": "int32_t", "uint32": "uint32_t", "float32": "float"}
    for title, values in arrays.items():
        made = group.create_dataset(title, data=values)
        made.attrs["ComponentDimensions"] = np.array(values.shape[-1:], np.uint64)
        made.attrs["DataArrayVersion"] = np.array([2], np.int32)
        made.attrs["ObjectType"] = np.bytes_(f"DataArray<{kinds[values.dtype.name]}>")
        made.attrs["Tuple Axis Dimensions"] = np.bytes_(
            ",".join(f"{a}={n}" for a, n in zip("xyz", tuples, strict=False))
        )
        made.attrs["TupleDimensions"] = np.array(tuples, np.uint64)


def abaqus(labels: NDArray[np.uint8], sets: tuple[str, ...], pixel: float = 1.0, unit: str = "px") -> bytes:
    """An Abaqus input file: a plane-strain element (CPE4) per pixel, one element set, section and material per label.

    Row 0 is at the top (y points up), lengths are in `unit`; the materials are empty, their constants are the user's.
    """
    rows, columns = labels.shape
    along = [f"{j * pixel:.9g}" for j in range(columns + 1)]
    lines = [
        "*HEADING",
        f"InvNet Explorer {core.__version__}: {columns} x {rows} elements of {pixel:g} {unit}, lengths in {unit}",
        "** one element per pixel, rows numbered from the top; fill in the constants of each *MATERIAL",
        "*NODE",
    ]
    for i in range(rows + 1):
        y, first = f"{(rows - i) * pixel:.9g}", i * (columns + 1) + 1
        lines += map("{}, {}, {}".format, range(first, first + len(along)), along, repeat(y))
    for label in np.unique(labels):
        lines.append(f"*ELEMENT, TYPE=CPE4, ELSET={sets[label]}")
        pixels = np.flatnonzero(labels == label)
        corner = pixels + pixels // columns + 1  # the node at the top left
        nodes = np.stack([pixels + 1, corner + columns + 1, corner + columns + 2, corner + 1, corner], 1)
        form = "\n".join(
            ["%d, %d, %d, %d, %d"] * len(nodes)
        )  # one call: a list per element would wake the garbage collector
        lines.append(form % tuple(nodes.ravel().tolist()))
    used = [sets[label] for label in np.unique(labels)]
    lines += [f"*SOLID SECTION, ELSET={name}, MATERIAL={name}\n1." for name in used]
    lines += [f"*MATERIAL, NAME={name}" for name in used]
    return ("\n".join(lines) + "\n").replace("µ", "u").encode("ascii", "replace")
