"""The real trainer on the real problem, small, in float64."""

from __future__ import annotations

import dataclasses

import numpy as np
import safetensors.torch

from core import discovery
from core.training import distributed
from core.training.loop import Trainer, fit

PROBLEM, PRESET = discovery.split("two_phase/fraction")
CONFIG = dataclasses.replace(PRESET.tiny, precision="fp64", loss="wgan_gp", steps=2, batch=4, images=16, warmup=0)
SCHEMES = ("alternating", "extragradient")


def write(images, start, out):
    """Trains on the images from the start, both files; writes OUT.<scheme>.<rank>.safetensors."""
    array, start = np.load(images), safetensors.torch.load_file(start)
    for scheme in SCHEMES:
        trainer = Trainer(PROBLEM, PRESET, dataclasses.replace(CONFIG, scheme=scheme), array, fit=False)
        trainer.restore(start)
        for optimiser in trainer.optimisers:
            optimiser.param_groups[0]["eps"] = 1.0  # at 1e-8 Adam would blow up the rounding of tiny gradients
        notes = [progress.note for progress in fit(trainer)]
        assert not any(notes), notes
        state = {k: v.contiguous() for k, v in trainer.state().items()}
        assert distributed.identical(state)
        safetensors.torch.save_file(state, f"{out}.{scheme}.{distributed.rank()}.safetensors")
