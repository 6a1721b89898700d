"""Offsets that give every channel its share: the smoothed dual of semi-discrete optimal transport, by Newton's method.

    g(b) = sum_c f_c b_c - < T log sum_c exp((l_c + b_c) / T) >,   grad g = f - m,   m = < softmax((l + b) / T) >

is concave; its maximum gives the shift b of the logits l whose soft shares m are the requested fractions f. As T falls
to 0, the argmax of l + b becomes the labelling with these fractions that has the largest total logit: pixels change
where it costs least.

Reference:
    Kitagawa, Merigot, Thibert, J. Eur. Math. Soc. 21 (2019); auction dynamics: Jacobs, Merkurjev, Esedoglu (2018).
"""

from __future__ import annotations

import torch
from torch import Tensor

DAMPING = 1e-4
"""Added to the diagonal of the Hessian (times 1 / T): empty channels and the common shift leave it singular."""
STRIDE = 2.0
"""Longest step of an offset, in temperatures."""


def initial_offsets(fractions: Tensor) -> Tensor:
    """Offsets (B, C) to start from: 0, and minus infinity for channels with a requested share of 0."""
    return torch.where(fractions > 0, 0.0, -torch.inf).to(fractions)


def newton(logits: Tensor, fractions: Tensor, offsets: Tensor, temperature: Tensor | float) -> tuple[Tensor, Tensor]:
    """One damped Newton step.

    The step differentiates through the shares alone: at the maximum that is the exact derivative of the offsets with
    respect to the logits.

    Args:
        logits: logits (B, C, P).
        fractions: requested shares (B, C).
        offsets: offsets (B, C).
        temperature: (B, 1) or a number.

    Returns:
        The new offsets (B, C), and the soft shares (B, C) before the step.
    """
    t = torch.as_tensor(temperature, dtype=logits.dtype, device=logits.device)
    soft = torch.softmax((logits + offsets[:, :, None]) / t[..., None], 1)
    share = soft.mean(2)
    with torch.no_grad():
        spread = torch.diag_embed(share) - soft @ soft.transpose(1, 2) / logits.shape[2]
        hessian = spread + DAMPING * torch.eye(logits.shape[1], dtype=logits.dtype, device=logits.device)
    step = t * torch.linalg.solve(hessian, (fractions - share)[..., None])[..., 0]
    longest = step.detach().abs().amax(1, keepdim=True)
    return offsets + step * (STRIDE * t / longest.clamp(min=1e-30)).clamp(max=1), share


def spread(logits: Tensor) -> Tensor:
    """Standard deviation (B,) of logits (B, C, P) over the channels: the scale of temperatures."""
    return (logits - logits.mean(1, keepdim=True)).square().mean((1, 2)).sqrt().clamp(min=1e-12)


def anneal(logits: Tensor, fractions: Tensor, steps: int = 8, hottest: float = 1.0, coldest: float = 0.03) -> Tensor:
    """Offsets (B, C) of arbitrary logits (B, C, P), without a starting guess.

    Newton steps at temperatures that fall geometrically from `hottest` to `coldest` times the spread of the logits.
    """
    scale, offsets = spread(logits)[:, None], initial_offsets(fractions)
    for step in range(steps):
        temperature = hottest * (coldest / hottest) ** (step / max(1, steps - 1))
        offsets, _ = newton(logits, fractions, offsets, temperature * scale)
    return offsets
