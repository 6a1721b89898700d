"""Where a request lies along the trained range: the problem's own measure, else its first condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.types import Array, Problem, Quantity


def position(problem: Problem, conditions: Sequence[Quantity], requested: Mapping[str, Array]) -> Array:
    """The position (n,) of requests: the problem's own measure, else the first condition."""
    return problem.requests.ordering.of(requested) if problem.requests.ordering else requested[conditions[0].name]


def representative(problem: Problem, conditions: Sequence[Quantity], place: float, n: int) -> dict[str, Array]:
    """The representative request at a position, n times."""
    one = problem.requests.ordering.at(place) if problem.requests.ordering else {conditions[0].name: np.asarray(place)}
    return {k: np.broadcast_to(v, (n, *np.shape(v))) for k, v in one.items()}


def places(problem: Problem, conditions: Sequence[Quantity]) -> tuple[float, float]:
    """The lowest and highest position of the training data."""
    if problem.requests.ordering:
        return problem.requests.ordering.low, problem.requests.ordering.high
    return conditions[0].trained or (conditions[0].low, conditions[0].high)
