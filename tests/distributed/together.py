"""All that the tests compare, written by processes that start once: an interpreter of its own takes seconds."""

from __future__ import annotations

import torch

from core.training import distributed
from tests.distributed import game, points, trainer


def main(folder, name):
    """Writes FOLDER/NAME.*: of the game, of the points, of the trainer, and of several processes that do not average.

    FOLDER holds images.npy and start.safetensors for the trainer."""
    torch.set_num_threads(1)
    with distributed.processes("cpu"):
        game.write(folder / f"{name}.game")
        points.write(folder / f"{name}.points")
        trainer.write(folder / "images.npy", folder / "start.safetensors", folder / name)
        if distributed.world() > 1:
            game.write(folder / f"{name}.naive", naive=True)
