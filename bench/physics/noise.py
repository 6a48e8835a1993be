"""How loud an observation's noise is, measured from the observation alone."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bench.physics.colour import to_opponent

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
