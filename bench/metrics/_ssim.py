"""Structural similarity: the paper's, on the RGB array as a volume, and the usual one."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from bench.errors import InvalidInput
from bench.metrics._base import Comparison, Metric

REACH = 5
"""Pixels of the window to either side of its middle."""


def ssim(image: Tensor, truth: Tensor) -> Tensor:
    """Return the paper's SSIM: MATLAB's ``ssim`` called on the RGB array as a volume.

    An 11×11×11 Gaussian window with σ = 1.5 also runs across the three channels, edges are
    replicated, K = (0.01, 0.03), L = 1, and the mean is over all voxels. For grey images this is
    the ordinary two-dimensional SSIM with the same window.

    Parameters
    ----------
    image, truth : Tensor, shape (N, C, H, W), in [0, 1]

    Returns
    -------
    Tensor, shape (N,), at most 1
    """
    return _similarity(image.double(), truth.double(), _window)


def _similarity(x: Tensor, y: Tensor, window: Callable[[Tensor], Tensor]) -> Tensor:
    """Return the mean over all windows, shape (N,)."""
    mean_x, mean_y = window(x), window(y)
    variance_x = window(x * x) - mean_x**2
    variance_y = window(y * y) - mean_y**2
    covariance = window(x * y) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    structure = (2 * covariance + c2) / (variance_x + variance_y + c2)
    return (luminance * structure).mean((1, 2, 3))


def _window(volume: Tensor) -> Tensor:
    """Gaussian window over channels, rows and columns; one channel is left a plane."""
    channels, height, width = volume.shape[-3:]
    planes = _banded(height) @ volume @ _banded(width).T
    if channels == 1:
        return planes
    return (_banded(channels) @ planes.flatten(2)).view(planes.shape)


@functools.lru_cache(maxsize=16)
def _banded(size: int) -> Tensor:
    """Return the window along an axis, edges replicated, as a matrix: a product is quicker than
    taps."""
    position = torch.arange(-REACH, REACH + 1)
    weights = torch.exp(-(position.double() ** 2) / (2 * 1.5**2))
    taps = (torch.arange(size)[:, None] + position).clamp(0, size - 1)
    matrix = torch.zeros(size, size, dtype=torch.float64)
    return matrix.scatter_add_(1, taps, (weights / weights.sum()).expand(size, -1))


def ssim_rgb(image: Tensor, truth: Tensor) -> Tensor:
    """Return the usual SSIM, per channel with the Gaussian window, then the mean; as
    scikit-image's.

    Only windows that lie inside of the image count.

    Parameters
    ----------
    image, truth : Tensor, shape (N, C, H, W), in [0, 1]

    Returns
    -------
    Tensor, shape (N,), at most 1

    Raises
    ------
    InvalidInput
        If the images are smaller than a window.
    """
    height, width = image.shape[-2:]
    if min(height, width) <= 2 * REACH:
        raise InvalidInput(
            f"The images are {height}×{width}; SSIM takes {2 * REACH + 1}×{2 * REACH + 1} at least."
        )
    return _similarity(image.double(), truth.double(), _inner_window)


def _inner_window(planes: Tensor) -> Tensor:
    """Gaussian window over rows and columns, where it lies inside of the image."""
    rows, columns = (_banded(size)[REACH : size - REACH] for size in planes.shape[-2:])
    return rows @ planes @ columns.T


class VolumeSSIM(Metric):
    """The paper's SSIM, of the RGB array as a volume."""

    name, heading, place = "ssim", "SSIM (volume)", 30
    headline = True

    def compute(self, comparison: Comparison) -> Tensor:
        """Return values of at most 1, shape (N,)."""
        return ssim(*comparison.aligned)


class ChannelSSIM(Metric):
    """The usual SSIM, per channel."""

    name, heading, place = "ssim_rgb", "SSIM (per channel)", 40

    def compute(self, comparison: Comparison) -> Tensor:
        """Return values of at most 1, shape (N,)."""
        return ssim_rgb(*comparison.aligned)
