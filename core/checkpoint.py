"""One checkpoint = one safetensors file: written atomically, sealed by a digest, loaded strictly. No pickle anywhere.

The header's metadata carry one entry, `invnet`: canonical JSON of `{"digest", "manifest", "schema"}`. The digest
(blake2b) covers the manifest and every tensor's name, type, shape and bytes, so a flipped bit never loads silently."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from core import folders
from core.files import write_atomic
from core.types import Checkpoint

SCHEMA = 1
"""Version of the manifest's layout; a file with a higher one is refused."""
MAX_BYTES = 64 * 2**20
"""A larger file is refused before it is read."""
MAX_HEADER = 4 * 2**20
ENTRY = "invnet"
TYPES = {
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.bool,
}
REQUIRED: dict[str, type] = {
    "problem": str,
    "preset": str,
    "config": dict,
    "seeds": dict,
    "data": dict,
    "versions": dict,
    "metrics": dict,
}
"""Keys every manifest has. `data` is empty for a data-free problem, else it has a `digest` (text)."""
OPTIONAL: dict[str, type] = {
    "title": str,
    "summary": str,
    "citation": str,
    "training": dict,
    "conditions": list,
    "latents": list,
    "limits": list,
}
"""Keys a manifest may have, shown on the card when present; any other key is kept as it is."""
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


def save(path: str | Path, checkpoint: Checkpoint) -> str:
    """Write tensors and manifest to `path`, all or nothing, and return the digest.

    Raises `ValueError` when a tensor is not finite, the manifest is incomplete or not JSON, or the file would be too
    large. A crash at any moment leaves the old file or the new one."""
    path = Path(path)
    manifest = plain(checkpoint.manifest)
    problem = _flaw(manifest)
    if problem:
        raise ValueError(f"{path.name} was not written: {problem}.")
    tensors = {name: t.detach().cpu().contiguous().clone() for name, t in sorted(checkpoint.tensors.items())}
    bad = unfit(tensors)
    if bad:
        raise ValueError(f"{path.name} was not written: {bad}. Keep the last good checkpoint.")
    digest = seal(tensors, manifest)
    entry = canonical({"schema": SCHEMA, "digest": digest, "manifest": manifest})
    blob = safetensors.torch.save(tensors, {ENTRY: entry})
    if len(blob) > MAX_BYTES or len(entry) > MAX_HEADER // 2:
        raise ValueError(
            f"{path.name} was not written: {len(blob)} bytes, more than the {MAX_BYTES} that loading allows."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, blob)
    return digest


def load(path: str | Path) -> Checkpoint:
    """The checkpoint in `path`, verified to the last bit; nothing in the file is ever executed.

    Raises `FileNotFoundError` when there is no such file, and `ValueError` with a sentence when it is not an intact
    checkpoint of this project: truncated, altered, foreign, newer, too large.
    """
    path = Path(path)
    blob = _read(path, MAX_BYTES)
    entry = _entry(path, blob, len(blob))
    try:
        tensors = safetensors.torch.load(blob)
    except (
        safetensors.SafetensorError,
        ValueError,
        KeyError,
        RuntimeError,
        OverflowError,
        TypeError,
        AttributeError,
    ) as error:
        raise _refuse(path, f"is damaged ({error})") from None
    if seal(tensors, entry["manifest"]) != entry["digest"]:
        raise _refuse(path, "was altered after it was written: its digest does not match its content")
    bad = unfit(tensors)
    if bad:
        raise _refuse(path, f"cannot be used: {bad}")
    return Checkpoint(tensors, entry["manifest"], entry["digest"])


def read_manifest(path: str | Path) -> dict[str, Any]:
    """The manifest alone, from the header, quickly: structure is checked, the digest of the tensors is not (`load` does
    that)."""
    return _header(Path(path))["manifest"]


def canonical(value: Any) -> str:
    """The one JSON text of a value: no spaces, ASCII, keys in the order they were given (tables keep their columns)."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest as it reads back from JSON (tuples become lists, numpy scalars numbers); `ValueError` when it
    cannot."""
    try:
        return json.loads(json.dumps(dict(value), default=_listed, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The manifest cannot be written as JSON ({error}). Use text, finite numbers, lists and dicts."
        ) from None


def seal(tensors: Mapping[str, Tensor], manifest: Mapping[str, Any]) -> str:
    """blake2b over the canonical manifest and, in order of name, every tensor's name, type, shape and bytes; 32 hex
    digits."""
    hasher = hashlib.blake2b(canonical(manifest).encode(), digest_size=16)
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        hasher.update(canonical([name, str(tensor.dtype), list(tensor.shape)]).encode())
        hasher.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return hasher.hexdigest()


def unfit(tensors: Mapping[str, Tensor]) -> str:
    """Why these tensors cannot be a checkpoint (a type that is not allowed, a value that is not finite), or the empty
    text."""
    for name, tensor in tensors.items():
        if tensor.dtype not in TYPES:
            return f"{name} is of type {tensor.dtype}, which no checkpoint has"
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            return f"{name} has values that are not finite"
    return ""


def _listed(value: Any) -> Any:
    """JSON for what `json` does not know: numbers and arrays of numpy, tensors, mappings."""
    if isinstance(value, np.generic | np.ndarray | Tensor):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _flaw(manifest: Any) -> str:
    """What is wrong with a manifest, in words, or the empty text."""
    if not isinstance(manifest, dict):
        return "its manifest is not a table of names and values"
    for name, kind in REQUIRED.items():
        if not isinstance(manifest.get(name), kind):
            return f"its manifest has no {name!r} of type {kind.__name__}"
    for name, kind in OPTIONAL.items():
        if name in manifest and not isinstance(manifest[name], kind):
            return f"{name!r} in its manifest is not of type {kind.__name__}"
    if not (NAME.fullmatch(manifest["problem"]) and NAME.fullmatch(manifest["preset"])):
        return f"{manifest['problem']!r}/{manifest['preset']!r} is not a name of a problem and a preset"
    if manifest["data"] and not isinstance(manifest["data"].get("digest"), str):
        return "'data' in its manifest has no 'digest'"
    if not all(
        isinstance(rows, list) and all(isinstance(r, dict) for r in rows) for rows in manifest["metrics"].values()
    ):
        return "'metrics' in its manifest is not a set of tables (title: list of rows)"
    return ""


def _maker(path: Path) -> str:
    """The command that makes a file: `<problem>/<preset>.safetensors`, or a run's
    `<problem>/<preset>/state.safetensors`."""
    made = path.parent if path.stem == "state" else path.with_suffix("")
    return f"{folders.command('train')} {made.parent.name}/{made.name}"


def _refuse(path: Path, flaw: str) -> ValueError:
    """The error for a file that cannot be used: what is wrong, and what to do."""
    restore = "Delete it" if path.stem == "state" else "Restore it from the repository (git checkout), or delete it"
    return ValueError(f"{path} {flaw}. {restore} and make it again: {_maker(path)}")


def _read(path: Path, most: int) -> bytes:
    """Up to `most` bytes of the file; a file larger than `MAX_BYTES` is refused unread."""
    if path.is_dir():
        raise _refuse(path, "is a folder, not a checkpoint")
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_BYTES:
                raise _refuse(
                    path, f"has {size} bytes, more than the {MAX_BYTES} a checkpoint may have, so it was not read"
                )
            return file.read(most)
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no file {path}. Make it with: {_maker(path)}") from None
    except OSError as error:
        raise _refuse(path, f"cannot be read ({error.strerror})") from None


def _header(path: Path) -> dict[str, Any]:
    """The entry of the header, read without the tensors."""
    blob = _read(path, 8)
    length = int.from_bytes(blob, "little") if len(blob) == 8 else 0
    return _entry(path, _read(path, 8 + min(length, MAX_HEADER)), path.stat().st_size)


def _entry(path: Path, blob: bytes, size: int) -> dict[str, Any]:
    """Digest and manifest from the header in `blob` (the file's beginning); `size` is the whole file's."""
    foreign = "is not a checkpoint of this project"
    if not blob:
        raise _refuse(path, "is empty")
    unlike = blob[8:9] != b"{"  # a header's length may begin with any two bytes
    if unlike and blob[:2] == b"PK":
        raise _refuse(path, f"{foreign}: it is a zip archive, perhaps from torch.save, which is never opened here")
    if unlike and blob[0] == 0x80 and blob[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        raise _refuse(path, f"{foreign}: it is a pickle, which can run code and is never opened here")
    if len(blob) < 8:
        raise _refuse(path, "is truncated: it ends before its header")
    length = int.from_bytes(blob[:8], "little")
    if length > MAX_HEADER:
        raise _refuse(
            path,
            f"{foreign}, or is damaged: it announces a header of {length} bytes (at most {MAX_HEADER} are allowed)",
        )
    if len(blob) < 8 + length:
        raise _refuse(path, "is truncated: it ends inside its header")
    raw = blob[8 : 8 + length]
    header, entry = _parse(path, raw)
    if entry is None:
        raise _refuse(path, f"{foreign}: it is a safetensors file without the {ENTRY!r} entry")
    _inspect(path, header, entry, size - 8 - length)
    return entry


def _parse(path: Path, raw: bytes) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The header and its `invnet` entry (None when there is none); both must be in the one form in which they were
    written."""
    try:
        text = raw.decode()
        header = json.loads(text)
        inner = header.get("__metadata__", {}).get(ENTRY)
        entry = None if inner is None else json.loads(inner)
        same = json.dumps(header, ensure_ascii=False, separators=(",", ":")) == text.rstrip(" ")
        if inner is not None and not (same and canonical(entry) == inner):
            raise _refuse(path, "was altered after it was written: its header is not in the form in which it was saved")
    except (UnicodeDecodeError, json.JSONDecodeError, AttributeError, TypeError, RecursionError):
        raise _refuse(path, "is not a checkpoint of this project, or is damaged: its header is not readable") from None
    return header, entry


def _inspect(path: Path, header: dict[str, Any], entry: dict[str, Any], size: int) -> None:
    """Schema, manifest and length of the tensors' part (`size` bytes); raises the sentence that fits."""
    if (
        not isinstance(entry, dict)
        or not isinstance(entry.get("schema"), int)
        or not isinstance(entry.get("digest"), str)
    ):
        raise _refuse(path, f"is not a checkpoint of this project: its {ENTRY!r} entry has no schema and digest")
    if entry["schema"] > SCHEMA:
        raise ValueError(
            f"{path} is from a newer version of InvNet Explorer (schema {entry['schema']}, this one reads up to "
            f"{SCHEMA}). "
            f"Update InvNet Explorer, or make the checkpoint again: {_maker(path)}"
        )
    flaw = _flaw(entry.get("manifest"))
    if entry["schema"] != SCHEMA or flaw:
        raise _refuse(path, f"is not a usable checkpoint: {flaw or 'its schema is unknown'}")
    try:
        end = max((int(t["data_offsets"][1]) for n, t in header.items() if n != "__metadata__"), default=0)
    except (TypeError, KeyError, IndexError, ValueError):
        raise _refuse(path, "is damaged: its header does not say where the tensors are") from None
    if size < end:
        raise _refuse(path, f"is truncated: {end - size} of its bytes are missing")
