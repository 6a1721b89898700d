"""What stops a training in good order: numbers that are not finite, and a signal from a user or scheduler."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Mapping, Sequence
from types import FrameType, TracebackType
from typing import Any

import torch
from torch import Tensor

from core.training import distributed
from core.types import Player, VectorField

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class NotFinite(ArithmeticError):
    """This update must be skipped: a loss or gradient is not finite. Raised before anything was written."""


class Diverged(RuntimeError):
    """Too many updates in a row were not finite; weights and optimisers still hold the last good state."""


def finite(tensors: Sequence[Tensor]) -> bool:
    """Whether every number in every tensor is finite; one transfer from the device for the whole list. True for no
    tensors."""
    norms = [torch.linalg.vector_norm(t.detach(), math.inf) for t in tensors if t.numel()]
    return not norms or bool(torch.isfinite(torch.stack([n.to(norms[0]) for n in norms])).all())


class StopFlag:
    """True once SIGTERM or SIGINT (Ctrl-C) has arrived, so that a loop can end at a step boundary with its state in
    order.

    >>> with StopFlag() as stop:
    ...     for progress in fit(...):
    ...         if distributed.agree(bool(stop)):
    ...             break

    A second Ctrl-C raises `KeyboardInterrupt` at once. The old handlers come back on exit. Outside the main thread,
    where Python installs no handlers, the flag never rises by itself; `ask()` raises it by hand."""

    def __init__(self) -> None:
        """No stop requested, no handlers installed."""
        self.signal = ""
        self._old: dict[signal.Signals, Any] = {}

    def __bool__(self) -> bool:
        """Whether a stop was requested."""
        return bool(self.signal)

    def ask(self, name: str = "request") -> None:
        """Raise the flag; `name` says on whose behalf."""
        self.signal = self.signal or name

    def __enter__(self) -> StopFlag:
        """Install the handlers, in the main thread only."""
        if threading.current_thread() is threading.main_thread():
            self._old = {number: signal.signal(number, self._hear) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Bring the old handlers back."""
        for number, handler in self._old.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._old = {}

    def _hear(self, number: int, frame: FrameType | None) -> None:
        """First signal: raise the flag. Second Ctrl-C: stop at once."""
        if self.signal and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.ask(signal.Signals(number).name)


class NanGuard:
    """Skips updates that are not finite and stops after `limit` of them in a row; a bad number is never accepted.

    Wrap the vector field, and catch around the step:

    >>> guard = NanGuard(limit=5)
    >>> gradients = guard.watch(vector_field)          # raises NotFinite before a bad gradient reaches the scheme
    >>> try:
    ...     logs = scheme.step(players, gradients, step)
    ... except NotFinite as skipped:
    ...     scheme_restores_extrapolated_weights; note = str(skipped)
    ... else:
    ...     guard.good()

    Players updated earlier in the same step keep their (finite) update; a scheme that moves weights before it computes
    the next gradient (extragradient) must put them back when `NotFinite` passes through. All ranks decide alike.
    `Diverged` (a `RuntimeError`) ends the training; the weights and optimisers hold the last good state."""

    def __init__(self, limit: int = 5) -> None:
        """Stop after `limit` consecutive skipped steps."""
        if limit < 1:
            raise ValueError(f"limit must be at least 1 skipped step; got {limit}.")
        self.limit = limit
        self.streak = 0
        self.skipped = 0

    def watch(self, gradients: VectorField) -> VectorField:
        """The same vector field, which raises `NotFinite` (or `Diverged`) for a result that is not finite."""

        def watched(player: Player, key: int) -> tuple[list[Tensor], dict[str, float]]:
            grads, logs = gradients(player, key)
            self.check(player.name, grads, logs)
            return grads, logs

        return watched

    def check(self, name: str, tensors: Sequence[Tensor], logs: Mapping[str, float]) -> None:
        """Pass when all numbers are finite on all ranks, else count and raise `NotFinite`, or `Diverged` at the
        limit."""
        bad = [f"{label} = {value}" for label, value in logs.items() if not math.isfinite(value)]
        if not finite(tensors):
            bad.append("a gradient")
        if not distributed.agree(bool(bad)):
            return
        self.streak += 1
        self.skipped += 1
        what = f"{name}: {', '.join(bad) or 'a number on another process'} is not finite"
        if self.streak >= self.limit:
            raise Diverged(
                f"Training stopped: {what}, {self.streak} steps in a row. The last good state was kept. "
                "Lower the learning rate or the penalty weight, or check the data, then run the same command."
            )
        raise NotFinite(f"Update skipped ({self.streak} in a row): {what}.")

    def good(self) -> None:
        """A whole step was finite: the streak ends."""
        self.streak = 0
