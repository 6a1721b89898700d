"""What a probe records: nested values and files as named leaves, each with its hash."""

from __future__ import annotations

import base64
import contextlib
import csv
import dataclasses
import hashlib
import io
import json
import re
import sys
import time
import traceback
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PIL import Image

LEFT_OUT = {"ms", "times", "seconds", "milliseconds", "software", "versions"}
"""Keys of headers and files whose values are times or versions."""
EXACT = {
    "model",
    "digest",
    "problem",
    "stages",
    "stages_off",
    "late",
    "kind",
    "axes",
    "unit",
    "route",
    "replaces",
    "below",
}
"""Keys of headers and files whose texts are no words but names that other code reads."""
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


class Record:
    """What a probe found: name -> hash, the values of arrays and numbers for the size of a difference, and words."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.hashes: dict[str, str] = {}
        self.words: dict[str, str] = {}
        self.values: dict[str, np.ndarray] = {}
        self.failed: dict[str, str] = {}

    @contextlib.contextmanager
    def part(self, group: str, item: str) -> Iterator[Any]:
        """A function that records values of this part; what it raises is kept as a failure."""
        start = time.perf_counter()

        def add(name: str, value: Any, keep: bool = True) -> None:
            for leaf, found in leaves(value, name):
                self.put(f"{group}|{item}|{leaf}", found, keep)

        try:
            yield add
        except Exception:
            self.failed[f"{group}|{item}"] = traceback.format_exc()
        print(f"{time.perf_counter() - start:6.1f} s  {group}: {item}", file=sys.stderr, flush=True)

    def put(self, name: str, value: Any, keep: bool) -> None:
        """One leaf: dtype, shape and bytes of an array, the repr of a number, a word, or a text that must be equal."""
        key = re.sub(r"\[\d+\]$", "", name).replace("|", ".").split(".")[-1]
        if isinstance(value, str) and not (key in EXACT or (key == "name" and name.startswith("panels|"))):
            self.words[name] = value
            return
        if isinstance(value, np.ndarray):
            raw = f"{value.dtype.str} {value.shape} ".encode() + np.ascontiguousarray(value).tobytes()
        else:
            raw = f"{type(value).__name__} {value!r}".encode()
        self.hashes[name] = hashlib.sha256(raw).hexdigest()
        if keep and not isinstance(value, str) and value is not None:
            self.values[name] = np.asarray(value)

    def save(self, folder: Path) -> None:
        """Writes `found.json` and `values.npz`."""
        np.savez(folder / "values.npz", **{str(i): v for i, v in enumerate(self.values.values())})
        kept = {name: str(i) for i, name in enumerate(self.values)}
        found = {"hashes": self.hashes, "words": self.words, "kept": kept, "failed": self.failed}
        (folder / "found.json").write_text(json.dumps(found), encoding="utf-8")


def leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """(path, leaf) of nested values: arrays, numbers, None, texts; lists of numbers are arrays, JSON is read."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        yield f"{path}.keys", np.array(len(value))
        for key, inner in value.items():
            if key not in LEFT_OUT:
                yield from leaves(inner, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        if value and all(type(v) in (int, float) for v in value):
            yield path, np.array(value)
            return
        yield f"{path}.count", np.array(len(value))
        for i, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{i}]")
    elif isinstance(value, np.ndarray) and value.dtype.kind in "SUO":
        yield from leaves(value.tolist(), path)
    elif isinstance(value, bytes | str):
        text = value.decode() if isinstance(value, bytes) else value
        yield from leaves(json.loads(text), path) if text.startswith("{") else [(path, text)]
    elif isinstance(value, np.generic):
        yield path, np.asarray(value)
    else:
        yield path, value


def content(name: str, data: bytes) -> Any:
    """What a file says, as nested values: members of archives, pixels of pictures, arrays of HDF5, numbers of texts."""
    kind = name.rsplit(".", 1)[-1].lower()
    if kind in ("zip", "npz"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {member: content(member, archive.read(member)) for member in archive.namelist()}
    if kind == "npy":
        return np.load(io.BytesIO(data), allow_pickle=False)
    if kind in ("png", "tiff"):
        return picture(data)
    if kind in ("h5", "dream3d"):
        return hdf5(data)
    text = data.decode()
    if kind == "json":
        return json.loads(text)
    if kind == "csv":
        cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
        numbers = [float(c) for c in cells if NUMBER.fullmatch(c)]
        return {"numbers": np.array(numbers), "words": [c for c in cells if not NUMBER.fullmatch(c)]}
    if kind == "vti":
        blocks = [np.frombuffer(base64.b64decode(b), np.uint8) for b in re.findall(r'format="binary">([^<]*)<', text)]
        return {"blocks": blocks, "kind": re.sub(r">[^<\s][^<]*<", "><", text)}
    lines = [line for line in text.splitlines() if not line.startswith(("**", "InvNet"))]
    numbers = [float(v) for line in lines if not line.startswith("*") for v in NUMBER.findall(line)]
    return {"kind": [line for line in lines if line.startswith("*")], "numbers": np.array(numbers)}


def picture(data: bytes) -> dict[str, Any]:
    """Pixels and numbers of a PNG or TIFF; its texts."""
    image = Image.open(io.BytesIO(data))
    info = {str(k): np.asarray(v, float) if isinstance(v, tuple) else v for k, v in image.info.items()}
    tags = {str(k): float(v) for k, v in getattr(image, "tag_v2", {}).items() if not isinstance(v, str | bytes | tuple)}
    tags = {k: v for k, v in tags.items() if k not in ("273", "279")}  # where the strips lie, and how long they are
    return {
        "pixels": np.asarray(image),
        "info": {k: v for k, v in info.items() if not isinstance(v, bytes)},
        "tags": tags,
    }


def hdf5(data: bytes) -> dict[str, Any]:
    """Datasets and attributes of an HDF5 file by their paths."""
    found: dict[str, Any] = {}
    with h5py.File(io.BytesIO(data), "r") as file:
        found["/"] = {k: v for k, v in file.attrs.items() if k != "DREAM3D Version"}

        def visit(name: str, item: Any) -> None:
            found[name] = {
                "attributes": dict(item.attrs),
                **({"data": np.asarray(item[()])} if hasattr(item, "dtype") else {}),
            }

        file.visititems(visit)
    return found
