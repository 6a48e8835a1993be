"""The image, given the likeliest kernels: non-blind steps by name."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

from torch import Tensor

from bench.checksums import checksum, values_checksum
from bench.datasets.archives import archive_path
from bench.methods.deconvolution.tv import PARAMETERS
from bench.methods.learned.refit import refit, refit_assets
from bench.methods.learned.step import learned, learned_assets
from bench.methods.marginal.estimate import Estimate
from bench.methods.marginal.model import load_card
from bench.methods.marginal.nonblind import (
    centred,
    finest,
    lmmse,
    mean_image,
    mean_kernel,
    posterior_mean,
    tv,
)
from bench.methods.oracles.known_kernel import STATISTICS_VERSION

Step = Callable[[Tensor, Estimate, str], Tensor]
"""Maps an observation (1, C, H, W), the estimate and the class's name to an image (1, C, H, W)."""


def _averaged(step: Step, observation: Tensor, estimate: Estimate, image_class: str) -> Tensor:
    """Average the images of a step that gives one per kernel."""
    images, _ = centred(step(observation, estimate, image_class), estimate)
    return mean_image(images, estimate)


OF_ESTIMATE: dict[str, Step] = {
    "posterior-mean": functools.partial(_averaged, posterior_mean),
    "tv": functools.partial(_averaged, tv),
    "lmmse": functools.partial(_averaged, lmmse),
    "learned": learned,
}
"""Steps that take the kernels as they are."""
REFIT = "refit"
"""The step that fits them to the learned one's image, and takes that one once more."""
STEPS = (*OF_ESTIMATE, REFIT)


def restore(
    observation: Tensor, estimate: Estimate, image_class: str, step: str
) -> tuple[Tensor, Tensor]:
    """Find the image by a step, and the mean kernel.

    Returns
    -------
    image : Tensor, shape (1, C, H, W), in [0, 1]
    kernel : Tensor, shape (1, kh, kw)
        Centred, as the image is.
    """
    if step == REFIT:
        return refit(observation, estimate, image_class)
    _, kernels = centred(observation.expand(len(estimate.kernel), -1, -1, -1), estimate)
    image = OF_ESTIMATE[step](observation, estimate, image_class)
    return image.clamp(0, 1), mean_kernel(kernels, estimate)


def step_assets(image_class: str, step: str) -> Mapping[str, str]:
    """Return the checksums of what a step depends on besides the estimate."""
    if step == "tv":
        return {PARAMETERS.name: values_checksum(PARAMETERS)}
    if step == "lmmse":
        archive = checksum(archive_path(image_class))
        return {f"{image_class}.zip": archive, "statistics": STATISTICS_VERSION}
    if step == "learned":
        return learned_assets(image_class)
    if step == REFIT:
        return refit_assets(image_class)
    card = load_card(finest(image_class))
    return {card["name"]: card["sha256"]}
