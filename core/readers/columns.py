"""Which columns of a table hold the distances and S2, by their names and units."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.readers import tables
from core.readers.arrays import bad
from core.readers.tables import length_unit, words
from core.types import Array

S2 = {"s2", "s2r", "s11", "p11", "tpcf", "tpc", "tpcfs", "2pcf", "twopoint", "correlation", "autocorrelation"}
"""Words that name S2."""
AVERAGE = ("delivered", "mean", "average", "avg", "requested")
"""Words that name the curve among several, the preferred first."""
CROSS = {"cross", "crosscorrelation", "s12", "s21", "p12", "p21", "s01", "s10"}
"""Words that name a correlation of two different phases."""
OTHER = {
    *(
        "std",
        "σ",
        "sd",
        "stdev",
        "stddev",
        "sem",
        "se",
        "stderr",
        "err",
        "error",
        "errors",
        "sigma",
        "deviation",
        "dev",
    ),
    *(
        "var",
        "variance",
        "ci",
        "low",
        "lower",
        "lowest",
        "high",
        "upper",
        "highest",
        "min",
        "minimum",
        "max",
        "maximum",
    ),
    *("count", "counts", "n", "num", "number", "samples", "pairs", "npairs", "weight", "weights", "edges", "edge"),
    *("widths", "width", "relfreq", "pdf", "cdf", "covariance", "autocovariance", "variogram", "uncertainty"),
}
"""Words that name anything but S2: spread, counts, bins, densities."""
INDEX = {"", "index", "unnamed: 0"}
"""Names of a column of line numbers."""


def said(title: str) -> set[str]:
    """The words of a name, all of them joined (`S_12` is `s12`), and `std` for any word of a spread (`stdS2`)."""
    parts = words(title)
    spread = any(re.match("std|stand|stdev|err|dev|sigma|ster", w) or w.endswith(("std", "err", "dev")) for w in parts)
    return {*parts, "".join(parts), *(["std"] if spread else [])}


def distance(titles: Sequence[str]) -> int:
    """The column of distances: by its name, else the line numbers, else the first that is not named otherwise."""
    ranks = {
        j: min(tables.DISTANCES.index(w) for w in words(t) if w in tables.DISTANCES)
        for j, t in enumerate(titles)
        if tables.distance(t) and not (S2 | CROSS | OTHER) & said(t)
    }
    if ranks:
        return min(ranks, key=lambda j: (ranks[j], (length_unit(titles[j]) or (1.0, ""))[1] not in ("", "px"), j))
    unnamed = [j for j, t in enumerate(titles) if t.casefold() in INDEX]
    neither = [j for j, t in enumerate(titles) if _rank(t) >= len(AVERAGE) + 3 and t.casefold() not in INDEX]
    with_index = len(titles) - len(unnamed) < 2 or len(neither) < 1
    return unnamed[0] if unnamed and with_index else (neither or [0])[0]


def _rank(title: str) -> int:
    """How well a name fits S2, 0 best; negative where it names anything else."""
    named = said(title)
    if (OTHER | CROSS) & named or title.casefold() in INDEX:
        return -1
    if {"probability", "scaled"} <= named:
        return 0
    if S2 & named or {"two", "point"} <= named:
        return 1
    if "probability" in named:
        return 2
    return next((3 + k for k, word in enumerate(AVERAGE) if word in named), 3 + len(AVERAGE))


def value(name: str, titles: Sequence[str], first: int) -> int:
    """The column of S2 by its name; a column of any other name only where it is no spread, count or bin."""
    free = [j for j, t in enumerate(titles) if j != first and not (tables.distance(t) and not S2 & said(t))]
    ranks = {j: _rank(titles[j]) for j in free if _rank(titles[j]) >= 0}
    if ranks:
        return min(ranks, key=lambda j: (ranks[j], j))
    if crossed := [titles[j] for j in free if CROSS & said(titles[j])]:
        raise bad(Path(name), f"holds a cross-correlation of two phases ({crossed[0]}); S2 of one phase is needed")
    raise bad(Path(name), f"has no column of S2; its columns are {', '.join(titles)}"[:300])


def pixel_size(titles: Sequence[str], columns: Array, first: int) -> tuple[float, str] | None:
    """The pixel size where a second column holds the same distances in a unit of length."""
    for j, title in enumerate(titles):
        unit = length_unit(title)
        if j == first or not tables.distance(title) or unit is None or unit[1] == "px":
            continue
        ratio = columns[j][columns[first] > 0] / columns[first][columns[first] > 0]
        if len(ratio) and ratio.min() > 0 and np.ptp(ratio) <= 1e-3 * ratio.min():
            return float(f"{np.median(ratio) * unit[0]:.6g}"), unit[1]
    return None


def named(title: str) -> bool:
    """Whether the name is one of S2 of a single phase."""
    return bool(S2 & said(title)) and not (CROSS | OTHER) & said(title)
