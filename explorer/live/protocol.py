"""What travels on the live route: JSON requests, parsed strictly, and binary frames.

A request is one JSON object, `{"id": 7, "model": "two_phase/fraction", "conditions": {...}, "latent": {...}, "seed": 0,
"size": 128, "project": true, "off": ["physics"], "drawn": {"initial": [0, 0.5, ...]}, "smooth": true, "at": {"t": 0.2},
"locked": {"fractions": [0, 3]}}`; what is missing takes its default, what is unknown is refused. A frame is `uint32 n
(little endian) | n bytes of JSON | padding to 4 | arrays`; the JSON's `arrays` lists each array's name, dtype (`u1` or
`f4`), shape and offset from the first array."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from core.sampling.model import MOST_TRIED
from core.types import Array
from explorer.live.dial import Dial, Value

LIMIT = 16_384
"""Longest request, in characters."""
VALUES = 512
"""Most numbers that one quantity may carry."""
SEEDS = 2**31 - 1
KEYS = ("id", "model", *(f.name for f in fields(Dial)))
DTYPES: dict[str, np.dtype[Any]] = {"u1": np.dtype("<u1"), "f4": np.dtype("<f4")}


@dataclass(frozen=True)
class Request:
    """One request of a panel: `id` comes back in the frame, `model` is `problem/preset`."""

    model: str
    dial: Dial = field(default_factory=Dial)
    id: int = 0


def _refuse_constant(text: str) -> float:
    raise ValueError(f"Numbers must be finite; got {text}.")


def _number(name: str, value: Any) -> float:
    """A finite number, rounded to float32 as the model will round it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} must be a number; got {shorten(value)}.")
    if not abs(value) < 1e30:
        raise ValueError(f"{name} must be a finite number below 1e30; got {shorten(value)}.")
    return float(np.float32(value))


def _value(name: str, value: Any) -> Value:
    """A number, or a list of at most `VALUES` numbers."""
    if not isinstance(value, list | tuple):
        return _number(name, value)
    if not 1 <= len(value) <= VALUES:
        raise ValueError(f"{name} must have 1 to {VALUES} numbers; got {len(value)}.")
    return tuple(_number(name, v) for v in value)


def _values(key: str, value: Any) -> dict[str, Value]:
    """An object of name -> number(s)."""
    if not isinstance(value, dict):
        raise ValueError(f"{key} must be an object of names and numbers; got {shorten(value)}.")
    return {name: _value(name, v) for name, v in value.items()}


def _integer(name: str, value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{name} must be a whole number from {low} to {high}; got {shorten(value)}.")
    return value


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false; got {shorten(value)}.")
    return value


def _names(key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or len(value) > 16 or not all(isinstance(v, str) for v in value):
        raise ValueError(f"{key} must be a list of at most 16 names; got {shorten(value)}.")
    return tuple(value)


def _indices(key: str, value: Any) -> dict[str, tuple[int, ...]]:
    """An object of name -> indices of a list, sorted, each once; empty lists are left out."""
    if not isinstance(value, dict) or not all(isinstance(v, list | tuple) and len(v) <= VALUES for v in value.values()):
        raise ValueError(f"{key} must be an object of names and lists of indices; got {shorten(value)}.")
    indices = {name: tuple(sorted({_integer(key, i, 0, VALUES - 1) for i in v})) for name, v in value.items()}
    return {name: chosen for name, chosen in indices.items() if chosen}


def shorten(value: Any, limit: int = 60) -> str:
    """A value as it may be quoted in a sentence: its repr, cut to `limit` characters."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def load(text: str) -> dict[str, Any]:
    """The JSON object in `text`; `ValueError` when it is too long, no JSON, no object, nested too deep or not
    finite."""
    if len(text) > LIMIT:
        raise ValueError(f"A request may have {LIMIT} characters; this one has {len(text)}.")
    try:
        message = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"A request must be one JSON object: {error.msg} at character {error.pos}.") from None
    except RecursionError:
        raise ValueError("A request must be one flat JSON object; this one is nested too deep.") from None
    if not isinstance(message, dict):
        raise ValueError(f"A request must be one JSON object; got {shorten(message)}.")
    return message


def request(message: Mapping[str, Any]) -> Request:
    """A request from its JSON object; `ValueError` names the key, its value and what is allowed."""
    unknown = [str(k) for k in message if k not in KEYS]
    if unknown:
        raise ValueError(f"Unknown key {shorten(unknown[0])}. A request may have: {', '.join(KEYS)}.")
    model = message.get("model")
    if not isinstance(model, str) or not 1 <= len(model) <= 100:
        raise ValueError(f"model must be a name such as 'two_phase/fraction'; got {shorten(model)}.")
    dial = Dial(
        conditions=_values("conditions", message.get("conditions", {})),
        latent=_values("latent", message.get("latent", {})),
        seed=_integer("seed", message.get("seed", 0), 0, SEEDS),
        size=_integer("size", message.get("size", 0), 0, 4096),
        project=_flag("project", message.get("project", True)),
        off=_names("off", message.get("off", [])),
        best_of=_integer("best_of", message.get("best_of", 1), 1, MOST_TRIED),
        drawn={k: v if isinstance(v, tuple) else (v,) for k, v in _values("drawn", message.get("drawn", {})).items()},
        smooth=_flag("smooth", message.get("smooth", True)),
        at={k: v for k, v in _values("at", message.get("at", {})).items() if not isinstance(v, tuple)},
        locked=_indices("locked", message.get("locked", {})),
    )
    return Request(model, dial, _integer("id", message.get("id", 0), 0, 2**53))


def parse(text: str) -> Request:
    """`request(load(text))`."""
    return request(load(text))


def jsonable(value: Any) -> Any:
    """Plain JSON values: numpy scalars and arrays to numbers and lists, numbers that are not finite to None."""
    if isinstance(value, Mapping):
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return jsonable(value.tolist())
    if isinstance(value, list | tuple):
        return [jsonable(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def encode(header: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """One frame: the header as JSON (with the layout added) and the arrays, uint8 as they are, everything else as
    float32."""
    parts, layout, offset = [], [], 0
    for name, array in arrays.items():
        kind = "u1" if array.dtype == np.uint8 else "f4"
        raw = np.ascontiguousarray(array, DTYPES[kind]).tobytes()
        raw += bytes(-len(raw) % 4)
        layout.append({"name": name, "dtype": kind, "shape": list(array.shape), "offset": offset})
        parts.append(raw)
        offset += len(raw)
    text = json.dumps({**jsonable(header), "arrays": layout}, separators=(",", ":")).encode()
    return len(text).to_bytes(4, "little") + text + bytes(-len(text) % 4) + b"".join(parts)


def decode(frame: bytes) -> tuple[dict[str, Any], dict[str, Array]]:
    """The header and the arrays of a frame: the inverse of `encode`, for tests and for clients in Python."""
    length = int.from_bytes(frame[:4], "little")
    header = json.loads(frame[4 : 4 + length])
    start = 4 + length + (-length % 4)
    arrays = {}
    for a in header.pop("arrays"):
        count = math.prod(a["shape"])
        arrays[a["name"]] = np.frombuffer(frame, DTYPES[a["dtype"]], count, start + a["offset"]).reshape(a["shape"])
    return header, arrays
