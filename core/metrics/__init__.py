"""Measured quality: samples against a reference, by descriptors, residuals, errors and spread.

`python -m core.metrics NAME` prints the table of a checkpoint."""

from core.metrics.ensembles import STAGES, EnsemblePair, describe, exactness, frechet, reference, residual_spread, rows
from core.metrics.report import main, milliseconds, quality, speed, text, verdict_lines, verdicts

__all__ = [
    "STAGES",
    "EnsemblePair",
    "describe",
    "exactness",
    "frechet",
    "main",
    "milliseconds",
    "quality",
    "reference",
    "residual_spread",
    "rows",
    "speed",
    "text",
    "verdict_lines",
    "verdicts",
]
