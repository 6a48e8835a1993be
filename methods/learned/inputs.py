"""What the network sees of an observation and the kernels that were estimated for it.

Everything that depends on a kernel is computed by classical steps: the posterior mean under the
class's Gaussian model, total variation, how much the former differs between the kernels, and what
the observation still has beyond the re-blurred mean, carried back into the image. The network never
sees a kernel, so a kernel's size and shape cost it nothing.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bench.methods.marginal.estimate import Estimate
from bench.methods.marginal.nonblind import centred, mean_image, mean_kernel, posterior_mean, tv
from bench.physics.forward import apply_transfer, transfer_function

IMAGES = 4
"""Colour images among the inputs: posterior mean, total variation, observation, residual."""
CHANNELS = 3 * IMAGES + 2
"""Channels of the inputs: the images, the spread over the kernels and the noise level."""
RESIDUAL, SPREAD, LEVEL = 0.1, 5.0, 0.01
"""The residual counts in units of the noise, by the first; the spread is multiplied by the second;
the level is in factors of 10 above the third."""


def network_inputs(
    observation: Tensor, estimate: Estimate, image_class: str
) -> tuple[Tensor, Tensor]:
    """Compute the network's inputs for one observation.

    Parameters
    ----------
    observation : Tensor, shape (1, 3, H, W), in [0, 1]
    estimate : Estimate
        Of its kernels.
    image_class : str

    Returns
    -------
    inputs : Tensor, shape (1, 14, H, W)
        The first six channels are the two images that the network corrects.
    kernel : Tensor, shape (1, kh, kw)
        The mean of the kernels, centred as the images are.
    """
    means, kernels = centred(posterior_mean(observation, estimate, image_class), estimate)
    smooth, _ = centred(tv(observation, estimate, image_class), estimate)
    kernel, mean = mean_kernel(kernels, estimate), mean_image(means, estimate)
    size = (int(mean.shape[-2]), int(mean.shape[-1]))
    transfer = transfer_function(kernel, size)[:, None]
    left = observation - apply_transfer(mean, transfer)
    carried = apply_transfer(left, transfer.conj()) * (RESIDUAL / max(estimate.noise, 1e-3))
    spread = mean_image((means - mean).square().mean(1, keepdim=True), estimate).sqrt()
    level = math.log10(max(estimate.noise, 1e-3) / LEVEL)
    parts = [
        mean.clamp(0, 1),
        mean_image(smooth, estimate).clamp(0, 1),
        observation,
        carried.clamp(-1, 1),
        SPREAD * spread,
        torch.full_like(spread, level),
    ]
    return torch.cat(parts, 1), kernel
