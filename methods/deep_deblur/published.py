"""The published procedures, to the letter of the authors' code (``--set dd.preset=published``).

Deep Deblur: both latents from N(0, I), ten restarts. A step divides the gradient by ``z_k`` by its
root mean square over the restart (plus 1e-5) and goes 0.01 · exp(−t/1000) along it, then does the
same by ``z_i`` at the new ``z_k``. The loss is ``Σ|Y − X·K|² + 0.01‖z_i‖² + 0.01‖z_k‖²`` over the
unnormalised Fourier transform.

Deep Deblur with Slack: one Adam at 0.005 over ``z_i``, ``z_k`` and the free image ``x``, which
starts at N(0.5, 0.01²), on ``‖y − G(z_i)⊗k‖² + 0.5‖y − x⊗k‖² + 100·mean((x − G(z_i))²) +
0.001·TV(x)`` with TV the sum of absolute differences of neighbours.

PGGAN, faces of 128×128: one Adam at 0.01 over both latents on ``‖y − G(z_i)⊗k‖ + 0.001‖z_i‖ +
0.001‖z_k‖``, norms and not their squares, with the generated image stretched to [0, 1] at every
step. The authors' correlation with a kernel is a convolution with the turned one, which their prior
draws as often.

The kernel is the decoder's output as it is, not normalised. The restart with the smallest final
residual is kept: of the generated image, or ``‖y − clip(clip(x) ⊗ k)‖`` with slack.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from bench.methods.deep_deblur.objective import squares
from bench.methods.generators.loading import Prior
from bench.physics.forward import apply_transfer, blur, seen_part, transfer_function
from bench.physics.intensity import stretch
from bench.protocol import Formation

RESTARTS = 10
STEPS = {"svhn": 6_000}
MOST_STEPS = 10_000
SLACK_STEPS = 10_000
STEP_SIZE, STEP_DECAY, LATENT_WEIGHT = 0.01, 1000.0, 0.01
LARGE_STEPS, LARGE_RATE, LARGE_WEIGHT = 2_000, 0.01, 0.001
SLACK_RATE, SLACK_DATA, SLACK_PULL, SLACK_VARIATION = 0.005, 0.5, 100.0, 0.001

Result = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]
"""Images, generated images, kernels, ``z_i``, ``z_k`` and residuals, a row per restart."""


def deep_deblur(
    observation: Tensor,
    image_prior: Prior,
    kernel_prior: Prior,
    starts: Sequence[Tensor],
    steps: int,
) -> Result:
    """Normalised alternating gradient descent on equation 4 for one observation.

    Parameters
    ----------
    observation : Tensor, shape (C, H, W)
    image_prior, kernel_prior : Prior
    starts : sequence of 2 Tensors, shapes (R, d)
        ``z_i`` and ``z_k``.
    steps : int
    """
    size = (int(observation.shape[-2]), int(observation.shape[-1]))
    z_image, z_kernel = (start.clone() for start in starts)

    def slope(z: Tensor, generated: Tensor, drawn: Tensor) -> Tensor:
        """Gradient by one latent, which either image or kernel were drawn from."""
        error = squares(apply_transfer(generated, _transfer(drawn, size)) - observation)
        # Parseval: the unnormalised transform's squares are H·W times the image's.
        value = size[0] * size[1] * error + LATENT_WEIGHT * squares(z)
        (gradient,) = torch.autograd.grad(value.sum(), z)
        return gradient / (gradient.square().mean(1, keepdim=True).sqrt() + 1e-5)

    for step in range(steps):
        rate = STEP_SIZE * math.exp(-step / STEP_DECAY)
        z_image.requires_grad_()
        z_kernel.requires_grad_()
        # The kernel's step changes no image, so one forward pass serves both steps.
        generated = image_prior(z_image)
        along = slope(z_kernel, generated.detach(), kernel_prior(z_kernel))
        z_kernel = (z_kernel - rate * along).detach()
        along = slope(z_image, generated, kernel_prior(z_kernel))
        z_image = (z_image - rate * along).detach()
    with torch.no_grad():
        generated, kernel = image_prior(z_image), kernel_prior(z_kernel)[:, 0]
        blurred = apply_transfer(generated, _transfer(kernel[:, None], size))
        residual = squares(blurred - observation)
    return generated.clamp(0, 1), generated, kernel, z_image, z_kernel, residual


def deep_deblur_slack(
    observation: Tensor,
    image_prior: Prior,
    kernel_prior: Prior,
    starts: Sequence[Tensor],
    steps: int,
) -> Result:
    """Adam on equation 5 for one observation; ``starts`` ends with the free images (R, C, H, W)."""
    size = (int(observation.shape[-2]), int(observation.shape[-1]))
    z_image, z_kernel, free = (start.clone().requires_grad_() for start in starts)
    optimiser = torch.optim.Adam([z_image, z_kernel, free], lr=SLACK_RATE)
    for _ in range(steps):
        generated = image_prior(z_image)
        transfer = _transfer(kernel_prior(z_kernel), size)
        value = (
            squares(apply_transfer(generated, transfer) - observation)
            + SLACK_DATA * squares(apply_transfer(free, transfer) - observation)
            + SLACK_PULL * (free - generated).square().flatten(1).mean(1)
            + SLACK_VARIATION * _variation(free)
        )
        variables = (z_image, z_kernel, free)
        for variable, slope in zip(
            variables, torch.autograd.grad(value.sum(), variables), strict=True
        ):
            variable.grad = slope
        optimiser.step()
    with torch.no_grad():
        image, generated, kernel = free.clamp(0, 1), image_prior(z_image), kernel_prior(z_kernel)
        blurred = apply_transfer(image, _transfer(kernel, size)).clamp(0, 1)
        residual = squares(blurred - observation)
    return image, generated, kernel[:, 0], z_image.detach(), z_kernel.detach(), residual


def deep_deblur_large(
    observation: Tensor,
    image_prior: Callable[[Tensor], Tensor],
    kernel_prior: Callable[[Tensor], Tensor],
    starts: Sequence[Tensor],
    steps: int,
    boundary: Formation = "circular",
) -> Result:
    """Adam on the norms for one observation, blurred circularly or as the authors' code does.

    Images are of the observation's size: what it has of the scene that the generator draws.
    """
    z_image, z_kernel = (start.clone().requires_grad_() for start in starts)
    optimiser = torch.optim.Adam([z_image, z_kernel], lr=LARGE_RATE)

    def residuals() -> tuple[Tensor, Tensor, Tensor]:
        generated, kernel = stretch(image_prior(z_image)), kernel_prior(z_kernel)[:, 0]
        difference = blur(generated, kernel, boundary) - observation
        return difference.flatten(1).norm(dim=1), generated, kernel

    for _ in range(steps):
        held = z_image.norm(dim=1) + z_kernel.norm(dim=1)
        value = residuals()[0] + LARGE_WEIGHT * held
        z_image.grad, z_kernel.grad = torch.autograd.grad(value.sum(), (z_image, z_kernel))
        optimiser.step()
    with torch.no_grad():
        residual, generated, kernel = residuals()
    size = (int(kernel.shape[-2]), int(kernel.shape[-1]))
    seen = seen_part(generated, size, boundary)
    return seen, seen, kernel, z_image.detach(), z_kernel.detach(), residual


def _transfer(drawn: Tensor, size: tuple[int, int]) -> Tensor:
    return transfer_function(drawn[:, 0], size)[:, None]


def _variation(image: Tensor) -> Tensor:
    down = (image[..., 1:, :] - image[..., :-1, :]).abs().flatten(1).sum(1)
    right = (image[..., 1:] - image[..., :-1]).abs().flatten(1).sum(1)
    return down + right
