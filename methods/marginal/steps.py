"""The image, given the likeliest kernels: three non-blind steps by name, each averaged over them.

With a weight per kernel, the average of the posterior means is the posterior mean over image *and*
kernel, which has the least expected squared error; the other steps are averaged likewise.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

from torch import Tensor

from bench.checksums import checksum, values_checksum
from bench.datasets.archives import archive_path
from bench.methods.deconvolution.lmmse import lmmse_deconvolve
from bench.methods.deconvolution.tv import PARAMETERS, tuned_weight, tv_deconvolve
from bench.methods.marginal.estimate import Estimate
from bench.methods.marginal.likelihood import MarginalLikelihood
from bench.methods.marginal.model import FINE, WEIGHTS, load_card, load_model
from bench.methods.oracles.known_kernel import STATISTICS_VERSION, class_statistics
from bench.physics.alignment import recentre

Step = Callable[[Tensor, Estimate, str], Tensor]
"""From an observation (1, C, H, W), the estimate and the class's name to images (r, C, H, W)."""
RINGING = 0.01
"""Share of a kernel's maximum below which its pixels are set to 0."""
DISTRUST = 1.5
"""What the linear estimates take the noise for, in units of what was measured: no kernel is exact.
"""


def posterior_mean(observation: Tensor, estimate: Estimate, image_class: str) -> Tensor:
    """The mean of the image given the observation and a kernel, under the class's finest model."""
    model = load_model(finest(image_class))
    likelihood = MarginalLikelihood(model, DISTRUST * estimate.noise)
    spectrum = likelihood.observe(observation)[0]
    return likelihood.posterior_mean(spectrum, estimate.kernel, estimate.scales)


def tv(observation: Tensor, estimate: Estimate, image_class: str) -> Tensor:
    """Total-variation deconvolution, its weight tuned for the class with the true kernel."""
    weight = tuned_weight(image_class, estimate.noise)
    return tv_deconvolve(_repeat(observation, estimate), estimate.kernel, weight)


def lmmse(observation: Tensor, estimate: Estimate, image_class: str) -> Tensor:
    """The linear estimate with the class's whole covariance, as the oracle takes it."""
    noise, statistics = DISTRUST * estimate.noise, class_statistics(image_class)
    return lmmse_deconvolve(_repeat(observation, estimate), estimate.kernel, noise, statistics)


STEPS: dict[str, Step] = {"posterior-mean": posterior_mean, "tv": tv, "lmmse": lmmse}


def restore(
    observation: Tensor, estimate: Estimate, image_class: str, step: str
) -> tuple[Tensor, Tensor]:
    """Find the image by a step, and the mean kernel.

    A shifted image with an oppositely shifted kernel explains the observation as well, so each pair
    is centred by its kernel before they are averaged.

    Returns
    -------
    image : Tensor, shape (1, C, H, W), in [0, 1]
    kernel : Tensor, shape (1, kh, kw)
    """
    images, kernels = recentre(STEPS[step](observation, estimate, image_class), estimate.kernel)
    # A fraction of a pixel's shift rings; what it leaves far out would move the centroid.
    kernels = kernels * (kernels > RINGING * kernels.amax((1, 2), keepdim=True))
    weight = estimate.weight[:, None, None]
    image = (weight[..., None] * images).sum(0, keepdim=True)
    kernel = (weight * kernels).sum(0, keepdim=True)
    return image.clamp(0, 1), kernel / kernel.sum((1, 2), keepdim=True)


def _repeat(observation: Tensor, estimate: Estimate) -> Tensor:
    return observation.expand(len(estimate.kernel), -1, -1, -1)


@functools.lru_cache(maxsize=8)
def finest(image_class: str) -> str:
    """Name of the class's model with the most components."""
    name = f"{image_class}{FINE}"
    return name if (WEIGHTS / f"{name}.json").is_file() else image_class


def step_assets(image_class: str, step: str) -> Mapping[str, str]:
    """Checksums of what a step depends on besides the estimate."""
    if step == "tv":
        return {PARAMETERS.name: values_checksum(PARAMETERS)}
    if step == "lmmse":
        archive = checksum(archive_path(image_class))
        return {f"{image_class}.zip": archive, "statistics": STATISTICS_VERSION}
    card = load_card(finest(image_class))
    return {card["name"]: card["sha256"]}
