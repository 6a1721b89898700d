"""Structures with the two-point correlation of an image: measure, request, compare.

The image here is a simulation that no training has seen; an array of your own (periodic, uint8 0/1, phase 1 counted)
works the same way. For micrographs, which are not periodic, use the page "Your micrograph".
"""

import numpy as np

import core

image = core.draw("two_phase", n=1, seed=core.HELD_OUT + 3)
curve = image.requested["correlation"][0]  # S2 at 0 .. 32 px; its first value is the volume fraction
model = core.load("two_phase/correlation")
sample = model.sample({"correlation": curve}, n=4, seed=0)
errors = np.abs(sample.measured["correlation"] - curve).mean(1)
print(f"volume fraction {curve[0]:.4f}, mean |S2 - S2 of the image|: " + ", ".join(f"{e:.5f}" for e in errors))
assert errors.max() < 1e-3
np.save("like_the_image.npy", sample.labels)
print("written: like_the_image.npy")
