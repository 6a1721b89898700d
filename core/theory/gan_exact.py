"""Densities on a line, and the theory of a GAN between the data p and the generator's q: optimal critics and values.

    V(D) = E_p log D + E_q log(1 - D)   D* = p / (p + q)          V(D*) = -log 4 + 2 JSD(p, q)
    relativistic pairs                  C* = log p / q + any      -log 4 + 2 JSD(p x q, q x p)
    Wasserstein, |slope| <= 1           f*' = sign(Fq - Fp)       W1 = integral |Fp - Fq|

p and q are probabilities of the cells between `EDGES` with one more below and one above (`CELLS`,): p from its closed
form, q from the generator's map, linear between `POINTS` latents of equal probability. There are no samples, hence no
noise.

Reference:
    Goodfellow et al. (2014); Jolicoeur-Martineau (2019); Kantorovich duality.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_expit, ndtr, ndtri, xlogy

from core.types import Array

EDGES = np.linspace(-14.0, 14.0, 561)
CENTRES = (EDGES[1:] + EDGES[:-1]) / 2
CELLS = len(EDGES) + 1
POINTS = 1024
LATENTS = ndtri((np.arange(POINTS) + 0.5) / POINTS)
"""Latents z ~ N(0, 1) of equal probability."""
MODES = {"normal": 1, "two": 2, "eight": 8, "uniform": 1}
"""Number of bumps of each density."""
THIN = 1e-4
"""Least width of a piece of a pushed density: a point mass is spread over this length."""
COVERED = 0.25
"""Share of a mode's probability that q must have there for the mode to count as covered."""


@dataclass(frozen=True)
class Density:
    """A density on the line: `normal`, `two` or `eight` equal normals, or `uniform`.

    Attributes:
        name: name of the density.
        centre: centre of all bumps.
        width: standard deviation of one bump.
        gap: distance between neighbouring bumps.

    Raises:
        ValueError: another name, numbers that are not finite, a width that is not positive, or bumps beyond the line.
    """

    name: str = "two"
    centre: float = 0.0
    width: float = 0.5
    gap: float = 3.0

    def __post_init__(self) -> None:
        """Checks the attributes."""
        if self.name not in MODES:
            raise ValueError(f"The density is one of {', '.join(MODES)}; got {self.name!r}.")
        if not np.isfinite([self.centre, self.width, self.gap]).all() or self.width <= 0:
            raise ValueError(f"Centre, width and gap must be finite and the width positive; got {self}.")
        reach = float(np.abs(self.means).max()) + 2 * self.width
        if reach > EDGES[-1]:
            raise ValueError(
                f"The bumps extend to {reach:.3g}, beyond {EDGES[-1]:g}: make the gap smaller or move the centre."
            )

    @property
    def means(self) -> Array:
        """Centres of the bumps (k,)."""
        k = MODES[self.name]
        return self.centre + self.gap * (np.arange(k) - (k - 1) / 2)

    def cdf(self, x: Array) -> Array:
        """Probability below x, in the shape of x."""
        if self.name == "uniform":
            return np.clip(0.5 + (x - self.centre) / (12**0.5 * self.width), 0, 1)
        return ndtr((np.asarray(x)[..., None] - self.means) / self.width).mean(-1)

    @property
    def cells(self) -> Array:
        """Probabilities of the cells (CELLS,)."""
        return masses(self.cdf(EDGES))

    @property
    def points(self) -> Array:
        """`POINTS` values of equal probability."""
        return self.sample((np.arange(POINTS) + 0.5) / POINTS)

    def sample(self, uniforms: Array) -> Array:
        """Values for uniform numbers in 0..1: the leading part chooses the bump, the remainder the place in it."""
        if self.name == "uniform":
            return self.centre + 12**0.5 * self.width * (uniforms - 0.5)
        bump, within = np.divmod(np.asarray(uniforms) * MODES[self.name], 1.0)
        return self.means[bump.astype(int)] + self.width * ndtri(within.clip(1e-9, 1 - 1e-9))


def masses(cdf: Array) -> Array:
    """Probabilities of the cells from the distribution function at the edges."""
    return np.diff(cdf, prepend=0.0, append=1.0)


def pushed_cdf(points: Array) -> Array:
    """Distribution function at `EDGES` of a map that is linear between its values at latents of equal probability.

    It is the mean over the pieces of clip((x - low) / width, 0, 1), computed as a difference of two sums of ramps; no
    piece is narrower than `THIN`.

    Args:
        points: values of the map (POINTS,).
    """
    low = np.minimum(points[1:], points[:-1])
    width = np.maximum(np.abs(np.diff(points)), THIN)
    ramps = _ramps(low, 1 / width) - _ramps(low + width, 1 / width)
    return np.maximum.accumulate((ramps / len(low)).clip(0, 1))


def _ramps(start: Array, slope: Array) -> Array:
    """Sum of slope max(x - start, 0) at `EDGES`."""
    order = np.argsort(start)
    sums = (np.concatenate([[0.0], np.cumsum(a[order])]) for a in (slope, slope * start))
    slopes, starts = (a[np.searchsorted(start[order], EDGES)] for a in sums)
    return EDGES * slopes - starts


def jensen_shannon(p: Array, q: Array) -> float:
    """Jensen-Shannon divergence of two arrays of probabilities, in nats: 0 .. log 2."""
    middle = np.maximum((p + q) / 2, np.finfo(float).tiny)
    return float(sum(xlogy(a, a / middle).sum() for a in (p, q)) / 2)


def log_ratio(p: Array, q: Array) -> Array:
    """log p / q per cell; +-inf where one of them is 0, nan where both are."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(p) - np.log(q)


def potential(p: Array, q: Array) -> Array:
    """Kantorovich potential f* at `EDGES`, 0 in the middle: slope sign(Fq - Fp), which is 1 where q lies to the left of
    p.

    It is constant where they differ by less than half of the probability of one of `POINTS` values.
    """
    gap = np.cumsum(q - p)[:-1]
    slope = np.sign(np.where(np.abs(gap) < 0.5 / POINTS, 0.0, gap))
    f = np.concatenate([[0.0], np.cumsum((slope[1:] + slope[:-1]) / 2 * np.diff(EDGES))])
    return f - f[len(f) // 2]


def wasserstein(p: Array, q: Array) -> float:
    """W1 = integral over the edges of |Fp - Fq|."""
    gap = np.abs(np.cumsum(q - p)[:-1])
    return float((gap[1:] + gap[:-1]) @ np.diff(EDGES) / 2)


def covered_modes(density: Density, q: Array) -> int:
    """Number of modes that q covers.

    A mode is covered if q has, within two standard deviations of its mean, at least `COVERED` of the probability of p
    there.
    """
    below = np.cumsum(q)[:-1]
    ends = density.means - 2 * density.width, density.means + 2 * density.width
    mass = np.interp(ends[1], EDGES, below) - np.interp(ends[0], EDGES, below)
    return int((mass >= COVERED * (density.cdf(ends[1]) - density.cdf(ends[0]))).sum())


def cell_of(x: Array) -> Array:
    """Number of the cell that holds x."""
    return np.searchsorted(EDGES, x, side="right")


def classic_value(real: Array, fake: Array) -> float:
    """V from logits at points of p and of q."""
    return float(log_expit(real).mean() + log_expit(-fake).mean())


def paired_value(real: Array, fake: Array) -> float:
    """2 E log s(C(x) - C(y)) from scores at points x of p and y of q, over the pairs of every fourth point."""
    return float(2 * log_expit(real[2::4, None] - fake[None, 2::4]).mean())


def paired_divergence(p: Array, q: Array) -> float:
    """JSD(p x q, q x p), over pairs of adjacent cells."""
    p, q = (np.add.reduceat(a, np.arange(0, CELLS, 2)) for a in (p, q))
    return jensen_shannon(np.outer(p, q), np.outer(q, p))


def logistic(x: Array) -> Array:
    """1 / (1 + exp(-x))."""
    return expit(x)


def optimal(loss: str, p: Array, q: Array) -> Array:
    """The optimal critic per cell: the potential for Wasserstein, else log p / q, whose logistic function is D*."""
    if loss != "wgan_gp":
        return log_ratio(p, q)
    f = potential(p, q)
    return np.concatenate([f[:1], (f[1:] + f[:-1]) / 2, f[-1:]])


def shift(loss: str, p: Array, q: Array, x: Array, scores: Array) -> float:
    """Constant by which a relativistic or Wasserstein critic differs from the optimal one; its loss does not depend on
    it.

    It is the mean difference at x (log p / q within -10 .. 10), and 0 for the other losses.
    """
    if loss not in ("relativistic", "wgan_gp"):
        return 0.0
    best = optimal(loss, p, q)[cell_of(x)]
    return float((scores - (best if loss == "wgan_gp" else best.clip(-10, 10))).mean())


def values(
    loss: str, p: Array, q: Array, at: tuple[Array, Array], scores: tuple[Array, Array]
) -> tuple[float, float, float]:
    """The game's value at the learnt critic and at the optimal one, and the theoretical value of the latter.

    The value is V for the classic losses (theory: -log 4 + 2 JSD), the value over pairs for the relativistic loss, and
    E_p f - E_q f for Wasserstein (theory: W1).

    Args:
        loss: name of the loss.
        p, q: probabilities of the cells.
        at: points of p and of q.
        scores: scores of the learnt critic at these points.
    """
    value = {"wgan_gp": lambda a, b: float(a.mean() - b.mean()), "relativistic": paired_value}.get(loss, classic_value)
    best = optimal(loss, p, q)
    if loss == "wgan_gp":
        identity = wasserstein(p, q)
    else:
        identity = -np.log(4) + 2 * (paired_divergence(p, q) if loss == "relativistic" else jensen_shannon(p, q))
    return value(*scores), value(*(best[cell_of(x)] for x in at)), float(identity)
