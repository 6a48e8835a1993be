"""Kernels drawn from their tempered posterior, ``p(y | G_K(z))^(1/T) p(z)``, by Langevin dynamics.

Where the ends of descents lie, the evidence is highest; where the posterior has its mass, latents
are as long as the prior has them. An average over draws is nearer to the posterior mean than one
over ends. The evidence is tempered, since pixels that the model takes for independent are not.

References
----------
M. Welling and Y. W. Teh, "Bayesian Learning via Stochastic Gradient Langevin Dynamics", ICML 2011.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

Evidence = Callable[[Tensor, Tensor], Tensor]
"""Maps latents (R, d) and scales (R, 6) to ``−log p(y | k)``, shape (R,)."""
Noise = Callable[[], Tensor]
"""Draws the standard normal noise of a step, shape (R, d + 6)."""


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How kernels are drawn from where descents have ended.

    Attributes
    ----------
    steps : int
        Of every chain, one of which starts from each end; 0 keeps the ends themselves.
    settle : int
        Steps before the first draw.
    every : int
        Steps from one draw to the next.
    temperature : float
        T.
    rate : float
        Of a step, in units of the squared latents.
    momentum : float
        Share of a step that the next one keeps; it draws on the noise too.
    """

    steps: int = 0
    settle: int = 6
    every: int = 6
    temperature: float = 6.0
    rate: float = 0.01
    momentum: float = 0.8

    @property
    def draws(self) -> int:
        """Of every chain."""
        return max(0, self.steps - self.settle) // self.every


def draw_kernels(
    evidence: Evidence, latents: Tensor, scales: Tensor, spread: float, plan: Sampling, noise: Noise
) -> tuple[Tensor, Tensor, Tensor]:
    """Let chains run and draw from each.

    Parameters
    ----------
    evidence : callable
    latents : Tensor, shape (R, d)
        Where the chains start.
    scales : Tensor, shape (R, 6)
    spread : float
        Standard deviation of the scales.
    plan : Sampling
        With at least one draw.
    noise : callable

    Returns
    -------
    latents : Tensor, shape (R, n, d)
        n draws of each chain.
    scales : Tensor, shape (R, n, 6)
    values : Tensor, shape (R, n)
        ``−log p(y | k)`` and T times ``−log p(z)``, up to a constant.
    """
    size = latents.shape[1]
    point = torch.cat([latents, scales], 1).detach()
    moved = torch.zeros_like(point)
    kept, left = plan.momentum, 1 - plan.momentum
    points, values = [], []
    for step in range(1, plan.steps + 1):
        here = point.requires_grad_()
        value = evidence(here[:, :size], here[:, size:]) / plan.temperature
        held = here[:, :size].square().sum(1) + (here[:, size:] / spread).square().sum(1)
        value = value + held / 2
        (slope,) = torch.autograd.grad(value.sum(), here)
        here = here.detach()
        ahead = step - plan.settle
        if ahead > 0 and ahead % plan.every == 0:
            points.append(here)
            values.append(plan.temperature * value.detach())
        pushed = (2 * plan.rate) ** 0.5 * noise()
        moved = kept * moved + left * (pushed - plan.rate * slope)
        point = here + moved
    drawn = torch.stack(points, 1)
    return drawn[..., :size], drawn[..., size:], torch.stack(values, 1)
