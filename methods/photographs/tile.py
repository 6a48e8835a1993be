"""A photograph as one tile of a periodic image, which Fourier methods can take without a jump."""

from __future__ import annotations

import math

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
import torch
from scipy.fft import next_fast_len
from torch import Tensor

DAMPING = 1.2
"""Exponent of the low pass at the Nyquist frequency that is left, along each axis."""


def tile_size(image: tuple[int, int], kernel: tuple[int, int]) -> tuple[int, int]:
    """Return at least the sum of both sizes: even, and fast to transform."""
    rows, cols = (
        2 * next_fast_len(-(-(side + reach) // 2))
        for side, reach in zip(image, kernel, strict=True)
    )
    return rows, cols


def tiled(grey: Tensor, size: tuple[int, int]) -> Tensor:
    """Continue a photograph smoothly so that it becomes periodic.

    The new frame is the membrane that is stretched between the photograph's opposite borders:
    Laplace's equation on the torus, with the photograph as boundary value, solved directly. Liu and
    Jia, who make such a tile in three steps: "Reducing Boundary Artifacts in Image Deconvolution",
    ICIP 2008.

    Parameters
    ----------
    grey : Tensor, shape (H, W)
    size : (int, int)
        Of the tile, at least that of the photograph.

    Returns
    -------
    Tensor, shape ``size``
        The photograph in the middle, rounded up and to the left.
    """
    inner = place_of(grey, size)
    known = np.zeros(size, bool)
    known[inner] = True
    tile = np.zeros(size)
    tile[inner] = grey.double().cpu().numpy()
    values, frame = tile.ravel(), np.flatnonzero(~known)
    places = np.full(values.size, -1)
    places[frame] = np.arange(len(frame))
    matrix = 4 * scipy.sparse.identity(len(frame), format="csc")
    right_side = np.zeros(len(frame))
    numbers = np.arange(values.size).reshape(size)
    for axis in (0, 1):
        for step in (1, -1):
            beside = np.roll(numbers, step, axis).ravel()[frame]
            unknown = np.flatnonzero(places[beside] >= 0)
            ones = np.ones(len(unknown))
            matrix -= scipy.sparse.csc_matrix(
                (ones, (unknown, places[beside[unknown]])), shape=matrix.shape
            )
            right_side += values[beside]  # zero where it is unknown
    if len(frame):
        values[frame] = scipy.sparse.linalg.spsolve(matrix, right_side)
    return torch.from_numpy(tile).to(grey)


def place_of(grey: Tensor, size: tuple[int, int]) -> tuple[slice, slice]:
    """Return the rows and columns of a tile that show the photograph."""
    (height, width), (tall, wide) = grey.shape, size
    top, left = (tall - height) // 2, (wide - width) // 2
    return slice(top, top + height), slice(left, left + width)


def shrunk(tile: Tensor, size: tuple[int, int]) -> Tensor:
    """Scale a periodic image down by cropping its spectrum.

    It stays periodic, and any size will do. A Gaussian that falls to 0.3 at the new Nyquist
    frequency avoids the ringing of a sharp cut.

    Parameters
    ----------
    tile : Tensor, shape (H, W)
    size : (int, int)
        At most (H, W).

    Returns
    -------
    Tensor, shape ``size``
    """
    if tuple(tile.shape) == size:
        return tile
    spectrum = torch.fft.fft2(tile)
    for axis, (side, kept) in enumerate(zip(tile.shape, size, strict=True)):
        waves = torch.fft.fftfreq(kept, 1 / kept).round().to(tile)
        falling = torch.exp(-DAMPING * (2 * waves / kept) ** 2)
        shape = (-1, 1) if axis == 0 else (1, -1)
        spectrum = spectrum.index_select(axis, waves.long() % side) * falling.view(shape)
    share = math.prod(size) / tile.numel()
    return torch.fft.ifft2(share * spectrum).real.contiguous()
