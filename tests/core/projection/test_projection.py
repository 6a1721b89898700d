"""Exact enforcement: the count is right whatever the logits are, and the order of the pixels is kept."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.projection import newton, rank_threshold
from core.simulation import burgers

SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 17), st.integers(1, 17))
KINDS = {
    "normal": lambda shape, rng: torch.randn(shape, generator=rng),
    "bf16": lambda shape, rng: torch.randn(shape, generator=rng).bfloat16(),
    "ties": lambda shape, rng: torch.randint(0, 3, shape, generator=rng).float(),
    "constant": lambda shape, rng: torch.full(shape, -2.5),
    "infinite": lambda shape, rng: torch.randn(shape, generator=rng).sign() * float("inf"),
}


@given(SHAPES, st.floats(0, 1), st.sampled_from(sorted(KINDS)), st.integers(0, 2**31))
def test_count_is_exact(shape, fraction, kind, seed):
    n, rows, columns = shape
    logits = KINDS[kind]((n, 1, rows, columns), torch.Generator().manual_seed(seed))
    p = torch.full((n,), fraction, dtype=torch.float64)
    labels = rank_threshold(logits, p)
    assert labels.dtype == torch.uint8 and labels.shape == (n, rows, columns)
    assert labels.sum((1, 2)).tolist() == [round(fraction * rows * columns)] * n


@given(SHAPES, st.sampled_from(["normal", "bf16", "ties"]), st.integers(0, 2**31), st.data())
def test_order_is_kept_with_another_fraction_for_each_sample(shape, kind, seed, data):
    n, rows, columns = shape
    logits = KINDS[kind]((n, 1, rows, columns), torch.Generator().manual_seed(seed))
    p = torch.tensor(data.draw(st.lists(st.floats(0, 1), min_size=n, max_size=n)))
    for values, labels in zip(logits.flatten(1), rank_threshold(logits, p).flatten(1).bool(), strict=True):
        if labels.any() and not labels.all():
            assert values[labels].min() >= values[~labels].max()


def test_ties_are_broken_by_pixel_index():
    assert rank_threshold(torch.zeros(1, 1, 2, 3), torch.tensor([0.5])).tolist() == [[[1, 1, 1], [0, 0, 0]]]
    assert rank_threshold(torch.tensor([[[[0.0, 1.0, 0.0, 1.0]]]]), torch.tensor([0.75])).tolist() == [[[1, 1, 0, 1]]]


def test_structures_grow_with_the_fraction():
    logits = torch.randn(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    last = torch.zeros(1, 16, 16, dtype=torch.uint8)
    for p in torch.linspace(0, 1, 21):
        labels = rank_threshold(logits, p[None])
        assert (labels >= last).all()
        last = labels


@pytest.mark.parametrize("fraction", [-0.2, 1.3])
def test_a_fraction_beyond_the_range_is_all_or_nothing(fraction):
    assert rank_threshold(torch.randn(1, 1, 4, 4), torch.tensor([fraction])).float().mean() == (fraction > 1)


def test_a_fraction_in_single_precision_is_exact_on_large_images():
    """1024 x 1024 pixels: a count rounded in bfloat16 or float16 would miss by thousands."""
    logits = torch.arange(2**20).flip(0).view(1, 1, 1024, 1024).float().bfloat16()
    assert int(rank_threshold(logits, torch.tensor([0.3])).sum(dtype=torch.int64)) == round(0.3 * 2**20)


# --- Burgers: the Newton sweep
# ------------------------------------------------------------------------------------------

TIMES = [float(t) for t in burgers.levels(16)]


def solved(viscosity, mean=0.3):
    """The implicit scheme's own solution in the frame of its mean, (1, 1, 48, 17)."""
    start = burgers.RaisedCosine(2.0).cells(48)
    field = burgers.march(start - start.mean(), viscosity, TIMES, iterations=6) + mean
    return torch.from_numpy(field.T.copy())[None, None]


def test_a_sweep_squares_the_error_and_keeps_the_first_column():
    true, wave = (
        solved(0.01),
        torch.sin(2 * torch.pi * torch.arange(48.0, dtype=torch.float64) / 48)[:, None] * torch.arange(17) / 17,
    )
    requested = {"viscosity": torch.tensor([0.01])}
    torch.testing.assert_close(newton(true, requested, TIMES), true[:, 0], atol=1e-7, rtol=0)
    errors = []
    for size in (0.04, 0.02, 0.01):
        swept = newton(true + size * wave, requested, TIMES)
        assert torch.equal(swept[:, :, 0], true[:, 0, :, 0])
        errors.append(float((swept - true[:, 0]).abs().max()))
    assert errors[0] < 0.04 / 5 and errors[0] / errors[1] > 3.4 and errors[1] / errors[2] > 3.4


def test_each_sample_is_swept_with_its_own_viscosity_in_its_own_frame():
    both, nus = torch.cat([solved(0.01), solved(0.03, mean=-1.0)]).float(), torch.tensor([0.01, 0.03])
    swept = newton(both, {"viscosity": nus}, TIMES)
    assert swept.dtype == torch.float32
    torch.testing.assert_close(swept, both[:, 0], atol=1e-5, rtol=0)
    assert (newton(both, {"viscosity": nus.flip(0)}, TIMES) - both[:, 0]).abs().amax((1, 2)).min() > 0.01


def test_a_field_that_a_sweep_would_spoil_is_left_as_it_is():
    wild = solved(0.001) + 40 * torch.randn(
        1, 1, 48, 17, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    wild[..., 0] = solved(0.001)[..., 0]
    assert torch.equal(newton(wild, {"viscosity": torch.tensor([0.001])}, TIMES), wild[:, 0])
    broken = solved(0.01)
    broken[0, 0, 3, 4] = np.nan
    assert torch.equal(newton(broken, {"viscosity": torch.tensor([0.01])}, TIMES).isnan(), broken[:, 0].isnan())
