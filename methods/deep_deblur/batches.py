"""What is kept of each image that was solved, by the default and the published presets."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor

from bench.methods.deep_deblur.found import Found
from bench.methods.deep_deblur.published import Result


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
