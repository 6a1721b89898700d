"""The dial as the query of a URL (same URL, same pixels), and its transfer from one preset to the next.

Query parameters: each scalar condition under its own name (fractions as `name=.2,.3,.5`), `seed`, `size`, `raw=1`
without the projection, `off=stage,stage`, `z` the latents that are set, `preset` when it is not the default, a drawn
curve under its own name (packed control points), a cut under its axis, `locked=name.0.3` the locked shares, `m` the
first characters of the checkpoint's digest. Numbers are the shortest decimals that give back the same float32."""

from __future__ import annotations

import base64
import binascii
import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from core.sampling import Model, validate
from core.types import Array, Quantity
from explorer.live import curves
from explorer.live.dial import Dial, Value, clip, resolve, size_of, sizes
from explorer.live.protocol import SEEDS, shorten

DIGEST = 8
"""Characters of the digest in a link."""
RESERVED = ("seed", "size", "raw", "off", "best_of", "z", "preset", "locked", "m")


def write_number(value: float) -> str:
    """The shortest decimal that reads back as the same float32."""
    return np.format_float_positional(np.float32(value), unique=True, trim="-")


def read_number(q: Quantity, text: str) -> float:
    """A float32 within the hard range of `q`; `ValueError` with a sentence otherwise."""
    allowed = f"{q.name} must be a number from {q.low:g} to {q.high:g}"
    try:
        value = float(np.float32(text))
    except ValueError:
        raise ValueError(f"{allowed}; the link has {shorten(text)}.") from None
    moved = clip(q, value)
    if not isinstance(moved, float) or not q.low <= moved <= q.high:
        raise ValueError(f"{allowed}; the link has {shorten(text)}.")
    return value


def pack(latents: Sequence[Quantity], values: Mapping[str, Value]) -> str:
    """The latents that are set as URL-safe text: a checksum of the latents' names, a bit per latent, a float32 per
    set one."""
    mask = sum(1 << i for i, q in enumerate(latents) if q.name in values)
    chosen = [float(v) for q in latents if not isinstance(v := values.get(q.name, ()), tuple)]
    raw = struct.pack(f"<HI{len(chosen)}f", _check(latents), mask, *chosen)
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def unpack(latents: Sequence[Quantity], text: str) -> dict[str, Value]:
    """The inverse of `pack`; `ValueError` with a sentence when the text is damaged, of other latents, or out of
    range."""
    damaged = ValueError("The latent directions in this link (z) are damaged or belong to another model.")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        check, mask = struct.unpack_from("<HI", raw)
        chosen = [q for i, q in enumerate(latents) if mask >> i & 1]
        numbers = struct.unpack(f"<{len(chosen)}f", raw[6:])
    except (binascii.Error, struct.error, ValueError):
        raise damaged from None
    if check != _check(latents) or mask >> len(latents):
        raise damaged
    values: dict[str, Value] = {}
    for q, number in zip(chosen, numbers, strict=True):
        if not isinstance(moved := clip(q, number), float) or not q.low <= moved <= q.high:
            raise ValueError(f"{q.name} must be a number from {q.low:g} to {q.high:g}; the link has {number:g}.")
        values[q.name] = number
    return values


def pack_points(points: Sequence[float], smooth: bool) -> str:
    """Control points as URL-safe text: 1 when they are joined smoothly, then a float32 each."""
    return base64.urlsafe_b64encode(struct.pack(f"<B{len(points)}f", smooth, *points)).decode().rstrip("=")


def unpack_points(model: Model, name: str, text: str) -> tuple[tuple[float, ...], bool]:
    """The inverse of `pack_points`; `ValueError` with a sentence when the text is damaged or the points are out of
    range."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        points = struct.unpack(f"<{(len(raw) - 1) // 4}f", raw[1:])
        smooth = {0: False, 1: True}[raw[0]]
    except (binascii.Error, struct.error, ValueError, KeyError, IndexError):
        raise ValueError(f"The drawing in this link ({name}) is damaged.") from None
    curves.checked(model.conditions, {name: points})
    return points, smooth


def _check(latents: Sequence[Quantity]) -> int:
    return zlib.crc32("/".join(q.name for q in latents).encode()) & 0xFFFF


def to_query(model: Model, dial: Dial) -> dict[str, str]:
    """The query parameters that stand for this dial."""
    query = {}
    for q in model.conditions:
        if q.name in dial.drawn:
            query[q.name] = pack_points(dial.drawn[q.name], dial.smooth)
        elif q.name in dial.conditions or not q.optional:
            value = dial.conditions.get(q.name, q.default)
            query[q.name] = ",".join(map(write_number, value)) if isinstance(value, tuple) else write_number(value)
    query |= {k: write_number(v) for k, v in dial.at.items()}
    query |= {"seed": str(dial.seed), "size": str(size_of(model, dial))}
    if dial.latent:
        query["z"] = pack(model.latents, dial.latent)
    if not dial.project:
        query["raw"] = "1"
    if dial.off:
        query["off"] = ",".join(dial.off)
    if dial.best_of > 1:
        query["best_of"] = str(dial.best_of)
    if dial.locked:
        query["locked"] = ",".join(".".join([name, *map(str, indices)]) for name, indices in dial.locked.items())
    if model.preset != model.problem.presets[0]:
        query["preset"] = model.preset.name
    return query | {"m": model.digest[:DIGEST]}


def from_query(model: Model, query: Mapping[str, str]) -> tuple[Dial, tuple[str, ...]]:
    """The dial in a link, and a sentence for each part of it that cannot be used (that part takes its default)."""
    notes: list[str] = []
    conditions, drawn, smooth = _conditions(model, query, notes)
    latent: dict[str, Value] = {}
    if query.get("z"):
        try:
            latent = unpack(model.latents, query["z"])
        except ValueError as error:
            notes.append(f"{error} The seed chooses them.")
    axes: dict[str, Array] = {} if model.problem.frame.coords is None else model.problem.frame.coords(model.field.shape)
    at = _cuts(axes, query, notes)
    known = {*RESERVED, *axes, *(q.name for q in model.conditions)}
    notes += [f"{shorten(k)} in this link is unknown here and is ignored." for k in query if k not in known]
    off = tuple(s for s in query.get("off", "").split(",") if s)
    if any(s not in model.stages for s in off):
        notes.append(f"off in this link may name {', '.join(model.stages) or 'nothing here'}; all stages are on.")
        off = ()
    locked = _locked(query.get("locked", ""))
    dial = Dial(
        conditions,
        latent,
        seed=_whole(query, "seed", 0, range(SEEDS + 1), notes),
        size=_whole(query, "size", model.field.shape[0], sizes(model), notes),
        project=query.get("raw") != "1",
        off=off,
        best_of=_whole(query, "best_of", 1, model.problem.projection.best_of or (1,), notes),
        drawn=drawn,
        smooth=smooth,
        at=at,
        locked=locked,
    )
    dial = _possible(model, dial, notes)
    digest = query.get("m")
    if digest and digest != model.digest[:DIGEST]:
        notes.append(
            "This link was made with another version of the trained model: the picture may differ from the one shared."
        )
    return dial, tuple(notes)


def _conditions(
    model: Model, query: Mapping[str, str], notes: list[str]
) -> tuple[dict[str, Value], dict[str, tuple[float, ...]], bool]:
    """Conditions, drawn curves and whether these are smooth; a sentence for each that cannot be used."""
    conditions: dict[str, Value] = {}
    drawn: dict[str, tuple[float, ...]] = {}
    smooth = True
    for q in (q for q in model.conditions if q.name in query):
        try:
            if q.kind == "curve" and q.optional and "," not in query[q.name]:
                drawn[q.name], smooth = unpack_points(model, q.name, query[q.name])
            else:
                conditions[q.name] = _condition(q, query[q.name])
        except ValueError as error:
            notes.append(f"{error} The default is used.")
    return conditions, drawn, smooth


def _locked(text: str) -> dict[str, tuple[int, ...]]:
    """The shares that a link locks; text that cannot be read locks nothing."""
    locks = re.findall(r"([A-Za-z_]\w*)((?:\.\d{1,3})+)(?:,|$)", text)
    return {name: tuple(sorted({int(i) for i in indices.split(".")[1:]})) for name, indices in locks}


def _possible(model: Model, dial: Dial, notes: list[str]) -> Dial:
    """The dial without the locks or the conditions that the model refuses; a sentence for each."""
    if refusal := _refusal(model, Dial(locked=dial.locked)):
        notes.append(f"{refusal} Nothing is locked.")
        dial = replace(dial, locked={})
    if refusal := _refusal(model, dial):
        notes.append(f"{refusal} The defaults are used.")
        dial = replace(dial, conditions={})
    return dial


def _refusal(model: Model, dial: Dial) -> str:
    """Why the model refuses the dial; empty when it does not."""
    try:
        conditions = resolve(model, dial).conditions
        if model.problem.requests.reconcile:
            model.problem.requests.reconcile(
                model.request(conditions, 1, model.conditions, fill=True), frozenset(conditions)
            )
    except ValueError as error:
        return str(error)
    return ""


def transfer_dial(model: Model, own: Dial, latest: Dial | None) -> Dial:
    """The dial for a model that is opened after others of its problem.

    It is the model's `own` last dial with the seed, the size and, as far as the model has them and allows them
    together, the conditions, drawings and locks of the `latest` dial.
    """
    if latest is None:
        return own
    quantities = {q.name: q for q in model.conditions}
    fits = {name: v for name, v in latest.conditions.items() if name in quantities and _fits(quantities[name], v)}
    drawn = {name: points for name, points in latest.drawn.items() if name in quantities}
    locked = {name: indices for name, indices in latest.locked.items() if name in quantities}
    size = latest.size if size_of(model, latest) in sizes(model) else own.size
    own = replace(own, seed=latest.seed, size=size)
    dial = replace(own, conditions={**own.conditions, **fits}, drawn=drawn, smooth=latest.smooth, locked=locked)
    return own if _refusal(model, dial) else dial


def _fits(q: Quantity, value: Value) -> bool:
    try:
        validate(q, clip(q, value), 1)
    except ValueError:
        return False
    return True


def _cuts(axes: Mapping[str, Array], query: Mapping[str, str], notes: list[str]) -> dict[str, float]:
    """Where the link cuts the axes; a sentence for a value beyond their range."""
    cuts = {}
    for name in (a for a in axes if a in query):
        try:
            value = float(np.float32(query[name]))
        except ValueError:
            value = -1.0
        if 0 <= value <= axes[name][-1]:
            cuts[name] = value
        else:
            notes.append(
                f"{name} must be from 0 to {axes[name][-1]:g}; the link has {shorten(query[name])}. It is left out."
            )
    return cuts


def _condition(q: Quantity, text: str) -> Value:
    """One condition from a link: a number, or comma-separated numbers for a simplex or a curve."""
    if q.kind == "scalar":
        return read_number(q, text)
    parts = text.split(",")
    if len(parts) != q.size:
        raise ValueError(f"{q.name} must be {q.size} numbers with commas between; the link has {len(parts)}.")
    values = tuple(read_number(q, p) for p in parts)
    if q.kind == "simplex" and abs(sum(values) - 1) > 1e-4:
        raise ValueError(f"{q.name} must sum to 1; the link's sum to {sum(values):g}.")
    return values


def _whole(query: Mapping[str, str], name: str, default: int, allowed: Sequence[int], notes: list[str]) -> int:
    text = query.get(name, str(default))
    if text.isascii() and text.isdigit() and len(text) < 12 and int(text) in allowed:
        return int(text)
    span = f"{allowed[0]} to {allowed[-1]}" if isinstance(allowed, range) else "one of " + ", ".join(map(str, allowed))
    notes.append(f"{name} must be {span}; the link has {shorten(text)}. {default} is used.")
    return default
