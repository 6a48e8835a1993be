"""Many starts, most of them dropped early: ``argmin −log p(y | G_K(z)) + λ/2 ‖z‖²``.

As in :mod:`bench.methods.marginal.search`, the noise variance begins multiplied by a large
temperature and cools over the steps. While it is hot, fine detail is below the noise: the evidence
of a coarse model (few components, and only frequencies where they stand out) ranks the starts at a
fraction of the cost, and most of them are dropped before the whole model comes in.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor

from bench.methods.marginal.likelihood import SCALES, MarginalLikelihood
from bench.methods.marginal.model import GaussianModel, truncate
from bench.methods.marginal.search import Annealing, KernelPrior, unit_kernels
from bench.methods.rows import smallest
from bench.methods.schedules import cosine

COARSE_RANKS, COARSE_SHARE = (40, 12, 12), 1.0
"""Components of the coarse model, and the power below which a frequency loses them; see
:func:`bench.methods.marginal.model.truncate`."""
BETAS, EPSILON = (0.9, 0.99), 1e-8
COOLED = 0.7
"""Share of the steps after which the temperature stays where it is."""


@dataclasses.dataclass(frozen=True)
class Halving:
    """How many starts are kept, and when.

    Attributes
    ----------
    coarse_steps : int
        Steps under the coarse model, all starts.
    survivors : int
        Starts that go on from there.
    """

    coarse_steps: int
    survivors: int


def coarse(model: GaussianModel) -> GaussianModel:
    """Return the model with few components; what the others explain moves into the remainder."""
    components, spectra = [], []
    for rank, part, spectrum in zip(COARSE_RANKS, model.components, model.spectrum, strict=True):
        moved = torch.fft.rfft2(part[rank:], norm="ortho").abs().square().sum(0)
        components.append(part[:rank])
        spectra.append(spectrum + moved)
    first, second, third = components
    fewer = GaussianModel(model.mean, (first, second, third), torch.stack(spectra))
    return truncate(fewer, COARSE_SHARE)


class Descent:
    """Adam on latents and scales of several starts, any of which can be dropped on the way.

    Parameters
    ----------
    prior : callable
        Of kernels.
    starts : Tensor, shape (R, d)
    plan : Annealing
    """

    def __init__(self, prior: KernelPrior, starts: Tensor, plan: Annealing) -> None:
        self.prior, self.plan, self.step = prior, plan, 0
        self.size = starts.shape[1]
        # Latents and scales side by side, so that the moments of a start are one row.
        self.point = torch.cat([starts, starts.new_zeros(len(starts), SCALES)], 1)
        self.first = torch.zeros_like(self.point)
        self.second = torch.zeros_like(self.point)

    @property
    def latents(self) -> Tensor:
        """Shape (R, d)."""
        return self.point[:, : self.size]

    @property
    def scales(self) -> Tensor:
        """Shape (R, 6)."""
        return self.point[:, self.size :]

    @property
    def temperature(self) -> float:
        """Temperature of the next step."""
        cooled = max(0.0, 1 - self.step / self.plan.steps / COOLED)
        return self.plan.cold * (self.plan.hot / self.plan.cold) ** cooled

    def keep(self, rows: Tensor) -> None:
        """Go on with these starts only."""
        self.point, self.first = self.point[rows], self.first[rows]
        self.second = self.second[rows]

    def objective(
        self, likelihood: MarginalLikelihood, spectrum: Tensor, point: Tensor, temperature: float
    ) -> Tensor:
        """Return what is minimised, per start."""
        latents, scales = point[:, : self.size], point[:, self.size :]
        kernel = unit_kernels(self.prior(latents))
        held = self.plan.penalty * latents.square().sum(1)
        held = held + (scales / self.plan.spread).square().sum(1)
        return likelihood(spectrum, kernel, scales, temperature) + held / 2

    def run(self, likelihood: MarginalLikelihood, spectrum: Tensor, steps: int) -> None:
        """Take steps under a likelihood."""
        for _ in range(steps):
            point = self.point.requires_grad_()
            value = self.objective(likelihood, spectrum, point, self.temperature)
            (gradient,) = torch.autograd.grad(value.sum(), point)
            fall = cosine(self.step, self.plan.steps, floor=0.05)
            self.step += 1
            self.first = BETAS[0] * self.first + (1 - BETAS[0]) * gradient
            self.second = BETAS[1] * self.second + (1 - BETAS[1]) * gradient.square()
            mean = self.first / (1 - BETAS[0] ** self.step)
            size = (self.second / (1 - BETAS[1] ** self.step)).sqrt() + EPSILON
            self.point = point.detach() - self.plan.rate * fall * mean / size

    @torch.no_grad()
    def values(self, likelihood: MarginalLikelihood, spectrum: Tensor) -> Tensor:
        """Return the objective of every start at the temperature that comes next."""
        return self.objective(likelihood, spectrum, self.point, self.temperature)


def search_halving(
    likelihood: MarginalLikelihood,
    rough: MarginalLikelihood,
    spectrum: Tensor,
    prior: KernelPrior,
    starts: Tensor,
    plan: Annealing,
    halving: Halving,
    counts: Sequence[int] = (),
) -> tuple[Tensor, Tensor, Tensor]:
    """Descend from many starts and finish with the best of each observation.

    Parameters
    ----------
    likelihood, rough : MarginalLikelihood
        Of the whole model and of the coarse one.
    spectrum : Tensor, complex, shape (3, H, W // 2 + 1) or (R, 3, H, W // 2 + 1)
        Of one observation, or of each row's, by ``likelihood.observe``.
    prior : callable
        Of kernels.
    starts : Tensor, shape (R, d)
    plan : Annealing
        Over both phases.
    halving : Halving
    counts : sequence of int
        Starts of each observation, whose rows follow each other; empty for one observation.

    Returns
    -------
    latents : Tensor, shape (r, d)
        Of the survivors of each observation in turn, best first.
    scales : Tensor, shape (r, 6)
    values : Tensor, shape (r,)
        The objective at the final temperature, ascending.
    """
    counts = counts or (len(starts),)
    descent = Descent(prior, starts, plan)
    early = min(halving.coarse_steps, plan.steps)
    descent.run(rough, spectrum, early)
    survivors = smallest(descent.values(rough, spectrum), counts, halving.survivors)
    descent.keep(survivors)
    likelihood = likelihood.of(survivors)
    spectrum = spectrum[survivors] if spectrum.ndim > 3 else spectrum
    descent.run(likelihood, spectrum, plan.steps - early)
    values = descent.values(likelihood, spectrum)
    kept = [min(count, halving.survivors) for count in counts]
    order = smallest(values, kept, halving.survivors)
    return descent.latents[order], descent.scales[order], values[order]
