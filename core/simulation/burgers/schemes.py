"""Numerical schemes for Burgers' equation on the periodic unit interval: first and second order, explicit and implicit.

    u_t + (u^2 / 2)_x = nu u_xx

Unknowns are cell averages, float64; results have shape (len(times), cells), the first row being the initial condition.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import lapack

from core.simulation.burgers.initial import Initial, Reals

FACE = np.array([1, -8, 37, 37, -8, 1]) / 60
"""Sixth-order value at the face between cells 0 and 1 from the averages of cells -2 .. 3."""
GRADIENT = np.array([-2, 25, -245, 245, -25, 2]) / 180
"""Sixth-order derivative at that face, times the cell width."""
_BAND = 6  # half bandwidth of the cyclic heptadiagonal matrix once the ring is folded


def checked_viscosity(viscosity: float) -> float:
    """The viscosity as a float.

    Raises:
        ValueError: it is not a finite number above 0.
    """
    if not (math.isfinite(viscosity) and viscosity > 0):
        raise ValueError(
            f"viscosity must be a finite number above 0; got {viscosity}. "
            "For the inviscid equation use lax_oleinik, muscl or godunov."
        )
    return float(viscosity)


def checked_levels(times: ArrayLike, cells: int, increasing: bool = True) -> Reals:
    """Times as a float64 array.

    Raises:
        ValueError: times are not finite, negative or (with `increasing`) do not increase from 0; or fewer than 2 cells.
    """
    at = np.asarray(times, dtype=np.float64)
    if at.ndim != 1 or not len(at) or not np.isfinite(at).all() or at.min() < 0:
        raise ValueError(f"times must be a row of finite numbers, none negative; got {times!r}.")
    if increasing and (at[0] != 0 or (np.diff(at) <= 0).any()):
        raise ValueError(f"times must begin with 0 and increase; got {times!r}.")
    if cells < 2:
        raise ValueError(f"There must be at least 2 cells; got {cells}.")
    return at


def checked_cells(values: ArrayLike, name: str, shape: tuple[int, ...]) -> Reals:
    """Values as a float64 array of `shape`, where -1 stands for 7 cells or more.

    Raises:
        ValueError: the values are not finite or have another shape.
    """
    array = np.asarray(values, dtype=np.float64)
    fits = array.ndim == len(shape) and all(
        a == s or (s == -1 and a >= 7) for a, s in zip(array.shape, shape, strict=True)
    )
    if not fits or not np.isfinite(array).all():
        allowed = tuple("7 or more" if s == -1 else s for s in shape)
        raise ValueError(
            f"{name} must be finite numbers of shape {allowed}; got shape {array.shape}, values {array!r}."
        )
    return array


def heat(cells: ArrayLike, viscosity: float, times: ArrayLike) -> Reals:
    """Solution of the linear part alone, u_t = nu u_xx; each mode decays as exp(-nu k^2 t).

    Args:
        cells: initial cell averages (n,).
        viscosity: viscosity above 0.
        times: levels, none negative.

    Returns:
        Cell averages (len(times), n).
    """
    start = checked_cells(cells, "cells", (-1,))
    at = checked_levels(times, len(start), increasing=False)
    k = 2 * math.pi * np.arange(len(start) // 2 + 1)
    damped = np.fft.irfft(np.fft.rfft(start) * np.exp(-checked_viscosity(viscosity) * k**2 * at[:, None]), n=len(start))
    return np.where(at[:, None] == 0, start, damped)


def _advance(
    start: Reals, times: Reals, largest: Callable[[Reals], float], step: Callable[[Reals, float], Reals]
) -> Reals:
    """Takes equal steps no longer than `largest(u)` from level to level; (len(times), n)."""
    out = np.empty((len(times), len(start)))
    out[0] = start
    for n, (before, after) in enumerate(pairwise(times)):
        u = out[n]
        count = max(1, math.ceil((after - before) / largest(u)))
        for _ in range(count):
            u = step(u, (after - before) / count)
        out[n + 1] = u
    return out


def _upwind(left: Reals, right: Reals) -> Reals:
    """Engquist-Osher flux of u^2 / 2 at faces: max(left, 0)^2 / 2 + min(right, 0)^2 / 2."""
    return 0.5 * (np.maximum(left, 0) ** 2 + np.minimum(right, 0) ** 2)


def _godunov_flux(left: Reals, right: Reals) -> Reals:
    """Flux of the exact Riemann solution: the larger of max(left, 0)^2 / 2 and min(right, 0)^2 / 2."""
    return 0.5 * np.maximum(np.maximum(left, 0) ** 2, np.minimum(right, 0) ** 2)


def godunov(initial: Initial, times: ArrayLike, cells: int, courant: float = 0.9) -> Reals:
    """First order, inviscid: the flux at a face is that of the Riemann problem of its two cells.

    Steps keep max |u| dt / dx <= `courant`, which no step increases: the scheme obeys a maximum principle.

    Reference:
        Godunov (1959).
    """
    at = checked_levels(times, cells)

    def step(u: Reals, dt: float) -> Reals:
        flux = _godunov_flux(u, np.roll(u, -1))
        return u - dt * cells * (flux - np.roll(flux, 1))

    return _advance(initial.cells(cells), at, lambda u: courant / (cells * max(1e-12, float(np.abs(u).max()))), step)


def muscl(initial: Initial, times: ArrayLike, cells: int, courant: float = 0.45, comoving: bool = False) -> Reals:
    """Second order, inviscid, total variation diminishing: the converged finite-volume baseline.

    Linear reconstruction with the monotonised-central limiter, Engquist-Osher flux, strong-stability-preserving
    Runge-Kutta of order 2. Steps keep max |u| dt / dx <= `courant` <= 1/2. `comoving` solves in the frame of the mean
    m, where shocks travel and smear least, and returns u(x + m t, t).

    Reference:
        van Leer (1977); Engquist and Osher (1981); Shu and Osher (1988).
    """
    at = checked_levels(times, cells)
    start = initial.cells(cells)
    mean = start.mean() if comoving else 0.0

    def rate(u: Reals) -> Reals:
        forward = np.roll(u, -1) - u
        backward = np.roll(forward, 1)
        steepest = 2 * np.minimum(np.abs(forward), np.abs(backward))
        slope = np.sign(forward) * np.minimum(steepest, np.abs(forward + backward) / 2) * (forward * backward > 0)
        flux = _upwind(u + slope / 2, np.roll(u - slope / 2, -1))
        return -cells * (flux - np.roll(flux, 1))

    def step(u: Reals, dt: float) -> Reals:
        once = u + dt * rate(u)
        return (u + once + dt * rate(once)) / 2

    return mean + _advance(start - mean, at, lambda u: courant / (cells * max(1e-12, float(np.abs(u).max()))), step)


def explicit_euler(
    initial: Initial,
    viscosity: float,
    times: ArrayLike,
    cells: int = 64,
    padding: Literal["periodic", "replicate"] = "periodic",
) -> Reals:
    """The baseline of the paper: explicit Euler in time, central differences in space, not conservative.

        u_i += dt (-u_i (u_{i+1} - u_{i-1}) / (2 dx) + nu (u_{i+1} - 2 u_i + u_{i-1}) / dx^2)

    Takes as few equal steps per level as nu dt / dx^2 <= 0.45 and dt / dx <= 1 allow.

    Args:
        initial: initial condition.
        viscosity: viscosity above 0.
        times: levels that increase from 0.
        cells: number of cells.
        padding: `replicate` repeats the end cells ("replicating the boundaries"), which is a different problem than the
            periodic one.

    Returns:
        Cell averages (len(times), cells).

    Reference:
        InvNet (2019), section on Burgers' equation.
    """
    nu, at = checked_viscosity(viscosity), checked_levels(times, cells)
    if padding not in ("periodic", "replicate"):
        raise ValueError(f"padding must be 'periodic' or 'replicate'; got {padding!r}.")
    mode: Literal["wrap", "edge"] = "wrap" if padding == "periodic" else "edge"

    def step(u: Reals, dt: float) -> Reals:
        around = np.pad(u, 1, mode=mode)
        left, right = around[:-2], around[2:]
        return u - dt * cells * u * (right - left) / 2 + dt * nu * cells**2 * (left - 2 * u + right)

    return _advance(initial.cells(cells), at, lambda u: min(0.45 / (nu * cells**2), 1.0 / cells), step)


# --- the implicit baseline -------------------------------------------------------------------------------------------


def implicitness(count: int) -> Reals:
    """Weight of the new level in each of `count` steps: 1 (backward Euler) in the first, then 1/2 (Crank-Nicolson)."""
    return np.where(np.arange(count) < 1, 1.0, 0.5)


@lru_cache(maxsize=16)
def _fold(n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Order 0, n-1, 1, n-2, ... that turns a ring into a band, and the place of the entries in LAPACK's band.

    Neighbours at distance d on the ring are at most 2 d apart in this order, so the wrap needs no correction.

    Returns:
        The order (n,), and the positions (7, n) of the entries (i, i + k), k = -3 .. 3.
    """
    order = np.empty(n, dtype=np.int64)
    order[::2], order[1::2] = np.arange((n + 1) // 2), np.arange(n - 1, (n - 1) // 2, -1)
    place = np.argsort(order)
    column = place[(np.arange(n) + np.arange(-3, 4)[:, None]) % n]
    return order, (2 * _BAND + place - column) + column * (3 * _BAND + 1)


def _combine(weights: Reals, u: Reals) -> Reals:
    """Values at the right face of each cell: sum_k weights[k] u[i - 2 + k], k = 0 .. 5, periodic, from averages
    (..., n).
    """
    n = u.shape[-1]
    around = np.concatenate([u[..., -2:], u, u[..., :3]], axis=-1)
    out = weights[0] * around[..., :n]
    for k in range(1, 6):
        out += weights[k] * around[..., k : k + n]
    return out


def _rate(u: Reals, nu: float) -> tuple[Reals, Reals]:
    """f(u) = -(u_face^2 / 2 - nu u_x)_x (..., n) and the entries (i, i + k), k = -3 .. 3, of its Jacobian (7, ...,
    n).
    """
    n = u.shape[-1]
    face = _combine(FACE, u)
    flux = face**2 / 2 - nu * n * _combine(GRADIENT, u)
    before = np.roll(face, 1, -1)
    entries = np.empty((7, *u.shape))
    for k in range(7):  # weight of cell i + k - 3 at the right face of cell i, minus that at the left face
        right, left = (FACE[k - 1], GRADIENT[k - 1]) if k else (0, 0), (FACE[k], GRADIENT[k]) if k < 6 else (0, 0)
        entries[k] = -n * (right[0] * face - left[0] * before - nu * n * (right[1] - left[1]))
    return -n * (flux - np.roll(flux, 1, -1)), entries


def _solve(entries: Reals, right: Reals) -> Reals:
    """Solution x of sum_k entries[k, i] x[i + k] = right[i] on the ring: folded into a band, LU with pivoting."""
    n = len(right)
    order, position = _fold(n)
    band = np.zeros(n * (3 * _BAND + 1))
    band[position] = entries
    _, _, folded, info = lapack.dgbsv(
        _BAND, _BAND, band.reshape(n, -1).T, right[order], overwrite_ab=True, overwrite_b=True
    )
    if info:
        raise ValueError(
            "The Newton system is singular: the field is too far from a solution. Start from one nearer to it."
        )
    x = np.empty(n)
    x[order] = folded
    return x


def _identity_less(factor: float | Reals, entries: Reals) -> Reals:
    """Entries of 1 - factor J."""
    system = -factor * entries
    system[3] += 1
    return system


def march(cells: ArrayLike, viscosity: float, times: ArrayLike, iterations: int = 3) -> Reals:
    """The implicit baseline: conservative finite volumes, sixth-order faces, Newton iterations on each level.

        (u_{n+1} - u_n) / dt = w f(u_{n+1}) + (1 - w) f(u_n)
        f(u)_i = -(F_{i+1/2} - F_{i-1/2}) / dx,   F = u^2 / 2 - nu u_x

    w = 1 in the first step, then 1/2: order 2 in dt, 6 in dx where the solution is resolved. It works in any frame:
    march(cells - mean) + mean is the co-moving solution, with smaller errors.

    Args:
        cells: initial cell averages (n,), 7 or more.
        viscosity: viscosity above 0.
        times: levels that increase from 0.
        iterations: Newton iterations per level.

    Returns:
        Cell averages (len(times), n).

    Raises:
        ValueError: cells that are not finite or too few, a viscosity not above 0, or times that do not increase from 0.
    """
    start, nu = checked_cells(cells, "cells", (-1,)), checked_viscosity(viscosity)
    at = checked_levels(times, len(start))
    out = np.empty((len(at), len(start)))
    out[0] = start
    rate, entries = _rate(start, nu)
    for n, (dt, w) in enumerate(zip(np.diff(at), implicitness(len(at) - 1), strict=True)):
        explicit, u = out[n] + (1 - w) * dt * rate, out[n].copy()
        for _ in range(iterations):
            u += _solve(_identity_less(w * dt, entries), explicit + w * dt * rate - u)
            rate, entries = _rate(u, nu)
        out[n + 1] = u
    return out


def newton_sweep(field: ArrayLike, viscosity: float, times: ArrayLike) -> Reals:
    """One Newton iteration on all levels of `march` at once.

    The system is block bidiagonal, so forward substitution over the levels solves it: error_after ~ error_before^2. It
    is the projection step at inference, and improves samples outside the trained range.

    Args:
        field: start of the iteration (levels + 1, n); its first row is kept.
        viscosity: viscosity above 0.
        times: levels that increase from 0.

    Returns:
        Field (levels + 1, n) after the iteration.

    Raises:
        ValueError: as `march`, or the system is singular.
    """
    nu, at = checked_viscosity(viscosity), np.asarray(times, dtype=np.float64)
    u = checked_cells(field, "field", (len(at), -1))
    at = checked_levels(at, u.shape[1])
    dt, w = np.diff(at), implicitness(len(at) - 1)
    rate, entries = _rate(u, nu)
    new, old = (w * dt)[:, None], ((1 - w) * dt)[:, None]
    right = u[:-1] - u[1:] + new * rate[1:] + old * rate[:-1]
    systems = _identity_less(new, entries[:, 1:])
    ring = (np.arange(u.shape[1]) + np.arange(-3, 4)[:, None]) % u.shape[1]
    out, change = u.copy(), np.zeros(u.shape[1])
    for n in range(len(dt)):
        inflow = change + old[n] * np.einsum("kn,kn->n", entries[:, n], change[ring])
        change = _solve(systems[:, n], right[n] + inflow)
        out[n + 1] += change
    return out
