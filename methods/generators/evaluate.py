"""Numbers that judge a generator on held-out images: range, deconvolution, latents, samples."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from bench import metrics, seeds
from bench.methods.generators.fitting import Fit, fit_latents, squared_error
from bench.methods.generators.loading import Prior
from bench.physics.forward import add_noise, apply_transfer, blur, transfer_function


def psnr(x: Tensor, output: Tensor) -> Tensor:
    """PSNR in dB of a generator's outputs, clipped to [0, 1], shape (N,)."""
    return metrics.psnr(output.clamp(0, 1), x)


def standard_error(values: Tensor) -> float:
    """Standard error of a vector's mean."""
    return (values.std() / len(values) ** 0.5).item()


def relative_error(x: Tensor, output: Tensor) -> Tensor:
    """``‖x − x̂‖ / ‖x‖`` per image, shape (N,)."""
    return (x - output).flatten(1).norm(dim=1) / x.flatten(1).norm(dim=1)


def starts(prior: Prior, x: Tensor) -> Tensor:
    """Return starts (1, N, d) of a fit to images (N, C, H, W): the encoder's, or else z = 0."""
    if not prior.has_encoder:
        return x.new_zeros(1, len(x), prior.latent_size)
    with torch.no_grad():
        return prior.encode(x)[None]


def fit_range(prior: Prior, x: Tensor, *, steps: int = 300, lr: float = 0.1) -> Fit:
    """Nearest images of the range with Adam; x is (N, C, H, W)."""
    return fit_latents(prior, starts(prior, x), squared_error(x), steps=steps, lr=lr)


def range_scores(prior: Prior, x: Tensor, *, steps: int = 300) -> dict[str, float]:
    """Score the range on images: mean PSNR, or mean relative error for kernels, and ``‖z‖²/d``.

    Parameters
    ----------
    prior : Prior
    x : Tensor, shape (N, C, H, W)
        Images in [0, 1], or kernels of one channel summing to 1.
    steps : int
        Adam steps from the encoder's latent, or from z = 0.
    """
    if x.shape[1] == 1:
        return kernel_scores(prior, x, steps=steps)
    found = fit_range(prior, x, steps=steps)
    scores: dict[str, float] = {"images": len(x)}
    with torch.no_grad():
        if prior.has_encoder:
            scores["encoded_psnr"] = psnr(x, prior(prior.encode(x))).mean().item()
        fitted = prior(found.latent)
    return scores | {
        "range_psnr": psnr(x, fitted).mean().item(),
        "latent_norm": found.latent.square().mean().item(),
        "steps": steps,
    }


def kernel_scores(
    prior: Prior, x: Tensor, *, steps: int = 300, lr: float = 0.05, penalty: float = 0.0
) -> dict[str, float]:
    """Score kernels (N, 1, kh, kw): ``‖k − G(z)‖ / ‖k‖`` and ``‖z‖`` after fitting.

    The objective is the relative squared error plus ``penalty · ‖z‖²``.
    """
    found = fit_kernels(prior, x, steps=steps, lr=lr, penalty=penalty)
    with torch.no_grad():
        encoded = relative_error(x, prior(prior.encode(x))).mean().item()
        error = relative_error(x, prior(found.latent))
    return {
        "kernels": len(x),
        "encoded_error": encoded,
        "relative_error": error.mean().item(),
        "latent_length": found.latent.norm(dim=1).mean().item(),
        "latent_norm": found.latent.square().mean().item(),
        "steps": steps,
    }


def fit_kernels(
    prior: Prior, x: Tensor, *, steps: int = 300, lr: float = 0.05, penalty: float = 0.0
) -> Fit:
    """Nearest kernels of the range to x (N, 1, kh, kw), by relative squared error."""
    with torch.no_grad():
        start = prior.encode(x)
    energy = x.square().sum((1, 2, 3))

    def objective(image: Tensor) -> Tensor:
        return (image - x).square().sum((1, 2, 3)) / energy

    return fit_latents(prior, start[None], objective, steps=steps, lr=lr, penalty=penalty)


def deconvolution_psnr(
    prior: Prior, x: Tensor, kernels: Tensor, *, noise: float = 0.01, steps: int = 300
) -> float:
    """Return mean PSNR of ``G(argmin_z ‖y − G(z) ⊗ k‖²)`` with the true kernel; see
    :func:`deconvolve`.

    A generator that can draw anything has a high range and scores low here: the lower this is
    below the range, the less the generator is a prior.
    """
    found = deconvolve(prior, observed(x, kernels, noise), kernels, steps=steps)
    with torch.no_grad():
        return psnr(x, prior(found.latent)).mean().item()


def observed(x: Tensor, kernels: Tensor, noise: float = 0.01) -> Tensor:
    """Blur images (N, 3, H, W) in [0, 1] by kernels (N, kh, kw) and add noise, seeded by place."""
    sources = [seeds.generator("deconvolution", index) for index in range(len(x))]
    return add_noise(blur(x, kernels), noise, sources)


def deconvolve(prior: Prior, y: Tensor, kernels: Tensor, *, steps: int = 300) -> Fit:
    """Find ``argmin_z ‖y − G(z) ⊗ k‖²`` with Adam, knowing the kernel.

    Parameters
    ----------
    prior : Prior
    y : Tensor, shape (N, 3, H, W), in [0, 1]
    kernels : Tensor, shape (N, kh, kw)
    steps : int
    """
    transfer = transfer_function(kernels, (y.shape[-2], y.shape[-1])).unsqueeze(-3)
    return fit_latents(
        prior,
        starts(prior, y),
        lambda image: (apply_transfer(image, transfer) - y).square().sum((1, 2, 3)),
        steps=steps,
        lr=0.1,
    )


def kernel_distance(samples: Tensor, images: Tensor, *, seed: int = 0) -> float:
    """Squared maximum mean discrepancy between two sets, on features of our own (a KID).

    The features are those of a fixed three-layer convolutional network with seeded random
    weights, averaged over quarters of the image; the kernel is ``(f·g/D + 1)³`` on features
    standardised by the second set. Unbiased, so about 0 for two halves of one set.

    Parameters
    ----------
    samples, images : Tensor, shape (N, C, H, W) and (M, C, H, W), in [0, 1]
    seed : int
        Of the random network.
    """
    first, second = features(samples, seed), features(images, seed)
    mean, spread = second.mean(0), second.std(0).clamp_min(1e-6)
    first, second = (first - mean) / spread, (second - mean) / spread
    size = first.shape[1]

    def gram(a: Tensor, b: Tensor) -> Tensor:
        return (a @ b.T / size + 1) ** 3

    within = [
        (g.sum() - g.diagonal().sum()) / (len(g) * (len(g) - 1))
        for g in (gram(first, first), gram(second, second))
    ]
    return (within[0] + within[1] - 2 * gram(first, second).mean()).item()


def features(images: Tensor, seed: int = 0) -> Tensor:
    """Describe images (N, C, H, W) by a fixed random network: (N, 512), see above."""
    x = images * 2 - 1
    source = seeds.generator("random-features", seed)
    for width in (32, 64, 128):
        weight = torch.randn(width, x.shape[1], 3, 3, generator=source)
        x = functional.leaky_relu(functional.conv2d(x, weight / (9 * x.shape[1]) ** 0.5), 0.1)
        x = functional.avg_pool2d(x, 2)
    return functional.adaptive_avg_pool2d(x, 2).flatten(1)
