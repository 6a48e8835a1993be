"""The part of a photograph that a slow kernel estimate sees."""

from __future__ import annotations

from torch import Tensor

from bench.physics.texture import most_textured
from bench.protocol import Boundary

KERNELS = 5
"""Least side of the window, in units of the kernel's."""


def textured_window(
    grey: Tensor, side: int, size: tuple[int, int], boundary: Boundary
) -> tuple[Tensor, Boundary]:
    """Cut the most textured window out of a photograph, and say what its border is.

    Parameters
    ----------
    grey : Tensor, shape (H, W), in [0, 1]
    side : int
        Of the window in pixels, at least; more for kernels above a fifth of it.
    size : (int, int)
        Of the kernel.
    boundary : {"circular", "free"}
        Of the photograph, and of the window where that is all of it.
    """
    side = max(side, KERNELS * max(size))
    if side >= max(grey.shape):
        return grey, boundary
    return grey[most_textured(grey, side)], "free"
