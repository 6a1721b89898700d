"""The smoothed dual: its shares are the request, its derivative is exact, channels without a request stay empty."""

from itertools import pairwise

import pytest
import torch

from core.models.grain_growth_layer import balanced
from core.models.optimal_transport import anneal, initial_offsets, newton, spread


def logits(n=2, pixels=400, seed=0):
    return torch.randn(n, 4, pixels, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


ASKED = torch.tensor([[0.4, 0.3, 0.2, 0.1], [0.85, 0.1, 0.05, 0.0]], dtype=torch.float64)


def solved(inputs, requested, temperature=1.0, steps=12):
    offsets = initial_offsets(requested)
    for _ in range(steps):
        offsets, share = newton(inputs, requested, offsets, temperature)
    return offsets, share


def test_newton_finds_the_offsets_of_the_requested_shares():
    _, share = solved(logits(), ASKED)
    torch.testing.assert_close(share, ASKED, atol=1e-6, rtol=0)


def test_newton_converges_quadratically():
    """Errors e_k of the last steps: e_(k+1) <= 30 e_k^2 until rounding."""
    inputs, offsets, errors = logits(), initial_offsets(ASKED), []
    for _ in range(8):
        offsets, share = newton(inputs, ASKED, offsets, 1.0)
        errors.append(float((share - ASKED).abs().max()))
    late = [(a, b) for a, b in pairwise(errors) if 1e-5 < a < 0.03]
    assert late and all(b <= 30 * a * a + 1e-4 * a for a, b in late)


def test_constant_logits_take_the_logarithm_of_the_request():
    offsets, _ = solved(torch.zeros(1, 4, 9, dtype=torch.float64), ASKED[:1])
    torch.testing.assert_close(offsets - offsets[:, :1], ASKED[:1].log() - ASKED[:1, :1].log(), atol=1e-5, rtol=0)


def test_channels_without_a_request_stay_empty():
    assert torch.isneginf(anneal(logits(), ASKED)[1, 3]) and anneal(logits(), ASKED)[0].isfinite().all()


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_annealing_meets_the_request_nearly_whatever_the_scale(scale):
    inputs = scale * logits(pixels=4000)
    labels = (inputs + anneal(inputs, ASKED)[..., None]).argmax(1)
    share = torch.stack([torch.bincount(one, minlength=4) for one in labels]) / 4000
    assert (share - ASKED).abs().max() < 0.01


def test_spread_is_the_deviation_over_the_channels():
    inputs = torch.tensor([[[1.0, 3.0], [-1.0, -3.0]]]) + 7
    assert float(spread(inputs)) == pytest.approx(5**0.5)


def test_the_derivative_of_balanced_shares_is_that_of_the_solution():
    """Soft shares after `balanced` do not move with the logits; the offsets' derivative agrees with finite
    differences."""
    start = logits(1, 64).view(1, 4, 8, 8)
    requested = ASKED[:1]

    def offsets(field):
        result = balanced(field, requested, initial_offsets(requested), 14)
        return result - result.mean(1, keepdim=True)

    direction = torch.randn(start.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    step = 1e-5
    change = (offsets(start + step * direction) - offsets(start - step * direction)) / (2 * step)
    _, exact = torch.autograd.functional.jvp(offsets, start, direction)
    torch.testing.assert_close(exact, change, atol=0.02 * float(change.abs().max()), rtol=0)
