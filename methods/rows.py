"""Rows of several observations in one batch: which go together, and which row is whose.

An observation has a row for each of its starts, or for each of what is left of them. On a CPU every
observation is a batch by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

MOST_PIXELS = 256 * 64 * 64
"""Of the rows of one batch on a device: what a step keeps for its gradient grows with them."""


def groups(observations: Tensor, rows: int) -> list[slice]:
    """Cut observations into those that are solved together.

    Parameters
    ----------
    observations : Tensor, shape (N, C, H, W)
        On a CPU each is solved by itself: a batch gains nothing there, and no result may depend on
        the images beside it.
    rows : int
        That each takes in a batch.

    Returns
    -------
    list of slice
    """
    count, pixels = len(observations), observations.shape[-2] * observations.shape[-1]
    alone = observations.device.type == "cpu"
    most = 1 if alone else max(1, MOST_PIXELS // (rows * pixels))
    return [slice(first, first + most) for first in range(0, count, most)]


def joined(parts: Sequence[Tensor]) -> Tensor:
    """Return the rows of all observations, one observation's after the other's."""
    return torch.cat(list(parts)) if len(parts) > 1 else parts[0]


def repeated(values: Tensor, counts: Sequence[int]) -> Tensor:
    """Repeat each observation's value (N, ...) for its rows: (R, ...)."""
    pairs = zip(values, counts, strict=True)
    return joined([one.expand(count, *one.shape) for one, count in pairs])


def of_rows(values: Tensor, counts: Sequence[int]) -> Tensor:
    """Repeat each observation's value for its rows; of one alone, it is all rows'."""
    return values[0] if len(counts) == 1 else repeated(values, counts)


def per_row(values: Sequence[float], counts: Sequence[int], like: Tensor) -> float | Tensor:
    """Return each observation's number for its rows, shape (R,); of one alone, the number."""
    if len(counts) == 1:
        return values[0]
    each = [value for value, count in zip(values, counts, strict=True) for _ in range(count)]
    return like.new_tensor(each)


def smallest(values: Tensor, counts: Sequence[int], most: int) -> Tensor:
    """Return the rows with the smallest values (R,) of each observation, ascending.

    Parameters
    ----------
    values : Tensor, shape (R,)
    counts : sequence of int
        Rows of each observation.
    most : int
        Rows that an observation keeps; all where it has fewer.
    """
    places = torch.arange(len(values), device=values.device).split(list(counts))
    pairs = zip(places, values.split(list(counts)), strict=True)
    return joined([place[some.argsort(stable=True)[:most]] for place, some in pairs])
