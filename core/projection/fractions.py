"""Several phases: exact fractions by optimal transport, and without speckle."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from core.descriptors.components import SPECK, components
from core.models import optimal_transport as dual
from core.types import Array

SUBSAMPLE = 4096
UNDECIDED = 8
NOISE = 0.1
COLDER = (0.03, 0.03, 0.01, 0.003, 0.001)
"""Several phases: pixels on which the offsets are first found; one pixel in so many, those with the smallest margins,
takes part in the last steps; the temperatures of these, in spreads of the logits; the share of specks from which a
sample is noise."""


def exact_fractions(logits: Tensor, fractions: Tensor) -> Tensor:
    """Several phases: the labelling with the largest total logit of all those with exactly the requested fractions.

    logits (B, C, H, W), fractions (B, C) -> uint8 (B, H, W); the counts are the requests' by largest remainder,
    whatever the logits' precision. Pixels leave their argmax where the margin is smallest: at the boundaries. The dual
    of optimal transport (`core.models.optimal_transport`) comes within a few pixels; shortest paths between the C
    labels move the rest one by one, ties in the order of the pixels. Source: Peyre and Cuturi, Computational Optimal
    Transport (2019), chapters 3 and 5."""
    return _labelled(logits, fractions, None)[0]


def _labelled(logits: Tensor, fractions: Tensor, start: Tensor | None) -> tuple[Tensor, Tensor]:
    """`exact_fractions`, and the offsets (B, C) that it went out from; `start`: those of nearly the same logits."""
    flat = tamed(logits.detach().flatten(2).float())
    counts = whole(fractions, flat.shape[2])
    flat = torch.where(
        counts[..., None] > 0, flat, flat.amax(1, keepdim=True)
    )  # what nothing is asked of must set no scale
    sparse = flat[:, :, :: flat.shape[2] // SUBSAMPLE | 1].contiguous()
    offsets = dual.anneal(sparse, counts.to(flat) / flat.shape[2]) if start is None else start
    found = [_exact(*one) for one in zip(flat, counts, offsets, strict=True)]
    return torch.stack(found).to(torch.uint8).view(logits.shape[0], *logits.shape[2:]), offsets


def tamed(logits: Tensor) -> Tensor:
    """Logits (B, C, P) with each sample's infinite values brought to its largest or least finite one, 0 for what is no
    number."""
    finite = logits.isfinite()
    low = torch.where(finite, logits, torch.inf).amin((1, 2), keepdim=True).nan_to_num(posinf=-1.0)
    high = torch.where(finite, logits, -torch.inf).amax((1, 2), keepdim=True).nan_to_num(neginf=1.0)
    return torch.where(logits.isnan(), 0.0, torch.minimum(torch.maximum(logits, low), high))


def without_speckle(logits: Tensor, fractions: Tensor, rounds: int = 8) -> Tensor:
    """`exact_fractions` without pieces of fewer than `SPECK` px: they may only take labels that they touch, and what is
    missing then is moved at the other boundaries; a label that has little more than specks is gathered in one place.
    What `rounds` rounds leave (noise is nothing but speckle) stays, and so does a label of which fewer px are asked."""
    labels, offsets = _labelled(logits, fractions, None)
    for _ in range(rounds):
        small = torch.from_numpy(np.stack([specks(one) for one in labels.cpu().numpy()])).to(logits.device)
        share = small.flatten(1).double().mean(1)
        touched = (share > 0) & (share <= NOISE)
        if not touched.any():
            break
        whole_ones = torch.where(small, logits.shape[1], labels)[:, None] == torch.arange(logits.shape[1]).view(
            1, -1, 1, 1
        )
        near = torch.stack([whole_ones.roll(s, a) for s in (1, -1) for a in (2, 3)]).any(0)
        barred = small[:, None] & ~near
        logits = torch.where(barred, tamed(logits.flatten(2)).amin((1, 2))[:, None, None, None], logits)
        for i in touched.nonzero()[:, 0].tolist():
            logits[i] = gathered(logits[i], labels[i], small[i])
        labels[touched] = _labelled(logits[touched], fractions[touched], offsets[touched])[0]
    return labels


def gathered(logits: Tensor, labels: Tensor, small: Tensor) -> Tensor:
    """Logits (C, H, W) of one sample where each label (H, W) that lies for a fifth or more in specks (H, W) is drawn to
    its own best pixel: a grain so small that it vanished comes back as a disc."""
    for c in torch.unique(labels[small]).tolist():
        own = labels == c
        many = int(own.sum())
        if many < SPECK or int((own & small).sum()) < many / 5:
            continue
        best = int(torch.where(own, logits[c], -torch.inf).argmax())
        away = [
            torch.arange(n, device=logits.device) - at
            for n, at in zip(own.shape, divmod(best, own.shape[1]), strict=True)
        ]
        near = [torch.minimum(a.abs(), n - a.abs()).square() for a, n in zip(away, own.shape, strict=True)]
        finite = logits[logits.isfinite()]
        pull = torch.exp(-(near[0][:, None] + near[1]) * torch.pi / (2 * many))
        logits = logits.index_add(
            0, torch.tensor([c], device=logits.device), (2 * (finite.max() - finite.min()) * pull)[None]
        )
    return logits


def whole(fractions: Tensor, pixels: int) -> Tensor:
    """Numbers of pixels (B, C) that sum to `pixels`: fractions (B, C) by largest remainder."""
    share = fractions.double().clamp(min=0)
    exact = share / share.sum(1, keepdim=True) * pixels
    down = exact.floor()
    rank = (exact - down).argsort(dim=1, descending=True, stable=True).argsort(1)
    return (down + (rank < pixels - down.sum(1, keepdim=True))).long()


def specks(labels: Array) -> Array:
    """Which pixels (H, W) of a label map lie in connected pieces of fewer than `SPECK` px."""
    pieces = components(labels)
    return np.asarray((np.bincount(pieces.ravel()) < SPECK)[pieces])


def _exact(logits: Tensor, counts: Tensor, offsets: Tensor) -> Tensor:
    """One sample: logits (C, P), counts (C,) and nearly right offsets (C,) to labels (P,)."""
    shifted = logits + offsets[:, None]
    best, labels = shifted.max(0)
    margin = best - shifted.scatter(0, labels[None], -torch.inf).amax(0)
    limit = margin.kthvalue(max(1, len(margin) // UNDECIDED))[0]
    some = (margin <= limit).nonzero()[:, 0]
    fixed = torch.bincount(labels, minlength=len(counts)) - torch.bincount(labels[some], minlength=len(counts))
    if bool((counts >= fixed).all()):
        moved, farthest = _settle(shifted[:, some].double(), counts - fixed, float(dual.spread(logits[None])))
        if farthest <= float(limit):
            return labels.scatter(0, some, moved)
    return _settle(shifted.double(), counts, float(dual.spread(logits[None])))[0]


def _settle(scores: Tensor, counts: Tensor, scale: float) -> tuple[Tensor, float]:
    """The best labels (P,) of scores (C, P) with these counts (C,), and how far the offsets moved in all."""
    offsets = dual.opened(counts[None].double())
    for temperature in COLDER:
        offsets, _ = dual.newton(scores[None], counts[None] / max(1, scores.shape[1]), offsets, temperature * scale)
    shifted = (scores + offsets[0, :, None]).numpy()
    moved, farthest = _repair(shifted, counts.numpy())
    used = offsets[0][counts > 0]
    return torch.from_numpy(moved), float(used.max() - used.min()) + farthest


def _repair(scores: Array, counts: Array) -> tuple[Array, float]:
    """Successive shortest paths: pixels go from labels that have too many to those that have too few, each along the
    path that costs least, until the counts (C,) are right; with scores (C, P) the labels (P,) and the cost of the
    dearest path.

    The labels stay optimal for the counts that they have (no cycle of moves gains anything), so they are optimal at the
    end."""
    labels, top, farthest = scores.argmax(0), scores.max(0), 0.0
    surplus = np.bincount(labels, minlength=len(counts)) - counts
    losses, price = top - scores, np.full((len(counts), len(counts)), np.inf)
    stale = list(range(len(counts)))
    while surplus.any():
        for c in stale:
            price[c] = losses[:, labels == c].min(1, initial=np.inf)
        stale, cost = _cheapest(price, surplus)
        steps = list(pairwise(stale))
        tied = [np.flatnonzero((labels == s) & (losses[t] == price[s, t])) for s, t in steps]
        many = min(surplus[stale[0]], -surplus[stale[-1]], *map(len, tied))
        for (_, t), pixels in zip(steps, tied, strict=True):
            labels[pixels[:many]] = t
            losses[:, pixels[:many]] = scores[t, pixels[:many]] - scores[:, pixels[:many]]
        surplus[[stale[0], stale[-1]]] -= [many, -many]
        farthest = max(farthest, cost)
    return labels, farthest


def _cheapest(price: Array, surplus: Array) -> tuple[list[int], float]:
    """The cheapest path from a label of surplus to one of deficit where a step s -> t costs price[s, t] (Bellman and
    Ford)."""
    reach, before = np.where(surplus > 0, 0.0, np.inf), np.full(len(surplus), -1)
    for _ in range(len(surplus) - 1):
        through = reach[:, None] + price
        nearer = through.min(0) < reach - 1e-12
        before = np.where(nearer, through.argmin(0), before)
        reach = np.where(nearer, through.min(0), reach)
    path = [int(np.where(surplus < 0, reach, np.inf).argmin())]
    while surplus[path[0]] <= 0:
        path.insert(0, int(before[path[0]]))
    return path, float(reach[path[-1]])
