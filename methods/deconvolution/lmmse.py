"""The linear minimum-mean-square estimate with a class's mean and covariance.

For images with mean ``μ`` and pixel covariance ``Σ``, noise of variance ``σ²`` and a known kernel
``K``,

    x̂ = μ + Σ Kᵀ (K Σ Kᵀ + σ² I)⁻¹ (y − K μ),

separately in three orthonormal opponent colours, which are nearly uncorrelated. The system is
solved by conjugate gradients for a batch of images at once: every step is one product with ``Σ``
for all of them. The preconditioner is the same system with ``Σ`` made stationary, which the Fourier
transform diagonalises.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from bench.errors import InvalidInput
from bench.physics.colour import OPPONENT, from_opponent, to_opponent
from bench.physics.forward import apply_transfer, transfer_function

__all__ = ["OPPONENT", "from_opponent", "to_opponent"]


@dataclasses.dataclass(frozen=True)
class ClassStatistics:
    """Mean and covariance of a class of images, per opponent colour.

    Attributes
    ----------
    mean : Tensor, shape (3, H, W)
    covariance : Tensor, shape (3, H·W, H·W)
        Symmetric and positive semidefinite.
    """

    mean: Tensor
    covariance: Tensor


def learn_statistics(images: Tensor, shrinkage: float, chunk: int = 2000) -> ClassStatistics:
    """Return the mean and covariance of a class, from images and their mirror images.

    Parameters
    ----------
    images : Tensor, uint8 or float, shape (M, 3, H, W)
        uint8 in [0, 255] or float in [0, 1].
    shrinkage : float
        In [0, 1]: the share of the covariance replaced by its stationary part, the average over
        all circular shifts, which a finite sample estimates far better.
    chunk : int
        Images taken into floating point at a time.

    Returns
    -------
    ClassStatistics
    """
    size = images.shape[-2:]
    pixels = size[0] * size[1]
    total = torch.zeros(3, pixels)
    products = torch.zeros(3, pixels, pixels)
    for part in images.split(chunk):
        floats = part.float() / 255 if part.dtype == torch.uint8 else part
        opponent = to_opponent(torch.cat([floats, floats.flip(-1)]))
        columns = opponent.permute(1, 2, 3, 0).reshape(3, pixels, -1)
        total += columns.sum(-1)
        for colour in range(3):
            products[colour].addmm_(columns[colour], columns[colour].T)
    count = 2 * len(images)
    mean = total / count
    covariance = products.div_(count)
    for colour in range(3):
        covariance[colour].addr_(mean[colour], mean[colour], alpha=-1)
        stationary = _stationary(covariance[colour], (size[0], size[1]))
        covariance[colour].mul_(1 - shrinkage).add_(stationary, alpha=shrinkage)
    return ClassStatistics(mean.reshape(3, *size), covariance)


def power_spectrum(covariance: Tensor, size: tuple[int, int]) -> Tensor:
    """Power spectrum of the stationary part of a covariance.

    Parameters
    ----------
    covariance : Tensor, shape (H·W, H·W)
    size : (int, int)

    Returns
    -------
    Tensor, shape (H, W // 2 + 1), non-negative
    """
    return torch.fft.rfft2(_lags(covariance, size)).real.clamp_min(0)


def _lags(covariance: Tensor, size: tuple[int, int]) -> Tensor:
    """Average covariance of pixels at each circular lag, shape (H, W)."""
    height, width = size
    lags = torch.zeros(height, width, dtype=covariance.dtype)
    table = covariance.reshape(height, width, height, width)
    for row in range(height):  # one row of pixels at a time keeps the memory small
        rolled = table[row].roll(-row, 1)
        for col in range(width):
            lags += rolled[col].roll(-col, 1)
    return lags / (height * width)


def _stationary(covariance: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the covariance with every entry replaced by the average at its lag."""
    height, width = size
    lags = _lags(covariance, size)
    result = torch.empty(height, width, height, width)
    for row in range(height):
        for col in range(width):
            result[row, col] = lags.roll((row, col), (0, 1))
    return result.reshape(height * width, height * width)


def lmmse_deconvolve(
    observation: Tensor,
    kernel: Tensor,
    noise: float,
    statistics: ClassStatistics,
    tolerance: float = 1e-5,
    iterations: int = 500,
) -> Tensor:
    """Deconvolve circularly blurred colour images of a known class with a known kernel.

    Parameters
    ----------
    observation : Tensor, shape (N, 3, H, W), in [0, 1]
    kernel : Tensor, shape (N, kh, kw)
        In the forward model's centring, summing to 1.
    noise : float
        Standard deviation, positive.
    statistics : ClassStatistics
        Of images of the same size.
    tolerance : float
        Where conjugate gradients stop: norm of the residual over that of the right-hand side.
    iterations : int
        Most steps taken.

    Returns
    -------
    Tensor, shape (N, 3, H, W), in [0, 1]

    Raises
    ------
    InvalidInput
        If the noise is not positive or the images are not of the statistics' size.
    """
    size = (int(observation.shape[-2]), int(observation.shape[-1]))
    if tuple(observation.shape[1:]) != tuple(statistics.mean.shape):
        raise InvalidInput(
            f"The statistics are of images of shape {tuple(statistics.mean.shape)}; "
            f"the observations have shape {tuple(observation.shape[1:])}."
        )
    if not noise > 0:
        raise InvalidInput(f"The noise is {noise:g}; this estimate needs a positive one.")
    # Double precision: in single, rounding decides where conjugate gradients stop, rounding depends
    # on the batch, and so did the fourth digit of a pixel.
    transfer = transfer_function(kernel.to(observation.device, torch.float64), size)
    opponent = to_opponent(observation.double())
    restored = [
        _solve(
            opponent[:, colour],
            transfer,
            noise**2,
            statistics.mean[colour].to(opponent),
            statistics.covariance[colour].to(opponent),
            tolerance,
            iterations,
        )
        for colour in range(3)
    ]
    return from_opponent(torch.stack(restored, 1)).clamp(0, 1).to(observation)


def _solve(
    y: Tensor,
    transfer: Tensor,
    variance: float,
    mean: Tensor,
    covariance: Tensor,
    tolerance: float,
    iterations: int,
) -> Tensor:
    """One opponent colour, all images: ``y`` and the result have shape (N, H, W)."""
    size = (int(y.shape[-2]), int(y.shape[-1]))
    spectrum = power_spectrum(covariance, size)
    inverse = 1 / (transfer.abs() ** 2 * spectrum + variance)

    def covary(image: Tensor) -> Tensor:
        return (image.flatten(1) @ covariance).reshape(image.shape)

    def system(image: Tensor) -> Tensor:
        spread = covary(apply_transfer(image, transfer.conj()))
        return apply_transfer(spread, transfer) + variance * image

    def inner(a: Tensor, b: Tensor) -> Tensor:
        return (a * b).sum((1, 2), keepdim=True)

    residual = y - apply_transfer(mean.expand_as(y), transfer)
    goal = tolerance**2 * inner(residual, residual)
    solution = torch.zeros_like(y)
    preconditioned = apply_transfer(residual, inverse)
    direction = preconditioned
    descent = inner(residual, preconditioned)
    for _ in range(iterations):
        # An image that has arrived stands still, so that its result does not depend on how long
        # its neighbours in the batch still need.
        active = inner(residual, residual) > goal
        if not bool(active.any()):
            break
        ahead = system(direction)
        step = torch.where(active, descent / inner(direction, ahead), 0)
        solution = solution + step * direction
        residual = residual - step * ahead
        preconditioned = apply_transfer(residual, inverse)
        updated = inner(residual, preconditioned)
        direction = torch.where(active, preconditioned + updated / descent * direction, direction)
        descent = torch.where(active, updated, descent)
    return mean + covary(apply_transfer(solution, transfer.conj()))
