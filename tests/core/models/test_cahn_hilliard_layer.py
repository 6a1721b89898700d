"""The physics layer: differentiable, symmetric in the phases, and calibrated so that the request is what comes out."""

import pytest
import torch

from core.descriptors import two_phase
from core.models.cahn_hilliard_layer import (
    DOMAIN,
    DT_RANGE,
    EPS_RANGE,
    GROWTH,
    STAGES,
    PhysicsLayer,
    features,
    fit,
    with_mean,
)
from core.models.seed import statistics
from core.simulation.cahn_hilliard import propagate


def layer(steps=4):
    """A layer in float64 with numbers in all its coefficients."""
    made = PhysicsLayer(steps, 2.0).double()
    rng = torch.Generator().manual_seed(0)
    for values, size in ((made.time, 0.3), (made.excess, 0.05), (made.correction.weight.data, 0.05)):
        values.copy_(size * torch.randn(values.shape, generator=rng, dtype=torch.float64))
    return made


def request(n=2):
    rng = torch.Generator().manual_seed(1)
    y = torch.randn(n, 16, 16, generator=rng, dtype=torch.float64)
    return y, torch.linspace(0.3, 0.6, n, dtype=torch.float64), torch.linspace(6, 11, n, dtype=torch.float64)


def test_gradients_to_field_request_and_correction():
    """Against finite differences, in double precision on 16 x 16, four steps."""
    physics, (y, p, length) = layer(), request(1)
    inputs = [t.requires_grad_() for t in (y, p, length)]
    assert torch.autograd.gradcheck(lambda *t: physics(*t)[:, ::5, ::3], inputs, fast_mode=False)
    weight = physics.correction.weight

    def of(w):
        return torch.func.functional_call(physics, {"correction.weight": w}, (y.detach(), p.detach(), length.detach()))

    assert torch.autograd.gradcheck(of, (weight,))


def test_layer_is_its_formula():
    physics, (y, p, length) = layer(), request()
    start = with_mean(torch.tanh(2.0 * y), physics.composition(p, length))
    torch.testing.assert_close(start.mean((1, 2)), physics.composition(p, length))
    want, eps = start, (length / DOMAIN).clamp(*EPS_RANGE)
    for stage in range(STAGES):
        want = propagate(
            want, physics.dt(p, length) * GROWTH ** (stage / (STAGES - 1) - 1), physics.steps // STAGES, eps
        )
    torch.testing.assert_close(physics(y, p, length), want)


def test_mass_is_the_composition():
    physics, (y, p, length) = layer(20), request()
    torch.testing.assert_close(
        physics(y, p, length).mean((1, 2)), physics.composition(p, length), rtol=1e-10, atol=1e-10
    )


def test_phases_exchange():
    """composition(1 - p) = -composition(p), the time is the same, so the sign of the field is the sign of the
    result."""
    physics, (y, p, length) = layer(8), request(4)
    torch.testing.assert_close(
        physics.composition(1 - p, length), -physics.composition(p, length), rtol=1e-12, atol=1e-12
    )
    torch.testing.assert_close(physics.dt(1 - p, length), physics.dt(p, length), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(physics(-y, 1 - p, length), -physics(y, p, length), rtol=1e-10, atol=1e-10)


def test_starting_field_has_its_mean_and_stays_within_1():
    u = torch.tanh(4 * request(5)[0])
    mean = torch.tensor([-0.99, -0.5, 0.0, 0.7, 0.99], dtype=torch.float64)
    v = with_mean(u, mean)
    torch.testing.assert_close(v.mean((1, 2)), mean)
    assert v.abs().max() <= 1
    torch.testing.assert_close(with_mean(u, u.mean((1, 2))), u)
    assert (v[0].flatten()[u[0].flatten().argsort()].diff() >= 0).all()  # the order of the pixels is kept


def test_time_step_is_kept_in_its_range():
    physics = layer()
    physics.time.copy_(torch.tensor([99.0, 0, 0, 0, 0, 0]))
    assert physics.dt(*request()[1:]).tolist() == [DT_RANGE[1]] * 2
    physics.time.copy_(torch.tensor([-99.0, 0, 0, 0, 0, 0]))
    assert physics.dt(*request()[1:]).tolist() == [DT_RANGE[0]] * 2


def test_features_are_even_in_the_phases_and_centred_at_half_and_10_px():
    half = features(torch.tensor([0.5]), torch.tensor([10.0]))
    assert half.tolist() == [[1, 0, 0, 0, 0, 0]]
    got = features(torch.tensor([0.2], dtype=torch.float64), torch.tensor([10 * torch.e], dtype=torch.float64))
    torch.testing.assert_close(got, torch.ones(1, 6, dtype=torch.float64))


def test_least_squares_finds_known_coefficients():
    regressors = torch.randn(400, 6, generator=torch.Generator().manual_seed(0))
    truth = torch.tensor([1.0, -2.0, 0.5, 0.0, 3.0, -1.0])
    torch.testing.assert_close(fit(regressors, regressors @ truth), truth, rtol=0.01, atol=0.01)


def test_calibration_says_how_far_it_came(fitted):
    assert fitted.left["fraction"] < 0.006 and fitted.left["log_length"] < 0.03


def unseen(fitted, n=64):
    """Requests (p, L) and keys that the calibration did not use; L of the data's own distribution."""
    rng = torch.Generator().manual_seed(3)
    p = 0.22 + 0.56 * torch.rand(n, generator=rng)
    return fitted.noise(range(5000, 5000 + n), (64, 64)), p, fitted.seed.quantile(torch.rand(n, generator=rng), p)


def test_unseen_requests_come_out_with_their_fraction_and_length(fitted):
    """Measured: mean |p - p*| .003, worst .009; mean length ratio .997, sd .06."""
    noise, p, length = unseen(fitted)
    labels = fitted(noise, {"volume_fraction": p}, {"length": length})[:, 0] > 0
    got, result, _ = statistics(labels)
    assert float((got - p).abs().mean()) < 0.006 and float((got - p).abs().max()) < 0.025
    assert float((result / length).mean()) == pytest.approx(1, abs=0.03) and float((result / length).std()) < 0.1


def test_without_calibration_the_length_is_wrong(fitted):
    """The check above can fail: the layer's starting guess of the time misses the length by more."""
    noise, p, length = unseen(fitted, 16)
    raw = type(fitted)().eval().requires_grad_(False)
    raw.load_state_dict({k: v for k, v in fitted.state_dict().items() if "physics" not in k}, strict=False)
    result = two_phase.characteristic_length(raw(noise, {"volume_fraction": p}, {"length": length})[:, 0] > 0)
    assert abs(float((result / length).mean()) - 1) > 0.06


def test_learned_correction_starts_at_nothing_and_moves_the_result():
    fresh, (y, p, length) = PhysicsLayer(4, 2.0).double(), request()
    assert not fresh.correction.weight.any()
    before = fresh(y, p, length)
    with torch.no_grad():
        fresh.correction.weight[1, 0] = 0.1
    torch.testing.assert_close(fresh.composition(p, length), 0.9 * (2 * p - 1))
    assert not torch.allclose(fresh(y, p, length), before)
