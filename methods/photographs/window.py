"""The part of a photograph that a slow kernel estimate sees."""

from __future__ import annotations

from torch import Tensor

from bench.physics.texture import most_textured
from bench.protocol import Boundary

WINDOW = 400
"""Side in pixels that such estimates take."""
KERNELS = 5
"""Least side of the window, in units of the kernel's."""


def window_side(side: int, kernel: tuple[int, int], image: tuple[int, int]) -> int | None:
    """Return the side of the window in pixels, or None where the whole photograph is seen.

    Parameters
    ----------
    side : int
        That the estimate takes, at least; more for kernels above a fifth of it.
    kernel, image : (int, int)
        Their sizes.
    """
    side = max(side, KERNELS * max(kernel))
    return side if side < max(image) else None


def textured_window(
    grey: Tensor, side: int, size: tuple[int, int], boundary: Boundary
) -> tuple[Tensor, Boundary]:
    """Cut the most textured window out of a photograph, and say what its border is.

    Parameters
    ----------
    grey : Tensor, shape (H, W), in [0, 1]
    side : int
        See :func:`window_side`.
    size : (int, int)
        Of the kernel.
    boundary : {"circular", "free"}
        Of the photograph, and of the window where that is all of it.
    """
    cut = window_side(side, size, (grey.shape[0], grey.shape[1]))
    if cut is None:
        return grey, boundary
    return grey[most_textured(grey, cut)], "free"
