"""A photograph restored piece by piece, so that memory holds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

TILE = 1024
"""Side of a tile in pixels, without what it shares with its neighbours."""


def restore_in_tiles(
    image: Tensor,
    overlap: int,
    restore: Callable[[Tensor], Tensor],
    progress: Callable[[float], None] = lambda share: None,
    tile: int = TILE,
) -> Tensor:
    """Restore tiles that overlap, and blend them where they do.

    Parameters
    ----------
    image : Tensor, shape (C, H, W)
    overlap : int
        Pixels that neighbours share; what is wrong at a tile's border reaches half as far.
    restore : callable
        From a tile (1, C, h, w) to its restoration, of the same shape.
    progress : callable
        Told the share that is done, in [0, 1].
    tile : int

    Returns
    -------
    Tensor, shape (C, H, W)
    """
    _, height, width = image.shape
    restored = torch.zeros_like(image)
    weight = torch.zeros(height, width)
    places = [
        (rows, cols)
        for rows in _spans(height, tile, overlap)
        for cols in _spans(width, tile, overlap)
    ]
    for done, (rows, cols) in enumerate(places):
        piece = restore(image[None, :, rows, cols].contiguous())[0]
        ramp = _ramp(rows, height, overlap)[:, None] * _ramp(cols, width, overlap)
        restored[:, rows, cols] += ramp * piece
        weight[rows, cols] += ramp
        progress((done + 1) / len(places))
    return restored.div_(weight)


def _spans(length: int, tile: int, overlap: int) -> Iterator[slice]:
    """Cut a length into as few equal spans as its tiles need, each with its share of overlap."""
    count = max(1, -(-(length - overlap) // tile))
    step = (length - overlap) / count
    for number in range(count):
        yield slice(round(number * step), round((number + 1) * step) + overlap)


def _ramp(span: slice, length: int, overlap: int) -> Tensor:
    """Return weights that rise and fall over the overlap, but for the photograph's own border."""
    size = span.stop - span.start
    ramp = torch.ones(size)
    rise = (torch.arange(overlap) + 0.5) / max(overlap, 1)
    if span.start > 0:
        ramp[:overlap] = rise
    if span.stop < length:
        ramp[size - overlap :] = rise.flip(0)
    return ramp
