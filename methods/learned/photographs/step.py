"""The photographs' step as methods use it: an image from an observation and whoever's kernel."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import torch
from torch import Tensor

from bench.checksums import values_checksum
from bench.methods.deconvolution.tv import FREE, PARAMETERS
from bench.methods.feedforward.photographs.network import reach, restore
from bench.methods.learned.network import calibrated
from bench.methods.learned.photographs.inputs import plane_inputs
from bench.methods.learned.photographs.network import (
    Kernels,
    load_card,
    load_network,
    load_shares,
)
from bench.protocol import Boundary


@torch.no_grad()
def photograph_deconvolve(
    observation: Tensor,
    kernel: Tensor,
    boundary: Boundary,
    kernels: Kernels = "estimated",
    noise: float = 0.0,
) -> Tensor:
    """Restore photographs with a kernel each, whoever estimated it.

    Parameters
    ----------
    observation : Tensor, shape (N, C, H, W), in [0, 1]
        Of any size; grey or in colour.
    kernel : Tensor, shape (N, kh, kw)
        Summing to 1, no larger than the images.
    boundary : {"circular", "free"}
    kernels : {"estimated", "true"}
        What the step's shares were calibrated with; the network is the same.
    noise : float
        Standard deviation that the condition names; more counts where more is seen.

    Returns
    -------
    Tensor, shape (N, C, H, W), in [0, 1]
        Where the kernel has it: a shifted kernel gives the oppositely shifted image.

    Raises
    ------
    Unavailable
        If the network is missing.
    """
    network = functools.partial(calibrated, load_network(), shares=load_shares(kernels))
    margin = reach(tuple(load_card()["recipe"]["depth"]))
    rows = zip(observation.split(1), kernel.to(observation).split(1), strict=True)
    planes = (plane_inputs(y, k, boundary, noise) for y, k in rows)
    restored = [restore(network, inputs, boundary, margin) for inputs in planes]
    return torch.stack([image[:, 0] for image in restored])


def photograph_assets(kernels: Kernels) -> Mapping[str, str]:
    """Return what the step depends on: network, its shares, weights of its inputs' images."""
    card = load_card()
    return {
        card["name"]: card["sha256"],
        "shares": ", ".join(f"{share:.6g}" for share in load_shares(kernels)),
        PARAMETERS.name: values_checksum(PARAMETERS),
        "splitting": str(tuple(FREE)),
    }
