"""Opponent colours, which are nearly uncorrelated in photographs."""

from __future__ import annotations

import math

import torch
from torch import Tensor

OPPONENT = torch.tensor(
    [
        [1 / math.sqrt(3), 1 / math.sqrt(3), 1 / math.sqrt(3)],
        [1 / math.sqrt(2), 0.0, -1 / math.sqrt(2)],
        [1 / math.sqrt(6), -2 / math.sqrt(6), 1 / math.sqrt(6)],
    ]
)
"""Rows: brightness, red against blue, green against both. Orthonormal."""


def to_opponent(image: Tensor) -> Tensor:
    """Rotate RGB, shape (N, 3, H, W), to opponent colours; the transpose rotates back."""
    return torch.einsum("oc,nchw->nohw", OPPONENT.to(image), image)


def from_opponent(image: Tensor) -> Tensor:
    """Rotate opponent colours, shape (N, 3, H, W), back to RGB."""
    return torch.einsum("oc,nohw->nchw", OPPONENT.to(image), image)
