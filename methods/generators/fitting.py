"""``argmin_z ‖x − G(z)‖²``: the nearest image in a generator's range, for a batch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from bench import seeds

if TYPE_CHECKING:
    from bench.methods.generators.loading import Prior

Objective = Callable[[Tensor], Tensor]
"""Maps generated images (N, C, H, W) to one value per image (N,)."""


@dataclasses.dataclass(frozen=True)
class Fit:
    """What a fit found: ``latent`` (N, d), ``value`` (N,) and its cost per image.

    ``restart`` (N,) says which start won; ``evaluations`` counts forward and backward passes of
    the generator for one image over all starts.
    """

    latent: Tensor
    value: Tensor
    restart: Tensor
    evaluations: int


def squared_error(x: Tensor) -> Objective:
    """``‖x − G(z)‖²`` summed over pixels and channels, per image."""
    return lambda image: (image - x).square().sum((1, 2, 3))


def fit_latents(
    generator: Callable[[Tensor], Tensor],
    starts: Tensor,
    objective: Objective,
    *,
    steps: int,
    lr: float,
    optimiser: str = "adam",
    penalty: float = 0.0,
) -> Fit:
    """Minimise an objective of ``G(z)`` from several starts and keep each image's best.

    Parameters
    ----------
    generator : callable
        Maps (N, d) to (N, C, H, W).
    starts : Tensor, shape (R, N, d)
    objective : callable
        Per-image values (N,) of generated images; sums over images, so images are independent.
    steps : int
    lr : float
        Learning rate; Adam's follows a cosine to 5 % of it.
    optimiser : {"adam", "gradient"}
        Adam, or plain gradient descent as published.
    penalty : float
        Weight of ``‖z‖²``, added to the objective.

    Returns
    -------
    Fit
    """
    best_value = starts.new_full((starts.shape[1],), float("inf"))
    best, restart = starts[0].clone(), best_value.new_zeros(len(best_value), dtype=torch.long)
    for index, start in enumerate(starts):
        z = _descend(generator, start, objective, steps, lr, optimiser, penalty)
        with torch.no_grad():
            value = objective(generator(z)) + penalty * z.square().sum(1)
        better = value < best_value
        best_value = torch.where(better, value, best_value)
        best = torch.where(better[:, None], z, best)
        restart = torch.where(better, index, restart)
    return Fit(best, best_value, restart, len(starts) * (steps + 1))


def _descend(
    generator: Callable[[Tensor], Tensor],
    start: Tensor,
    objective: Objective,
    steps: int,
    lr: float,
    optimiser: str,
    penalty: float,
) -> Tensor:
    z = start.detach().clone().requires_grad_()
    kind = {"adam": torch.optim.Adam, "gradient": torch.optim.SGD}[optimiser]
    engine = kind([z], lr=lr)
    schedule = (
        torch.optim.lr_scheduler.CosineAnnealingLR(engine, max(1, steps), lr * 0.05)
        if optimiser == "adam"
        else None
    )
    for _ in range(steps):
        loss = (objective(generator(z)) + penalty * z.square().sum(1)).sum()
        (z.grad,) = torch.autograd.grad(loss, z)
        engine.step()
        if schedule is not None:
            schedule.step()
    return z.detach()


def start_near(generator: Prior, x: Tensor) -> tuple[Tensor, int]:
    """Return latents (N, d) to start from near images (N, C, H, W), and what they cost.

    They are the encoder's, for nothing; a generator without one is fitted from z = 0, and the
    second number is the evaluations of that fit for one image.
    """
    if generator.has_encoder:
        with torch.no_grad():
            return generator.encode(x), 0
    zero = x.new_zeros(1, len(x), generator.latent_size)
    fit = fit_latents(generator, zero, squared_error(x), steps=60, lr=0.15, penalty=0.01)
    return fit.latent, fit.evaluations


def random_starts(x: Tensor, latent_size: int, count: int, seed: int) -> Tensor:
    """Draw (count, N, d) standard normal starts, each image's from its own contents."""
    draws = [
        torch.randn(count, latent_size, generator=source)
        for source in seeds.generators_per_image(x, seed)
    ]
    return torch.stack(draws, 1).to(x.device) if draws else x.new_zeros(count, 0, latent_size)
