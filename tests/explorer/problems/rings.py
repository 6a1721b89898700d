"""A problem that exists only in tests: five labels whose shares a person dials. No latents, no data, one size."""

from __future__ import annotations

import torch
from torch import nn

from core.types import (
    Descriptor,
    Evaluation,
    Field,
    Generator,
    Invariance,
    Preset,
    Problem,
    Projection,
    Quantity,
    TrainConfig,
)

LABELS = ("core", "inner", "middle", "outer", "rim")


class Rings(Generator):
    """Logits (B, 5, 64, 64): smooth noise, one channel per label, shifted by the log of its share."""

    stages = ("blur",)

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def noise(self, keys, shape):
        white = [torch.randn(5, *shape, generator=torch.Generator().manual_seed(k)) for k in keys]
        return {"white": torch.stack(white)}

    def forward(self, noise, conditions, latent, blur: bool = True):
        field = noise["white"]
        if blur:
            for _ in range(6):
                field = sum(field.roll(s, d) for s in (-1, 0, 1) for d in (2, 3)) / 6
        field = field / field.std((2, 3), keepdim=True)
        return self.scale * field + conditions["fractions"].clamp(min=1e-3).log()[:, :, None, None]


class Shares(Invariance):
    name, label, unit, tolerance, source = "fractions", "Shares", "", 0.05, "test"

    def measure(self, fields):
        return fields.mean((2, 3))

    def residual(self, fields, conditions):
        return (self.measure(fields) - conditions["fractions"]).square().sum(1)


def by_rank(logits, conditions):
    """Label after label takes the pixels where its logit is largest, as many as were asked for."""
    flat, labels = logits.flatten(2), torch.zeros(len(logits), logits[0, 0].numel(), dtype=torch.uint8)
    ends = (conditions["fractions"].double().cumsum(1) * flat.shape[2]).round().long()
    for b in range(len(flat)):
        free = torch.arange(flat.shape[2])
        for k in range(flat.shape[1]):
            order = flat[b, k, free].argsort(descending=True)
            count = int(ends[b, k] - (ends[b, k - 1] if k else 0))
            labels[b, free[order[:count]]] = k
            free = free[order[count:]]
    return labels.view(len(logits), *logits.shape[2:])


FRACTIONS = Quantity(
    "fractions", "Shares", "f", "", 0.0, 1.0, (0.2, 0.2, 0.2, 0.2, 0.2), "Shares of the labels.", "simplex", 5
)
EDGES = Descriptor(
    "edges", "Edges", "1/px", lambda x: (x != x.roll(1, 2)).float().mean((1, 2)), help="Share of pixels on an edge."
)
PROBLEM = Problem(
    "rings",
    "Rings",
    "Five labels, dialled by their shares.",
    "none",
    Field("categorical", (64, 64), LABELS, channels=5),
    (Preset("shares", "Shares", "", (FRACTIONS,), (), Rings, None, TrainConfig(), TrainConfig()),),
    (Shares(),),
    None,
    projection=Projection(by_rank, "Exact projection"),
    evaluation=Evaluation((EDGES,)),
)
