"""The linear game of the InvNet paper (section 4, appendix A), solved: equilibria, iteration matrices, spectra, orbits.

x ~ N(v, I), G(z) = z + theta, D(x) = <psi, x>; the motif m lies on the coordinates Omega, P projects on them. In
expectation

    min_theta max_psi  <psi, S (v - theta)> + mu |P theta - m|^2
    S = I: standard critic (eq. 9); S = I - P: projected (eq. 10)

Coordinates do not mix, so two blocks of one coordinate each are sufficient: free (mu = 0) and motif. The state of a
block is (theta, psi) where the critic sees the coordinate, theta alone where it does not (psi is constant there). As a
deviation from the Nash equilibrium it obeys z' = -A z in continuous time. Schemes are as in `core.training.schemes`:
alternating is Algorithm 1 with the players critic, generator, projection in turn, one turn each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.types import Array

SCHEMES = ("simultaneous", "alternating", "extragradient", "optimistic")
CRITICS = ("standard", "projected")
TINY = 1e-280


@dataclass(frozen=True)
class Setting:
    """A linear game.

    Attributes:
        v: mean of the data (d,).
        m: motif (d,).
        motif: booleans (d,), the coordinates of the motif.
        mu: weight, a number or one per coordinate.
        critic: `standard` or `projected`.

    Raises:
        ValueError: shapes differ, numbers are not finite, mu is negative, or the critic is unknown.
    """

    v: Array
    m: Array
    motif: Array
    mu: float | Array
    critic: str = "standard"

    def __post_init__(self) -> None:
        """Checks the attributes."""
        shapes = {np.shape(a) for a in (self.v, self.m, self.motif)}
        if len(shapes) != 1 or len(shapes.pop()) != 1 or np.shape(self.mu) not in ((), np.shape(self.v)):
            raise ValueError("v, m and motif must be vectors of one length, mu a number or such a vector.")
        if not all(np.isfinite(a).all() for a in (self.v, self.m, self.mu)) or np.min(self.mu) < 0:
            raise ValueError(f"v, m and mu must be finite and mu not negative; mu is {self.mu}.")
        if self.critic not in CRITICS:
            raise ValueError(f"The critic is one of {', '.join(CRITICS)}; got {self.critic!r}.")

    @property
    def weight(self) -> Array:
        """mu on the motif, 0 elsewhere (d,)."""
        return np.where(self.motif, self.mu, 0.0)

    @property
    def seen(self) -> Array:
        """Coordinates that the critic sees: the diagonal of S, as booleans (d,)."""
        return (
            np.ones_like(self.motif, dtype=bool) if self.critic == "standard" else ~np.asarray(self.motif, dtype=bool)
        )


def nash(setting: Setting) -> tuple[Array, Array]:
    """(theta*, psi*): v and 2 mu (P v - m) for the standard critic, (I - P) v + m and 0 for the projected one.

    With the projected critic, psi on the motif enters no loss: any value is an equilibrium, and 0 is returned. Where mu
    = 0, any theta is an equilibrium there too.
    """
    theta = np.where(setting.seen, setting.v, setting.m)
    return theta, np.where(setting.seen, 2 * setting.weight * (setting.v - setting.m), 0.0)


def field(mu: float, seen: bool = True) -> Array:
    """A of one coordinate: [[2 mu, -1], [1, 0]] where the critic sees it, [[2 mu]] where it does not."""
    return np.array([[2 * mu, -1.0], [1.0, 0.0]]) if seen else np.array([[2 * mu]])


def iteration(scheme: str, eta: float, mu: float, seen: bool = True) -> Array:
    """The matrix of one step at one coordinate: of z_t, for the optimistic scheme of (z_t, z_{t-1}).

        simultaneous    I - eta A
        alternating     (projection) (generator) (critic), an elementary matrix each
        extragradient   I - eta A + eta^2 A^2                             (eq. 11)
        optimistic      [[I - 2 eta A, eta A], [I, 0]]                    (Daskalakis et al. 2018)

    Args:
        scheme: name of the scheme.
        eta: learning rate.
        mu: weight of the motif, 0 on a free coordinate.
        seen: whether the critic sees the coordinate.

    Raises:
        ValueError: the scheme is unknown.
    """
    a = field(mu, seen)
    one = np.eye(len(a))
    if scheme == "simultaneous":
        return one - eta * a
    if scheme == "extragradient":
        return one - eta * a + eta**2 * a @ a
    if scheme == "optimistic":
        return np.block([[one - 2 * eta * a, eta * a], [one, np.zeros_like(a)]])
    if scheme != "alternating":
        raise ValueError(f"The scheme is one of {', '.join(SCHEMES)}; got {scheme!r}.")
    critic, generator, projection = np.eye(2), np.eye(2), np.diag([1 - 2 * eta * mu, 1.0])
    critic[1, 0], generator[0, 1] = -eta, eta
    return projection @ generator @ critic if seen else projection[:1, :1]


def eigenvalues(scheme: str, eta: ArrayLike, mu: ArrayLike, seen: bool = True) -> Array:
    """Eigenvalues of `iteration` in closed form, complex (..., k); eta and mu may be arrays.

    A has a = mu +- sqrt(mu^2 - 1) (unseen: 2 mu). The eigenvalues are 1 - eta a for simultaneous, 1 - eta a + eta^2 a^2
    for extragradient, the roots of r^2 - (1 - 2 eta a) r - eta a for optimistic, and those of r^2 - (1 + k (1 - eta^2))
    r + k with k = 1 - 2 eta mu (unseen: k) for alternating steps.
    """
    eta, mu = (np.asarray(x, dtype=float)[..., None] for x in np.broadcast_arrays(eta, mu))
    root = np.sqrt(mu.astype(complex) ** 2 - 1)
    a = np.concatenate([mu + root, mu - root], -1) if seen else 2 * mu + 0j
    if scheme == "simultaneous":
        return 1 - eta * a
    if scheme == "extragradient":
        return 1 - eta * a + (eta * a) ** 2
    if scheme == "optimistic":
        return _roots(1 - 2 * eta * a, -eta * a)
    k = 1 - 2 * eta * mu + 0j
    return _roots(1 + k * (1 - eta**2), k) if seen else k


def _roots(trace: Array, product: Array) -> Array:
    """The roots of r^2 - trace r + product; the smaller one by Vieta's formula, without cancellation."""
    root = np.sqrt(trace**2 - 4 * product)
    large = np.where((trace.conj() * root).real >= 0, trace + root, trace - root) / 2
    small = np.divide(product, large, out=np.zeros_like(large), where=large != 0)
    return np.concatenate([large, small], -1)


def radius(scheme: str, eta: ArrayLike, mu: ArrayLike, seen: bool = True) -> Array:
    """Spectral radius of one step: the factor per step by which the distance from rest grows in the long run.

    Free coordinates: simultaneous sqrt(1 + eta^2); alternating 1 up to eta = 2; extragradient sqrt(1 - eta^2 + eta^4);
    optimistic sqrt((1 + sqrt(1 - 4 eta^2)) / 2) up to eta = 1/2, and below 1 up to 1 / sqrt(3). On a motif that the
    standard critic sees, simultaneous steps contract for eta < 2 mu and 4 eta mu < 4 + eta^2.
    """
    return np.abs(eigenvalues(scheme, eta, mu, seen)).max(-1)


def singular_values(scheme: str, eta: float, mu: float, seen: bool = True) -> Array:
    """Singular values of `iteration`, largest first: the quantities that the paper's proofs of A.1 and A.2 bound.

    Of simultaneous steps: sqrt(1 + eta^2), twice, on a free coordinate. On a motif that the critic sees, (s1^2 -
    1)(s2^2 - 1) = eta^3 (eta - 4 mu), so one is below 1 for every 0 < eta < 4 mu.
    """
    return np.linalg.svd(iteration(scheme, eta, mu, seen), compute_uv=False)


def shift(scheme: str, eta: float, mu: float, seen: bool = True) -> float:
    """Relative distance of the rest point of psi from its Nash value psi*.

    0 except for alternating steps on a motif that the critic sees. There the generator's step eta psi and the
    projection's must cancel, which they do at psi* / (1 - 2 eta mu); infinite where that divides by zero: then psi
    drifts for ever.
    """
    k = 1 - 2 * eta * mu
    if scheme != "alternating" or not seen:
        return 0.0
    return (1 - k) / k if abs(k) > 1e-12 else float("inf")


def orbit(scheme: str, eta: float, mu: float, start: Array, star: Array, steps: int, seen: bool = True) -> Array:
    """Deviations from the Nash equilibrium of coordinates of one block, by powers of the matrix.

    Args:
        scheme: name of the scheme.
        eta: learning rate.
        mu: weight of the motif.
        start: deviations (n, d) at the start, n = 2 (theta, psi) where the critic sees the coordinates, else 1.
        star: psi* (d,).
        steps: number of steps.
        seen: whether the critic sees the coordinates.

    Returns:
        Deviations (steps + 1, n, d); numbers may leave the floating range.
    """
    matrix = iteration(scheme, eta, mu, seen)
    n, size = len(start), len(matrix)
    whole = np.eye(size + 1)
    whole[:size, :size] = matrix
    if scheme == "alternating" and seen:
        whole[0, size] = -2 * eta**2 * mu  # per unit of psi*: see `shift`
    state = np.concatenate([np.tile(start, (size // n, 1)), star[None]])[None]
    with np.errstate(over="ignore", invalid="ignore"):
        while len(state) <= steps:
            state = np.concatenate([state, whole @ state])
            whole = whole @ whole
    return state[: steps + 1, :n]


def growth(distances: Array) -> float:
    """Measured growth per step of a series of distances.

    exp b of the fit log d = a + b t + c log(t + 1), c for double eigenvalues, over the last nine tenths of what lies
    within 1e-280 .. 1e280. 0 where the distance stays exactly 0 after a few steps, nan for fewer than five numbers.
    """
    inside = np.isfinite(distances) & (distances > TINY) & (distances < 1 / TINY)
    at = np.flatnonzero(inside)
    if len(at) and (over := np.flatnonzero(~(distances < 1 / TINY))).size:
        at = at[at < over[0]]
    if len(at) < 5:
        return 0.0 if len(distances) > 5 and not distances[5:].any() else float("nan")
    at = at[at >= at[-1] // 10]
    terms = np.stack([np.ones(len(at)), at, np.log(at + 1)], 1)
    return float(np.exp(np.linalg.lstsq(terms, np.log(distances[at]), rcond=None)[0][1]))
