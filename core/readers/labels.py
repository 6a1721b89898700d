"""Labels 0 .. k-1 from grey values, colours, label numbers or grain numbers, for all files together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.readers import colouring, misorientation, otsu
from core.readers.arrays import Stack, bad
from core.readers.otsu import edges, histogram, threshold
from core.types import Array

UNASSIGNED = 0.1
"""Largest share of a map that may belong to no grain; such pixels get the nearest grain."""
GRAINS = 1_000_000

Labels = list[NDArray[np.uint8]]


def labels(stacks: Sequence[Stack], k: int, features: bool) -> tuple[Labels, str]:
    """The maps of all files as labels uint8 0 .. k-1.

    Args:
        stacks: the files.
        k: number of labels.
        features: whether the values are grain numbers.

    Returns:
        The maps, and a sentence on how they were made.

    Raises:
        ValueError: there are more values than labels, or files with and without grain numbers are mixed.
    """
    if k == 2 and not features and not any(s.grains for s in stacks):
        return binary(stacks)
    if features:
        return coloured(stacks, k)
    if not any(s.grains for s in stacks):
        return numbered(stacks, k)
    if not all(s.grains for s in stacks):
        odd = next(s.name for s in stacks if not s.grains)
        raise ValueError(f"{odd} has no grain numbers but other files have them. Read the two kinds separately.")
    comparable = all(s.eulers or s.rows is not None for s in stacks) and len({s.structure for s in stacks}) == 1
    return oriented(stacks, k) if comparable else coloured(stacks, k)


def binary(stacks: Sequence[Stack]) -> tuple[Labels, str]:
    """Two phases by the threshold of Otsu (1979) of each file: phase 1 lies above it."""
    out: Labels = []
    for stack in stacks:
        ends = np.array([otsu.span(m) for m in stack.maps()])
        whole = all(otsu.whole(m) for m in stack.maps())
        bins = edges(float(ends[:, 0].min()), float(ends[:, 1].max()), whole, otsu.EXACT)
        cut = threshold(np.sum([histogram(m, bins) for m in stack.maps()], 0), bins)
        out += [(m > cut).astype(np.uint8) for m in stack.maps()]
    return out, "phase 1 is what lies above the threshold of Otsu, of each file by itself"


def numbered(stacks: Sequence[Stack], k: int) -> tuple[Labels, str]:
    """Labels as they are numbered, from 0 or from 1; other numbers and colours get labels in ascending order."""
    known = np.array([], dtype=np.int64)
    for stack in stacks:
        for one in stack.maps():
            known = np.union1d(known, _whole(stack, one))
            if len(known) > k:
                _refuse(stack, len(np.unique(_whole(stack, one))), len(known), k)
    first = int(known[0])
    if first >= 0 and known[-1] - min(first, 1) < k:
        how, table = f"labels are numbered from {min(first, 1)}", known - min(first, 1)
    else:
        how, table = f"{len(known)} distinct values or colours are labels in ascending order", np.arange(len(known))
    return [table.astype(np.uint8)[np.searchsorted(known, one)] for s in stacks for one in s.maps()], how


def _whole(stack: Stack, one: Array) -> NDArray[np.int64]:
    """The distinct values of a map, which must be whole numbers."""
    distinct = np.unique(one)
    if one.dtype.kind == "f" and (distinct != np.round(distinct)).any():
        raise bad(Path(stack.name), "holds values that are not whole numbers; labels must be")
    if len(distinct) and (abs(float(distinct[0])) > 2**62 or float(distinct[-1]) > 2**62):
        raise bad(Path(stack.name), "holds numbers too large for labels")
    return distinct.astype(np.int64)


def _refuse(stack: Stack, here: int, known: int, k: int) -> None:
    """Raises the error for more values than labels."""
    values = f"{here} distinct values" if here > k else f"values that make {known} with those of the files before it"
    advice = (
        "add --features (neighbours then get different colours); if they come from blurring, save the labels themselves"
    )
    raise bad(Path(stack.name), f"holds {values}, but there are only {k} labels. If they are grain numbers, {advice}")


def grains(stack: Stack) -> Iterator[tuple[Array, NDArray[np.int64]]]:
    """Each map as grain numbers 0 .. n-1, with the file's own number (n,) of each; unassigned pixels are filled."""
    for one in stack.maps():
        if one.dtype.kind == "f":
            _whole(stack, one)
        unassigned = float((one <= 0).mean())
        if unassigned > UNASSIGNED:
            limit = f"at most {UNASSIGNED:.0%} may, so clean it up first"
            raise bad(Path(stack.name), f"has a map of which {unassigned:.0%} belongs to no grain (number 0); {limit}")
        own, inverse = np.unique(colouring.filled(one), return_inverse=True)
        if len(own) > GRAINS:
            raise bad(Path(stack.name), f"has {len(own)} grains in a map; at most {GRAINS} are read")
        yield inverse.reshape(one.shape), own.astype(np.int64)


def coloured(stacks: Sequence[Stack], k: int) -> tuple[Labels, str]:
    """Grain numbers without comparable orientations: colours such that adjoining grains differ, map by map."""
    out: Labels = []
    clashes = 0
    for stack in stacks:
        for ids, _ in grains(stack):
            colours, shared = colouring.colours(ids, k)
            out.append(colours[ids])
            clashes += shared
    note = next((f" ({s.note})" for s in stacks if s.note), "")
    return out, f"grains coloured so that neighbours differ, {clashes} adjoining pairs share a colour{note}"


def oriented(stacks: Sequence[Stack], k: int) -> tuple[Labels, str]:
    """Grain numbers with orientations: classes by misorientation, of the grains of all files together."""
    structure = stacks[0].structure
    tables = [_orientations(s) for s in stacks]
    classes = misorientation.classes(np.concatenate([q for _, q in tables]), k, structure)
    out: Labels = []
    start = 0
    for stack, (own, _) in zip(stacks, tables, strict=True):
        own_classes, start = classes[start : start + len(own)], start + len(own)
        out += [own_classes[np.searchsorted(own, names)][ids] for ids, names in grains(stack)]
    named = {misorientation.CUBIC: "cubic", misorientation.HEXAGONAL: "hexagonal"}.get(
        -1 if structure is None else structure, "no"
    )
    return out, f"{len(classes)} grains in classes of similar orientation ({named} symmetry)"


def _orientations(stack: Stack) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The grain numbers of a file, ascending, and their orientations (n, 4)."""
    own = np.array([], dtype=np.int64)
    for _, names in grains(stack):
        own = np.union1d(own, names)
    if stack.rows is not None:
        if own[-1] >= len(stack.rows):
            raise bad(Path(stack.name), f"has grain {own[-1]} but orientations of {len(stack.rows)} grains only")
        return own, misorientation.quaternions(_radians(stack, stack.rows[own]))
    sums = np.zeros((len(own), 4))
    for number, one in enumerate(stack.maps()):
        assert stack.eulers is not None
        assigned = one > 0
        cells = misorientation.quaternions(_radians(stack, stack.eulers(number)[assigned]))
        sums = misorientation.averages(np.searchsorted(own, one[assigned]), cells, len(own), stack.structure, sums)
    return own, sums / np.linalg.norm(sums, axis=1, keepdims=True)


def _radians(stack: Stack, angles: Array) -> Array:
    """The angles, checked to be radians (up to 4 pi, which some microscopes write where no orientation was found)."""
    most = float(np.abs(angles).max(initial=0))
    if not np.isfinite(most):
        raise bad(Path(stack.name), "has Euler angles that are not finite (NaN or infinity) in its grains")
    if most > 12.6:
        raise bad(
            Path(stack.name), f"has Euler angles up to {most:.4g}: they must be in radians, as DREAM.3D writes them"
        )
    return angles
