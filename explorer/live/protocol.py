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
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.sampling.model import MOST_TRIED
from core.types import Array, Quantity

LIMIT = 16_384
"""Longest request, in characters."""
VALUES = 512
"""Most numbers that one quantity may carry."""
SEEDS = 2**31 - 1
KEYS = (
    "id",
    "model",
    "conditions",
    "latent",
    "seed",
    "size",
    "project",
    "off",
    "best_of",
    "drawn",
    "smooth",
    "at",
    "locked",
)
DTYPES: dict[str, np.dtype[Any]] = {"u1": np.dtype("<u1"), "f4": np.dtype("<f4")}

Value = float | tuple[float, ...]


@dataclass(frozen=True)
class Dial:
    """Everything that fixes a picture for a given model: same dial, same pixels.

    Latents that are not named are drawn by the model from the seed; `size` 0 means the field's default; `off` names the
    stages of the generator that are switched off, `best_of` of how many draws the best is taken. `drawn` holds the
    control points of curve conditions drawn by hand, joined smoothly or as steps. Two change no field: `at` is where an
    axis is cut for a profile, `locked` which shares of a simplex hold still while the others are moved."""

    conditions: Mapping[str, Value] = field(default_factory=dict)
    latent: Mapping[str, Value] = field(default_factory=dict)
    seed: int = 0
    size: int = 0
    project: bool = True
    off: tuple[str, ...] = ()
    best_of: int = 1
    drawn: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    smooth: bool = True
    at: Mapping[str, float] = field(default_factory=dict)
    locked: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """One question from a panel: `id` comes back in the frame, `model` is `problem/preset`."""

    model: str
    dial: Dial = field(default_factory=Dial)
    id: int = 0


def _refuse_constant(text: str) -> float:
    raise ValueError(f"Numbers must be finite; got {text}.")


def _number(name: str, value: Any) -> float:
    """A finite number, as the nearest float32: what the model will use."""
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


def _values(key: str, given: Any) -> dict[str, Value]:
    """An object of name -> number(s)."""
    if not isinstance(given, dict):
        raise ValueError(f"{key} must be an object of names and numbers; got {shorten(given)}.")
    return {name: _value(name, value) for name, value in given.items()}


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


def _indices(key: str, given: Any) -> dict[str, tuple[int, ...]]:
    """An object of name -> places in a list, sorted, each once; empty lists are left out."""
    if not isinstance(given, dict) or not all(isinstance(v, list | tuple) and len(v) <= VALUES for v in given.values()):
        raise ValueError(f"{key} must be an object of names and lists of places; got {shorten(given)}.")
    found = {name: tuple(sorted({_integer(key, v, 0, VALUES - 1) for v in places})) for name, places in given.items()}
    return {name: places for name, places in found.items() if places}


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
        given = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"A request must be one JSON object: {error.msg} at character {error.pos}.") from None
    except RecursionError:
        raise ValueError("A request must be one flat JSON object; this one is nested too deep.") from None
    if not isinstance(given, dict):
        raise ValueError(f"A request must be one JSON object; got {shorten(given)}.")
    return given


def request(given: Mapping[str, Any]) -> Request:
    """A request from its JSON object; `ValueError` names the key, what was given and what is allowed."""
    unknown = [str(k) for k in given if k not in KEYS]
    if unknown:
        raise ValueError(f"Unknown key {shorten(unknown[0])}. A request may have: {', '.join(KEYS)}.")
    model = given.get("model")
    if not isinstance(model, str) or not 1 <= len(model) <= 100:
        raise ValueError(f"model must be a name such as 'two_phase/fraction'; got {shorten(model)}.")
    dial = Dial(
        conditions=_values("conditions", given.get("conditions", {})),
        latent=_values("latent", given.get("latent", {})),
        seed=_integer("seed", given.get("seed", 0), 0, SEEDS),
        size=_integer("size", given.get("size", 0), 0, 4096),
        project=_flag("project", given.get("project", True)),
        off=_names("off", given.get("off", [])),
        best_of=_integer("best_of", given.get("best_of", 1), 1, MOST_TRIED),
        drawn={k: v if isinstance(v, tuple) else (v,) for k, v in _values("drawn", given.get("drawn", {})).items()},
        smooth=_flag("smooth", given.get("smooth", True)),
        at={k: v for k, v in _values("at", given.get("at", {})).items() if not isinstance(v, tuple)},
        locked=_indices("locked", given.get("locked", {})),
    )
    return Request(model, dial, _integer("id", given.get("id", 0), 0, 2**53))


def parse(text: str) -> Request:
    """`request(load(text))`."""
    return request(load(text))


def clip(quantity: Quantity, value: Value) -> Value:
    """The value, moved to its quantity's hard range by rounding alone (1e-6 of the range), else as it is."""
    slack = 1e-6 * (quantity.high - quantity.low)

    def near(v: float) -> float:
        return min(max(v, quantity.low), quantity.high) if quantity.low - slack <= v <= quantity.high + slack else v

    return tuple(near(v) for v in value) if isinstance(value, tuple) else near(value)


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
