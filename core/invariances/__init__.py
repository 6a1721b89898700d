"""Differentiable residuals of soft fields (B, C, H, W), one value set per sample: what must hold."""
