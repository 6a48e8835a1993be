"""A blur kernel from a picture of text: few colours, few gradients, hardly any noise.

Colours are projected onto the axis along which they vary most, and scaled so that the background
is at 0 and the letters at 1, whichever of the two is darker. Image and kernel then take turns on
every level of a pyramid. Half-quadratic splitting penalises both how many pixels have neither tone
and how many gradients there are. (The paper counts the pixels that are not black, which on dark
letters pulls towards their tone; with both tones neither polarity is favoured.) On the finest level
there are more turns than on the others. (See :mod:`.text_search` for what begins again, and for the
refinement.)

References
----------
J. Pan, Z. Hu, Z. Su and M.-H. Yang, "Deblurring Text Images via L0-Regularized Intensity and
Gradient Prior", CVPR 2014.
"""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import torch
from scipy.fft import next_fast_len
from torch import Tensor

from bench.methods.photographs.sparse_edges import (
    Settings,
    difference_spectra,
    edge_threshold,
    level_scales,
    periodic,
    placed,
    pruned,
    ridge_kernel,
    scaled,
    two_pixels,
)
from bench.methods.photographs.thresholds import firm
from bench.physics.forward import transfer_function

LEVELS = 256
"""Bins of the histogram whose fullest is the background."""
EXTREME = 0.002
"""Share of the pixels beyond the tone of the letters."""
LEAST_SPAN = 1e-3
"""Of the tones, in intensities: a picture without any letters is not stretched without end."""


@dataclasses.dataclass(frozen=True)
class TextSettings(Settings):
    """What the estimate on text depends on; chosen on ``rendered-text-val``.

    Attributes
    ----------
    intensity : float
        Penalty of a pixel that has neither tone, against the squared residual. Like the gradients'
        it falls by ``decay`` with every turn; both begin again on every level.
    intensity_growth, intensity_largest : float
        Its splitting's weight starts at twice the penalty and grows by this factor to the largest.
    last : int
        Turns of image and kernel on the finest level.
    least : float
        Neither penalty falls below this.
    rounds : int
        Times that the kernel is solved for, each time on the pixels that the last left positive.
    """

    gradient: float = 0.004
    growth: float = 4.0
    largest: float = 1e4
    iterations: int = 8
    edges: float = 20.0
    ridge: float = 0.3
    floor: float = 0.05
    component: float = 0.1
    coarsest: int = 5
    intensity: float = 0.004
    intensity_growth: float = 4.0
    intensity_largest: float = 8.0
    last: int = 24
    least: float = 1e-4
    rounds: int = 2


class Tones(NamedTuple):
    """A picture of text as one plane: 0 is the background and 1 the letters.

    Attributes
    ----------
    plane : Tensor, shape (H, W)
    span : float
        Intensities between the two tones.
    """

    plane: Tensor
    span: float


def tones(picture: Tensor) -> Tones:
    """Project a picture onto its strongest contrast.

    Parameters
    ----------
    picture : Tensor, shape (C, H, W), in [0, 1]
    """
    down, right = picture.diff(dim=1).flatten(1), picture.diff(dim=2).flatten(1)
    axes = torch.linalg.eigh((down @ down.T + right @ right.T).double()).eigenvectors
    plane = (axes[:, -1].to(picture)[:, None, None] * picture).sum(0)
    plane = plane - _fullest(plane)
    count = plane.numel()
    rank = int(EXTREME * count) + 1
    ranked = plane.flatten()
    low = float(ranked.kthvalue(rank).values)
    high = float(ranked.kthvalue(count + 1 - rank).values)
    span = max(-low, high, LEAST_SPAN)
    return Tones(plane / (span if high >= -low else -span), span)


def _fullest(plane: Tensor) -> float:
    low, high = float(plane.min()), float(plane.max())
    counts = torch.histc(plane.flatten(), LEVELS, low, high)
    smooth = torch.nn.functional.avg_pool1d(counts[None], 5, 1, 2, count_include_pad=False)[0]
    return low + (int(smooth.argmax()) + 0.5) / LEVELS * (high - low)


def climb(
    plane: Tensor,
    size: tuple[int, int],
    settings: TextSettings,
    start: Tensor | None = None,
    bottom: float = 0.5,
) -> Tensor:
    """Estimate the kernel of a picture of text from coarse to fine.

    Parameters
    ----------
    plane : Tensor, shape (H, W)
        Of the picture's tones, or a window of it.
    size : (int, int)
        Of the kernel's grid.
    settings : TextSettings
    start : Tensor, shape (kh, kw), optional
        A kernel that was found before; without one all levels are climbed, from two pixels.
    bottom : float
        Scale of the level where such a kernel begins again; the next one is the finest.

    Returns
    -------
    Tensor, float32, shape (kh, kw)
        Non-negative, summing to 1, centroid in the middle of the grid.
    """
    scales = level_scales(min(plane.shape), min(size), settings)
    if start is not None:
        scales = [bottom, 1.0] if bottom < 1 else [1.0]
    kernel, before = start, 1.0
    for scale in scales:
        support = size
        if scale < 1:
            height, width = (max(2 * int(side * scale / 2) + 1, 3) for side in size)
            support = height, width
        y = scaled(plane, scale)
        if kernel is None:
            kernel = two_pixels(support, y)
        else:
            kernel = placed(kernel, support, scale / before)
        turns = settings.last if scale == 1 else settings.iterations
        kernel = _alternate(y, kernel, turns, settings)
        before = scale
    assert kernel is not None  # the finest level is always there
    return placed(kernel, size, 1.0)


def _alternate(y: Tensor, kernel: Tensor, turns: int, settings: TextSettings) -> Tensor:
    height, width = y.shape
    extent = tuple(
        next_fast_len(side + reach, real=True)
        for side, reach in zip(y.shape, kernel.shape, strict=True)
    )
    spectrum = torch.fft.rfft2(periodic(y, extent))
    slopes = difference_spectra(extent)
    observed = slopes * spectrum
    threshold = None
    penalties = settings.intensity, settings.gradient
    for _ in range(turns):
        latent = _latent(spectrum, kernel, extent, slopes, penalties, settings)
        gradients = torch.stack([latent.roll(-1, 0) - latent, latent.roll(-1, 1) - latent])
        gradients[:, height:] = 0  # beyond the picture
        gradients[:, :, width:] = 0
        if threshold is None:
            threshold = edge_threshold(gradients, settings.edges * math.sqrt(kernel.numel()))
        gradients = gradients * firm(gradients.square().sum(0).sqrt(), threshold**0.5)
        kernel = ridge_kernel(gradients, observed, kernel, settings, settings.rounds)
        kernel = pruned(kernel, settings.floor, settings.component)
        threshold /= settings.decay
        intensity, gradient = (max(p / settings.decay, settings.least) for p in penalties)
        penalties = intensity, gradient
    return kernel


def _latent(
    spectrum: Tensor,
    kernel: Tensor,
    extent: tuple[int, int],
    slopes: Tensor,
    penalties: tuple[float, float],
    settings: TextSettings,
) -> Tensor:
    """Return the image of few gradients and two tones that explains the observation."""
    intensity, gradient = penalties
    transfer = transfer_function(kernel, extent)
    data, power = transfer.conj() * spectrum, transfer.abs().square() + 1e-12
    energy = slopes.abs().square().sum(0)
    latent = torch.fft.irfft2(spectrum, s=extent)
    pull = 2 * intensity
    while pull <= settings.intensity_largest:
        near = two_toned(latent, math.sqrt(intensity / pull))
        pulled = data + pull * torch.fft.rfft2(near)
        weight = 2 * gradient
        while weight <= settings.largest:
            down, right = latent.roll(-1, 0) - latent, latent.roll(-1, 1) - latent
            kept = firm((down.square() + right.square()).sqrt(), math.sqrt(gradient / weight))
            down, right = down * kept, right * kept
            divergence = down.roll(1, 0) - down + right.roll(1, 1) - right
            numerator = pulled + weight * torch.fft.rfft2(divergence)
            latent = torch.fft.irfft2(numerator / (power + pull + weight * energy), s=extent)
            weight *= settings.growth
        pull *= settings.intensity_growth
    return latent


def two_toned(plane: Tensor, threshold: float) -> Tensor:
    """Pull pixels that are near 0 or 1 to it; others stay.

    Parameters
    ----------
    plane : Tensor
    threshold : float
        Distance to a tone up to which a pixel is near it, without a step; see
        :func:`bench.methods.photographs.thresholds.firm`.
    """
    tone = (plane > 0.5).to(plane)
    beyond = plane - tone
    return tone + beyond * firm(beyond.abs(), threshold)
