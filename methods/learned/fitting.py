"""Kernels fitted to an image that was restored with worse ones.

The learned step knows what the class's images look like, which the Gaussian model that the kernels
are searched under does not. Its image ``x`` is closer to the truth than any kernel of the search
explains, so that the kernels' latents, from where the search has left them, go down

    ‖y − x ⊗ G_K(z)‖² / 2(σ² + ε²) + ‖z‖²/2,

with ``ε`` the error that ``x`` is taken to have. This is the kernel's half of a turn of alternating
minimisation, and the learned step with those kernels the image's.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bench.checksums import checksum
from bench.methods.generators.loading import Prior
from bench.methods.marginal.estimate import Estimate, weighed
from bench.methods.marginal.likelihood import SCALES
from bench.methods.marginal.model import column_weights
from bench.methods.marginal.search import unit_kernels
from bench.methods.schedules import cosine
from bench.physics.forward import transfer_function

ROWS = 16
"""Kernels of the search that are fitted, the likeliest ones."""
STEPS, RATE, FLOOR = 40, 0.1, 0.1
"""Of Adam."""
ERROR = 0.02
"""ε."""
TEMPERING = 16.0
"""What differences of the objective are divided by before kernels count by them."""


def fingerprint(*more: float) -> str:
    """Hash of the settings, and of more that belong to them."""
    return checksum(repr((ROWS, STEPS, RATE, FLOOR, ERROR, TEMPERING, *more)))[:16]


def refitted(observation: Tensor, image: Tensor, estimate: Estimate, prior: Prior) -> Estimate:
    """Fit the likeliest kernels of one observation to its restored image.

    Parameters
    ----------
    observation, image : Tensor, shape (1, 3, H, W), in [0, 1]
        Of even width.
    estimate : Estimate
        With the latents of its kernels.
    prior : Prior
        Of kernels.

    Returns
    -------
    Estimate
        Which knows no scales of the image.
    """
    height, width = (int(side) for side in image.shape[-2:])
    sharp, seen = (torch.fft.rfft2(x, norm="ortho") for x in (image, observation))
    precision = column_weights(sharp) / (2 * (estimate.noise**2 + ERROR**2))
    latent = estimate.latent[:ROWS].clone().requires_grad_()

    def objective(z: Tensor) -> Tensor:
        transfer = transfer_function(unit_kernels(prior(z)), (height, width))[:, None]
        left = seen - sharp * transfer
        power = left.real.square() + left.imag.square()
        return (precision * power).sum((1, 2, 3)) + z.square().sum(1) / 2

    optimiser = torch.optim.Adam([latent], lr=RATE)
    with torch.enable_grad():
        for step in range(STEPS):
            optimiser.param_groups[0]["lr"] = RATE * cosine(step, STEPS, FLOOR)
            (latent.grad,) = torch.autograd.grad(objective(latent).sum(), latent)
            optimiser.step()
    found = latent.detach()
    with torch.no_grad():
        value = objective(found)
    scales = found.new_zeros(len(found), SCALES)
    return weighed(prior, TEMPERING, found, scales, value, estimate.noise)
