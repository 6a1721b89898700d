"""Invariances: what generated fields must satisfy, as differentiable measurements and residuals.

Each module holds one invariance of soft fields (B, C, H, W) with one value or one curve per sample. The room never
imports `core.simulation` or `core.descriptors`, which measure the finished arrays independently.
"""
