"""What the network sees of a photograph and the kernel that was estimated for it.

Two total-variation restorations, the observation, what the observation still has beyond the
re-blurred restoration, carried back into the image, and the noise level: planes of the photograph's
size. The network never sees a kernel, and each colour is restored by itself.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bench.methods.deconvolution.tv import tuned_weight, tv_deconvolve
from bench.physics.forward import apply_transfer, blur, transfer_function
from bench.physics.noise import estimate_noise
from bench.protocol import Boundary

SHARP, SMOOTH = 1.0, 4.0
"""Weights of the two restorations, in units of the best one for a true kernel."""
ITERATIONS = 25
"""Rounds of either; more change next to nothing with a kernel that is estimated."""
CHANNELS = 5
RESIDUAL, LEVEL = 0.1, 0.01
"""The residual counts in units of the noise, by the first; the level is in factors of 10 above the
second."""


def plane_inputs(
    observation: Tensor, kernel: Tensor, boundary: Boundary, told: float = 0.0
) -> Tensor:
    """Compute the network's inputs for one observation.

    Parameters
    ----------
    observation : Tensor, shape (1, C, H, W), in [0, 1]
    kernel : Tensor, shape (1, kh, kw)
        Summing to 1.
    boundary : {"circular", "free"}
    told : float
        Standard deviation of the noise that the condition names. A photograph that was smoothed
        before it was stored shows less of it than its model is wrong by, so the larger of this and
        of what is estimated counts.

    Returns
    -------
    Tensor, shape (C, 5, H, W)
        Each colour an example; the first two channels are the images that the network corrects.
    """
    noise = max(told, float(estimate_noise(observation)[0]))
    weight = tuned_weight("natural", noise, boundary)
    sharp, smooth = (
        tv_deconvolve(observation, kernel, share * weight, boundary, iterations=ITERATIONS)
        for share in (SHARP, SMOOTH)
    )
    left = observation - blur(sharp, kernel, "circular" if boundary == "circular" else "replicate")
    back = carried(left, kernel, boundary) * (RESIDUAL / noise)
    level = torch.full_like(sharp, math.log10(noise / LEVEL))
    return torch.cat([sharp, smooth, observation, back.clamp(-1, 1), level]).transpose(0, 1)


def carried(residual: Tensor, kernel: Tensor, boundary: Boundary) -> Tensor:
    """Correlate residuals (N, C, H, W) with kernels (N, kh, kw), zero beyond a free border."""
    height, width = kernel.shape[-2:]
    margin = (0, 0, 0, 0) if boundary == "circular" else (width, width, height, height)
    left, right, top, bottom = margin
    canvas = torch.nn.functional.pad(residual, margin)
    size = (int(canvas.shape[-2]), int(canvas.shape[-1]))
    back = apply_transfer(canvas, transfer_function(kernel, size)[:, None].conj())
    return back[..., top : size[0] - bottom, left : size[1] - right]
