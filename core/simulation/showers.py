"""Sparse images of electromagnetic showers in a sampling calorimeter: rows are layers, columns cells across, values
GeV.

The parametrisation for homogeneous media of Grindhammer and Peters, with y = E / E_c:

    depth    dE = E Gamma(t; alpha, beta) dt in radiation lengths; ln T, ln alpha correlated normals,
             T = (alpha - 1) / beta, E ln T = ln(ln y - .812),
             E ln alpha = ln(.81 + (.458 + 2.26 / Z) ln y)                            (appendix A.1.1, 2)
    across   f(r) = p 2 r Rc^2 / (r^2 + Rc^2)^2 + (1 - p) 2 r Rt^2 / (r^2 + Rt^2)^2
             in Moliere radii, p, Rc, Rt of t / T                                     (appendix A.1.3)

Energy is deposited in spots, Poisson in number and gamma distributed in energy: the sampling fluctuations. What leaves
the block is lost, and cells below the noise cut are read out as 0. It is a parametrisation, not a transport of
particles. The constants are also those of Geant4's GFlash for homogeneous media, except k4, which is .0412 there and
.0421 here.

Reference:
    Grindhammer and Peters, hep-ex/0001020 ("GFlash").
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from core.types import Array, Source

TRAINED = (10.0, 25.0, 40.0, 55.0, 70.0, 85.0, 100.0)
"""The finite set of energies, GeV, used in training."""
HELD_OUT_ENERGIES = tuple((a + b) / 2 for a, b in pairwise(TRAINED))
"""Energies half way between them, at which the interpolation is tested."""
CALIBRATION, CALIBRATION_SEED = 32, 700_000_000


@dataclass(frozen=True)
class Showers(Source):
    """Data source with one shower per seed, at energies chosen by the seed or prescribed.

    Attributes:
        energies: energies in GeV from which the seed chooses.
        critical: critical energy in GeV; that of lead by default.
        charge: atomic number; that of lead by default.
        spots: spots per GeV.
        shape_of_spots: shape parameter of the gamma distribution of their energies.
        layer: depth of a cell in radiation lengths.
        cell: width of a cell in Moliere radii; the impact point is uniform over the middle cell.
        cut: noise cut in GeV.
    """

    energies: tuple[float, ...] = TRAINED
    critical: float = 0.0074
    charge: float = 82.0
    spots: float = 10.0
    shape_of_spots: float = 4.0
    layer: float = 1.0
    cell: float = 0.25
    cut: float = 0.05

    def draw(self, seeds: Sequence[int], shape: tuple[int, int]) -> Array:
        """See `core.types.Source`: float32 GeV (n, layers, cells)."""
        return self.at(self.known_conditions(seeds)["energy"], seeds, shape)

    def known_conditions(self, seeds: Sequence[int]) -> dict[str, Array]:
        """The incident energy (n,) of every shower, which cannot be measured exactly on the image."""
        chosen = [int(np.random.default_rng([int(s), 1]).integers(len(self.energies))) for s in seeds]
        return {"energy": np.asarray(self.energies, np.float32)[chosen]}

    def identity(self) -> dict[str, Any]:
        """See `core.types.Source`."""
        return {"name": "showers", **{k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}}

    def at(self, energies: Array, seeds: Sequence[int], shape: tuple[int, int]) -> Array:
        """Showers of incident energies (n,) in GeV; float32 (n, layers, cells).

        Raises:
            ValueError: an energy is not finite or below 1 GeV.
        """
        requested = np.asarray(energies, np.float64)
        valid = np.isfinite(requested) & (requested >= 1)
        if not valid.all():
            raise ValueError(f"Showers need finite energies of at least 1 GeV; got {requested[~valid][0]:g}.")
        return np.stack([self._one(float(e), int(s), shape) for e, s in zip(energies, seeds, strict=True)])

    def profile(self, energy: float, rng: np.random.Generator | None = None) -> tuple[float, float]:
        """(alpha, beta) of the depth profile: of the average shower, or fluctuating where `rng` is given."""
        y = math.log(energy / self.critical)
        a, b = rng.standard_normal(2) if rng else (0.0, 0.0)
        rho = 0.705 - 0.023 * y
        b = rho * a + math.sqrt(1 - rho**2) * b
        deepest = math.exp(math.log(y - 0.812) + a / (-1.4 + 1.26 * y))
        alpha = math.exp(math.log(0.81 + (0.458 + 2.26 / self.charge) * y) + b / (-0.58 + 0.86 * y))
        return max(alpha, 1.1), (max(alpha, 1.1) - 1) / deepest

    def _one(self, energy: float, seed: int, shape: tuple[int, int]) -> Array:
        """One shower (layers, cells): the energies of its spots summed over cells, 0 below the cut."""
        rng = np.random.default_rng([seed, 0])
        alpha, beta = self.profile(energy, rng)
        n = rng.poisson(self.spots * energy)
        depth = rng.gamma(alpha, 1 / beta, n)
        across = self._radius(depth * beta / (alpha - 1), energy, rng) * np.cos(rng.uniform(0, 2 * math.pi, n))
        deposit = rng.gamma(self.shape_of_spots, 1 / (self.shape_of_spots * self.spots), n)
        columns = across / self.cell + shape[1] / 2 + rng.uniform(-0.5, 0.5)
        edges = (np.arange(shape[0] + 1), np.arange(shape[1] + 1))
        cells = np.histogram2d(depth / self.layer, columns, edges, weights=deposit)[0]
        return np.where(cells >= self.cut, cells, 0).astype(np.float32)

    def _radius(self, tau: Array, energy: float, rng: np.random.Generator) -> Array:
        """Distances from the axis (n,) in Moliere radii of spots at depths `tau` = t / T; beyond 4 T as at 4 T."""
        tau, z, log = np.minimum(tau, 4.0), self.charge, math.log(energy)
        core = 0.0251 + 0.00319 * log + (0.1162 - 0.000381 * z) * tau
        tail = (0.659 - 0.00309 * z) * (np.exp(-2.59 * (tau - 0.645)) + np.exp((0.3585 + 0.0421 * log) * (tau - 0.645)))
        arm = (0.401 + 0.00187 * z - tau) / (1.313 - 0.0686 * log)
        share = np.clip((2.632 - 0.00094 * z) * np.exp(arm - np.exp(arm)), 0, 1)
        u = rng.random(len(tau))
        return np.where(rng.random(len(tau)) < share, core, tail) * np.sqrt(u / (1 - u))


@lru_cache(maxsize=8)
def response(showers: Showers, shape: tuple[int, int]) -> float:
    """Visible share of the incident energy: the least-squares slope through 0 over the training energies, as in a test
    beam.
    """
    energies = np.repeat(showers.energies, CALIBRATION)
    visible = showers.at(energies, range(CALIBRATION_SEED, CALIBRATION_SEED + len(energies)), shape).sum(
        (1, 2), dtype=np.float64
    )
    return float((visible * energies).sum() / (energies**2).sum())


def simulate(conditions: Mapping[str, Array], n: int, seed: int, shape: tuple[int, int], showers: Showers) -> Array:
    """n showers at the energies `conditions["energy"]`, (n,) or one for all, with seeds from `seed` on."""
    energies = np.broadcast_to(np.asarray(conditions["energy"], np.float64).reshape(-1), (n,))
    return showers.at(energies, range(seed, seed + n), shape)
