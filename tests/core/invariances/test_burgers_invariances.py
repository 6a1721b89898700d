"""Invariances of Burgers' equation against independent schemes, exact solutions, direct solves and finite
differences."""

import numpy as np
import pytest
import torch

from core.invariances.duhamel import Duhamel, accumulate, energy
from core.invariances.entropy import EntropyFiniteVolume, limited, upwind_flux
from core.invariances.finite_volume import FiniteVolume, outflow
from core.invariances.initial_column import InitialColumn
from core.invariances.sobel import Sobel, smoothed_curvature, sobel
from core.simulation import burgers
from core.simulation.burgers import Fourier, RaisedCosine, Steps, cole_hopf_fft, lax_oleinik, levels, march
from core.types import Invariance

SMOOTH = Fourier((0.1, 0.05), (0.2, -0.1), 0.4)
SHORT = (0.0, 0.01, 0.03, 0.06)


def as_fields(*solutions):
    """(T', X) solutions as fields (B, 1, X, T'), float64."""
    return torch.tensor(np.stack(solutions)).transpose(1, 2)[:, None]


def conditions(viscosity, *initials, cells=64):
    return {
        "viscosity": torch.full((len(initials),), viscosity, dtype=torch.float64),
        "initial": torch.tensor(np.stack([i.cells(cells) for i in initials])),
    }


def random_fields(seed=0, cells=12, batch=2, times=SHORT):
    return torch.rand(batch, 1, cells, len(times), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def every(times=SHORT):
    own = [cls(times, comoving) for cls in (FiniteVolume, Duhamel, EntropyFiniteVolume) for comoving in (False, True)]
    return [*own, Sobel(np.linspace(0, times[-1], 5)), InitialColumn()]


@pytest.mark.parametrize("invariance", every(), ids=lambda i: f"{i.name}-{getattr(i, 'comoving', '')}")
def test_each_is_an_invariance_with_one_differentiable_value_per_sample(invariance):
    """Gradients against finite differences in float64; values do not depend on the batch; a map for display with
    them."""
    fields = random_fields(cells=8, times=getattr(invariance, "times", SHORT)).requires_grad_()
    inputs = {
        "viscosity": torch.tensor([0.01, 0.03], dtype=torch.float64),
        "initial": random_fields(1, cells=8)[:, 0, :, 0],
    }
    assert isinstance(invariance, Invariance)
    assert torch.autograd.gradcheck(lambda f: invariance.residual(f, inputs), fields)
    assert torch.autograd.gradcheck(invariance.measure, fields)
    alone = torch.cat(
        [invariance.residual(fields[i : i + 1], {k: v[i : i + 1] for k, v in inputs.items()}) for i in (0, 1)]
    )
    assert torch.allclose(invariance.residual(fields, inputs), alone, rtol=1e-12)
    local = invariance.local(fields, inputs)
    assert local.shape[:2] == (2, 8)
    assert local.square().mean() > 0


def test_duhamel_has_second_derivatives():
    fields = random_fields(cells=6, batch=1).requires_grad_()
    inputs = {"viscosity": torch.tensor([0.02], dtype=torch.float64)}
    assert torch.autograd.gradgradcheck(lambda f: Duhamel(SHORT).residual(f, inputs), fields)


@pytest.mark.parametrize("comoving", [False, True])
@pytest.mark.parametrize(("frequency", "viscosity"), [(2.0, 0.002), (5.5, 0.006), (6.0, 0.03)])
def test_the_discrete_solution_is_a_zero_of_both_forms(frequency, viscosity, comoving):
    """The implicit scheme of the simulations, independent code: rounding remains; one per cent of noise is far off."""
    initial, times = RaisedCosine(frequency), levels(32)
    frame = initial.mean if comoving else 0.0
    solution = march(initial.cells(64) - frame, viscosity, times, iterations=8) + frame
    noise = 0.01 * np.random.default_rng(0).normal(size=solution.shape)
    inputs = conditions(viscosity, initial, initial)
    for invariance, bound in ((FiniteVolume(times, comoving), 1e-20), (Duhamel(times, comoving), 1e-24)):
        zero, off = invariance.residual(as_fields(solution, solution + noise), inputs)
        assert zero < bound
        assert off > 1e-4
        assert invariance.measure(as_fields(solution))[0] == pytest.approx(viscosity, rel=1e-6)


@pytest.mark.parametrize("cls", [FiniteVolume, Duhamel])
def test_the_exact_solution_is_a_zero_of_order_four_in_the_residual(cls):
    """R is of order dt^2 (6 in dx), so its square falls 16-fold per halving of dt: observed order 3.6 or more, in both
    frames."""
    for comoving in (False, True):
        result = []
        for n in (16, 32, 64):
            times, cells = levels(n), 64 if n < 32 else 128
            exact = cole_hopf_fft(SMOOTH, 0.02, times, cells, comoving=comoving)
            result.append(cls(times, comoving).residual(as_fields(exact), conditions(0.02, SMOOTH, cells=cells)).item())
        assert result[-1] < (1e-2 if cls is FiniteVolume else 1e-6)
        assert result[0] > 2**3.0 * result[1] > 2**6.0 * result[2]


def test_a_field_that_grows_with_time_alone_has_residual_one():
    """u = t: R = 1 everywhere, whatever the levels, so its mean square is 1; E = t, a mean of t^2 by the least
    variance."""
    fields = torch.tensor(SHORT, dtype=torch.float64).expand(1, 1, 9, 4)
    inputs = {"viscosity": torch.tensor([0.01])}
    accumulated = sum(t**2 for t in SHORT) / 3 / Duhamel.least_variance
    for comoving in (False, True):
        assert FiniteVolume(SHORT, comoving).residual(fields, inputs).item() == pytest.approx(1)
        assert Duhamel(SHORT, comoving).residual(fields, inputs).item() == pytest.approx(accumulated)
    uniform = np.linspace(0, 0.3, 7)
    assert Sobel(uniform).residual(torch.tensor(uniform).expand(1, 1, 9, 7), inputs).item() == pytest.approx(1)


def test_duhamel_measures_the_error_where_diffusion_rules():
    """With the heat solution of a small wave beside the scheme's: sqrt(loss) is the relative error, within a factor
    1.5."""
    initial, times = Fourier((0.02,), (0.0,), 0.0), levels(32)
    solution = march(initial.cells(64), 0.02, times)
    wrong = burgers.heat(initial.cells(64), 0.02, times)
    error = ((wrong - solution)[1:] ** 2).mean() / initial.cells(64).var()
    flat = Duhamel.least_variance / initial.cells(64).var()
    loss = Duhamel(times).residual(as_fields(wrong), conditions(0.02, initial)).item()
    assert flat < 1
    assert 1 / 1.5**2 < loss / error < 1.5**2


@pytest.mark.parametrize("viscosity", [0.0, 0.01])
@pytest.mark.parametrize("cells", [11, 12])
def test_duhamel_is_a_direct_solve_of_the_lower_triangular_system(cells, viscosity):
    """(S - shift) E = r with S the heat flow of each step as a dense matrix in x, solved at once; co-moving and lab
    frame."""
    fields = random_fields(3, cells, batch=1)
    inputs = {"viscosity": torch.tensor([viscosity], dtype=torch.float64)}
    for comoving in (True, False):
        invariance = Duhamel(SHORT, comoving)
        u = fields[:, 0].transpose(1, 2)
        r = invariance.integrated(u, inputs)[0].numpy()
        mean = 0.0 if comoving else u[0, 0].mean().item()
        k = 2j * np.pi * np.fft.fftfreq(cells, 1 / cells)
        if cells % 2 == 0 and not comoving:
            continue  # the last mode of an even grid cannot travel and stay real
        dt, whole = np.diff(SHORT), np.eye(3 * cells)
        for n in (1, 2):
            factor = np.exp((viscosity * k**2 - mean * k) * dt[n])
            flow = np.fft.ifft(np.fft.fft(np.eye(cells), axis=0) * factor[:, None], axis=0).real
            whole[n * cells : (n + 1) * cells, (n - 1) * cells : n * cells] = -flow
        direct = np.linalg.solve(whole, r.ravel()).reshape(3, cells)
        assert np.abs(invariance.local(fields, inputs)[0].T.numpy() - direct).max() < 1e-13
        relative = (direct**2).mean() / u[0, 0].var(correction=0).item()
        assert invariance.residual(fields, inputs).item() == pytest.approx(relative, rel=1e-12)


def test_the_scan_is_a_batched_triangular_product():
    generator = torch.Generator().manual_seed(0)
    h = torch.randn(2, 9, 5, generator=generator, dtype=torch.complex128)
    d = torch.rand(2, 9, 5, generator=generator, dtype=torch.float64)
    steps = torch.cumsum(d.log(), 1)
    triangle = torch.exp(steps[:, :, None] - steps[:, None]) * torch.ones(9, 9).tril()[:, :, None]
    assert torch.allclose(accumulate(h, d), torch.einsum("bnmk,bmk->bnk", triangle.to(h), h), atol=1e-13)


@pytest.mark.parametrize("cells", [6, 7])
def test_the_energy_of_a_half_spectrum_is_a_mean_square(cells):
    x = torch.randn(3, cells, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(energy(torch.fft.rfft(x), cells), x.square().mean(1))


# --- without viscosity ------------------------------------------------------------------------------------------------


def test_the_explicit_upwind_scheme_is_a_zero_of_the_entropy_form():
    """Weight 0 of the new level: forward Euler steps with van Leer slopes, written out here face by face."""
    cells, times = SMOOTH.cells(32) - 0.4, np.linspace(0, 0.05, 9)
    out = [cells]
    for dt in np.diff(times):
        u, slope, n = out[-1], np.zeros(32), 32
        for i in range(n):
            a, b = u[(i + 1) % n] - u[i], u[i] - u[i - 1]
            slope[i] = 2 * a * b / (a + b) if a * b > 0 else 0.0
        left, right = u + slope / 2, np.roll(u - slope / 2, -1)
        flux = np.maximum(left, 0) ** 2 / 2 + np.minimum(right, 0) ** 2 / 2
        out.append(u - dt * n * (flux - np.roll(flux, 1)))
    fields, invariance = as_fields(np.stack(out)), EntropyFiniteVolume(times, implicitness=0.0)
    assert invariance.residual(fields, {}) < 1e-28
    assert invariance.residual(fields + 0.01 * random_fields(2, 32, 1, times), {}) > 1e-5
    assert EntropyFiniteVolume(times).residual(fields, {}) > 1e-8


def implicit_solution(cells, times):
    """The zero of the entropy form with weights 1, 1/2, 1/2, ...: Newton on each level with automatic Jacobians."""

    def rate(u):
        return outflow(upwind_flux(u))

    u, jacobian, one = torch.tensor(cells), torch.func.jacrev(rate), torch.eye(len(cells), dtype=torch.float64)
    out = [u]
    for n, dt in enumerate(np.diff(times)):
        w = 1.0 if n == 0 else 0.5
        known = u - dt * (1 - w) * rate(u)
        for _ in range(10):
            u = u - torch.linalg.solve(one + dt * w * jacobian(u), u + dt * w * rate(u) - known)
        out.append(u)
    return torch.stack(out).numpy()


@pytest.mark.parametrize(("frequency", "bound"), [(2.0, 0.012), (5.5, 0.025)])
def test_zeros_of_the_entropy_form_are_entropy_solutions(frequency, bound):
    """64 cells, 48 levels: L1 .010 and .022 from Lax-Oleinik, where the frozen start is .3 away; energy never rises."""
    initial, times = RaisedCosine(frequency), levels(48)
    exact = lax_oleinik(initial, times, 64, comoving=True)
    result = implicit_solution(initial.cells(64) - initial.mean, times) + initial.mean
    invariance = EntropyFiniteVolume(times, comoving=True)
    assert np.abs(result - exact).sum() / np.abs(exact).sum() < bound
    assert invariance.residual(as_fields(result), {}) < 1e-24
    assert (invariance.measure(as_fields(result)).diff() <= 1e-12).all()
    near, frozen = invariance.residual(as_fields(exact, exact[:1].repeat(49, 0)), {})
    assert near < 0.1 * frozen


def test_an_expansion_shock_is_no_zero_of_the_entropy_form():
    """-1 next to 1 for ever satisfies the conservation law but not the second law: E 1.1 there, .12 in the true fan."""
    initial, times = Steps((-1.0, 1.0)), np.linspace(0, 0.1, 9)
    fan = lax_oleinik(initial, times, 64)
    frozen = fan[:1].repeat(9, 0)
    neighbour = EntropyFiniteVolume(times).local(as_fields(frozen, fan), {})[:, 24:40].abs().amax((1, 2))
    assert neighbour[0] > 0.5
    assert neighbour[1] < 0.2 * neighbour[0]


def test_slopes_vanish_at_extrema_and_are_exact_on_lines():
    assert limited(torch.tensor([0.0, 1.0, 0.0, 3.0])).tolist() == [0.0, 0.0, 0.0, 0.0]
    assert limited(torch.arange(6.0))[1:-1] == pytest.approx([1.0] * 4)


# --- the paper's form -------------------------------------------------------------------------------------------------


def test_sobel_derivatives_are_exact_on_parabolas_up_to_the_edges():
    """One-sided second-order differences at both ends; along the other axis only the smoothing acts (exact on
    constants)."""
    x = torch.arange(9, dtype=torch.float64)
    u = (0.5 * x**2 - 2 * x + 1).expand(1, 7, 9)
    assert torch.allclose(sobel(u, -1), (x - 2).expand(1, 7, 9))
    assert torch.allclose(sobel(u.transpose(1, 2), -2), (x - 2).expand(1, 7, 9).transpose(1, 2))
    assert sobel(u, -2).abs().max() < 1e-14


def test_a_ramp_that_stands_still_is_carried_by_itself():
    """u = 3 x: R = u u_x = 9 x in units of the interval, to the edges."""
    x = (torch.arange(9, dtype=torch.float64) + 0.5) / 9
    local = Sobel(np.linspace(0, 0.3, 7)).local((3 * x)[None, None, :, None].expand(1, 1, 9, 7), {})
    assert torch.allclose(local, (9 * x)[None, :, None].expand(1, 9, 7))


def test_the_smoothed_curvature_of_a_wave_is_damped_by_the_gaussian():
    """Interior of cos(k x): -2 (1 - cos k) exp(-k^2 / 2), to the .0003 that the cut Gaussian leaves."""
    x, k = torch.arange(40, dtype=torch.float64), 0.5
    u = torch.cos(k * x)[None, :, None].expand(1, 40, 12)
    expected = -2 * (1 - np.cos(k)) * np.exp(-(k**2) / 2) * u
    assert (smoothed_curvature(u) - expected)[:, 6:-6].abs().max() < 3e-4 * expected.abs().max()


def test_wrong_fields_have_a_lower_sobel_loss_than_the_truth():
    """From the exact solution (nu = .002, c = 4, first column held), 150 Adam steps on the pixels: the loss falls
    fivefold while the field drifts 12 % away. So no training on this loss ends at the solution; the integral form has
    no such descent."""
    times, initial = np.linspace(0, 0.5, 64), RaisedCosine(4.0)
    truth = as_fields(cole_hopf_fft(initial, 0.002, times, 64)).float()
    inputs, later = {"viscosity": torch.tensor([0.002])}, truth[..., 1:].clone().requires_grad_()
    optimiser, losses = torch.optim.Adam([later], 3e-3), []
    for _ in range(151):
        loss = Sobel(times).residual(torch.cat([truth[..., :1], later], -1), inputs).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    result = torch.cat([truth[..., :1], later.detach()], -1)
    assert losses[-1] < 0.25 * losses[0]
    assert (result - truth).norm() / truth.norm() > 0.1
    honest = Duhamel(times)
    assert honest.residual(result, inputs) > 3 * honest.residual(truth, inputs)


def test_the_initial_column_is_the_first():
    fields = random_fields()
    invariance, target = InitialColumn(), fields[:, 0, :, 0].clone()
    assert invariance.residual(fields, {"initial": target}).tolist() == [0.0, 0.0]
    target[1, 3] += 0.6
    assert invariance.residual(fields, {"initial": target}).tolist() == pytest.approx([0.0, 0.36 / 12])


REFUSED = [
    (lambda: FiniteVolume([0.0]), "times"),
    (lambda: Duhamel([0.1, 0.2]), "times"),
    (lambda: Duhamel([0.0, 0.2, 0.1]), "times"),
    (lambda: Sobel([0.0, 0.1, 0.3, 0.4, 0.5]), "equally spaced"),
    (lambda: Sobel([0.0, 0.1, 0.2, 0.3]), "5 levels"),
    (lambda: EntropyFiniteVolume(SHORT, smoothing=-1.0), "smoothing"),
    (lambda: FiniteVolume(SHORT).residual(torch.zeros(1, 2, 8, 4), {}), "shape"),
    (lambda: FiniteVolume(SHORT).residual(torch.zeros(1, 1, 8, 5), {}), "shape"),
    (lambda: Duhamel(SHORT).residual(torch.zeros(2, 1, 8, 4), {"initial": torch.zeros(2, 9)}), "initial"),
    (lambda: InitialColumn().residual(torch.zeros(1, 1, 8, 4), {"initial": torch.zeros(1, 9)}), "initial"),
    (lambda: InitialColumn().measure(torch.zeros(1, 8, 4)), "shape"),
]


@pytest.mark.parametrize(("call", "word"), REFUSED)
def test_what_cannot_be_is_refused_in_a_sentence(call, word):
    with pytest.raises(ValueError, match=word) as refusal:
        call()
    assert str(refusal.value).endswith(".")
