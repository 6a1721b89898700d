"""A lab: an interactive page of theory. Its dial is numbers and choices; the same dial gives the same frame."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.types import Quantity
from explorer.labs import glossary
from explorer.live.protocol import shorten

Dial = dict[str, float | str]


@dataclass(frozen=True)
class Choice:
    """A choice between words: name, label, the options as (word, label, help), the first one by default."""

    name: str
    label: str
    options: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Lab:
    """Name, title, the quantities and choices of the dial, and how a frame is made.

    frame : `frame(dial, number, extra)`, one encoded frame whose header contains `extra`; raises `ValueError` with a
        sentence for numbers that exclude each other.
    run : for a lab that advances step by step, the frame of a request's `run`; None for others.
    """

    name: str
    title: str
    quantities: tuple[Quantity, ...]
    choices: tuple[Choice, ...]
    frame: Callable[[Dial, int, Mapping[str, Any]], bytes]
    run: Callable[[Any, Dial, int, Mapping[str, Any]], bytes] | None = None

    @property
    def model(self) -> str:
        """Its name where the panel's requests name a model."""
        return f"lab/{self.name}"

    def defaults(self) -> Dial:
        """The dial of all defaults."""
        numbers = {q.name: float(q.default) for q in self.quantities if not isinstance(q.default, tuple)}
        return {**numbers, **{c.name: c.options[0][0] for c in self.choices}}

    def dial(self, values: Any) -> Dial:
        """The dial with these values, the others at their defaults; `ValueError` names a value that is not allowed."""
        if not isinstance(values, Mapping):
            raise ValueError(f"dial must be an object of names and values; got {shorten(values)}.")
        dial = self.defaults()
        if unknown := [str(k) for k in values if k not in dial]:
            raise ValueError(f"Unknown name {shorten(unknown[0])}. The dial may have: {', '.join(dial)}.")
        return dial | {k: self._value(k, v) for k, v in values.items()}

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
        """The query parameters of a dial."""
        return {k: v if isinstance(v, str) else f"{v:.6g}" for k, v in dial.items()}

    def linked(self, query: Mapping[str, str]) -> tuple[Dial, list[str]]:
        """The dial of a link, and a sentence for each parameter that cannot be used (it takes its default)."""
        dial, notes = self.defaults(), []
        for name, text in query.items():
            try:
                dial[name] = self.dial({name: self._read(name, text)})[name]
            except ValueError as error:
                notes.append(f"{error} It is left out.")
        return dial, notes

    def _read(self, name: str, text: str) -> float | str:
        """A value from a link: a number for a quantity, a word for a choice."""
        if all(q.name != name for q in self.quantities):
            return text
        try:
            return float(text)
        except ValueError:
            raise ValueError(f"{name} must be a number; the link has {shorten(text)}.") from None

    def panel(self, dial: Dial, route: str) -> dict[str, Any]:
        """The description of the controls."""
        return {
            "route": route,
            "model": self.model,
            "title": self.title,
            "dial": dial,
            "quantities": [asdict(q) for q in self.quantities],
            "choices": [asdict(c) for c in self.choices],
            "glossary": glossary.LABS.get(self.name, {}),
        }

    def answer(self, message: Mapping[str, Any], number: int, extra: Mapping[str, Any] | None = None) -> bytes:
        """The frame for one request `{"lab": name, "dial": {...}, "id": 7}`, with `"run"` where the lab advances step
        by step."""
        dial = self.dial(message.get("dial", {}))
        if self.run and message.get("run") is not None:
            return self.run(message["run"], dial, number, extra or {})
        return self.frame(dial, number, extra or {})
