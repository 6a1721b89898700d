"""Labels and soft fields, and the way between them: logits, probabilities, labels."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.types import Field


def soft_field(logits: Tensor, field: Field) -> Tensor:
    """Logits to the soft field: sigmoid for binary, softmax over channels for categorical, else as it is."""
    if field.kind == "binary":
        return torch.sigmoid(logits)
    return torch.softmax(logits, 1) if field.kind == "categorical" else logits


def as_soft(array: Tensor, field: Field, dtype: torch.dtype = torch.float32) -> Tensor:
    """Labels or values (B, H, W) as a soft field (B, C, H, W) of the same content (one-hot for categorical)."""
    if field.kind == "categorical":
        return nn.functional.one_hot(array.long(), field.channels).permute(0, 3, 1, 2).to(dtype)
    return array[:, None].to(dtype)


def harden(soft: Tensor, field: Field) -> Tensor:
    """Soft field (B, C, H, W) to unprojected labels or values (B, H, W): threshold at 1/2, argmax, or the field
    itself."""
    if field.kind == "binary":
        return (soft[:, 0] > 0.5).to(torch.uint8)
    return (
        soft.max(1)[1].to(torch.uint8) if field.kind == "categorical" else soft[:, 0]
    )  # argmax(1) takes 8 times as long
