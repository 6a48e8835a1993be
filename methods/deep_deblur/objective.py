"""The two objectives, in spatial sums over pixels and channels.

Equation 4 (Deep Deblur), with the image inside the range of its generator:

    ‖y − G_I(z_i) ⊗ G_K(z_k)‖² + γ‖z_i‖² + λ‖z_k‖²

Equation 5 (Deep Deblur with Slack), with a free image ``i`` as well:

    ‖y − i ⊗ G_K(z_k)‖² + τ‖i − G_I(z_i)‖² + ζ‖y − G_I(z_i) ⊗ G_K(z_k)‖² + ρ‖i‖_TV

(the latents' norms of equation 4 are kept in it with the same weights).
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from bench.methods.deconvolution.tv import tv_deconvolve
from bench.methods.noise_level import CHOSEN_NOISE
from bench.physics.forward import apply_transfer, transfer_function


@dataclasses.dataclass(frozen=True)
class Weights:
    """Weights of the objectives' terms, for images in [0, 1].

    Attributes
    ----------
    latent : float
        γ and λ of both latents' squared norms.
    slack : float or Tensor, shape (N,)
        τ, of the free image's distance to the range; a tensor has it for each row.
    range : float
        ζ, of the residual of the range image.
    variation : float or Tensor, shape (N,)
        ρ, of the total variation, coupled over colours.
    """

    latent: float
    slack: float | Tensor = 0.0
    range: float = 0.0
    variation: float | Tensor = 0.0

    def at_noise(self, noise: float | Tensor) -> Weights:
        """Weigh the free image's terms against a residual in units of its noise variance.

        The weights are chosen at 1 % of noise. A residual of louder noise says less about the
        image, by the ratio of the variances; without this the free image fits the noise, and at
        10 % ends 7 dB below the observation.

        Parameters
        ----------
        noise : float or Tensor, shape (N,)
            Standard deviation, as measured from the observation, or from each row's. Up to
            :data:`bench.methods.noise_level.CHOSEN_NOISE` the weights stay as they are.
        """
        factor: float | Tensor
        if isinstance(noise, Tensor):
            factor = (noise / CHOSEN_NOISE).square().clamp_min(1.0)
        else:
            factor = max(1.0, (noise / CHOSEN_NOISE) ** 2)
        return dataclasses.replace(
            self, slack=factor * self.slack, variation=factor * self.variation
        )


def squares(difference: Tensor) -> Tensor:
    """Sum of squares over all but the first dimension, shape (N,)."""
    return difference.square().flatten(1).sum(1)


def deep_deblur(
    y: Tensor, generated: Tensor, kernel: Tensor, latents: tuple[Tensor, Tensor], weights: Weights
) -> Tensor:
    """Equation 4 per row, shape (N,).

    Parameters
    ----------
    y, generated : Tensor, shape (N, C, H, W)
    kernel : Tensor, shape (N, kh, kw)
    latents : (Tensor, Tensor), shapes (N, d)
        ``z_i`` and ``z_k``.
    weights : Weights
    """
    transfer = transfer_function(kernel, (int(y.shape[-2]), int(y.shape[-1])))[:, None]
    held = squares(latents[0]) + squares(latents[1])
    return squares(y - apply_transfer(generated, transfer)) + weights.latent * held


def slack_terms(
    y: Tensor, free: Tensor, generated: Tensor, kernel: Tensor, weights: Weights
) -> Tensor:
    """Return what equation 5 adds to ``ζ`` times equation 4, per row, shape (N,)."""
    transfer = transfer_function(kernel, (int(y.shape[-2]), int(y.shape[-1])))[:, None]
    slopes = torch.stack([free.roll(-1, -2) - free, free.roll(-1, -1) - free])
    variation = slopes.square().sum((0, 2)).clamp_min(1e-12).sqrt().flatten(1).sum(1)
    return (
        squares(y - apply_transfer(free, transfer))
        + weights.slack * squares(free - generated)
        + weights.variation * variation
    )


def best_free_image(y: Tensor, generated: Tensor, kernel: Tensor, weights: Weights) -> Tensor:
    """Return the free image that minimises equation 5 for given latents: a convex problem, by ADMM.

    Returns
    -------
    Tensor, shape (N, C, H, W), in [0, 1]
    """
    weight, pull = _of_images(weights.variation / 2), _of_images(weights.slack)
    return tv_deconvolve(y, kernel, weight, anchor=generated, pull=pull, iterations=60)


def _of_images(weight: float | Tensor) -> float | Tensor:
    """Bring what is there for each row into the shape of images."""
    return weight[:, None, None, None] if isinstance(weight, Tensor) else weight
