"""A problem that exists only in tests: a disc and another one, or a square, dragged on the picture; they may not
overlap."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import torch
from torch import nn

from core.types import (
    Descriptor,
    Evaluation,
    Field,
    Generator,
    Handle,
    Invariance,
    Preset,
    Problem,
    Projection,
    Quantity,
    RequestRules,
    TrainConfig,
)

SIZE = 64
OFF = 3.0
"""Standard deviation of the raw shapes' centres and radii, px."""


def extents(conditions):
    """(B, 2) radius of the first shape, and radius or half side of the second."""
    second = conditions["r2"] if "r2" in conditions else conditions["area2"].sqrt() / 2
    return torch.stack([conditions["r1"], second], 1)


def rasterise(conditions, shape, away=0.0):
    """Signed distances (B, 2, H, W), positive inside; `away` (B, 2, 3) moves centres and extents."""
    away = torch.as_tensor(away).expand(len(conditions["x1"]), 2, 3)[..., None, None]
    y, x = (torch.arange(float(s)) for s in shape)

    def at(name):
        return torch.stack([conditions[f"{name}1"], conditions[f"{name}2"]], 1)[..., None, None]

    dx, dy = x - at("x") - away[:, :, 0], y[:, None] - at("y") - away[:, :, 1]
    far = torch.hypot(dx, dy)
    if "area2" in conditions:
        far[:, 1] = torch.maximum(dx.abs(), dy.abs())[:, 1]
    return extents(conditions)[..., None, None] + away[:, :, 2] - far


class Discs(Generator):
    """Logits (B, 3, 64, 64): background and two shapes, off by what the seed says; without conditions, anywhere."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))

    def noise(self, keys, shape):
        away = [OFF * torch.randn(2, 3, generator=torch.Generator().manual_seed(k)) for k in keys]
        return {"away": torch.stack(away), "grid": torch.zeros(len(keys), *shape)}

    def forward(self, noise, conditions, latent):
        given = conditions or {
            k: torch.full((len(noise["grid"]),), v) for k, v in {**START, "r1": 9.0, "r2": 9.0}.items()
        }
        inside = rasterise(given, noise["grid"].shape[1:], noise["away"])
        return self.gain * torch.cat([torch.zeros_like(inside[:, :1]), inside], 1)


class Place(Invariance):
    """Area, centre or radius of one channel of a soft field."""

    unit, tolerance, source = "px", 1.0, "test"

    def __init__(self, name, channel, of):
        self.name = self.label = name
        self.channel, self.of = channel, of

    def measure(self, fields):
        x = fields[:, self.channel]
        area = x.sum((1, 2)).clamp(min=1e-6)
        axis = torch.arange(float(SIZE))
        of = {
            "area": area,
            "r": (area / math.pi).sqrt(),
            "x": (x.sum(1) * axis).sum(1) / area,
            "y": (x.sum(2) * axis).sum(1) / area,
        }
        return of[self.of]

    def residual(self, fields, conditions):
        return (self.measure(fields) - conditions[self.name]).square()


def project(logits, conditions):
    """What was asked, exactly, where anything was."""
    if not conditions:
        return logits.argmax(1).to(torch.uint8)
    inside = rasterise(conditions, logits.shape[2:])
    return ((inside[:, 0] > 0) + 2 * (inside[:, 1] > 0)).to(torch.uint8)


def refuse(conditions):
    """A sentence when the shapes overlap."""
    if not conditions:
        return ""
    given = {k: torch.as_tensor(v) for k, v in conditions.items()}
    apart = torch.hypot(given["x1"] - given["x2"], given["y1"] - given["y2"])
    over = float((extents(given).sum(1) - apart).max())
    return f"The shapes overlap by {over:.1f} px. Move them apart or make one smaller." if over > 0 else ""


def places(second):
    return (
        Place("x1", 1, "x"),
        Place("y1", 1, "y"),
        Place("r1", 1, "r"),
        Place("x2", 2, "x"),
        Place("y2", 2, "y"),
        Place(second, 2, second.rstrip("2")),
    )


START = {"x1": 20.0, "y1": 24.0, "x2": 44.0, "y2": 40.0}
CENTRES = [Quantity(k, k, k, "px", 8.0, 55.0, v, trained=(12.0, 51.0), step=0.1) for k, v in START.items()]
RADII = [Quantity(k, k, k, "px", 4.0, 16.0, 9.0, step=0.1) for k in ("r1", "r2")]
AREA = Quantity("area2", "Area 2", "A", "px", 50.0, 900.0, 324.0, step=1.0)
PAIR = (*CENTRES[:2], RADII[0], *CENTRES[2:], RADII[1])
MIXED = (*PAIR[:5], AREA)
HANDLES = (Handle("Disc 1", "x1", "y1", "r1"), Handle("Disc 2", "x2", "y2", "r2"))
MIXED_HANDLES = (HANDLES[0], Handle("Square", "x2", "y2", "area2", "area", "square"))
preset = partial(Preset, summary="", latents=(), generator=Discs, critic=None, config=TrainConfig(), tiny=TrainConfig())

COVERED = Descriptor(
    "covered", "Covered", "%", lambda x: 100 * (x > 0).float().mean((1, 2)), help="Share of the two shapes."
)
REQUESTS = RequestRules(infeasible=refuse, handles=HANDLES)
PROBLEM = Problem(
    "discs",
    "Discs",
    "Two discs where they are asked for.",
    "none",
    Field("categorical", (SIZE, SIZE), ("background", "disc 1", "disc 2"), channels=3, periodic=False),
    (
        preset(name="pair", title="Two discs", conditions=PAIR),
        preset(
            name="mixed",
            title="Disc and square",
            conditions=MIXED,
            overrides={"requests": replace(REQUESTS, handles=MIXED_HANDLES), "invariances": places("area2")},
        ),
        preset(name="free", title="No request", conditions=()),
    ),
    places("r2"),
    None,
    projection=Projection(project, "Exact projection"),
    requests=REQUESTS,
    evaluation=Evaluation((COVERED,)),
)
