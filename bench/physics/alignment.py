"""Registering a restored image before it is scored.

Deconvolution knows an image and its kernel only up to opposite shifts. :func:`recentre` settles
that without the truth, by the kernel's centroid; :func:`align` settles it with the truth, as the
usual procedure for real photographs does.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bench.errors import InvalidInput
from bench.physics.forward import shift
from bench.protocol import Alignment


def centroid(kernel: Tensor) -> Tensor:
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
    """Move a kernel's centroid to the middle of its grid, and the image oppositely.

    The published kernels have their centroid at (13.5, 13.5), the middle of 28×28 pixels, while
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
    offset = middle - centroid(kernel.clamp_min(0))
    return shift(image, -offset.to(image.dtype)), shift(kernel, offset)


def align(image: Tensor, truth: Tensor, alignment: Alignment) -> tuple[Tensor, Tensor]:
    """Register images to the truth and crop the border of both.

    The usual procedure for Levin's photographs: of all shifts up to a few pixels, in steps of a
    quarter pixel with bilinear interpolation, the one with the smallest squared error inside the
    cropped border. Whole pixels are searched first, by correlation in the Fourier domain, then the
    fractions around the best of them.

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
    aligned = [
        _shifted(x, *best_shift(x, t, alignment), border)
        for x, t in zip(image, target, strict=True)
    ]
    return torch.stack(aligned), target


def best_shift(image: Tensor, target: Tensor, alignment: Alignment) -> tuple[float, float]:
    """Return by how many rows and columns to move an image so that it is nearest to a target.

    Parameters
    ----------
    image : Tensor, shape (C, H, W)
    target : Tensor, shape (C, H - 2 border, W - 2 border)
        Without the border.
    alignment : Alignment
        Whose border is wider than its largest shift.
    """
    return _best_near(image, target, alignment, *_best_whole(image, target, alignment))


def _best_whole(image: Tensor, target: Tensor, alignment: Alignment) -> tuple[int, int]:
    """Return the whole-pixel shift within reach that has the smallest squared error.

    ``Σ (x(p − s) − t(p))² = Σ x(p − s)² − 2 Σ x(p − s) t(p) + const``: the first sum is a box
    filter of ``x²``, the second a correlation, and both are computed for all shifts at once.
    """
    reach, border = int(alignment.max_shift), alignment.border
    height, width = image.shape[-2:]
    # What the shifts can bring under the target, and no more.
    rows, cols = (slice(border - reach, size - border + reach) for size in (height, width))
    x = image[..., rows, cols].double()
    t = target.double()
    mean = t.mean()  # which leaves the errors as they are and the sums small
    x, t = x - mean, t - mean
    size = (int(x.shape[-2]), int(x.shape[-1]))
    spectrum = torch.fft.rfft2(x) * torch.fft.rfft2(t, s=size).conj()
    correlation = torch.fft.irfft2(spectrum.sum(0), s=size)[: 2 * reach + 1, : 2 * reach + 1]
    energy = _box_sums(x.square().sum(0), (int(t.shape[-2]), int(t.shape[-1])))
    place = int((energy - 2 * correlation).argmin())
    # The window that starts at (0, 0) of x lies under the target when x is moved by the reach.
    return reach - place // (2 * reach + 1), reach - place % (2 * reach + 1)


def _box_sums(plane: Tensor, size: tuple[int, int]) -> Tensor:
    """Return sums over every window of a size."""
    total = torch.nn.functional.pad(plane.cumsum(0).cumsum(1), (1, 0, 1, 0))
    height, width = size
    rows = total[height:] - total[:-height]
    return rows[:, width:] - rows[:, :-width]


def _best_near(
    image: Tensor, target: Tensor, alignment: Alignment, row: int, col: int
) -> tuple[float, float]:
    """Return the best shift within a pixel of a whole one, in the alignment's steps.

    An image moved by fractions is a weighted mean of the image moved by the whole pixels around,
    so the errors of all fractions follow from the products of nine differences.
    """
    fractions = torch.arange(-1, 1 + alignment.step / 2, alignment.step, dtype=torch.float64)

    def steps(centre: int) -> Tensor:
        return fractions[(centre + fractions).abs() <= alignment.max_shift]

    downs, rights = steps(row), steps(col)
    height, width = target.shape[-2:]
    # The border is wider than the reach, so that a pixel more is always there.
    tops, lefts = (
        [alignment.border - centre - step for step in (-1, 0, 1)] for centre in (row, col)
    )
    products = torch.zeros(9, 9, dtype=torch.float64)
    for x, t in zip(image, target, strict=True):
        windows = [x[top : top + height, left : left + width] for top in tops for left in lefts]
        differences = torch.stack([(window - t).flatten() for window in windows]).double()
        products += differences @ differences.T
    weights = torch.einsum("ai,bj->abij", _hats(downs), _hats(rights)).flatten(2)
    errors = torch.einsum("abi,ij,abj->ab", weights, products, weights)
    place = int(errors.argmin())
    down, right = downs[place // len(rights)], rights[place % len(rights)]
    return row + float(down), col + float(right)


def _hats(fractions: Tensor) -> Tensor:
    """Bilinear weights of the pixels at −1, 0 and 1 for shifts between them, shape (n, 3)."""
    return (1 - (fractions[:, None] - torch.tensor([-1.0, 0.0, 1.0])).abs()).clamp_min(0)


def _shifted(image: Tensor, row: float, col: float, border: int) -> Tensor:
    """Return the interior of an image moved by (row, col), interpolated bilinearly."""
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
