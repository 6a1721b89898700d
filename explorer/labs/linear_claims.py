"""The claims of the paper about the linear game at a setting, each with the numbers computed here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.theory import linear_exact as theory
from core.theory.linear_exact import Setting

Facts = Mapping[str, Any]
EDGE = 1e-9


def behaviour(facts: Facts) -> str:
    """The long-run behaviour of a block. At radius 1 its eigenvalue decides: a complex pair cycles, -1 flips, 1 stands
    still, or drifts where the scheme has no fixed point."""
    radius, values = facts["radius"], facts["eigenvalues"]
    if abs(radius - 1) >= EDGE:
        return "converges" if radius < 1 else "diverges"
    real, imaginary = values[np.argmax(np.hypot(*values.T))]
    if abs(imaginary) > EDGE:
        return "cycles"
    if real < 0:
        return "flips for ever"
    return "stands still" if np.isfinite(facts["shift"]) else "drifts"


def claims(game: Setting, scheme: str, eta: float, facts: Sequence[Facts]) -> list[tuple[str, str]]:
    """(claim of the paper, result here), for the equilibrium and for the scheme."""
    blocks = {f["name"]: f for f in facts}
    dynamics = {
        "simultaneous": simultaneous,
        "alternating": alternating,
        "extragradient": extragradient,
        "optimistic": optimistic,
    }
    pairs = [equilibrium(game), dynamics[scheme](blocks, eta)]
    return [*pairs, noise(blocks)] if facts[0]["last"] is not None else pairs


def noise(blocks: Mapping[str, Facts]) -> tuple[str, str]:
    """Convergence with samples: the noise floor."""
    claim = "The analysis is of expectations (infinitely many samples)."
    distances = ", ".join(f"{name} {f['last']:.3g}" for name, f in blocks.items())
    floor = "Noise sets this floor; the rates" if whole(blocks) == "converges" else "The rates"
    return claim, f"With samples the mean distance over the last steps is {distances}. {floor} are those of the mean."


def equilibrium(game: Setting) -> tuple[str, str]:
    """The equilibrium on the motif, eq. 9 and 10."""
    theta, psi = theory.nash(game)
    if not game.motif.any():
        return (
            "Without an invariance the equilibrium is θ* = v, ψ* = 0.",
            "Confirmed: there is no motif coordinate here.",
        )
    off = float(np.abs(theta - game.m)[game.motif].max())
    if game.critic == "standard":
        claim = "Standard critic: θ* = v, ψ* = 2μ(Pv − m): the critic pays."
        return (
            claim,
            f"Confirmed: the generator misses the motif by up to {off:.3g}, and |ψ*| is up to {np.abs(psi).max():.3g}.",
        )
    claim = "Critic that ignores the motif: θ* = (I − P)v + m, ψ* = 0."
    if float(game.mu) == 0:
        return claim, "At μ = 0 nothing holds θ on the motif: it stays where it starts."
    return claim, f"Confirmed: the generator misses the motif by {off:.3g}. ψ enters no loss there and stands still."


def whole(blocks: Mapping[str, Facts]) -> str:
    """The behaviour of the whole game: that of its worst block."""
    return behaviour(max(blocks.values(), key=lambda f: f["radius"]))


def radii(blocks: Mapping[str, Facts]) -> str:
    """The radii of the blocks, as text."""
    return ", ".join(f"{name} {f['radius']:.6f}" for name, f in blocks.items())


def simultaneous(blocks: Mapping[str, Facts], eta: float) -> tuple[str, str]:
    """Theorem A.1."""
    claim = (
        "Theorem A.1: simultaneous GD is unstable for every η and μ, as all singular values of its step are at least 1."
    )
    if "motif" not in blocks:
        return claim, f"True without a motif: every singular value is √(1 + η²) = {blocks['free']['radius']:.6f}."
    motif = blocks["motif"]
    small = float(min(motif["singular"]))
    bound = (
        f"the smallest on the motif is {small:.6f}: the bound is false"
        if small < 1 - EDGE
        else f"the smallest on the motif is {small:.6f}: the bound holds here"
    )
    block = f"that block {behaviour(motif)} (radius {motif['radius']:.6f})"
    if "free" not in blocks:
        right = "So is the conclusion" if whole(blocks) != "diverges" else "The conclusion holds"
        return claim, f"Here {bound}, and {block}. {right}: with no free coordinate GD {whole(blocks)}."
    free = f"free coordinates have √(1 + η²) = {blocks['free']['radius']:.6f}"
    return claim, f"Here {bound}, and {block}. The conclusion is right: {free}."


def alternating(blocks: Mapping[str, Facts], eta: float) -> tuple[str, str]:
    """The statement of the introduction."""
    claim, parts = "Introduction: alternating gradient descent diverges.", []
    if "free" in blocks:
        parts.append(
            f"Free coordinates cycle: the determinant of a step is 1, the radius {blocks['free']['radius']:.6f}."
        )
    if motif := blocks.get("motif"):
        parts.append(f"The motif block {behaviour(motif)} (radius {motif['radius']:.6f}).")
        if motif["seen"] and motif["mu"] and np.isfinite(motif["shift"]):
            parts.append(
                f"Its fixed point is not the Nash equilibrium: ψ = ψ*/(1 − 2ημ) = {1 + motif['shift']:.4g} ψ*."
            )
        elif motif["seen"] and motif["mu"]:
            parts.append("At 2ημ = 1 it has no fixed point: ψ drifts by the same amount every step.")
    return claim, " ".join(parts)


def extragradient(blocks: Mapping[str, Facts], eta: float) -> tuple[str, str]:
    """Theorem A.2. For real eigenvalues a of A a step has 1 - eta a + (eta a)^2, below 1 for eta a < 1."""
    claim, motif = "Theorem A.2: extragradient converges for a careful choice of η.", blocks.get("motif")
    result = f"At this η it {whole(blocks)} (radii: {radii(blocks)})."
    if motif and motif["mu"] > 0 and (not motif["seen"] or motif["mu"] > 1):
        largest = 2 * motif["mu"] if not motif["seen"] else motif["mu"] + np.sqrt(motif["mu"] ** 2 - 1)
        formula = "1/(μ + √(μ² − 1))" if motif["seen"] else "1/(2μ)"
        result += f" The motif needs η < {formula} = {1 / largest:.4f}."
    return claim, result + (" Free coordinates need η < 1." if "free" in blocks else "")


def optimistic(blocks: Mapping[str, Facts], eta: float) -> tuple[str, str]:
    """A scheme that the paper cites without analysis."""
    claim = "Optimistic steps are cited (Daskalakis et al. 2018), not analysed."
    result = f"At this η and μ the game {whole(blocks)} (radii: {radii(blocks)})."
    return claim, result + (" Free coordinates need η < 1/√3 = 0.5774." if "free" in blocks else "")
