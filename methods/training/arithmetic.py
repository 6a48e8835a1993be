"""What training multiplies in: bfloat16 where the processor can, float32 elsewhere.

A processor without instructions for bfloat16 emulates them: on one with AVX2 alone (Zen 3) matrix
products then run at 0.3 GFLOP/s instead of 72, and a training that takes minutes would take days.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

INSTRUCTIONS = ("amx_bf16", "avx512_bf16", "bf16", "sve_bf16")
"""Names in :func:`torch.cpu.get_capabilities`, x86's and Arm's."""


def multiplies_bfloat16() -> bool:
    """Return whether this processor has instructions for products of bfloat16."""
    # Older releases cannot be asked: float32 is right everywhere, if not the fastest.
    ask: Callable[[], Mapping[str, Any]] = getattr(torch.cpu, "get_capabilities", dict)
    return any(ask().get(name, False) for name in INSTRUCTIONS)


def mixed_precision(wanted: bool = True, device: str = "cpu") -> torch.autocast:
    """Return a context in which convolutions and products are of bfloat16, if wanted and fast.

    A kind of device other than the CPU is taken to be fast at them if PyTorch can cast for it.
    """
    fast = multiplies_bfloat16() if device == "cpu" else torch.amp.is_autocast_available(device)
    return torch.autocast(device if fast else "cpu", torch.bfloat16, enabled=wanted and fast)


def arithmetic() -> str:
    """Name what :func:`mixed_precision` multiplies in, for the cards."""
    return "bfloat16" if multiplies_bfloat16() else "float32"


def multiply_in_bfloat16(module: nn.Module) -> None:
    """Let layers that train as matrix products (``training_dtype``) use what is fast here."""
    layer: Any
    for layer in module.modules():
        if hasattr(layer, "training_dtype"):
            layer.training_dtype = torch.bfloat16 if multiplies_bfloat16() else torch.float32
