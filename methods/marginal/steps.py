"""The image, given the kernel that the evidence chose: three non-blind steps by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from bench.alignment import recentre
from bench.datasets.archives import archive_path
from bench.datasets.locations import checksum
from bench.methods.final_steps.lmmse import lmmse_deconvolve
from bench.methods.final_steps.tv import PARAMETERS, tuned_weight, tv_deconvolve
from bench.methods.known_kernel import STATISTICS_VERSION, class_statistics
from bench.methods.marginal.estimate import Estimate

Step = Callable[[Tensor, Estimate, str], Tensor]
"""From an observation (1, C, H, W), the estimate and the class's name to an image."""
RINGING = 0.01
"""Share of a kernel's maximum below which its pixels are set to 0."""
DISTRUST = 1.5
"""What the linear estimate takes the noise for, in units of what was measured: the kernel is not
exact."""


def posterior_mean(observation: Tensor, estimate: Estimate, image_class: str) -> Tensor:
    """The mean of the image given the observation and the kernel, under the evidence's model."""
    return estimate.likelihood.posterior_mean(estimate.spectrum, estimate.kernel, estimate.scales)


def tv(observation: Tensor, estimate: Estimate, image_class: str) -> Tensor:
    """Total-variation deconvolution, its weight tuned for the class with the true kernel."""
    weight = tuned_weight(image_class, estimate.noise)
    return tv_deconvolve(observation, estimate.kernel, weight)


def lmmse(observation: Tensor, estimate: Estimate, image_class: str) -> Tensor:
    """The linear estimate with the class's whole covariance, as the oracle takes it."""
    noise, statistics = DISTRUST * estimate.noise, class_statistics(image_class)
    return lmmse_deconvolve(observation, estimate.kernel, noise, statistics)


STEPS: dict[str, Step] = {"posterior-mean": posterior_mean, "tv": tv, "lmmse": lmmse}


def restore(
    observation: Tensor, estimate: Estimate, image_class: str, step: str
) -> tuple[Tensor, Tensor]:
    """Find the image by a step and centre the pair by its kernel.

    A shifted image with an oppositely shifted kernel explains the observation as well.

    Returns
    -------
    image : Tensor, shape (1, C, H, W), in [0, 1]
    kernel : Tensor, shape (1, kh, kw)
    """
    image, kernel = recentre(STEPS[step](observation, estimate, image_class), estimate.kernel)
    # A fraction of a pixel's shift rings; what it leaves far out would move the barycentre.
    kernel = kernel * (kernel > RINGING * kernel.amax((1, 2), keepdim=True))
    return image.clamp(0, 1), kernel


def step_assets(image_class: str, step: str) -> Mapping[str, str]:
    """Checksums of what a step depends on beside the estimate."""
    if step == "tv":
        return {PARAMETERS.name: checksum(PARAMETERS)}
    if step == "lmmse":
        archive = checksum(archive_path(image_class))
        return {f"{image_class}.zip": archive, "statistics": STATISTICS_VERSION}
    return {}
