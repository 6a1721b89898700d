"""Structures at five volume fractions: requested and measured values, and one picture of them side by side."""

import numpy as np
from PIL import Image

import core

FRACTIONS = (0.2, 0.35, 0.5, 0.65, 0.8)

model = core.load("two_phase/fraction")
sample = model.sample({"volume_fraction": FRACTIONS}, n=len(FRACTIONS), seed=1)
for requested, labels in zip(FRACTIONS, sample.labels, strict=True):
    pixels = int(labels.sum())
    print(f"requested {requested:.2f}, measured {labels.mean():.5f} ({pixels} of {labels.size} pixels)")
    assert abs(pixels - requested * labels.size) <= 1
Image.fromarray(255 * np.concatenate(list(sample.labels), axis=1)).save("fractions.png")
print("written: fractions.png")
