"""The data source of polycrystals: periodic maps of grains grown as in metals, each with one of 5 orientations.

A Voronoi tessellation of `surplus` times the requested number of grains coarsens by `growth.grow` to that number.
Orientations are then assigned to the grains so that the map has the requested area fractions and adjoining grains
differ where possible.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.simulation import growth, orientations
from core.simulation.voronoi import AREA, GRAINS, cells, grain_number
from core.types import Array, Source


@dataclass(frozen=True)
class Grains(Source):
    """Grown polycrystals, one per seed: 30 to 150 grains per 128 x 128 px, log-uniform.

    Fractions are drawn from Dirichlet distributions whose concentration is log-uniform in `concentrations`, from a
    single dominant orientation to nearly equal fractions.
    """

    surplus: float = 4.0
    concentrations: tuple[float, float] = (0.5, 20.0)

    def identity(self) -> dict[str, Any]:
        """JSON-compatible parameters that determine the distribution."""
        return {"source": "grains", "version": 1, "grains": GRAINS, "area": AREA, **asdict(self)}

    def fractions(self, seed: int) -> NDArray[np.float64]:
        """Intended orientation fractions (5,) of one seed; the drawn map meets them as closely as its grains allow."""
        rng = np.random.default_rng([seed, 0])
        return rng.dirichlet(np.full(orientations.COUNT, math.exp(rng.uniform(*np.log(self.concentrations)))))

    def grown(self, seed: int, shape: tuple[int, int]) -> Array:
        """Grain numbers 0 .. N-1 (H, W) of one seed, before orientations are assigned."""
        rng = np.random.default_rng([seed, 1])
        target = grain_number(rng, shape)
        return growth.grow(cells(rng.random((round(self.surplus * target), 2)) * shape, shape), target)

    def draw(self, seeds: Sequence[int], shape: tuple[int, int]) -> NDArray[np.uint8]:
        """Orientation maps uint8 (n, H, W) of 0 .. 4, each a pure function of its seed."""
        return self._maps(seeds, [self.fractions(int(s)) for s in seeds], shape)

    def at(self, fractions: Array, seed: int, shape: tuple[int, int]) -> NDArray[np.uint8]:
        """Orientation maps uint8 (n, H, W) whose fractions are as close to the requested ones (n, 5) as whole grains
        allow.
        """
        return self._maps(range(seed, seed + len(fractions)), list(fractions), shape)

    def _maps(self, seeds: Sequence[int], fractions: Sequence[Array], shape: tuple[int, int]) -> NDArray[np.uint8]:
        """One map per seed with these fractions (5,)."""
        out = np.empty((len(seeds), *shape), np.uint8)
        for i, (seed, target) in enumerate(zip(seeds, fractions, strict=True)):
            ids = self.grown(int(seed), shape)
            out[i] = orientations.assign(ids, target, np.random.default_rng([int(seed), 2]))[ids]
        return out
