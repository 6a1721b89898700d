"""Optimisers by name: Adam for games, Muon on the matrices with Adam on the rest for data-free residual minimisation,
and plain gradient descent for games whose theory is of plain gradient descent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

ADAM_SHARE = 0.2
MOMENTUM = 0.95


class MuonAdam(torch.optim.Optimizer):
    """`torch.optim.Muon` (Jordan et al. 2024) on the 2-D parameters, `torch.optim.Adam` at `ADAM_SHARE` of the rate on
    the rest.

    One optimiser object for one player: a single state and two parameter groups.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], lr: float, betas: tuple[float, float] = (0.9, 0.99)) -> None:
        matrices = [p for p in parameters if p.ndim == 2]
        rest = [p for p in parameters if p.ndim != 2]
        self.inner: list[torch.optim.Optimizer] = [
            torch.optim.Muon(matrices, lr=lr, momentum=MOMENTUM, weight_decay=0.0),
            torch.optim.Adam(rest, lr=ADAM_SHARE * lr, betas=betas),
        ]
        super().__init__([group for o in self.inner for group in o.param_groups], {})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step of both on the gradients now in place."""
        for optimiser, group in zip(self.inner, self.param_groups, strict=True):
            optimiser.state, optimiser.param_groups = self.state, [group]
            optimiser.step()


def make(name: str, parameters: Sequence[nn.Parameter], lr: float, betas: tuple[float, float]) -> torch.optim.Optimizer:
    """The optimiser of the configuration's name; `sgd` ignores `betas`."""
    if name == "sgd":
        return torch.optim.SGD(parameters, lr=lr)
    makers: dict[str, Callable[..., Any]] = {"adam": torch.optim.Adam, "muon": MuonAdam}
    return makers[name](parameters, lr=lr, betas=betas)
