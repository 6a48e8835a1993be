"""Images × restarts: which are solved in one batch, and what is kept of each image."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor

from bench.methods.deep_deblur.found import Found
from bench.methods.deep_deblur.published import Result

MOST_PIXELS = 256 * 64 * 64
"""Of the rows of one batch on a device: what a step keeps for its gradient grows with them."""


def groups(count: int, rows: int, observations: Tensor) -> list[slice]:
    """Cut observations into those that are solved together.

    Parameters
    ----------
    count : int
        Of observations.
    rows : int
        That each takes in a batch.
    observations : Tensor, shape (N, C, H, W)
        On a CPU each is solved by itself: a batch gains nothing there, and no result may depend on
        the images beside it.

    Returns
    -------
    list of slice
    """
    pixels = observations.shape[-2] * observations.shape[-1]
    alone = observations.device.type == "cpu"
    most = 1 if alone else max(1, MOST_PIXELS // (rows * pixels))
    return [slice(first, first + most) for first in range(0, count, most)]


@dataclasses.dataclass(frozen=True)
class Solved:
    """What is answered for one observation.

    Attributes
    ----------
    image : Tensor, shape (C, H, W)
    kernel : Tensor, shape (kh, kw)
    evaluations, iterations, restarts : int
    seconds : float
    records : dict
    """

    image: Tensor
    kernel: Tensor
    evaluations: int
    iterations: int
    restarts: int
    seconds: float
    records: dict[str, Any]


def solved(found: Found, restarts: int, steps: int, seconds: float) -> Solved:
    """Take the chosen finalist of the default preset, and what is recorded of all."""
    best = found.best
    return Solved(
        image=found.image[best],
        kernel=found.kernel[best],
        evaluations=found.evaluations,
        iterations=steps,
        restarts=restarts,
        seconds=seconds,
        records={
            "latent": found.latent[best],
            "kernel_latent": found.kernel_latent[best],
            "range_image": found.generated[best],
            "restart_image": (found.image * 255).round().to(torch.uint8),
            "restart_kernel": found.kernel,
            "restart_objective": found.objective,
            "restart_evidence": found.evidence,
            "loss_trace": found.trace,
            "anytime_image": (found.anytime * 255).round().to(torch.uint8),
            "anytime_evaluations": len(found.kernel) * torch.tensor(found.anytime_steps),
            "chosen": best,
            "evidence_evaluations": found.evidence_evaluations,
        },
    )


def solved_as_published(found: Result, steps: int, seconds: float) -> Solved:
    """Take the restart with the smallest residual, and what is recorded of all."""
    image, generated, kernel, latent, kernel_latent, residual = found
    best = int(residual.argmin())
    total = kernel.sum((1, 2), keepdim=True).clamp_min(1e-6)
    return Solved(
        image=image[best],
        kernel=kernel[best],
        evaluations=len(residual) * steps,
        iterations=steps,
        restarts=len(residual),
        seconds=seconds,
        records={
            "latent": latent[best],
            "kernel_latent": kernel_latent[best],
            "range_image": generated[best].clamp(0, 1),
            "restart_image": (image * 255).round().to(torch.uint8),
            "restart_kernel": kernel / total,
            "restart_objective": residual,
            "chosen": best,
        },
    )
