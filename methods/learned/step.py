"""The learned step as methods use it: an image from an observation and estimated kernels."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from bench.checksums import values_checksum
from bench.methods.deconvolution.tv import PARAMETERS
from bench.methods.learned.inputs import network_inputs
from bench.methods.learned.network import calibrated, load_card, load_network, load_shares
from bench.methods.marginal import model
from bench.methods.marginal.estimate import Estimate, single
from bench.methods.marginal.nonblind import finest
from bench.physics.noise import estimate_noise


@torch.no_grad()
def learned(observation: Tensor, estimate: Estimate, image_class: str) -> Tensor:
    """Restore one observation (1, 3, H, W), given what was estimated: (1, 3, H, W) in [0, 1]."""
    inputs, _ = network_inputs(observation, estimate, image_class)
    network = load_network(device=observation.device)
    return calibrated(network, inputs, load_shares(image_class))


def learned_deconvolve(observation: Tensor, kernel: Tensor, image_class: str) -> Tensor:
    """Restore observations with a kernel each, whoever estimated it.

    Parameters
    ----------
    observation : Tensor, shape (N, 3, H, W), in [0, 1]
        Of the size of the class's images, circularly blurred.
    kernel : Tensor, shape (N, kh, kw)
        Summing to 1.
    image_class : str

    Returns
    -------
    Tensor, shape (N, 3, H, W), in [0, 1]
        Centred by the kernel, whose centroid is taken for the middle of its grid.

    Raises
    ------
    Unavailable
        If the class has no Gaussian model, or the network is missing.
    """
    noise = estimate_noise(observation).tolist()
    rows = zip(observation.split(1), kernel.to(observation).split(1), noise, strict=True)
    return torch.cat([learned(y, single(k, level), image_class) for y, k, level in rows])


def learned_assets(image_class: str) -> Mapping[str, str]:
    """Return what the step depends on: network, its shares, model and weight of its inputs'
    images."""
    network, fine = load_card(), model.load_card(finest(image_class))
    return {
        network["name"]: network["sha256"],
        "shares": ", ".join(f"{share:.6g}" for share in load_shares(image_class)),
        fine["name"]: fine["sha256"],
        PARAMETERS.name: values_checksum(PARAMETERS),
    }
