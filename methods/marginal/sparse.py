"""The evidence of a kernel under sparse gradients, where a Gaussian model of the class is poor.

Variational Bayes with a variance ``γ_p`` of its own for every gradient ``x_p`` of the grey image
leads (Wipf and Zhang 2014) to minimising

    ‖b − x ⊗ k‖² / (2 s) + ½ Σ_p [x_p² / γ_p + log(s + γ_p ‖k‖²)] + λ/2 ‖z‖²,    k = G_K(z),

with ``b`` the gradients of the observation and ``s`` a multiple of the noise variance. The last
logarithm is what a plain maximum a posteriori estimate lacks: it keeps the kernel from shrinking to
a point. ``x`` is found by conjugate gradients, ``γ_p = x_p² + 1 / (‖k‖²/s + 1/γ_p)`` in closed form
(one for both directions of a pixel), and ``z`` by Adam, in turn.

References
----------
D. Wipf and H. Zhang, "Revisiting Bayesian Blind Deconvolution", Journal of Machine Learning
Research 15, 2014.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bench.methods.marginal.search import KernelPrior, unit_kernels
from bench.methods.schedules import cosine
from bench.physics.forward import transfer_function

CONJUGATE_STEPS = 6


def search_sparse(
    grey: Tensor,
    prior: KernelPrior,
    starts: Tensor,
    noise: float | Tensor,
    *,
    steps: int,
    rate: float = 0.05,
    hot: float = 10.0,
    cold: float = 4.0,
    penalty: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """Descend from several starts.

    Parameters
    ----------
    grey : Tensor, shape (H, W) or (R, H, W)
        Luminance of one observation, or of each row's, as the first of the orthonormal opponent
        colours.
    prior : callable
        Maps latents (R, d) to kernels (R, 1, kh, kw).
    starts : Tensor, shape (R, d)
    noise : float or Tensor, shape (R,)
        Standard deviation, of each row where rows are of several observations.
    steps : int
    rate : float
        Peak learning rate of Adam, with a cosine to a tenth.
    hot, cold : float
        ``s`` in units of the noise variance at first, and from 60 % of the steps on.
    penalty : float
        λ.

    Returns
    -------
    latents : Tensor, shape (R, d)
    values : Tensor, shape (R,)
    """
    size = (int(grey.shape[-2]), int(grey.shape[-1]))
    observed = torch.stack([grey.roll(-1, axis) - grey for axis in (-2, -1)], -3)
    observed = observed.view(-1, 2, *size)
    spectrum = torch.fft.rfft2(observed)
    variance = noise.square()[:, None, None, None] if isinstance(noise, Tensor) else noise**2
    z = starts.detach().clone().requires_grad_()
    optimiser = torch.optim.Adam([z], rate, betas=(0.9, 0.99))
    x = observed.expand(len(z), -1, -1, -1)
    gamma = x.square() + 1e-3
    value = z.new_zeros(len(z), 1, 1, 1)
    for step in range(steps):
        done = step / steps
        s = variance * hot * (cold / hot) ** min(1.0, done / 0.6)
        kernel = unit_kernels(prior(z))
        transfer = transfer_function(kernel, size)[:, None]
        energy = squared_norm(kernel)
        with torch.no_grad():
            x = _gradients_given(transfer, spectrum, x, s / gamma, energy)
            spread = x.square() + 1 / (energy / s + 1 / gamma)
            gamma = spread.mean(1, keepdim=True).expand_as(x)
        residual = torch.fft.irfft2(transfer * torch.fft.rfft2(x), s=size) - observed
        value = (
            _sum(residual.square()) / (2 * s)
            + _sum((s + gamma * energy).log() + x.square() / gamma) / 2
            + penalty / 2 * z.square().sum(1)[:, None, None, None]
        )
        optimiser.param_groups[0]["lr"] = rate * cosine(step, steps, floor=0.1)
        (z.grad,) = torch.autograd.grad(value.sum(), z)
        optimiser.step()
    return z.detach(), value.detach().flatten()


def squared_norm(kernel: Tensor) -> Tensor:
    """``‖k‖²`` of kernels (R, h, w), shape (R, 1, 1, 1)."""
    return kernel.square().sum((1, 2))[:, None, None, None]


def _sum(x: Tensor) -> Tensor:
    return x.sum((1, 2, 3), keepdim=True)


def _gradients_given(
    transfer: Tensor, spectrum: Tensor, start: Tensor, ridge: Tensor, energy: Tensor
) -> Tensor:
    """Solve ``(KᵀK + diag(ridge)) x = Kᵀ b`` per direction by conjugate gradients."""
    size = (int(start.shape[-2]), int(start.shape[-1]))
    power = transfer.abs().square()
    inverse = 1 / (energy + ridge)

    def system(u: Tensor) -> Tensor:
        return torch.fft.irfft2(power * torch.fft.rfft2(u), s=size) + ridge * u

    def inner(a: Tensor, b: Tensor) -> Tensor:
        return (a * b).sum((-2, -1), keepdim=True)

    x = start
    residual = torch.fft.irfft2(transfer.conj() * spectrum, s=size) - system(x)
    direction = inverse * residual
    descent = inner(residual, direction)
    for _ in range(CONJUGATE_STEPS):
        ahead = system(direction)
        step = descent / inner(direction, ahead).clamp_min(1e-20)
        x = x + step * direction
        residual = residual - step * ahead
        preconditioned = inverse * residual
        updated = inner(residual, preconditioned)
        direction = preconditioned + updated / descent.clamp_min(1e-20) * direction
        descent = updated
    return x
