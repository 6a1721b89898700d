"""A lab: a page of theory that is dragged. Its dial is numbers and choices; the same dial gives the same frame."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.types import Quantity
from explorer.live.protocol import shorten

Dial = dict[str, float | str]


@dataclass(frozen=True)
class Choice:
    """One of several words: name, label, the options as (word, label, help), the first one by default."""

    name: str
    label: str
    options: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Lab:
    """Name, title, what can be dialled, and `frame(dial, number, more)`: one encoded frame whose header has `more` too.

    `frame` raises `ValueError` with a sentence for numbers that do not go together.
    """

    name: str
    title: str
    quantities: tuple[Quantity, ...]
    choices: tuple[Choice, ...]
    frame: Callable[[Dial, int, Mapping[str, Any]], bytes]
    run: Callable[[Any, Dial, int, Mapping[str, Any]], bytes] | None = None
    """Of a lab that goes on from step to step: the frame of the request's `run` (see there)."""

    @property
    def model(self) -> str:
        """What stands for it where the panel's requests name a model."""
        return f"lab/{self.name}"

    def defaults(self) -> Dial:
        """The dial that nothing was changed of."""
        numbers = {q.name: float(q.default) for q in self.quantities if not isinstance(q.default, tuple)}
        return {**numbers, **{c.name: c.options[0][0] for c in self.choices}}

    def dial(self, given: Any) -> Dial:
        """The dial that was asked for; what is missing takes its default. `ValueError` names what cannot be."""
        if not isinstance(given, Mapping):
            raise ValueError(f"dial must be an object of names and values; got {shorten(given)}.")
        dial = self.defaults()
        if unknown := [str(k) for k in given if k not in dial]:
            raise ValueError(f"Unknown name {shorten(unknown[0])}. The dial may have: {', '.join(dial)}.")
        return dial | {k: self._value(k, v) for k, v in given.items()}

    def _value(self, name: str, value: Any) -> float | str:
        for c in (c for c in self.choices if c.name == name):
            words = [word for word, _, _ in c.options]
            if value not in words:
                raise ValueError(f"{name} must be one of {', '.join(words)}; got {shorten(value)}.")
            return str(value)
        q = next(q for q in self.quantities if q.name == name)
        whole = q.step == 1
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not number or not q.low <= value <= q.high or (whole and value != int(value)):
            kind = "a whole number" if whole else "a number"
            raise ValueError(f"{name} must be {kind} from {q.low:g} to {q.high:g}; got {shorten(value)}.")
        return float(value)

    def query(self, dial: Dial) -> dict[str, str]:
        """The link that stands for a dial."""
        return {k: v if isinstance(v, str) else f"{v:.6g}" for k, v in dial.items()}

    def linked(self, query: Mapping[str, str]) -> tuple[Dial, list[str]]:
        """The dial of a link, and a sentence for each part of it that cannot be used (that part takes its default)."""
        dial, notes = self.defaults(), []
        for name, text in query.items():
            try:
                dial[name] = self.dial({name: self._read(name, text)})[name]
            except ValueError as error:
                notes.append(f"{error} It is left out.")
        return dial, notes

    def _read(self, name: str, text: str) -> float | str:
        """A value of a link: a number where the name is a quantity's."""
        if all(q.name != name for q in self.quantities):
            return text
        try:
            return float(text)
        except ValueError:
            raise ValueError(f"{name} must be a number; the link has {shorten(text)}.") from None

    def panel(self, dial: Dial, route: str) -> dict[str, Any]:
        """What the panel needs to draw the controls."""
        return {
            "route": route,
            "model": self.model,
            "title": self.title,
            "dial": dial,
            "quantities": [asdict(q) for q in self.quantities],
            "choices": [asdict(c) for c in self.choices],
        }

    def answer(self, given: Mapping[str, Any], number: int, more: Mapping[str, Any] | None = None) -> bytes:
        """The frame for one request `{"lab": name, "dial": {...}, "id": 7}`, with `"run"` where the lab goes on by
        steps."""
        dial = self.dial(given.get("dial", {}))
        if self.run and given.get("run") is not None:
            return self.run(given["run"], dial, number, more or {})
        return self.frame(dial, number, more or {})
