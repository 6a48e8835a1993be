"""The default solution of equations 4 and 5: kernels by evidence, then both latents, then slack.

Descending on equation 4 in both latents at once from a random start ends in a local minimum nearly
always. So the image is integrated out first (:mod:`bench.methods.marginal`), which leaves a search
in the 50 dimensions of the kernel's latent; the few kernels that explain the observation best give
the image's latent its start (near the posterior mean image), and only then do both latents descend
on the paper's objective. Where settings ask for it, equation 4 goes on from the best of them: an
image of the generator's range is then found to the noise. Equation 5 does not, for a kernel that
explains what the range lacks of other images is worse for the free image than the evidence's.

On a CPU one observation is solved at a time, its restarts in one batch: what is found for an image
cannot depend on its neighbours, and memory does not grow with their number. On a device the rows of
several images are one batch, in the search, the descent and what follows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from bench.methods.deep_deblur.found import Descended, Found, Searched
from bench.methods.deep_deblur.objective import Weights, best_free_image, deep_deblur, slack_terms
from bench.methods.deep_deblur.settings import Descent, Settings
from bench.methods.generators.fitting import start_near
from bench.methods.generators.loading import Prior
from bench.methods.marginal.likelihood import MarginalLikelihood
from bench.methods.marginal.model import GaussianModel
from bench.methods.marginal.search import search, unit_kernels
from bench.methods.marginal.sparse import search_sparse
from bench.methods.rows import groups, joined, of_rows, per_row, repeated, smallest
from bench.methods.schedules import cosine
from bench.physics.alignment import recentre
from bench.physics.noise import estimate_noise

RINGING = 0.01


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
        """Do the same for several observations (N, C, H, W), whose rows are computed in batches.

        A batch has all finalists, or as many starts of the search as memory allows.
        """
        settings = self.settings
        most = max(map(len, starts))
        searched = [
            found
            for some in groups(observations, most)
            for found in self._search(observations[some], starts[some], warm)
        ]
        counts = [len(found.kernel_latent) for found in searched]
        y = repeated(observations, counts)
        start, kernel_latent = (
            joined([getattr(found, name) for found in searched])
            for name in ("start", "kernel_latent")
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

    def _search(self, observations: Tensor, starts: Sequence[Tensor], warm: bool) -> list[Searched]:
        """Find the kernels that explain each observation best, and images to start from."""
        settings = self.settings
        plan = settings.warm if warm else settings.annealing
        measured = _noise(observations)
        counts = [len(some) for some in starts]
        noise = per_row(measured, counts, observations)
        likelihood = MarginalLikelihood(self.model, noise)
        spectra = likelihood.observe(observations)
        seen = of_rows(spectra, counts)
        latent, scales, evidence = search(likelihood, seen, self.kernel_prior, joined(starts), plan)
        if settings.sparse_steps:
            grey = likelihood.luminance(seen)
            latent, evidence = search_sparse(
                grey, self.kernel_prior, latent, noise, steps=settings.sparse_steps
            )
        best = smallest(evidence, counts, settings.finalists)
        kept = [min(count, settings.finalists) for count in counts]
        latent, scales = latent[best], scales[best]
        with torch.no_grad():
            kernel = unit_kernels(self.kernel_prior(latent))
            quiet = likelihood.at(per_row(measured, kept, observations))
            mean = quiet.posterior_mean(of_rows(spectra, kept), kernel, scales)
        found = (rows.split(kept) for rows in (latent, mean.clamp(0, 1), evidence[best]))
        taken = [count * (plan.steps + 1 + settings.sparse_steps) for count in counts]
        return [Searched(*parts) for parts in zip(*found, taken, strict=True)]

    def finish(self, observation: Tensor, descended: Descended) -> Found:
        """Find the free image of equation 5, if that is asked for, and choose a finalist."""
        return self.finish_together(observation[None], [descended])[0]

    def finish_together(self, observations: Tensor, descended: Sequence[Descended]) -> list[Found]:
        """Do the same for several observations (N, C, H, W), whose finalists are one batch."""
        settings = self.settings
        counts = [len(some.latent) for some in descended]
        y = repeated(observations, counts)
        latent = joined([some.latent for some in descended])
        kernel_latent = joined([some.kernel_latent for some in descended])
        polish = 0 if self.slack else settings.polish.steps
        if polish:
            latent, kernel_latent = self._polish(y, latent, kernel_latent, counts)
        weights = settings.weights.at_noise(per_row(_noise(observations), counts, observations))
        free, further = None, 0
        for _ in range(settings.rounds if self.slack else 0):
            with torch.no_grad():
                kernel = unit_kernels(self.kernel_prior(kernel_latent))
                free = best_free_image(y, self.image_prior(latent), kernel, weights)
            if settings.rounds > 1:
                latent, kernel_latent, _ = self._descend(
                    y, latent, kernel_latent, weights, settings.descent, free
                )
                further += settings.steps
        with torch.no_grad():
            generated = self.image_prior(latent).clamp(0, 1)
            kernel = unit_kernels(self.kernel_prior(kernel_latent))
            objective = deep_deblur(y, generated, kernel, (latent, kernel_latent), weights)
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
        parts: dict[str, Any] = {
            "image": image.clamp(0, 1).split(counts),
            "generated": generated.split(counts),
            "kernel": kernel.split(counts),
            "latent": latent.split(counts),
            "kernel_latent": kernel_latent.split(counts),
            "objective": objective.split(counts),
        }
        return [
            Found(
                **{name: split[place] for name, split in parts.items()},
                evidence=some.evidence,
                trace=some.trace,
                anytime=torch.stack([*some.snapshots, parts["generated"][place]], 1),
                anytime_steps=[*self._looks(), settings.steps + polish],
                evaluations=len(some.latent) * (some.evaluations + further) + polish,
                evidence_evaluations=some.evidence_evaluations,
            )
            for place, some in enumerate(descended)
        ]

    def _polish(
        self, y: Tensor, latent: Tensor, kernel_latent: Tensor, counts: Sequence[int]
    ) -> tuple[Tensor, Tensor]:
        """Go on with equation 4 from each observation's best finalist; the others stay."""
        weights = self.settings.weights
        with torch.no_grad():
            kernel = unit_kernels(self.kernel_prior(kernel_latent))
            latents = (latent, kernel_latent)
            values = deep_deblur(y, self.image_prior(latent), kernel, latents, weights)
        best = smallest(values, counts, 1)
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


def _noise(observations: Tensor) -> list[float]:
    return [estimate_noise(one[None]).item() for one in observations]
