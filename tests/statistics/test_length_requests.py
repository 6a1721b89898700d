"""A length scale as the request: what is delivered has it, of the checkpoint that ships."""

import numpy as np
import pytest

import core

N = 96


@pytest.fixture(scope="module")
def asked():
    rng = np.random.default_rng(1)
    return {
        "volume_fraction": rng.uniform(0.2, 0.8, N).astype(np.float32),
        "length": rng.uniform(5.5, 14.0, N).astype(np.float32),
    }


def test_a_length_is_delivered_without_refinement(asked):
    """Correlation with the request .95 or more, bias 3 % or less; the standard error of the bias is about .5 %."""
    made = core.load("two_phase/correlation").sample(asked, N, refine=False).measured["length"]
    ratio = made / asked["length"]
    print(f"correlation {np.corrcoef(made, asked['length'])[0, 1]:.4f}, bias {100 * (ratio.mean() - 1):+.2f} %")
    assert np.corrcoef(made, asked["length"])[0, 1] >= 0.95
    assert ratio.std(ddof=1) / np.sqrt(N) < 0.01 and abs(ratio.mean() - 1) <= 0.03


def test_refined_samples_have_the_curve_of_the_length(asked):
    """Mean |S2 - S2 of the request| at most .002 for every sample, and the length to 2 %."""
    few = {k: v[:24] for k, v in asked.items()}
    sample = core.load("two_phase/correlation").sample(few, 24)
    error = np.abs(sample.measured["correlation"] - sample.requested["correlation"]).mean(1)
    print(f"S2: mean {error.mean():.2e}, worst {error.max():.2e}")
    assert error.max() <= 0.002
    np.testing.assert_allclose(sample.measured["length"], few["length"], rtol=0.02)
