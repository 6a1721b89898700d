"""Precision of a run: bfloat16 where the processor or GPU computes it in hardware, else float32.

Emulated bfloat16 is slow: a processor with AVX2 alone trains about 6 times slower with it than in float32."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

from core.training import distributed
from core.types import TrainConfig

CPU_FLAGS = ("amx_bf16", "avx512_bf16")
"""Flags of processors with which bfloat16 convolutions were measured to be faster than float32 ones."""


@dataclass(frozen=True)
class Precision:
    """The resolved precision of a run, `bf16`, `fp32` or `fp64`, and the reason for it in a few words."""

    name: Any
    reason: str

    def apply(self, config: TrainConfig) -> TrainConfig:
        """The configuration with this precision."""
        return replace(config, precision=self.name)


def resolve(config: TrainConfig, device: torch.device | str, started: str = "") -> Precision:
    """The precision in which a configuration is trained; every process of a run arrives at the same.

    Args:
        config: its `precision`; `auto` chooses by the hardware.
        device: where the networks are.
        started: the precision of a run that is continued; `auto` keeps it, whatever the hardware.
    """
    if config.precision != "auto":
        return Precision(config.precision, "as configured")
    everywhere = not distributed.agree(not computes_bf16(torch.device(device)))
    if started:
        slow = ", which is emulated here and slow" if started == "bf16" and not everywhere else ""
        return Precision(started, f"as this run began{slow}")
    if everywhere:
        return Precision("bf16", "computed in hardware here")
    return Precision("fp32", "no hardware for bf16 here")


def computes_bf16(device: torch.device) -> bool:
    """Whether bfloat16 is computed in hardware on this device of this machine."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and any(cpu_capabilities().get(flag, False) for flag in CPU_FLAGS)


def cpu_capabilities() -> dict[str, Any]:
    """Instruction sets of this machine's processor by name; early versions of torch name those of `CPU_FLAGS` alone."""
    if hasattr(torch.cpu, "get_capabilities"):
        return dict(torch.cpu.get_capabilities())
    return {"amx_bf16": torch.cpu._is_amx_tile_supported(), "avx512_bf16": torch.cpu._is_avx512_bf16_supported()}
