"""A player's gradients against central differences of its loss."""

import torch


def slopes(game, name, step, seed=0, number=5):
    """(by the gradients, by differences): slope of the loss of player `name` along a random direction; `step` must be
    so small that no ReLU switches."""
    player = next(p for p in game.players if p.name == name)
    grads, _ = game.gradients(player, number)
    rng = torch.Generator().manual_seed(seed)
    along = [torch.randn(p.shape, generator=rng, dtype=p.dtype) for p in player.parameters]

    def moved(step):
        with torch.no_grad():
            for p, a in zip(player.parameters, along, strict=True):
                p += step * a
        return float(player.loss(number)[0].detach())

    difference = (moved(step) - moved(-2 * step)) / (2 * step)
    return sum(float((g * a).sum()) for g, a in zip(grads, along, strict=True)), difference
