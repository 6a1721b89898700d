"""Exponential moving average of a network's weights: what is shipped and sampled from."""

from __future__ import annotations

import copy

import torch
from torch import nn


class Ema:
    """Keeps `average <- beta average + (1 - beta) weights`, beta = min(decay, (1 + step) / (10 + step)); buffers are
    copied."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.module = copy.deepcopy(network).requires_grad_(False).eval()
        self.decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """One update after training step `step` (0, 1, ...)."""
        beta = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.module.parameters()), list(network.parameters()), 1 - beta)
        for kept, new in zip(self.module.buffers(), network.buffers(), strict=True):
            kept.copy_(new)
