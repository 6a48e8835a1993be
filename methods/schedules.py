"""How learning rates fall."""

from __future__ import annotations

import math


def cosine(step: int, steps: int, floor: float) -> float:
    """Return the share of the peak rate at a step: half a cosine from 1 down to ``floor``.

    Examples
    --------
    >>> [round(cosine(step, 10, floor=0.1), 2) for step in (0, 5, 10)]
    [1.0, 0.55, 0.1]
    """
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * step / steps))
