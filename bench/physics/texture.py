"""The window of a photograph that tells most about its blur."""

from __future__ import annotations

import torch
from torch import Tensor

STEP = 32
"""Pixels between the windows that are compared."""
SATURATED = (0.02, 0.98)
"""What is darker or lighter than this says nothing about the blur."""


def most_textured(grey: Tensor, side: int) -> tuple[slice, slice]:
    """Choose the window with the most :func:`texture`.

    Parameters
    ----------
    grey : Tensor, shape (H, W), in [0, 1]
    side : int
        Of the window in pixels; the whole height or width where the photograph is smaller.

    Returns
    -------
    rows, cols : slice
    """
    height, width = (min(side, length) for length in grey.shape)
    total = torch.nn.functional.pad(texture(grey).double().cumsum(0).cumsum(1), (1, 0, 1, 0))
    tops = [*range(0, grey.shape[0] - height, STEP), grey.shape[0] - height]
    lefts = [*range(0, grey.shape[1] - width, STEP), grey.shape[1] - width]
    best = max(
        ((top, left) for top in tops for left in lefts),
        key=lambda place: float(
            total[place[0] + height, place[1] + width]
            - total[place[0], place[1] + width]
            - total[place[0] + height, place[1]]
            + total[place[0], place[1]]
        ),
    )
    return slice(best[0], best[0] + height), slice(best[1], best[1] + width)


def texture(grey: Tensor) -> Tensor:
    """Return the root of the gradient's magnitude where a plane (H, W) is neither black nor white.

    The root, so that many edges count for more than one strong one when it is summed.
    """
    rows = torch.nn.functional.pad(grey.diff(dim=0), (0, 0, 0, 1))
    cols = torch.nn.functional.pad(grey.diff(dim=1), (0, 1))
    low, high = SATURATED
    return (rows.square() + cols.square()).sqrt_().sqrt_() * ((grey > low) & (grey < high))
