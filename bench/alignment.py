"""Registering a restored image before it is scored.

Deconvolution knows an image and its kernel only up to opposite shifts. :func:`recentre` settles
that without the truth, by the kernel's barycentre; :func:`align` settles it with the truth, as the
usual procedure for real photographs does.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bench.errors import InvalidInput
from bench.forward import shift
from bench.protocol import Alignment


def barycentre(kernel: Tensor) -> Tensor:
    """Centre of mass of kernels.

    Parameters
    ----------
    kernel : Tensor, shape (N, kh, kw), non-negative

    Returns
    -------
    Tensor, shape (N, 2)
        Row and column in pixels; the middle of the grid for a kernel without mass.
    """
    height, width = kernel.shape[-2:]
    mass = kernel.sum((-2, -1))
    rows = torch.arange(height, dtype=kernel.dtype, device=kernel.device)
    cols = torch.arange(width, dtype=kernel.dtype, device=kernel.device)
    moments = torch.stack([kernel.sum(-1) @ rows, kernel.sum(-2) @ cols], dim=-1)
    middle = moments.new_tensor([(height - 1) / 2, (width - 1) / 2])
    return torch.where(mass[:, None] > 0, moments / mass.clamp_min(1e-12)[:, None], middle)


def recentre(image: Tensor, kernel: Tensor) -> tuple[Tensor, Tensor]:
    """Move a kernel's barycentre to the middle of its grid, and the image oppositely.

    The published kernels have their barycentre at (13.5, 13.5), the middle of 28×28 pixels, while
    the origin of the convolution is pixel (14, 14). The shift leaves ``x ⊗ k`` as it is.

    Parameters
    ----------
    image : Tensor, shape (N, C, H, W)
    kernel : Tensor, shape (N, kh, kw)

    Returns
    -------
    image, kernel : Tensor
        Shifted in the Fourier domain, circularly.
    """
    height, width = kernel.shape[-2:]
    middle = kernel.new_tensor([(height - 1) / 2, (width - 1) / 2])
    offset = middle - barycentre(kernel.clamp_min(0))
    return shift(image, -offset.to(image.dtype)), shift(kernel, offset)


def align(image: Tensor, truth: Tensor, alignment: Alignment) -> tuple[Tensor, Tensor]:
    """Register images to the truth and crop the border of both.

    The usual procedure for Levin's photographs: of all shifts up to a few pixels, in steps of a
    quarter pixel with bilinear interpolation, the one with the smallest squared error inside the
    cropped border. Whole pixels are searched first, then the fractions around the best of them.

    Parameters
    ----------
    image, truth : Tensor, shape (N, C, H, W)
    alignment : Alignment

    Returns
    -------
    image, truth : Tensor, shape (N, C, H - 2 border, W - 2 border)

    Raises
    ------
    InvalidInput
        If the border leaves nothing, or is narrower than the largest shift.
    """
    border, reach = alignment.border, int(alignment.max_shift)
    height, width = truth.shape[-2:]
    if 2 * border >= min(height, width) or (reach and border <= reach):
        raise InvalidInput(
            f"A border of {border} pixels does not suit an image of {height}×{width} with shifts "
            f"of {reach} pixels; it must be wider than the shifts and leave some image."
        )
    target = truth[..., border : height - border, border : width - border]
    if not reach:
        return image[..., border : height - border, border : width - border], target
    aligned = [_align_one(x, t, alignment) for x, t in zip(image, target, strict=True)]
    return torch.stack(aligned), target


def _align_one(image: Tensor, target: Tensor, alignment: Alignment) -> Tensor:
    reach, step = alignment.max_shift, alignment.step
    whole = torch.arange(-int(reach), int(reach) + 1, dtype=torch.float64).tolist()
    row, col = _best(image, target, alignment.border, whole, whole)
    near = torch.arange(-1, 1 + step / 2, step, dtype=torch.float64)

    def around(centre: float) -> list[float]:
        return [value for value in (centre + near).tolist() if abs(value) <= reach]

    best = _best(image, target, alignment.border, around(row), around(col))
    return _shifted(image, best[0], best[1], alignment.border)


def _best(
    image: Tensor, target: Tensor, border: int, rows: list[float], cols: list[float]
) -> tuple[float, float]:
    shifts = [(row, col) for row in rows for col in cols]
    errors = [float((_shifted(image, r, c, border) - target).square().sum()) for r, c in shifts]
    return shifts[min(range(len(shifts)), key=errors.__getitem__)]


def _shifted(image: Tensor, row: float, col: float, border: int) -> Tensor:
    """The interior of an image moved by (row, col), interpolated bilinearly."""
    height, width = image.shape[-2] - 2 * border, image.shape[-1] - 2 * border
    top, left = int(row // 1), int(col // 1)
    a, b = row - top, col - left

    def window(down: int, right: int) -> Tensor:
        y, x = border - top - down, border - left - right
        return image[..., y : y + height, x : x + width]

    whole = window(0, 0) if a == 0 else (1 - a) * window(0, 0) + a * window(1, 0)
    if b == 0:
        return whole
    right = window(0, 1) if a == 0 else (1 - a) * window(0, 1) + a * window(1, 1)
    return (1 - b) * whole + b * right
