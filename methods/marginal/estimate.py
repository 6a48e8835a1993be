"""A kernel from an observation by its evidence, from whatever starts."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from bench.methods.generators.loading import Prior
from bench.methods.marginal.likelihood import MarginalLikelihood
from bench.methods.marginal.model import GaussianModel
from bench.methods.marginal.search import search, unit_kernels
from bench.methods.marginal.settings import Settings
from bench.methods.marginal.sparse import search_sparse
from bench.methods.noise_level import estimate_noise


@dataclasses.dataclass(frozen=True)
class Estimate:
    """What was found for one observation.

    Attributes
    ----------
    kernel : Tensor, shape (1, kh, kw)
        As the prior draws it, summing to 1.
    latent : Tensor, shape (d,)
    scales : Tensor, shape (1, 6)
        Of the image; see :class:`bench.methods.marginal.likelihood.MarginalLikelihood`.
    evidence : Tensor, shape (R,)
        What the starts were ranked by, lower is better.
    noise : float
        Standard deviation, as measured.
    spectrum : Tensor, complex, shape (3, H, W // 2 + 1)
        Of the observation.
    likelihood : MarginalLikelihood
    """

    kernel: Tensor
    latent: Tensor
    scales: Tensor
    evidence: Tensor
    noise: float
    spectrum: Tensor
    likelihood: MarginalLikelihood


@dataclasses.dataclass(frozen=True)
class Estimator:
    """Estimates the kernels of single observations of a class.

    One observation is searched at a time, its starts in one batch: what is found for an image
    cannot depend on its neighbours, and memory does not grow with their number.

    Attributes
    ----------
    model : GaussianModel
    prior : Prior
        Of kernels.
    settings : Settings
    """

    model: GaussianModel
    prior: Prior
    settings: Settings

    def estimate(self, observation: Tensor, starts: Tensor) -> Estimate:
        """Find the kernel of one observation.

        Parameters
        ----------
        observation : Tensor, shape (C, H, W), in [0, 1]
        starts : Tensor, shape (R, d)
            Of the kernel's latent.
        """
        noise = estimate_noise(observation[None]).item()
        likelihood = MarginalLikelihood(self.model, noise)
        spectrum = likelihood.observe(observation[None])[0]
        latent, scales, evidence = search(
            likelihood, spectrum, self.prior, starts, self.settings.annealing
        )
        if self.settings.sparse_steps:
            grey = torch.fft.irfft2(spectrum[0], s=observation.shape[-2:], norm="ortho")
            latent, evidence = search_sparse(
                grey, self.prior, latent, noise, steps=self.settings.sparse_steps
            )
        best = int(evidence.argmin())
        with torch.no_grad():
            kernel = unit_kernels(self.prior(latent[best : best + 1]))
        return Estimate(
            kernel=kernel,
            latent=latent[best],
            scales=scales[best : best + 1],
            evidence=evidence,
            noise=noise,
            spectrum=spectrum,
            likelihood=likelihood,
        )

    def evaluations(self, starts: int) -> int:
        """Values and gradients of an evidence that an observation takes from so many starts."""
        return starts * (self.settings.annealing.steps + 1 + self.settings.sparse_steps)
