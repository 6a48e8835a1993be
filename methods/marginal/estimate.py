"""Kernels of an observation by their evidence, from whatever starts, and how much each counts."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import torch
from torch import Tensor

from bench.methods.generators.loading import Prior
from bench.methods.marginal.halving import coarse, search_halving
from bench.methods.marginal.likelihood import SCALES, MarginalLikelihood
from bench.methods.marginal.model import GaussianModel
from bench.methods.marginal.sampling import draw_kernels
from bench.methods.marginal.search import unit_kernels
from bench.methods.marginal.settings import Settings
from bench.methods.marginal.sparse import search_sparse
from bench.methods.rows import joined, of_rows, per_row
from bench.physics.noise import estimate_noise

LEAST_WEIGHT = 0.01
"""Kernels that count for less than this share of the best one are left out."""


@dataclasses.dataclass(frozen=True)
class Estimate:
    """What was found for one observation: the likeliest kernels in rows, best first.

    Several kernels may explain an observation about as well, and which is the best by a hair would
    hang on the last digit. So each counts by its evidence, and none is chosen.

    Attributes
    ----------
    kernel : Tensor, shape (r, kh, kw)
        As the prior draws them, each summing to 1.
    latent : Tensor, shape (r, d)
    scales : Tensor, shape (r, 6)
        Of the image; see :class:`bench.methods.marginal.likelihood.MarginalLikelihood`.
    weight : Tensor, shape (r,)
        How much each counts, summing to 1.
    evidence : Tensor, shape (R,)
        Objectives of all that were searched to the end, or drawn; lower is better.
    noise : float
        Standard deviation, as measured.
    """

    kernel: Tensor
    latent: Tensor
    scales: Tensor
    weight: Tensor
    evidence: Tensor
    noise: float


def single(kernel: Tensor, noise: float) -> Estimate:
    """Return the estimate that consists of one kernel (1, kh, kw), and knows no scales of the
    image."""
    return Estimate(
        kernel=kernel,
        latent=kernel.new_zeros(1, 0),
        scales=kernel.new_zeros(1, SCALES),
        weight=kernel.new_ones(1),
        evidence=kernel.new_zeros(1),
        noise=noise,
    )


def weighed(
    prior: Prior,
    tempering: float,
    latent: Tensor,
    scales: Tensor,
    evidence: Tensor,
    noise: float,
) -> Estimate:
    """Let the kernels that were found for one observation count by their evidence.

    Parameters
    ----------
    prior : Prior
        Of kernels.
    tempering : float
        What differences of the evidence are divided by.
    latent : Tensor, shape (R, d)
    scales : Tensor, shape (R, 6)
    evidence : Tensor, shape (R,)
        Or another objective; lower is better.
    noise : float
        Standard deviation, as measured.
    """
    weight = torch.softmax(-evidence.double() / tempering, 0)
    order = weight.argsort(descending=True, stable=True)
    order = order[weight[order] >= LEAST_WEIGHT * weight.max()]
    with torch.no_grad():
        kernel = unit_kernels(prior(latent[order]))
    return Estimate(
        kernel=kernel,
        latent=latent[order],
        scales=scales[order],
        weight=(weight[order] / weight[order].sum()).to(latent),
        evidence=evidence,
        noise=noise,
    )


@dataclasses.dataclass(frozen=True)
class Estimator:
    """Estimates the kernels of observations of a class.

    Attributes
    ----------
    image_class : str
    model : GaussianModel
    prior : Prior
        Of kernels.
    settings : Settings
    """

    image_class: str
    model: GaussianModel
    prior: Prior
    settings: Settings

    @functools.cached_property
    def _likelihoods(self) -> tuple[MarginalLikelihood, MarginalLikelihood]:
        """Under the whole model and under the coarse one, for whatever noise."""
        models = self.model, coarse(self.model)
        whole, rough = (MarginalLikelihood(model, 1.0, together=True) for model in models)
        return whole, rough

    def estimate(
        self, observation: Tensor, starts: Tensor, source: torch.Generator | None = None
    ) -> Estimate:
        """Find the likeliest kernels of one observation, its starts in one batch.

        Parameters
        ----------
        observation : Tensor, shape (C, H, W), in [0, 1]
        starts : Tensor, shape (R, d)
            Of the kernel's latent.
        source : torch.Generator, optional
            Of the noise by which kernels are drawn; by default one of its own, seeded with 0.
        """
        return self.estimate_together(observation[None], [starts], [source])[0]

    def estimate_together(
        self,
        observations: Tensor,
        starts: Sequence[Tensor],
        sources: Sequence[torch.Generator | None],
    ) -> list[Estimate]:
        """Do the same for several observations (N, C, H, W), whose starts are one batch."""
        settings = self.settings
        measured = [estimate_noise(one[None]).item() for one in observations]
        counts = [len(some) for some in starts]
        noise = per_row(measured, counts, observations)
        likelihood, rough = (of_model.at(noise) for of_model in self._likelihoods)
        spectra = likelihood.observe(observations)
        latent, scales, evidence = search_halving(
            likelihood,
            rough,
            of_rows(spectra, counts),
            self.prior,
            joined(starts),
            settings.annealing,
            settings.halving,
            counts,
        )
        counts = [min(count, settings.halving.survivors) for count in counts]
        if settings.sparse_steps:
            grey = likelihood.luminance(of_rows(spectra, counts))
            latent, evidence = search_sparse(
                grey,
                self.prior,
                latent,
                per_row(measured, counts, observations),
                steps=settings.sparse_steps,
            )
        if settings.sampling.steps:
            likelihood = likelihood.at(per_row(measured, counts, observations))
            seen = of_rows(spectra, counts)
            latent, scales, evidence = self._drawn(
                likelihood, seen, latent, scales, counts, sources
            )
            counts = [count * settings.sampling.draws for count in counts]
        found = (rows.split(counts) for rows in (latent, scales, evidence))
        rule = self.prior, settings.tempering
        return [weighed(*rule, *parts) for parts in zip(*found, measured, strict=True)]

    def _drawn(
        self,
        likelihood: MarginalLikelihood,
        spectrum: Tensor,
        latent: Tensor,
        scales: Tensor,
        counts: Sequence[int],
        sources: Sequence[torch.Generator | None],
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Draw kernels from where the searches have ended, those of a chain next to each other."""
        settings, width = self.settings, latent.shape[1] + SCALES
        own = [source or torch.Generator().manual_seed(0) for source in sources]

        def evidence(latents: Tensor, factors: Tensor) -> Tensor:
            return likelihood(spectrum, unit_kernels(self.prior(latents)), factors)

        def noise() -> Tensor:
            pairs = zip(counts, own, strict=True)
            return joined([torch.randn(n, width, generator=source) for n, source in pairs]).to(
                latent
            )

        spread = settings.annealing.spread
        drawn = draw_kernels(evidence, latent, scales, spread, settings.sampling, noise)
        latents, factors, values = (part.flatten(0, 1) for part in drawn)
        return latents, factors, values

    def evaluations(self, starts: int) -> int:
        """Return values and gradients of an evidence that an observation takes from so many
        starts."""
        halving, steps = self.settings.halving, self.settings.annealing.steps
        kept, early = min(halving.survivors, starts), min(halving.coarse_steps, steps)
        late = steps - early + self.settings.sparse_steps + self.settings.sampling.steps
        return starts * early + kept * late
