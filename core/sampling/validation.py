"""Values of a request: checked against their quantity, with a sentence for what is not allowed or not trained."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.types import Array, Quantity


def validate(quantity: Quantity, value: Any, n: int) -> Array:
    """A condition or latent value as float32 (n,) or (n, size); `ValueError` names it, the value and what is
    allowed."""
    try:
        array = np.asarray(value, dtype=np.float32)
    except (TypeError, ValueError):
        raise ValueError(f"{quantity.name} must be numbers; got {value!r}.") from None
    tail = () if quantity.kind == "scalar" else (quantity.size,)
    if array.shape not in (tail, (n, *tail)):
        allowed = "one number" if not tail else f"{quantity.size} numbers"
        raise ValueError(
            f"{quantity.name} must be {allowed} (or one set for each of the {n} samples); got shape {array.shape}."
        )
    span = f"{quantity.low:g} to {quantity.high:g} {quantity.unit}".rstrip()
    if not np.isfinite(array).all():
        raise ValueError(f"{quantity.name} must be finite; got {brief(value)}. Allowed: {span}.")
    slack = 1e-6 * (quantity.high - quantity.low)
    if (array < quantity.low - slack).any() or (array > quantity.high + slack).any():
        raise ValueError(f"{quantity.name} = {brief(value)} is out of range. Allowed: {span}.")
    if quantity.kind == "simplex" and (np.abs(array.sum(-1) - 1) > 1e-4).any():
        raise ValueError(f"{quantity.name} must sum to 1; got {value!r}.")
    if quantity.heights and (tall := float(np.ptp(array, axis=-1).max())) > quantity.heights[1] + slack:
        limit = f"{quantity.heights[1]:g} {quantity.unit}".rstrip()
        raise ValueError(
            f"{quantity.name} spans {tall:g} from its lowest to its highest value. Allowed: at most {limit}."
        )
    return np.broadcast_to(array, (n, *tail)).astype(np.float32)


def brief(value: Any) -> str:
    """A value as short text: of long rows only their length, the lowest and the highest number."""
    row = np.asarray(value, dtype=np.float64)
    return repr(value) if row.size <= 16 else f"{row.size} numbers from {row.min()} to {row.max()}"


def range_warning(quantity: Quantity, value: Array) -> str | None:
    """The warning for a value outside the trained range, else None."""
    if quantity.heights is not None:
        tall = float(np.ptp(value, axis=-1).max())
        seen = f"{quantity.heights[0]:g} {quantity.unit}".rstrip()
        over = tall > quantity.heights[0] + 1e-5
        return f"{quantity.label} spans {tall:g}, more than what was seen in training ({seen})." if over else None
    if (
        quantity.trained is None
        or not ((value < quantity.trained[0] - 1e-6) | (value > quantity.trained[1] + 1e-6)).any()
    ):
        return None
    span = f"{quantity.trained[0]:g} to {quantity.trained[1]:g} {quantity.unit}".rstrip()
    return f"{quantity.label} is outside the range seen in training ({span})."
