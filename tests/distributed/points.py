"""Gradients of the game of points, whose branches follow the score function: alone or as one of several."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from core import discovery
from core.training import distributed
from core.training.loop import Trainer


def write(out):
    """Writes the averaged gradients of all players, branches drawn partly by their shares, to OUT.<rank>.npy."""
    problem, preset = discovery.split("inverse/invnet")
    game = Trainer(problem, preset, replace(preset.tiny, precision="fp64", batch=32), None).game
    game.progress_share = 0.6
    gradients = [g.reshape(-1) for player in game.players for g in game.gradients(player, 3)[0]]
    np.save(f"{out}.{distributed.rank()}.npy", torch.cat(gradients).numpy())
