"""How loud the noise of a photograph is, out of a JPEG file or not.

Where the noise is white it is measured at the fastest frequencies, of which motion blur leaves
nothing. A JPEG file has none of these either, in colour above all, and the measure would call it
free of noise; the slower ones, which deblurring amplifies, keep theirs. There the blurred
photograph is seen too, so the noise is that of the flattest parts.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bench.physics.intensity import luma
from bench.physics.noise import LEAST_NOISE, estimate_noise
from bench.physics.texture import most_textured

WINDOW = 448
"""Side of the window that noise and kernel are estimated from, in pixels."""
BAND = (0.2, 0.28)
"""Cycles per pixel, in the faster direction, at which JPEG files keep their noise."""
PART = 16
"""Side of a part in pixels."""
FLATTEST = 0.1
"""The share of the parts that is flatter than the one the noise is taken from."""
LOST = 0.6
"""Where the fastest frequencies have less noise than this share of the slower ones', it is lost."""
BLOCK = 8
"""Side of the blocks of a JPEG file in pixels."""
LEVEL = 0.5
"""Coefficients of a block that are smaller, in levels of 255, were rounded to nothing."""
MORE = 0.02
"""By so much the share of such coefficients in a JPEG file's own blocks is above the share in
blocks that lie otherwise; at qualities up to 98, it is."""


def measured_noise(image: Tensor) -> float:
    """Estimate the standard deviation of a photograph's noise from its most textured window.

    Parameters
    ----------
    image : Tensor, shape (C, H, W), in [0, 1]
    """
    rows, cols = most_textured(luma(image[None])[0, 0], WINDOW)
    window = image[None, :, rows, cols].cpu()
    noise = float(estimate_noise(window)[0])
    if is_jpeg(luma(window)[0, 0]):
        slower = _in_flat_parts(window[0])
        noise = slower if noise < LOST * slower else noise
    return round(noise, 5)


def is_jpeg(grey: Tensor) -> bool:
    """Return whether an image (H, W) in [0, 1] was in a JPEG file before, wherever its blocks lie.

    Most of the faster coefficients of a JPEG file's blocks are rounded to nothing, those of blocks
    that lie across them are not.
    """
    if min(grey.shape) < 3 * BLOCK:
        return False
    number = torch.arange(BLOCK, dtype=grey.dtype)
    cosines = torch.cos(math.pi * (2 * number + 1) * number[:, None] / (2 * BLOCK)) / 2
    cosines[0] /= math.sqrt(2)
    faster = number + number[:, None] >= 3
    shares = []
    for row in range(BLOCK):
        for col in range(BLOCK):
            blocks = _parts(255 * grey[row:, col:], BLOCK)
            coefficients = cosines @ blocks @ cosines.T
            shares.append((coefficients[:, faster].abs() < LEVEL).double().mean())
    found = torch.stack(shares)
    return bool(found.max() - found.median() > MORE)


def _in_flat_parts(window: Tensor) -> float:
    """Measure the noise of a window (C, H, W) in the slower band, where the window is flat."""
    if min(window.shape[1:]) < PART:
        return LEAST_NOISE
    grey = window.sum(0) / math.sqrt(len(window))  # noise alike in all colours keeps its deviation
    parts = _parts(grey, PART)
    parts = parts - parts.mean((1, 2), keepdim=True)
    taper = torch.hann_window(PART, periodic=False).to(parts)
    taper = taper * taper[:, None]
    power = torch.fft.rfft2(parts * taper).abs().square() / taper.square().sum()
    faster = torch.maximum(torch.fft.fftfreq(PART).abs()[:, None], torch.fft.rfftfreq(PART))
    band = (faster >= BAND[0]) & (faster < BAND[1])
    return float(power[:, band].mean(1).quantile(FLATTEST).sqrt())


def _parts(grey: Tensor, side: int) -> Tensor:
    """Cut an image (H, W) into parts, shape (N, side, side)."""
    return grey.unfold(0, side, side).unfold(1, side, side).flatten(0, 1)
