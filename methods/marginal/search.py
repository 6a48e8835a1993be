"""Search of the kernel's latent by the evidence: ``argmin −log p(y | G_K(z)) + λ/2 ‖z‖²``.

The evidence has sharp valleys at the true noise level. The search starts with the noise variance
multiplied by a large temperature, where the valleys are wide, and cools it while it descends.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

from bench.methods.marginal.likelihood import SCALES, MarginalLikelihood
from bench.methods.schedules import cosine

KernelPrior = Callable[[Tensor], Tensor]
"""Maps latents (R, d) to kernels (R, 1, kh, kw)."""


@dataclasses.dataclass(frozen=True)
class Annealing:
    """How the kernel's latent is searched.

    Attributes
    ----------
    steps : int
        Of Adam.
    rate : float
        Peak learning rate; it follows a cosine to 5 % of it.
    hot, cold : float
        Temperatures at the first step and after 70 % of the steps. A final temperature above 1
        allows for what the Gaussian model does not know of the class.
    penalty : float
        λ, in units of the latent's own prior.
    spread : float
        Standard deviation of the logarithms of the scales.
    """

    steps: int
    rate: float = 0.15
    hot: float = 1000.0
    cold: float = 1.0
    penalty: float = 1.0
    spread: float = 0.5


def search(
    likelihood: MarginalLikelihood,
    spectrum: Tensor,
    prior: KernelPrior,
    starts: Tensor,
    plan: Annealing,
) -> tuple[Tensor, Tensor, Tensor]:
    """Descend from several starts for one observation.

    Parameters
    ----------
    likelihood : MarginalLikelihood
    spectrum : Tensor, complex, shape (3, H, W // 2 + 1)
        Of the observation, by ``likelihood.observe``.
    prior : callable
        Of kernels; what it returns is normalised to sum 1 here.
    starts : Tensor, shape (R, d)
    plan : Annealing

    Returns
    -------
    latents : Tensor, shape (R, d)
    scales : Tensor, shape (R, 6)
        Of the image; see :class:`MarginalLikelihood`.
    values : Tensor, shape (R,)
        The objective at the final temperature; comparable between restarts of one observation.
    """
    z = starts.detach().clone().requires_grad_()
    scales = z.new_zeros(len(z), SCALES).requires_grad_()
    optimiser = torch.optim.Adam([z, scales], plan.rate, betas=(0.9, 0.99))

    def objective(temperature: float) -> Tensor:
        evidence = likelihood(spectrum, unit_kernels(prior(z)), scales, temperature)
        held = plan.penalty * z.square().sum(1) + (scales / plan.spread).square().sum(1)
        return evidence + held / 2

    for step in range(plan.steps):
        done = step / plan.steps
        cooled = max(0.0, 1 - done / 0.7)
        temperature = plan.cold * (plan.hot / plan.cold) ** cooled
        optimiser.param_groups[0]["lr"] = plan.rate * cosine(step, plan.steps, floor=0.05)
        z.grad, scales.grad = torch.autograd.grad(objective(temperature).sum(), (z, scales))
        optimiser.step()
    with torch.no_grad():
        return z.detach(), scales.detach(), objective(plan.cold)


def unit_kernels(drawn: Tensor) -> Tensor:
    """Return kernels (R, 1, h, w) as the generator draws them, made non-negative with sum 1: (R,
    h, w)."""
    kernel = drawn[:, 0].clamp_min(0) + 1e-9
    return kernel / kernel.sum((1, 2), keepdim=True)
