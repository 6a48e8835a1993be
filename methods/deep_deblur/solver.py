"""The default solution of equations 4 and 5: kernels by evidence, then both latents, then slack.

Descending on equation 4 in both latents at once from a random start ends in a local minimum nearly
always. So the image is integrated out first (:mod:`bench.methods.marginal`), which leaves a search
in the 50 dimensions of the kernel's latent; the few kernels that explain the observation best give
the image's latent its start (near the posterior mean image), and only then do both latents descend
on the paper's objective. Where settings ask for it, equation 4 goes on from the best of them: an
image of the generator's range is then found to the noise. Equation 5 does not, for a kernel that
explains what the range lacks of other images is worse for the free image than the evidence's.

On a CPU one observation is solved at a time, its restarts in one batch: what is found for an image
cannot depend on its neighbours, and memory does not grow with their number. On a device the
finalists of several images descend together (:meth:`Solver.descend_together`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor

from bench.methods.deep_deblur.objective import Weights, best_free_image, deep_deblur, slack_terms
from bench.methods.deep_deblur.settings import Descent, Settings
from bench.methods.generators.fitting import start_near
from bench.methods.generators.loading import Prior
from bench.methods.marginal.likelihood import MarginalLikelihood
from bench.methods.marginal.model import GaussianModel
from bench.methods.marginal.search import search, unit_kernels
from bench.methods.marginal.sparse import search_sparse
from bench.methods.schedules import cosine
from bench.physics.alignment import recentre
from bench.physics.noise import estimate_noise

RINGING = 0.01


@dataclasses.dataclass(frozen=True)
class Found:
    """What was found for one observation; rows are finalists, the chosen one is row ``best``.

    Attributes
    ----------
    image : Tensor, shape (m, C, H, W)
        The free image with slack, else the generated one.
    generated : Tensor, shape (m, C, H, W)
    kernel : Tensor, shape (m, kh, kw)
    latent, kernel_latent : Tensor, shapes (m, d)
    objective : Tensor, shape (m,)
        Equation 4, or 5 with slack.
    evidence : Tensor, shape (m,)
        What finalists were ranked by, lower is better.
    trace : Tensor, shape (m, steps)
        Equation 4 over the joint descent.
    anytime : Tensor, shape (m, s, C, H, W)
        Generated images on the way, after :attr:`anytime_steps` steps.
    anytime_steps : list of int
    evaluations : int
        Of the image generator: forward and backward passes, over all finalists.
    evidence_evaluations : int
        Of the evidence and its gradient, over all restarts.
    """

    image: Tensor
    generated: Tensor
    kernel: Tensor
    latent: Tensor
    kernel_latent: Tensor
    objective: Tensor
    evidence: Tensor
    trace: Tensor
    anytime: Tensor
    anytime_steps: list[int]
    evaluations: int
    evidence_evaluations: int

    @property
    def best(self) -> int:
        """Row of the finalist with the smallest objective."""
        return int(self.objective.argmin())


@dataclasses.dataclass(frozen=True)
class Descended:
    """What :meth:`Solver.descend` leaves: finalists in rows, as in :class:`Found`.

    Attributes
    ----------
    latent, kernel_latent : Tensor, shapes (m, d)
    evidence : Tensor, shape (m,)
    trace : Tensor, shape (m, steps)
    snapshots : list of Tensor, shape (m, C, H, W)
        Generated images on the way.
    evaluations : int
        Of the image generator, per finalist.
    evidence_evaluations : int
    """

    latent: Tensor
    kernel_latent: Tensor
    evidence: Tensor
    trace: Tensor
    snapshots: list[Tensor]
    evaluations: int
    evidence_evaluations: int


@dataclasses.dataclass(frozen=True)
class Searched:
    """The finalists of one observation, in rows: kernels' latents, images to start from, evidence.

    ``evaluations`` of the evidence were over all restarts.
    """

    kernel_latent: Tensor
    start: Tensor
    evidence: Tensor
    evaluations: int


@dataclasses.dataclass(frozen=True)
class Solver:
    """Solves single observations of a class.

    Attributes
    ----------
    image_prior, kernel_prior : Prior
    model : GaussianModel
    settings : Settings
    slack : bool
        Equation 5 instead of 4.
    """

    image_prior: Prior
    kernel_prior: Prior
    model: GaussianModel
    settings: Settings
    slack: bool

    def solve(self, observation: Tensor, starts: Tensor, *, warm: bool = False) -> Found:
        """Find image and kernel: :meth:`descend`, then :meth:`finish`."""
        return self.finish(observation, self.descend(observation, starts, warm=warm))

    def descend(self, observation: Tensor, starts: Tensor, *, warm: bool = False) -> Descended:
        """Find kernels by evidence and both latents by equation 4, which both equations share.

        Parameters
        ----------
        observation : Tensor, shape (C, H, W), in [0, 1]
        starts : Tensor, shape (R, d)
            Of the kernel's latent.
        warm : bool
            Whether they are near the solution already.
        """
        return self.descend_together(observation[None], [starts], warm=warm)[0]

    def descend_together(
        self, observations: Tensor, starts: Sequence[Tensor], *, warm: bool = False
    ) -> list[Descended]:
        """Do the same for several observations (N, C, H, W), whose finalists descend in one batch.

        Kernels are found image by image before: the evidence is computed row by row.
        """
        settings = self.settings
        searched = [
            self._search(one, some, warm) for one, some in zip(observations, starts, strict=True)
        ]
        counts = [len(found.kernel_latent) for found in searched]
        rows = [
            one.expand(count, -1, -1, -1) for one, count in zip(observations, counts, strict=True)
        ]
        y, start, kernel_latent = (
            torch.cat(parts) if len(parts) > 1 else parts[0]
            for parts in (
                rows,
                [found.start for found in searched],
                [found.kernel_latent for found in searched],
            )
        )
        latent, fitting = start_near(self.image_prior, start)
        snapshots: list[Tensor] = []
        latent, kernel_latent, trace = self._descend(
            y, latent, kernel_latent, settings.weights, settings.descent, snapshots=snapshots
        )
        looks = [look.split(counts) for look in snapshots]
        found = (tensor.split(counts) for tensor in (latent, kernel_latent, trace))
        return [
            Descended(
                latent=latent,
                kernel_latent=kernel_latent,
                evidence=searched[place].evidence,
                trace=trace,
                snapshots=[look[place] for look in looks],
                evaluations=settings.steps + fitting,
                evidence_evaluations=searched[place].evaluations,
            )
            for place, (latent, kernel_latent, trace) in enumerate(zip(*found, strict=True))
        ]

    def _search(self, observation: Tensor, starts: Tensor, warm: bool) -> Searched:
        """Find the kernels that explain an observation best, and images to start from."""
        settings = self.settings
        plan = settings.warm if warm else settings.annealing
        noise = estimate_noise(observation[None]).item()
        likelihood = MarginalLikelihood(self.model, noise)
        spectrum = likelihood.observe(observation[None])[0]
        kernel_latent, scales, evidence = search(
            likelihood, spectrum, self.kernel_prior, starts, plan
        )
        spent = len(starts) * (plan.steps + 1)
        if settings.sparse_steps:
            grey = torch.fft.irfft2(spectrum[0], s=observation.shape[-2:], norm="ortho")
            kernel_latent, evidence = search_sparse(
                grey, self.kernel_prior, kernel_latent, noise, steps=settings.sparse_steps
            )
            spent += len(starts) * settings.sparse_steps
        order = evidence.argsort()[: settings.finalists]
        kernel_latent, scales, evidence = kernel_latent[order], scales[order], evidence[order]
        with torch.no_grad():
            kernel = unit_kernels(self.kernel_prior(kernel_latent))
            start = likelihood.posterior_mean(spectrum, kernel, scales).clamp(0, 1)
        return Searched(kernel_latent, start, evidence, spent)

    def finish(self, observation: Tensor, descended: Descended) -> Found:
        """Find the free image of equation 5, if that is asked for, and choose a finalist."""
        settings = self.settings
        latent, kernel_latent = descended.latent, descended.kernel_latent
        y = observation.expand(len(latent), -1, -1, -1)
        evaluations = descended.evaluations
        polish = 0 if self.slack else settings.polish.steps
        if polish:
            latent, kernel_latent = self._polish(y, latent, kernel_latent)
        weights = settings.weights.at_noise(estimate_noise(observation[None]).item())
        free = None
        for _ in range(settings.rounds if self.slack else 0):
            with torch.no_grad():
                kernel = unit_kernels(self.kernel_prior(kernel_latent))
                free = best_free_image(y, self.image_prior(latent), kernel, weights)
            if settings.rounds > 1:
                latent, kernel_latent, _ = self._descend(
                    y, latent, kernel_latent, weights, settings.descent, free
                )
                evaluations += settings.steps
        with torch.no_grad():
            generated = self.image_prior(latent).clamp(0, 1)
            kernel = unit_kernels(self.kernel_prior(kernel_latent))
            latents = (latent, kernel_latent)
            objective = deep_deblur(y, generated, kernel, latents, weights)
            if self.slack:
                free = best_free_image(y, generated, kernel, weights)
                extra = slack_terms(y, free, generated, kernel, weights)
                objective = extra + weights.range * objective
        image = generated if free is None else free
        # A shifted image with an oppositely shifted kernel has the same residual. Kernels are
        # centred on their centroid by the way they are made, so the pair is too.
        image, kernel = recentre(image, kernel)
        # A fraction of a pixel's shift rings; what it leaves far out would move the centroid.
        kernel = kernel * (kernel > RINGING * kernel.amax((1, 2), keepdim=True))
        return Found(
            image=image.clamp(0, 1),
            generated=generated,
            kernel=kernel,
            latent=latent,
            kernel_latent=kernel_latent,
            objective=objective,
            evidence=descended.evidence,
            trace=descended.trace,
            anytime=torch.stack([*descended.snapshots, generated], 1),
            anytime_steps=[*self._looks(), settings.steps + polish],
            evaluations=len(latent) * evaluations + polish,
            evidence_evaluations=descended.evidence_evaluations,
        )

    def _polish(self, y: Tensor, latent: Tensor, kernel_latent: Tensor) -> tuple[Tensor, Tensor]:
        """Go on with equation 4 from the finalist that is best by it; the others stay."""
        weights = self.settings.weights
        with torch.no_grad():
            kernel = unit_kernels(self.kernel_prior(kernel_latent))
            latents = (latent, kernel_latent)
            values = deep_deblur(y, self.image_prior(latent), kernel, latents, weights)
        best = values.argmin()[None]
        found = self._descend(
            y[best], latent[best], kernel_latent[best], weights, self.settings.polish
        )
        return latent.index_copy(0, best, found[0]), kernel_latent.index_copy(0, best, found[1])

    def _looks(self) -> list[int]:
        """Return steps of the descent whose images are kept, at about equal ratios."""
        return sorted({int(self.settings.steps * share) for share in (0, 0.05, 0.15, 0.4)})

    def _descend(
        self,
        y: Tensor,
        latent: Tensor,
        kernel_latent: Tensor,
        weights: Weights,
        plan: Descent,
        free: Tensor | None = None,
        snapshots: list[Tensor] | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Adam on both latents; on equation 5 if there is a free image, which stays as it is."""
        z_image = latent.detach().clone().requires_grad_()
        z_kernel = kernel_latent.detach().clone().requires_grad_()
        rates = (plan.image_rate, plan.kernel_rate)
        groups = [{"params": [z], "lr": r} for z, r in zip((z_image, z_kernel), rates, strict=True)]
        optimiser = torch.optim.Adam(groups, betas=(0.9, 0.99))
        trace = []
        for step in range(plan.steps):
            generated = self.image_prior(z_image)
            if snapshots is not None and step in self._looks():
                snapshots.append(generated.detach().clamp(0, 1))
            kernel = unit_kernels(self.kernel_prior(z_kernel))
            value = deep_deblur(y, generated, kernel, (z_image, z_kernel), weights)
            trace.append(value.detach())
            if free is not None:
                value = weights.range * value + slack_terms(y, free, generated, kernel, weights)
            z_image.grad, z_kernel.grad = torch.autograd.grad(value.sum(), (z_image, z_kernel))
            fall = cosine(step, plan.steps, floor=0.05)
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * fall
            optimiser.step()
        return z_image.detach(), z_kernel.detach(), torch.stack(trace, 1)
