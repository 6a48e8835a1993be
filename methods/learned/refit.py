"""The learned step, kernels fitted to its image, and the learned step with those.

Either image is the mean over four mirror images.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from bench.methods.generators.loading import kernel_prior, load_generator
from bench.methods.generators.loading import load_card as load_generator_card
from bench.methods.learned import fitting
from bench.methods.learned.inputs import network_inputs
from bench.methods.learned.network import MIRRORS, load_network, load_shares, symmetric
from bench.methods.learned.step import learned_assets
from bench.methods.marginal.estimate import Estimate

SHARE = 2 / 3
"""Of the second image, next to the first: their errors differ, and half of either averages out."""


@torch.no_grad()
def refit(observation: Tensor, estimate: Estimate, image_class: str) -> tuple[Tensor, Tensor]:
    """Restore one observation, fit the kernels to its image, restore again, and mix both images.

    Parameters
    ----------
    observation : Tensor, shape (1, 3, H, W), in [0, 1]
    estimate : Estimate
        With the latents of its kernels.
    image_class : str

    Returns
    -------
    image : Tensor, shape (1, 3, H, W), in [0, 1]
    kernel : Tensor, shape (1, kh, kw)
        The mean of the fitted kernels, centred as the image is.
    """
    network, shares = load_network(device=observation.device), load_shares(image_class)
    prior = load_generator(kernel_prior(image_class), device=str(observation.device))
    inputs, _ = network_inputs(observation, estimate, image_class)
    first = symmetric(network, inputs, shares)
    fitted = fitting.refitted(observation, first, estimate, prior)
    inputs, kernel = network_inputs(observation, fitted, image_class)
    return first.lerp(symmetric(network, inputs, shares), SHARE), kernel


def refit_assets(image_class: str) -> Mapping[str, str]:
    """Return what the step depends on: the learned step, the fit and its prior."""
    prior = kernel_prior(image_class)
    return {
        **learned_assets(image_class),
        "fit": fitting.fingerprint(SHARE, len(MIRRORS)),
        f"generator {prior}": load_generator_card(prior)["sha256"],
    }
