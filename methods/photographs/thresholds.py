"""A threshold without a step, which all thresholds of the estimate are."""

from __future__ import annotations

import math

from torch import Tensor


def firm(value: Tensor, threshold: float | Tensor) -> Tensor:
    """Factor of a firm threshold: a hard one is a step that a rounding error can cross.

    Parameters
    ----------
    value : Tensor, non-negative
    threshold : float or Tensor

    Returns
    -------
    Tensor, in [0, 1]
        0 up to 1/√2 of the threshold, 1 from √2 times it on.
    """
    return (2 - math.sqrt(2) * threshold / value.clamp_min(1e-12)).clamp(0, 1)
