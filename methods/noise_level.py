"""How loud an observation's noise is, measured from the observation alone.

The weights of the objectives are chosen at 1 % of noise, in development. Where an observation is
louder its residual says less, and a weight that does not know it lets the image fit the noise.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bench.methods.deconvolution.lmmse import to_opponent

CHOSEN_NOISE = 0.0125
"""The largest noise level measured on a development image that has 1 %."""
FASTEST = 3 / 8
"""Cycles per pixel, in both directions, above which an observation is taken for noise."""
LEAST_NOISE = 0.002


def estimate_noise(observation: Tensor) -> Tensor:
    """Measure the standard deviation of the noise in blurred images.

    Motion blur leaves next to nothing of the diagonal frequencies close to Nyquist, so the median
    power there, over pixels and opponent colours, is that of the noise. (The power of Gaussian
    noise is exponentially distributed, with a median of log 2 times its mean.)

    Parameters
    ----------
    observation : Tensor, shape (N, C, H, W), in [0, 1]
        Grey or in colour.

    Returns
    -------
    Tensor, shape (N,)
        At least 0.002.
    """
    colours = to_opponent(observation) if observation.shape[1] == 3 else observation
    power = torch.fft.rfft2(colours, norm="ortho").abs().square()
    rows = torch.fft.fftfreq(observation.shape[-2]).abs() >= FASTEST
    cols = torch.fft.rfftfreq(observation.shape[-1]) >= FASTEST
    corner = power[:, :, rows][..., cols].flatten(1)
    return (corner.median(1).values / math.log(2)).sqrt().clamp_min(LEAST_NOISE)


def loudness(observation: Tensor) -> Tensor:
    """Measure the noise in units of what the weights were chosen at.

    Parameters
    ----------
    observation : Tensor, shape (N, C, H, W), in [0, 1]

    Returns
    -------
    Tensor, shape (N,)
        1 up to :data:`CHOSEN_NOISE`, and the measured noise over it beyond.
    """
    return (estimate_noise(observation) / CHOSEN_NOISE).clamp_min(1.0)
