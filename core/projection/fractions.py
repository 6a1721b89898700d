"""Exact fractions of several phases by optimal transport, optionally without speckle."""

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
"""Settings: pixels on which the offsets are first determined; one pixel in UNDECIDED, those with the smallest margins,
takes part in the last steps; share of specks above which a sample counts as noise; temperatures of the last steps,
in spreads of the logits.
"""


def exact_fractions(logits: Tensor, fractions: Tensor) -> Tensor:
    """The labelling with the largest total logit of all those with exactly the requested fractions.

    The counts are those of the request by largest remainder, whatever the precision of the logits. Pixels leave their
    argmax where the margin is smallest: at the boundaries. The dual of optimal transport
    (`core.models.optimal_transport`) comes within a few pixels; shortest paths between the C labels move the rest one
    by one, ties in the order of the pixels.

    Args:
        logits: logits (B, C, H, W).
        fractions: fractions (B, C).

    Returns:
        Labels uint8 (B, H, W).

    Reference:
        Peyre and Cuturi, Computational Optimal Transport (2019), chapters 3 and 5.
    """
    return _labelled(logits, fractions, None)[0]


def _labelled(logits: Tensor, fractions: Tensor, start: Tensor | None) -> tuple[Tensor, Tensor]:
    """`exact_fractions`, and the offsets (B, C) it started from; `start` are the offsets of nearly the same logits."""
    flat = finite_logits(logits.detach().flatten(2).float())
    counts = pixel_counts(fractions, flat.shape[2])
    flat = torch.where(
        counts[..., None] > 0, flat, flat.amax(1, keepdim=True)
    )  # labels without a requested pixel must not set the scale
    sparse = flat[:, :, :: flat.shape[2] // SUBSAMPLE | 1].contiguous()
    offsets = dual.anneal(sparse, counts.to(flat) / flat.shape[2]) if start is None else start
    labels = [_exact(*one) for one in zip(flat, counts, offsets, strict=True)]
    return torch.stack(labels).to(torch.uint8).view(logits.shape[0], *logits.shape[2:]), offsets


def finite_logits(logits: Tensor) -> Tensor:
    """Logits (B, C, P) with infinite values replaced by the sample's largest or least finite one, and NaN by 0."""
    finite = logits.isfinite()
    low = torch.where(finite, logits, torch.inf).amin((1, 2), keepdim=True).nan_to_num(posinf=-1.0)
    high = torch.where(finite, logits, -torch.inf).amax((1, 2), keepdim=True).nan_to_num(neginf=1.0)
    return torch.where(logits.isnan(), 0.0, torch.minimum(torch.maximum(logits, low), high))


def without_speckle(logits: Tensor, fractions: Tensor, rounds: int = 8) -> Tensor:
    """`exact_fractions` without components of fewer than `SPECK` px.

    Pixels of such components may only take labels that they touch; the counts are then corrected at the other
    boundaries. A label that consists mainly of specks is gathered in one place. What remains after `rounds` rounds
    stays (noise consists of speckle alone), and so does a label with fewer requested pixels than `SPECK`.

    Args:
        logits: logits (B, C, H, W).
        fractions: fractions (B, C).
        rounds: most rounds.

    Returns:
        Labels uint8 (B, H, W).
    """
    labels, offsets = _labelled(logits, fractions, None)
    for _ in range(rounds):
        small = torch.from_numpy(np.stack([specks(one) for one in labels.cpu().numpy()])).to(logits.device)
        share = small.flatten(1).double().mean(1)
        affected = (share > 0) & (share <= NOISE)
        if not affected.any():
            break
        kept = torch.where(small, logits.shape[1], labels)[:, None] == torch.arange(logits.shape[1]).view(1, -1, 1, 1)
        near = torch.stack([kept.roll(s, a) for s in (1, -1) for a in (2, 3)]).any(0)
        barred = small[:, None] & ~near
        logits = torch.where(barred, finite_logits(logits.flatten(2)).amin((1, 2))[:, None, None, None], logits)
        for i in affected.nonzero()[:, 0].tolist():
            logits[i] = gathered(logits[i], labels[i], small[i])
        labels[affected] = _labelled(logits[affected], fractions[affected], offsets[affected])[0]
    return labels


def gathered(logits: Tensor, labels: Tensor, small: Tensor) -> Tensor:
    """Logits (C, H, W) of one sample in which labels that lie mainly in specks are attracted to their own best pixel.

    This applies to labels with a fifth or more of their pixels in specks: a grain too small to be kept reappears as a
    disc.

    Args:
        logits: logits (C, H, W).
        labels: labels (H, W).
        small: mask of the specks (H, W).
    """
    for c in torch.unique(labels[small]).tolist():
        own = labels == c
        count = int(own.sum())
        if count < SPECK or int((own & small).sum()) < count / 5:
            continue
        best = int(torch.where(own, logits[c], -torch.inf).argmax())
        offsets = [
            torch.arange(n, device=logits.device) - at
            for n, at in zip(own.shape, divmod(best, own.shape[1]), strict=True)
        ]
        squares = [torch.minimum(a.abs(), n - a.abs()).square() for a, n in zip(offsets, own.shape, strict=True)]
        finite = logits[logits.isfinite()]
        pull = torch.exp(-(squares[0][:, None] + squares[1]) * torch.pi / (2 * count))
        logits = logits.index_add(
            0, torch.tensor([c], device=logits.device), (2 * (finite.max() - finite.min()) * pull)[None]
        )
    return logits


def pixel_counts(fractions: Tensor, pixels: int) -> Tensor:
    """Numbers of pixels (B, C) that sum to `pixels`, for fractions (B, C), by largest remainder."""
    share = fractions.double().clamp(min=0)
    exact = share / share.sum(1, keepdim=True) * pixels
    down = exact.floor()
    rank = (exact - down).argsort(dim=1, descending=True, stable=True).argsort(1)
    return (down + (rank < pixels - down.sum(1, keepdim=True))).long()


def specks(labels: Array) -> Array:
    """Mask (H, W) of the pixels of a label map in connected components of fewer than `SPECK` px."""
    pieces = components(labels)
    return np.asarray((np.bincount(pieces.ravel()) < SPECK)[pieces])


def _exact(logits: Tensor, counts: Tensor, offsets: Tensor) -> Tensor:
    """Labels (P,) of one sample: logits (C, P), counts (C,), and nearly right offsets (C,)."""
    shifted = logits + offsets[:, None]
    best, labels = shifted.max(0)
    margin = best - shifted.scatter(0, labels[None], -torch.inf).amax(0)
    limit = margin.kthvalue(max(1, len(margin) // UNDECIDED))[0]
    undecided = (margin <= limit).nonzero()[:, 0]
    fixed = torch.bincount(labels, minlength=len(counts)) - torch.bincount(labels[undecided], minlength=len(counts))
    if bool((counts >= fixed).all()):
        reassigned, farthest = _optimal_labels(
            shifted[:, undecided].double(), counts - fixed, float(dual.spread(logits[None]))
        )
        if farthest <= float(limit):
            return labels.scatter(0, undecided, reassigned)
    return _optimal_labels(shifted.double(), counts, float(dual.spread(logits[None])))[0]


def _optimal_labels(scores: Tensor, counts: Tensor, scale: float) -> tuple[Tensor, float]:
    """The best labels (P,) of scores (C, P) with these counts (C,), and the total movement of the offsets."""
    offsets = dual.initial_offsets(counts[None].double())
    for temperature in COLDER:
        offsets, _ = dual.newton(scores[None], counts[None] / max(1, scores.shape[1]), offsets, temperature * scale)
    shifted = (scores + offsets[0, :, None]).numpy()
    labels, farthest = _repair(shifted, counts.numpy())
    active = offsets[0][counts > 0]
    return torch.from_numpy(labels), float(active.max() - active.min()) + farthest


def _repair(scores: Array, counts: Array) -> tuple[Array, float]:
    """Labels with exact counts by successive shortest paths.

    Pixels move from labels with too many to those with too few, each along the cheapest path, until the counts are
    right. The labels stay optimal for their current counts (no cycle of moves gains anything), so they are optimal at
    the end.

    Args:
        scores: scores (C, P).
        counts: counts (C,).

    Returns:
        Labels (P,), and the cost of the most expensive path.
    """
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
        number = min(surplus[stale[0]], -surplus[stale[-1]], *map(len, tied))
        for (_, t), pixels in zip(steps, tied, strict=True):
            labels[pixels[:number]] = t
            losses[:, pixels[:number]] = scores[t, pixels[:number]] - scores[:, pixels[:number]]
        surplus[[stale[0], stale[-1]]] -= [number, -number]
        farthest = max(farthest, cost)
    return labels, farthest


def _cheapest(price: Array, surplus: Array) -> tuple[list[int], float]:
    """The cheapest path from a label with a surplus to one with a deficit, where a step s -> t costs price[s, t].

    Reference:
        Bellman and Ford.
    """
    reach, before = np.where(surplus > 0, 0.0, np.inf), np.full(len(surplus), -1)
    for _ in range(len(surplus) - 1):
        through = reach[:, None] + price
        closer = through.min(0) < reach - 1e-12
        before = np.where(closer, through.argmin(0), before)
        reach = np.where(closer, through.min(0), reach)
    path = [int(np.where(surplus < 0, reach, np.inf).argmin())]
    while surplus[path[0]] <= 0:
        path.insert(0, int(before[path[0]]))
    return path, float(reach[path[-1]])
