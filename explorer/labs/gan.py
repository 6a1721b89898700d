"""The GAN lab: games trained on the server step by step, and their frames."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from core.theory import gan_exact as theory
from core.theory.gan_exact import Density
from core.theory.gan_lab import PRESETS, GanLab, Setting
from core.types import Array, Quantity
from explorer.labs.lab import Choice, Dial, Lab
from explorer.live.protocol import encode, shorten

VIEW = 10.0
"""Half width of the drawn interval."""
LINES = 400
"""Most records of the history in a frame."""
VISIBLE = 2e-3
"""Least probability of p and q together in a cell for D* to be drawn there: q is piecewise, and where its pieces are
wider than a cell p / (p + q) is jagged."""
BUDGET = 0.05
"""Seconds of steps in one frame; the page requests the next one."""
MOST_STEPS = 100_000
QUANTITIES = (
    Quantity("centre", "Centre", "c", "", -8.0, 8.0, 0.0, "Centre of the data; drag the round handle of p.", step=0.05),
    Quantity(
        "width",
        "Width",
        "σ",
        "",
        0.15,
        2.0,
        0.6,
        "Standard deviation of one bump; drag the handle on its flank.",
        step=0.01,
    ),
    Quantity(
        "gap", "Distance", "δ", "", 0.3, 3.0, 2.5, "Between neighbouring bumps; drag the square handle.", step=0.05
    ),
    Quantity(
        "turns",
        "Critic turns",
        "k",
        "",
        1,
        10,
        2,
        "Updates of the critic for one of the generator; alternating.",
        step=1,
    ),
    Quantity(
        "ahead",
        "Head start",
        "",
        "",
        0,
        1000,
        0,
        "Updates of the critic before the first step; takes effect at the start.",
        step=50,
    ),
    Quantity(
        "critic",
        "Critic rate",
        "log₁₀",
        "",
        -1.0,
        1.0,
        0.3,
        "Learning rate of the critic, as a power of ten.",
        step=0.05,
    ),
    Quantity(
        "generator",
        "Generator rate",
        "log₁₀",
        "",
        -2.0,
        2.0,
        0.3,
        "Learning rate of the generator, as a power of ten.",
        step=0.05,
    ),
)
CHOICES = (
    Choice(
        "density",
        "Data p",
        (
            ("two", "Two", "Two normals."),
            ("normal", "One", "A normal."),
            ("eight", "Eight", "Eight normals."),
            ("uniform", "Block", "A uniform density of that standard deviation."),
        ),
    ),
    Choice(
        "loss",
        "Loss",
        (
            ("non_saturating", "Non-saturating", "G minimises −E log D(G(z))."),
            ("minimax", "Minimax", "G minimises E log(1 − D(G(z))), the term of V itself."),
            ("wgan_gp", "Wasserstein", "f(x) − f(G(z)); with the gradient penalty WGAN-GP."),
            ("relativistic", "Relativistic", "Pairs: −E log s(C(x) − C(G(z)))."),
        ),
    ),
    Choice(
        "penalty",
        "Gradient penalty",
        (
            ("on", "On", "(|f'| − 1)² for Wasserstein, else R1 + R2: |C'|² at data and samples."),
            ("off", "Off", "Nothing bounds the slope of the critic."),
        ),
    ),
    Choice(
        "scheme",
        "Update rule",
        (
            (
                "alternating",
                "Alternating",
                "The critic takes its turns, then the generator sees what it has become (Algorithm 1).",
            ),
            ("simultaneous", "Simultaneous", "Both step at once, one turn each, along the gradients here."),
            (
                "extragradient",
                "Extragradient",
                "Both step at once along the gradients computed one step ahead: twice the work (eq. 11).",
            ),
            (
                "optimistic",
                "Optimistic",
                "Both step at once along 2 g_t − g_{t−1}: a look ahead from memory (Daskalakis et al. 2018).",
            ),
        ),
    ),
)
OUTCOMES = {
    "converges": ("Converges", "Two modes, both gradients bounded."),
    "collapse": ("Mode collapse", "A fast generator runs to wherever the critic is high."),
    "vanishing": ("Vanishing gradient", "The critic is perfect before the generator starts, and the loss saturates."),
    "exploding": ("Exploding gradient", "Wasserstein's critic without a bound on its slope."),
}
CURES = {"collapse": "gradient penalty", "vanishing": "Wasserstein + penalty", "exploding": "gradient penalty"}


def setting(dial: Mapping[str, Any]) -> Setting:
    """The game of a dial. Raises `ValueError` where the bumps leave the interval."""
    density = Density(str(dial["density"]), float(dial["centre"]), float(dial["width"]), float(dial["gap"]))
    return Setting(
        density,
        str(dial["loss"]),
        dial["penalty"] == "on",
        int(dial["turns"]),
        int(dial["ahead"]),
        10 ** float(dial["critic"]),
        10 ** float(dial["generator"]),
        str(dial["scheme"]),
    )


def dial_of(game: Setting) -> Dial:
    """The dial of a game: the inverse of `setting`."""
    d, rates = game.density, (game.critic_rate, game.generator_rate)
    critic, generator = (round(math.log10(r), 6) for r in rates)
    return {
        "centre": d.centre,
        "width": d.width,
        "gap": d.gap,
        "turns": game.turns,
        "ahead": game.ahead,
        "critic": critic,
        "generator": generator,
        "density": d.name,
        "loss": game.loss,
        "penalty": "on" if game.penalty else "off",
        "scheme": game.scheme,
    }


class Runs:
    """The running games, by a name that each page chooses; a new game replaces the oldest."""

    def __init__(self, capacity: int = 32) -> None:
        """Keeps at most `capacity` games."""
        self.capacity, self.lock = capacity, threading.Lock()
        self.games: OrderedDict[str, tuple[threading.Lock, list[GanLab]]] = OrderedDict()

    def play(self, name: str, game: Setting, to: int) -> GanLab:
        """The game of this name at the setting, advanced towards step `to`; it restarts when it is new or past that."""
        with self.lock:
            game_lock, labs = self.games.setdefault(name, (threading.Lock(), []))
            self.games.move_to_end(name)
            while len(self.games) > self.capacity:
                self.games.popitem(last=False)
        with game_lock:
            if not labs or labs[0].done > to:
                labs[:] = [GanLab(game)]
            if labs[0].setting != game:
                labs[0].change(game)
            labs[0].play(to, BUDGET)
            return labs[0]


RUNS = Runs()


def run(message: Any, dial: Dial, number: int, extra: Mapping[str, Any]) -> bytes:
    """The frame of `{"name": "k3x", "to": 120}`: that game, advanced to this step or as far as the time allows."""
    name, to = (message.get("name"), message.get("to")) if isinstance(message, Mapping) else (None, None)
    if not isinstance(name, str) or not 1 <= len(name) <= 40:
        raise ValueError(f"A run must have a name of 1 to 40 characters; got {shorten(name)}.")
    if isinstance(to, bool) or not isinstance(to, int) or not 0 <= to <= MOST_STEPS:
        raise ValueError(f"A run goes to a step from 0 to {MOST_STEPS}; got {shorten(to)}.")
    start = time.perf_counter()
    return encoded(RUNS.play(name, setting(dial), to), dial, number, {"run": name, **extra}, start)


def frame(dial: Dial, number: int = 0, extra: Mapping[str, Any] | None = None) -> bytes:
    """The frame before the first step."""
    return encoded(GanLab(setting(dial)), dial, number, extra or {}, time.perf_counter())


def encoded(lab: GanLab, dial: Dial, number: int, extra: Mapping[str, Any], start: float) -> bytes:
    """The frame of a game: densities, critics, history, numbers and their interpretation."""
    now, slopes = lab.measure(), lab.slopes()
    facts = {**asdict(now), "modes": [now.modes, len(lab.setting.density.means)], "slopes": slopes}
    header = {
        "id": number,
        "dial": dial,
        "step": lab.done,
        "warm": [lab.warm, lab.setting.ahead],
        "ended": lab.ended,
        "facts": facts,
        "verdict": verdict(lab, facts),
        "view": VIEW,
        "ms": 1e3 * (time.perf_counter() - start),
    }
    return encode({**header, **extra}, {**curves(lab), **history(lab)})


def curves(lab: GanLab) -> dict[str, Array]:
    """p, q and the critics over the interval; D for the losses that have one, f for Wasserstein."""
    p, q, loss = lab.setting.density.cells, lab.cells(), lab.setting.loss
    visible = np.abs(theory.CENTRES) < VIEW
    scores, best = lab.scores(theory.CENTRES), theory.optimal(loss, p, q)[1:-1]
    points = np.concatenate([lab.setting.density.points, lab.points()])
    scores = scores - theory.shift(loss, p, q, points, lab.scores(points))
    if loss == "wgan_gp":
        middle = theory.optimal(loss, p, q)[theory.cell_of(points)].mean()
        scores, best = scores - middle, best - middle
    else:
        scores, best = theory.logistic(scores), theory.logistic(best)
        best = np.where((p + q)[1:-1] > VISIBLE, best, np.nan)
    width = theory.EDGES[1] - theory.EDGES[0]
    lines = {"x": theory.CENTRES, "p": p[1:-1] / width, "q": q[1:-1] / width, "learnt": scores, "optimal": best}
    return {name: values[visible] for name, values in lines.items()}


def history(lab: GanLab) -> dict[str, Array]:
    """The records of the history, thinned; values only under the present loss, as those of others do not compare."""
    records = lab.history[:: max(1, math.ceil(len(lab.history) / LINES))]
    same_loss = np.array([m.loss == lab.setting.loss for m in records], dtype=bool)
    names = ("step", "learnt", "optimal", "identity", "generator", "critic", "modes")
    columns = {name: np.array([record[name] for record in map(asdict, records)], dtype=float) for name in names}
    for name in ("learnt", "optimal", "identity"):
        columns[name][~same_loss] = np.nan
    return {f"trace.{name}": values for name, values in columns.items()}


def verdict(lab: GanLab, facts: Mapping[str, Any]) -> tuple[str, str]:
    """The state of the game in one word, and a sentence of numbers."""
    slopes, (modes, of), loss = facts["slopes"], facts["modes"], lab.setting.loss
    if lab.ended:
        return "exploded", lab.ended
    if not lab.done:
        if lab.warm:
            return "ready", f"The critic has made {lab.warm} of the {lab.setting.ahead} updates of its head start."
        if loss == "wgan_gp":
            return "ready", f"Nothing has been learnt yet: f is 0 everywhere, though W₁ is {facts['w1']:.3f}."
        return (
            "ready",
            "Nothing has been learnt yet: D is 1/2 everywhere, which is no equilibrium as V(D*) is above −log 4.",
        )
    if loss == "minimax" and slopes["minimax"] < slopes["non_saturating"] / 20:
        return "vanishing", (
            f"The critic is sure, so minimax gives the generator a gradient of {slopes['minimax']:.4f}; at this "
            f"same critic the non-saturating loss would give {slopes['non_saturating']:.4f}."
        )
    if loss == "wgan_gp" and not lab.setting.penalty and facts["slope"] > 3:
        slope = f"The critic's slope reaches {facts['slope']:.3g} where the Wasserstein distance allows 1"
        return "exploding", f"{slope}; the generator's gradient is {facts['generator']:.3g}."
    if modes < of:
        return "collapsed", f"q covers {modes} of {of} modes: the rest of the data is never generated."
    off = max(abs(facts[n] / math.log(4) + 1) for n in ("learnt", "optimal"))
    if loss != "wgan_gp" and off < 0.02 and facts["off"] < 0.02:
        return "converged", (
            f"D is within {facts['off']:.4f} of 1/2 on average; V(D) and V(D*) are within {off:.2%} of "
            "−log 4 = −1.3863."
        )
    return "learning", f"All {of} modes are covered; W₁ = {facts['w1']:.3f}." if of > 1 else f"W₁ = {facts['w1']:.3f}."


def presets() -> list[dict[str, Any]]:
    """The preset buttons: name, label, help, the dial, the changes of the cure and its name."""
    buttons = []
    for name, (game, cure) in PRESETS.items():
        changed = {k: v if isinstance(v, str) else "on" if v else "off" for k, v in cure.items()}
        label, text = OUTCOMES[name]
        cured = {"cure": changed, "with": CURES.get(name, "")}
        buttons.append({"name": name, "label": label, "help": text, "dial": dial_of(game), **cured})
    return buttons


def panel(dial: Dial, route: str) -> dict[str, Any]:
    """The description of the controls."""
    return {**LAB.panel(dial, route), "presets": presets()}


LAB = Lab("gan_lab", "The GAN lab", QUANTITIES, CHOICES, frame, run)
