"""Consistency of volume fractions and two-point correlations."""

from __future__ import annotations

from typing import Any

import torch

from core.problems._two_phase_quantities import FRACTION
from core.simulation import correlations
from core.types import Array

AGREE, POSSIBLE, REFUSED = 2e-3, 1e-4, 0.03
"""|S2(0) - p1| up to which a curve and a fraction agree; mean distance to the nearest possible curve up to which a
curve is used unchanged, and above which it is rejected."""


def reconcile(conditions: dict[str, Array], named: frozenset[str]) -> tuple[dict[str, Array], tuple[str, ...]]:
    """Make volume fraction and two-point correlation consistent: S2(0) = p1.

    A curve without a volume fraction sets it. A curve that no structure has is replaced by the nearest possible one.

    Args:
        conditions: all conditions, each (n, ...).
        named: names of the conditions that were set.

    Returns:
        The conditions, and a sentence with the distance where the curve was replaced.

    Raises:
        ValueError: curve and fraction contradict each other, or the nearest possible curve is further than `REFUSED`.
    """
    if "correlation" not in conditions:
        return conditions, ()
    curve = torch.from_numpy(conditions["correlation"])
    p = curve[:, 0] if "volume_fraction" not in named else torch.from_numpy(conditions["volume_fraction"])
    worst = float((curve[:, 0] - p).abs().max())
    if worst > AGREE:
        raise ValueError(
            f"correlation starts at S2(0) = {float(curve[0, 0]):g}, which is the volume fraction, but volume_fraction "
            f"= {float(p[0]):g} was requested. Set one of the two, or scale the curve: S2 = p1² + p1 (1 - p1) c(r)."
        )
    if bool((p < FRACTION.low - AGREE).any() | (p > FRACTION.high + AGREE).any()):
        raise ValueError(
            f"correlation starts at S2(0) = {float(p[0]):g}, the volume fraction. Allowed: {FRACTION.low:g} to "
            f"{FRACTION.high:g}."
        )
    possible = correlations.nearest(curve)
    distance = (possible - curve).abs().mean(1)
    largest = float(distance.max())
    if largest > REFUSED:
        raise ValueError(
            f"No structure has this correlation: the nearest possible curve is {largest:.3f} away on average. S2 lies "
            "between max(0, 2 p1 - 1) and p1, falls from p1 at r = 0 towards p1², and has no negative power at any "
            "wavelength."
        )
    note = (
        f"No structure has exactly this correlation; the nearest possible one, {largest:.4f} away on average, is used "
        "instead."
    )
    used = torch.where(distance[:, None] > POSSIBLE, possible, curve)
    return {**conditions, "correlation": used.numpy(), "volume_fraction": p.numpy()}, (
        note,
    ) if largest > POSSIBLE else ()


def propagate(conditions: dict[str, Any]) -> dict[str, Any]:
    """A curve follows the volume fraction: it keeps c(r), so that S2(0) = p1 and S2(inf) = p1^2 at every fraction."""
    if not {"correlation", "volume_fraction"} <= conditions.keys():
        return conditions
    curve, p = (
        torch.as_tensor(conditions[k], dtype=torch.float32).reshape(1, -1) for k in ("correlation", "volume_fraction")
    )
    if curve.shape[1] != correlations.BINS or float((curve[:, 0] - p[:, 0]).abs().max()) <= 1e-6:
        return conditions
    return {
        **conditions,
        "correlation": tuple(correlations.curve_of(correlations.normalised(curve)[0], p[0])[0].tolist()),
    }
