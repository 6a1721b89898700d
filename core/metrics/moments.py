"""Two-phase structures against requested moments, sample by sample: rows in addition to those of whole ensembles."""

from __future__ import annotations

import numpy as np
import torch

from core.data import cached
from core.descriptors import two_phase
from core.sampling import Sample
from core.simulation import correlations
from core.types import Array, Row, Source

SAMPLES, IMAGES = 64, 512
"""Samples and training images compared for copies."""
CORRELATION_MEAN = Row("sample_correlation.mean_error", "correlation of a sample, mean |error|")
CORRELATION_WORST = Row("sample_correlation.worst_error", "correlation of a sample, largest |error|")
LENGTH_CORRELATION = Row("sample_length.correlation", "length of a sample, correlation with request")
LENGTH_BIAS = Row("sample_length.bias", "length of a sample, |bias| (%)")
NEAREST = Row("nearest_training_image", "nearest training image (% of pixels)")


def compare(arrays: Array, reference: Sample, source: Source) -> dict[Row, float]:
    """Errors of each array (n, H, W): two-point correlation and length against those of reference array i, which were
    requested; and the distance to the nearest training image."""
    curve = torch.cat(
        [two_phase.s2_radial(x)[:, : correlations.BINS] for x in torch.from_numpy(np.array(arrays)).split(256)]
    )
    target = torch.from_numpy(reference.measured["correlation"])
    error = (curve - target).abs().mean(1).double()
    lengths, requested = (correlations.first_zero(c).double().numpy() for c in (curve, target))
    return {
        CORRELATION_MEAN: float(error.mean()),
        CORRELATION_WORST: float(error.max()),
        LENGTH_CORRELATION: float(np.corrcoef(lengths, requested)[0, 1]),
        LENGTH_BIAS: 100 * abs(float((lengths / requested).mean()) - 1),
        NEAREST: 100 * nearest_training_image(arrays[:SAMPLES], source),
    }


def nearest_training_image(arrays: Array, source: Source) -> float:
    """Mean over arrays (n, H, W) of the least share of pixels that differ from any of the first `IMAGES` training
    images, over all periodic shifts, mirrored or not: small where an image was copied."""
    ours = torch.from_numpy(np.array(arrays)).float()
    theirs = torch.from_numpy(cached(source, range(IMAGES), (ours.shape[1], ours.shape[2]))).float()
    spectra, least = torch.fft.rfft2(2 * theirs - 1), []
    for x in ours:
        views = (torch.fft.rfft2(2 * view - 1).conj() for view in (x, x.flip(1)))
        overlaps = [torch.fft.irfft2(view * spectra, s=x.shape).amax() / x.numel() for view in views]
        least.append((1 - max(overlaps)) / 2)
    return float(torch.stack(least).mean())
