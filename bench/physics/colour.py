"""Opponent colours, which are nearly uncorrelated in photographs, and luminance."""

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
LUMINANCE = (0.299, 0.587, 0.114)


def to_opponent(image: Tensor) -> Tensor:
    """Rotate RGB, shape (N, 3, H, W), to opponent colours; the transpose rotates back."""
    return torch.einsum("oc,nchw->nohw", OPPONENT.to(image), image)


def from_opponent(image: Tensor) -> Tensor:
    """Rotate opponent colours, shape (N, 3, H, W), back to RGB."""
    return torch.einsum("oc,nohw->nchw", OPPONENT.to(image), image)


def luminance(image: Tensor) -> Tensor:
    """Return the luminance of images, grey or in colour, (N, C, H, W) to (N, H, W)."""
    if image.shape[1] == 1:
        return image[:, 0]
    return torch.einsum("nchw,c->nhw", image, image.new_tensor(LUMINANCE))
