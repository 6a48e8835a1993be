"""Kernels on the grid that a task asks for."""

from __future__ import annotations

import torch
from torch import Tensor


def to_grid(kernel: Tensor, size: tuple[int, int]) -> Tensor:
    """Crop or pad kernels about their origin ``(h // 2, w // 2)`` and make them sum to 1.

    Parameters
    ----------
    kernel : Tensor, shape (N, h, w)
    size : (int, int)

    Returns
    -------
    Tensor, shape (N, *size)
    """
    height, width = kernel.shape[-2:]
    top, left = size[0] // 2 - height // 2, size[1] // 2 - width // 2
    placed = torch.nn.functional.pad(
        kernel, (left, size[1] - width - left, top, size[0] - height - top)
    )
    return placed / placed.sum((1, 2), keepdim=True).clamp_min(1e-12)
