"""A blur kernel from the strong edges of a photograph, coarse to fine, in PyTorch.

The latent image and the kernel take turns on every level of a pyramid. The image has sparse
gradients (their number is penalised, by half-quadratic splitting); the kernel follows from its
strongest gradients by ridge regression. The normal equations of the kernel are Toeplitz, so that
after one transform of the image their products need only transforms of twice the kernel's size.

References
----------
L. Xu, S. Zheng and J. Jia, "Unnatural L0 Sparse Representation for Natural Image Deblurring",
CVPR 2013.
S. Cho and S. Lee, "Fast Motion Deblurring", ACM Transactions on Graphics 28(5), 2009.
J. Pan, D. Sun, H. Pfister and M.-H. Yang, "Blind Image Deblurring Using Dark Channel Prior",
CVPR 2016.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable

import scipy.ndimage
import torch
from scipy.fft import next_fast_len
from torch import Tensor

from bench.methods.photographs.minimal_pixels import darkened
from bench.methods.photographs.thresholds import firm
from bench.physics.alignment import centroid
from bench.physics.forward import transfer_function


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the estimate depends on; chosen on development photographs.

    Attributes
    ----------
    gradient : float
        Penalty of a gradient of the latent image that is not zero, against the squared residual.
    growth, largest : float
        The splitting's weight starts at twice the penalty and grows by this factor to the largest.
    iterations : int
        Turns of image and kernel on each level.
    decay : float
        The thresholds of gradients fall by this factor with every turn.
    edges : float
        Pixels kept in each of four ranges of orientation, in units of the kernel's side.
    ridge : float
        Weight of the kernel's squared norm.
    floor, component : float
        Kernel values below this share of the largest go, and connected pieces below this share of
        the mass.
    ratio : float
        Between the sizes of neighbouring levels.
    coarsest : int
        Pixels of the kernel on the coarsest level.
    steps : int
        Of the conjugate gradient method.
    """

    gradient: float = 0.004
    growth: float = 3.0
    largest: float = 1e4
    iterations: int = 8
    decay: float = 1.1
    edges: float = 10.0
    ridge: float = 20.0
    floor: float = 0.05
    component: float = 0.05
    ratio: float = math.sqrt(0.5)
    coarsest: int = 5
    steps: int = 20


@dataclasses.dataclass(frozen=True)
class Additions:
    """What may be added to the plain estimate.

    Attributes
    ----------
    rounds : int
        Times that the kernel is solved for, each time on the pixels that the last left positive.
    dark : float
        Intensity below which the darkest pixel of a patch becomes black, at the start of a level;
        it falls as the thresholds do. 0 adds no such prior.
    patch : float
        Side of the patches, in units of the image's mean side.
    """

    rounds: int = 1
    dark: float = 0.0
    patch: float = 0.025


def estimate_kernel(
    grey: Tensor,
    size: tuple[int, int],
    settings: Settings | None = None,
    additions: Additions | None = None,
) -> Tensor:
    """Estimate the kernel of an image.

    Parameters
    ----------
    grey : Tensor, shape (H, W), in [0, 1]
    size : (int, int)
        Of the kernel's grid.
    settings : Settings, optional
    additions : Additions, optional
        Default: none.

    Returns
    -------
    Tensor, float32, shape (kh, kw)
        Non-negative, summing to 1, centroid in the middle of the grid.
    """
    settings, additions = settings or Settings(), additions or Additions()
    kernel, before = two_pixels(size, grey), 1.0
    penalty = settings.gradient
    for number, scale in enumerate(level_scales(min(grey.shape), min(size), settings)):
        support = size
        if scale < 1:
            height, width = (max(2 * int(side * scale / 2) + 1, 3) for side in size)
            support = height, width
        y = scaled(grey, scale)
        kernel = placed(kernel, support, scale / before) if number else two_pixels(support, y)
        kernel, penalty = _alternate(y, kernel, penalty, settings, additions)
        before = scale
    return placed(kernel, size, 1.0)


def level_scales(extent: int, side: int, settings: Settings) -> list[float]:
    """Return the levels' scales, coarse to fine, for an image's and a kernel's smaller sides."""
    count = max(0, int(math.log(settings.coarsest / side) / math.log(settings.ratio)))
    scales = [settings.ratio**level for level in range(count, -1, -1)]
    return [scale for scale in scales if scale * extent >= 16 or scale == 1]


def scaled(grey: Tensor, scale: float) -> Tensor:
    """Return a smaller image, of eight pixels or more each way."""
    if scale == 1:
        return grey
    extent = [max(8, round(side * scale)) for side in grey.shape]
    return torch.nn.functional.interpolate(
        grey[None, None], size=extent, mode="bilinear", antialias=True, align_corners=False
    )[0, 0]


def two_pixels(support: tuple[int, int], like: Tensor) -> Tensor:
    """Two neighbouring pixels: with a point the observation would explain itself."""
    kernel = like.new_zeros(support)
    row, col = (side // 2 for side in support)
    kernel[row, col - 1 : col + 1] = 0.5
    return kernel


def placed(
    kernel: Tensor, support: tuple[int, int], scale: float, centre: Tensor | None = None
) -> Tensor:
    """Interpolate a kernel onto another grid, its centroid or a centre in the middle of that."""
    centre = centroid(kernel[None])[0] if centre is None else centre
    weights = []
    for axis, side in enumerate(support):
        places = (torch.arange(side) - (side - 1) / 2) / scale + centre[axis]
        pixels = torch.arange(kernel.shape[axis])
        weights.append((1 - (places[:, None] - pixels).abs()).clamp_min(0))
    moved = weights[0] @ kernel @ weights[1].T
    return moved / moved.sum().clamp_min(1e-12)


def _alternate(
    y: Tensor, kernel: Tensor, penalty: float, settings: Settings, additions: Additions
) -> tuple[Tensor, float]:
    height, width = y.shape
    extent = tuple(
        next_fast_len(side + reach, real=True)
        for side, reach in zip(y.shape, kernel.shape, strict=True)
    )
    spectrum = torch.fft.rfft2(periodic(y, extent))
    slopes = difference_spectra(extent)
    observed = slopes * spectrum
    threshold, dark = None, additions.dark
    side = max(2, round(additions.patch * (height + width) / 2))
    wanted = settings.edges * math.sqrt(kernel.numel())
    for _ in range(settings.iterations):
        prior = functools.partial(darkened, shown=(height, width), threshold=dark, side=side)
        latent = sparse_latent(spectrum, kernel, extent, slopes, penalty, settings, prior)
        gradients = torch.stack([latent.roll(-1, 0) - latent, latent.roll(-1, 1) - latent])
        gradients[:, height:] = 0  # beyond the photograph
        gradients[:, :, width:] = 0
        if threshold is None:
            threshold = edge_threshold(gradients, wanted)
        magnitude = gradients.square().sum(0)
        gradients = gradients * firm(magnitude.sqrt(), threshold**0.5)
        kernel = ridge_kernel(gradients, observed, kernel, settings, additions.rounds)
        kernel = pruned(kernel, settings.floor, settings.component)
        threshold, dark = threshold / settings.decay, dark / settings.decay
        penalty = max(penalty / settings.decay, 1e-4)
    return kernel, penalty


def periodic(y: Tensor, extent: tuple[int, int]) -> Tensor:
    """Continue an image down and to the right so that it becomes periodic without a jump."""
    for axis, side in enumerate(extent):
        beyond = side - y.shape[axis]
        share = (torch.arange(1, beyond + 1) / (beyond + 1)).to(y)
        share = share[:, None] if axis == 0 else share
        last, first = y.narrow(axis, -1, 1), y.narrow(axis, 0, 1)
        y = torch.cat([y, last + (first - last) * share], axis)
    return y


def _fast(length: int) -> int:
    return int(next_fast_len(length, real=True))


def difference_spectra(extent: tuple[int, int]) -> Tensor:
    """Return the transfer functions of forward differences along rows and columns."""
    rows = torch.fft.fftfreq(extent[0])[:, None].expand(-1, extent[1] // 2 + 1)
    cols = torch.fft.rfftfreq(extent[1])[None].expand(extent[0], -1)
    return torch.exp(2j * math.pi * torch.stack([rows, cols])) - 1


def sparse_latent(
    spectrum: Tensor,
    kernel: Tensor,
    extent: tuple[int, int],
    slopes: Tensor,
    penalty: float,
    settings: Settings,
    prior: Callable[[Tensor], Tensor],
) -> Tensor:
    """Return the image with few gradients that explains the observation with this kernel."""
    transfer = transfer_function(kernel, extent)
    data, power = transfer.conj() * spectrum, transfer.abs().square()
    energy = slopes.abs().square().sum(0)
    latent = torch.fft.irfft2(spectrum, s=extent)
    weight = 2 * penalty
    while weight <= settings.largest:
        latent = prior(latent)
        down, right = latent.roll(-1, 0) - latent, latent.roll(-1, 1) - latent
        kept = firm((down.square() + right.square()).sqrt(), math.sqrt(penalty / weight))
        down, right = down * kept, right * kept
        divergence = down.roll(1, 0) - down + right.roll(1, 1) - right
        latent = torch.fft.irfft2(
            (data + weight * torch.fft.rfft2(divergence)) / (power + weight * energy + 1e-12),
            s=extent,
        )
        weight *= settings.growth
    return latent


def edge_threshold(gradients: Tensor, wanted: float) -> float:
    """Squared magnitude that so many pixels of every range of orientation pass."""
    squared = gradients.square().sum(0).flatten()
    quarter = (torch.atan2(gradients[0], gradients[1]) / (math.pi / 4)).floor().flatten() % 4
    rank = min(max(round(wanted), 1), len(squared))
    lowest = math.inf
    for orientation in range(4):
        ranked = (squared * (quarter == orientation)).topk(rank).values
        lowest = min(lowest, float(ranked[-1]))
    return lowest


def ridge_kernel(
    gradients: Tensor, observed: Tensor, start: Tensor, settings: Settings, rounds: int
) -> Tensor:
    """Ridge regression of the observation's gradients on the latent image's."""
    (kh, kw), extent = start.shape, gradients.shape[-2:]
    spectra = torch.fft.rfft2(gradients)
    correlation = torch.fft.irfft2((spectra.conj() * observed).sum(0), s=extent)
    right_side = correlation.roll((kh // 2, kw // 2), (0, 1))[:kh, :kw]
    energy = torch.fft.irfft2(spectra.abs().square().sum(0), s=extent)
    small = _fast(2 * kh - 1), _fast(2 * kw - 1)
    lags = energy[torch.arange(1 - kh, kh) % extent[0]][:, torch.arange(1 - kw, kw) % extent[1]]
    beyond = (0, small[1] - lags.shape[1], 0, small[0] - lags.shape[0])
    padded = torch.nn.functional.pad(lags, beyond)
    toeplitz = torch.fft.rfft2(padded.roll((-(kh - 1), -(kw - 1)), (0, 1)))

    def product(k: Tensor) -> Tensor:
        filtered = torch.fft.irfft2(torch.fft.rfft2(k, s=small) * toeplitz, s=small)
        return filtered[:kh, :kw] + settings.ridge * k

    kernel, free = start, torch.ones_like(start)
    for _ in range(rounds):
        kernel = conjugate_gradients(product, right_side, kernel * free, free, settings.steps)
        free = (kernel > 0).to(kernel)
    return kernel


def conjugate_gradients(
    product: Callable[[Tensor], Tensor], right_side: Tensor, start: Tensor, free: Tensor, steps: int
) -> Tensor:
    """Solve least squares for a kernel by conjugate gradients.

    Parameters
    ----------
    product : callable
        Of the normal equations' matrix and a kernel.
    right_side, start : Tensor, shape (kh, kw)
    free : Tensor, shape (kh, kw)
        1 for pixels that are solved for; where it is 0 they stay as they are.
    steps : int

    Returns
    -------
    Tensor, shape (kh, kw)
    """
    kernel = start
    residual = (right_side - product(kernel)) * free
    direction, norm = residual, residual.square().sum()
    for _ in range(steps):
        turned = product(direction) * free
        step = norm / (direction * turned).sum().clamp_min(1e-20)
        kernel = kernel + step * direction
        residual = residual - step * turned
        now = residual.square().sum()
        direction, norm = residual + now / norm.clamp_min(1e-20) * direction, now
    return kernel


def pruned(kernel: Tensor, floor: float, component: float) -> Tensor:
    """Drop what is small, negative or apart, and scale to sum 1.

    Parameters
    ----------
    kernel : Tensor, shape (kh, kw)
    floor, component : float
        See :class:`Settings`.

    Returns
    -------
    Tensor, shape (kh, kw)
        Two neighbouring pixels where nothing is left.
    """
    kernel = kernel.clamp_min(0)
    kernel = kernel * firm(kernel, floor * float(kernel.max()))
    total = kernel.sum()
    if not total > 0:
        return two_pixels((kernel.shape[0], kernel.shape[1]), kernel)
    kernel = kernel / total
    labels, count = scipy.ndimage.label((kernel > 0).numpy(), structure=[[1] * 3] * 3)
    places = torch.from_numpy(labels).long()
    mass = torch.zeros(count + 1).index_add_(0, places.flatten(), kernel.flatten())
    least = min(component, float(mass[1:].max()) / math.sqrt(2))
    kernel = kernel * firm(mass, least)[places]
    return kernel / kernel.sum()
