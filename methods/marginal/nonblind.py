"""Images given the likeliest kernels, one per kernel, and their average.

With a weight per kernel, the average of the posterior means is the posterior mean over image *and*
kernel, which has the least expected squared error; other images are averaged likewise.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from bench.methods.deconvolution.lmmse import lmmse_deconvolve
from bench.methods.deconvolution.tv import tuned_weight, tv_deconvolve
from bench.methods.marginal.estimate import Estimate
from bench.methods.marginal.likelihood import MarginalLikelihood
from bench.methods.marginal.model import FINE, WEIGHTS, load_model
from bench.methods.oracles.known_kernel import class_statistics
from bench.physics.alignment import recentre

RINGING = 0.01
"""Share of a kernel's maximum below which its pixels are set to 0."""
DISTRUST = 1.5
"""What the linear estimates take the noise for, in units of what was measured: no kernel is exact.
"""


def posterior_mean(observation: Tensor, estimate: Estimate, image_class: str) -> Tensor:
    """Return the mean of the image given the observation and a kernel, under the class's finest
    model."""
    likelihood = _finest_likelihood(image_class, observation.device).at(DISTRUST * estimate.noise)
    spectrum = likelihood.observe(observation)[0]
    return likelihood.posterior_mean(spectrum, estimate.kernel, estimate.scales)


def tv(observation: Tensor, estimate: Estimate, image_class: str) -> Tensor:
    """Total-variation deconvolution, its weight tuned for the class with the true kernel."""
    weight = tuned_weight(image_class, estimate.noise)
    return tv_deconvolve(_repeat(observation, estimate), estimate.kernel, weight)


def lmmse(observation: Tensor, estimate: Estimate, image_class: str) -> Tensor:
    """Return the linear estimate with the class's whole covariance, as the oracle takes it."""
    noise, statistics = DISTRUST * estimate.noise, class_statistics(image_class)
    # The covariance of all pixels is worked on in loops, which a device is slower at.
    y, kernel = _repeat(observation, estimate).cpu(), estimate.kernel.cpu()
    return lmmse_deconvolve(y, kernel, noise, statistics).to(observation)


def centred(images: Tensor, estimate: Estimate) -> tuple[Tensor, Tensor]:
    """Centre each image by its kernel, and both alike.

    A shifted image with an oppositely shifted kernel explains the observation as well, so pairs
    are centred before they are averaged.

    Parameters
    ----------
    images : Tensor, shape (r, C, H, W)
    estimate : Estimate

    Returns
    -------
    images : Tensor, shape (r, C, H, W)
    kernels : Tensor, shape (r, kh, kw)
    """
    images, kernels = recentre(images, estimate.kernel)
    # A fraction of a pixel's shift rings; what it leaves far out would move the centroid.
    return images, kernels * (kernels > RINGING * kernels.amax((1, 2), keepdim=True))


def mean_image(images: Tensor, estimate: Estimate) -> Tensor:
    """Average images (r, C, H, W) as their kernels count: (1, C, H, W)."""
    return (estimate.weight[:, None, None, None] * images).sum(0, keepdim=True)


def mean_kernel(kernels: Tensor, estimate: Estimate) -> Tensor:
    """Average kernels (r, kh, kw) as they count, summing to 1: (1, kh, kw)."""
    kernel = (estimate.weight[:, None, None] * kernels).sum(0, keepdim=True)
    return kernel / kernel.sum((1, 2), keepdim=True)


def _repeat(observation: Tensor, estimate: Estimate) -> Tensor:
    return observation.expand(len(estimate.kernel), -1, -1, -1)


@functools.lru_cache(maxsize=2)
def _finest_likelihood(image_class: str, device: torch.device) -> MarginalLikelihood:
    """Under the class's finest model, for whatever noise."""
    return MarginalLikelihood(load_model(finest(image_class)).to(device), 1.0)


@functools.lru_cache(maxsize=8)
def finest(image_class: str) -> str:
    """Name of the class's model with the most components."""
    name = f"{image_class}{FINE}"
    return name if (WEIGHTS / f"{name}.json").is_file() else image_class
