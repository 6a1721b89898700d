"""The lab of the linear game: from a dial to orbits, distances, spectra and the claims of the paper about them."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.theory import linear_exact as theory
from core.theory.linear_exact import Setting
from core.theory.linear_game import LinearGame
from core.types import Array, Quantity
from explorer import palette
from explorer.labs.lab import Choice, Dial, Lab
from explorer.labs.linear_claims import behaviour, claims
from explorer.live.protocol import encode

DATA_MEAN = (-0.6, 0.45, -0.35, 0.8, -0.75, 0.5, 0.9, -0.4, 0.65, -0.85, 0.3, 0.7, -0.55, 0.95, -0.25, 0.4)
MOTIF = 1.0
STEPS, LONG = 400, 1000
"""Steps that are drawn, and steps over which the growth is measured."""
FLOOR = 100
"""Last steps, over which the noise floor of the distance is averaged."""
LARGEST = 1e9
MAP = (72, 108)
"""Rows (mu) and columns (eta) of the map of spectral radii."""
QUANTITIES = (
    Quantity(
        "eta",
        "Learning rate",
        "η",
        "",
        0.01,
        1.0,
        0.1,
        "Length of a step along the gradient, for both players.",
        step=0.005,
    ),
    Quantity(
        "mu",
        "Motif weight",
        "μ",
        "",
        0.0,
        2.0,
        0.5,
        "Weight of the invariance μ E‖P G(z) − m‖² in the loss.",
        step=0.01,
    ),
    Quantity("dimension", "Dimension", "d", "", 1, len(DATA_MEAN), 8, "Coordinates of x, θ and ψ.", step=1),
    Quantity(
        "motif",
        "Motif size",
        "|Ω|",
        "",
        0,
        len(DATA_MEAN),
        3,
        "Number of coordinates, from the first, that have the motif m.",
        step=1,
    ),
)
CHOICES = (
    Choice(
        "scheme",
        "Scheme",
        (
            ("simultaneous", "Simultaneous", "Both players step at once (GD)."),
            ("alternating", "Alternating", "Critic, generator, projection in turn, once each (Algorithm 1)."),
            ("extragradient", "Extragradient", "Step with the gradient computed one step ahead (eq. 11)."),
            ("optimistic", "Optimistic", "Step along 2 g_t − g_{t−1} (Daskalakis et al. 2018)."),
        ),
    ),
    Choice(
        "critic",
        "Critic",
        (
            ("standard", "Standard", "D(x) = ⟨ψ, x⟩ (eq. 9)."),
            ("projected", "Ignores motif", "D(x) = ⟨ψ, (I − P) x⟩ (eq. 10)."),
        ),
    ),
    Choice(
        "samples",
        "Losses",
        (
            ("expected", "Expected", "Exact expectations, as if there were infinitely many samples."),
            ("256", "256 samples", "Means over 256 samples of x and of z, drawn anew for every gradient."),
            ("16", "16 samples", "Means over 16 samples of x and of z, drawn anew for every gradient."),
        ),
    ),
)


@dataclass(frozen=True)
class Block:
    """The coordinates of one kind (free or motif), their start and their equilibrium."""

    name: str
    at: Array
    mu: float
    seen: bool
    start: Array
    star: Array

    @classmethod
    def of(cls, name: str, setting: Setting) -> Block:
        """The free or the motif block of a game that starts at theta = psi = 0."""
        at = np.flatnonzero(setting.motif if name == "motif" else ~setting.motif)
        theta, psi = (a[at] for a in theory.nash(setting))
        seen = name == "free" or setting.critic == "standard"
        mu = float(setting.mu) if name == "motif" else 0.0
        return cls(name, at, mu, seen, -np.stack([theta, psi][: 1 + seen]), psi)

    def facts(self, scheme: str, eta: float) -> dict[str, Any]:
        """Spectrum, radius, singular values, and the relative shift of psi's fixed point from its Nash value."""
        values = theory.eigenvalues(scheme, eta, self.mu, self.seen)
        return {
            "name": self.name,
            "mu": self.mu,
            "seen": self.seen,
            "count": len(self.at),
            "at": self.at,
            "radius": float(np.abs(values).max()),
            "eigenvalues": np.stack([values.real, values.imag], 1),
            "singular": theory.singular_values(scheme, eta, self.mu, self.seen),
            "field": theory.field(self.mu, self.seen),
            "shift": theory.shift(scheme, eta, self.mu, self.seen),
        }

    def distances(self, scheme: str, eta: float) -> Array:
        """Distance from the scheme's fixed point, step by step (LONG + 1,); from the Nash equilibrium without one."""
        shift = theory.shift(scheme, eta, self.mu, self.seen)
        start, star = self.start.copy(), self.star
        if np.isfinite(shift):
            start[1:] -= shift * self.star
            star = np.zeros_like(star)
        deviations = theory.orbit(scheme, eta, self.mu, start, star, LONG, self.seen)
        with np.errstate(over="ignore", invalid="ignore"):
            scale = np.abs(deviations).max((1, 2))  # squares leave the floating range long before distances do
            safe = np.where((scale > 0) & np.isfinite(scale), scale, 1.0)
            return safe * np.linalg.norm(deviations / safe[:, None, None], axis=(1, 2)) * (scale > 0)


def setting(dial: Mapping[str, Any]) -> Setting:
    """The game of a dial; `ValueError` when the motif has more coordinates than there are."""
    d, size = int(dial["dimension"]), int(dial["motif"])
    if size > d:
        raise ValueError(
            f"The motif has {size} coordinates and x only {d}. Make the motif smaller or the dimension larger."
        )
    motif = np.arange(d) < size
    return Setting(np.array(DATA_MEAN[:d]), np.where(motif, MOTIF, 0.0), motif, float(dial["mu"]), str(dial["critic"]))


@functools.lru_cache(maxsize=32)
def radii(scheme: str, critic: str, free: bool, motif: bool) -> tuple[Array, Array]:
    """Over `MAP`, as uint8: the largest spectral radius of the blocks, as sign(log r) sqrt|log2 r| about 128, and that
    of the motif block, as 4 log2 r about 128 (below 128: it contracts)."""
    spans = [np.linspace(q.low, q.high, n) for q, n in zip(QUANTITIES[1::-1], MAP, strict=True)]
    mu, eta = np.meshgrid(*spans, indexing="ij")
    on = theory.radius(scheme, eta, mu, critic == "standard") if motif else np.zeros(MAP)
    logs = np.log2(np.maximum(on, theory.radius(scheme, eta, 0 * mu) if free else 0.0).clip(1e-3))
    logs[np.abs(logs) < 1e-9] = 0.0
    level = np.sign(logs) * np.sqrt(np.abs(logs).clip(0, 1))
    inside = np.log2(on.clip(1e-3))
    inside[np.abs(inside) < 1e-9] = 0.0
    return outward(level), outward((4 * inside).clip(-1, 1))


def outward(values: Array) -> Array:
    """Numbers -1..1 as uint8 1..255 about 128, rounded away from it: only 0 is 128."""
    return (128 + np.sign(values) * np.ceil(127 * np.abs(values))).astype(np.uint8)


def locus(scheme: str, block: Block) -> Array:
    """Eigenvalues over the whole range of eta, (80, k, 2): real and imaginary parts."""
    values = theory.eigenvalues(scheme, np.linspace(QUANTITIES[0].low, QUANTITIES[0].high, 80), block.mu, block.seen)
    return np.stack([values.real, values.imag], -1)


def paths(game: Setting, blocks: list[Block], scheme: str, eta: float, batch: int = 0) -> dict[str, Array]:
    """theta and psi of every coordinate after each drawn step, (STEPS + 1, d) each; with a batch of samples, from the
    trainer's scheme."""
    if batch:
        played = LinearGame(game, eta, batch=batch).play(scheme, STEPS)
        return {
            name: np.nan_to_num(played[:, i], nan=LARGEST).clip(-LARGEST, LARGEST)
            for i, name in enumerate(("theta", "psi"))
        }
    best = theory.nash(game)
    out = {name: np.zeros((STEPS + 1, len(game.v))) for name in ("theta", "psi")}
    for b in blocks:
        deviations = theory.orbit(scheme, eta, b.mu, b.start, b.star, STEPS, b.seen)
        for i, values in enumerate(list(out.values())[: deviations.shape[1]]):
            values[:, b.at] = np.nan_to_num(best[i][b.at] + deviations[:, i], nan=LARGEST).clip(-LARGEST, LARGEST)
    return out


def sampled(path: dict[str, Array], game: Setting, block: Block, shift: float) -> Array:
    """Distance of a block from its fixed point along sampled paths (STEPS + 1,), or from the Nash equilibrium."""
    theta, psi = (a[block.at] for a in theory.nash(game))
    gaps = [path["theta"][:, block.at] - theta]
    if block.seen:
        gaps.append(path["psi"][:, block.at] - psi * (1 + (shift if np.isfinite(shift) else 0.0)))
    return np.linalg.norm(np.concatenate(gaps, 1), axis=1)


def frame(dial: Dial, number: int = 0, extra: Mapping[str, Any] | None = None) -> bytes:
    """One frame of the lab: paths, log10 distances and the predicted line, spectra, map, numbers and sentences."""
    start = time.perf_counter()
    game, scheme, eta = setting(dial), str(dial["scheme"]), float(dial["eta"])
    batch = 0 if dial["samples"] == "expected" else int(dial["samples"])
    blocks = [b for name in ("free", "motif") if len((b := Block.of(name, game)).at)]
    facts, arrays = [], paths(game, blocks, scheme, eta, batch)
    for b in blocks:
        block_facts = b.facts(scheme, eta)
        distances = sampled(arrays, game, b, block_facts["shift"]) if batch else b.distances(scheme, eta)
        last = float(distances[-FLOOR:].mean()) if batch else None
        growth = float("nan") if batch else theory.growth(distances)
        facts.append({**block_facts, "growth": growth, "verdict": behaviour(block_facts), "last": last})
        with np.errstate(divide="ignore"):
            logs = np.log10(distances[: STEPS + 1])
        arrays[f"distance.{b.name}"] = np.nan_to_num(logs, nan=300.0).clip(-300, 300)
        arrays[f"locus.{b.name}"] = locus(scheme, b)
    free, motif = (name in {b.name for b in blocks} for name in ("free", "motif"))
    arrays["map"], arrays["border"] = radii(scheme, game.critic, free, motif)
    theta, psi = theory.nash(game)
    header = {
        "id": number,
        "dial": dial,
        "steps": STEPS,
        "blocks": facts,
        "v": game.v,
        "m": game.m,
        "seen": game.seen.tolist(),
        "nash": {"theta": theta, "psi": psi},
        "claims": claims(game, scheme, eta, facts),
        "ms": 1e3 * (time.perf_counter() - start),
    }
    return encode({**header, **(extra or {})}, arrays)


def panel(dial: Dial, route: str) -> dict[str, Any]:
    """The description of the controls and the map."""
    return {**LAB.panel(dial, route), "diverging": {"light": palette.DIVERGING[False], "dark": palette.DIVERGING[True]}}


LAB = Lab("linear_game", "The linear game", QUANTITIES, CHOICES, frame)
