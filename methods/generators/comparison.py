"""What a default prior is chosen by: the numbers of one generator on validation images."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from bench import seeds
from bench.datasets.archives import to_unit_range, training_images
from bench.datasets.motion_blur import (
    LARGE_LENGTHS,
    LARGE_SIZE,
    LENGTHS,
    SIZE,
    motion_blur_kernels,
)
from bench.methods.generators.evaluate import (
    deconvolve,
    features,
    fit_range,
    kernel_distance,
    observed,
    psnr,
)
from bench.methods.generators.linear import principal_components
from bench.methods.generators.loading import Prior, kernel_prior
from bench.physics.forward import apply_transfer, transfer_function

STEPS = 100
"""Adam steps of a fit, as many as the fast range oracle takes."""
KERNEL_SEED = 1200
TRAINING_IMAGES = 6000


@dataclasses.dataclass(frozen=True)
class Scores:
    """One generator on the same validation images as its rivals.

    Attributes
    ----------
    name : str
    range_psnr, deconvolution_psnr : Tensor, shape (N,)
        Nearest image of the range, and ``G(argmin_z ‖y − G(z) ⊗ k‖²)``, in dB.
    range_norm, deconvolution_norm : float
        Mean ``‖z‖²/d`` of both: 1 for samples.
    distance : float
        Kernel distance of samples from held-out images.
    accuracy : float
        Of a classifier that tells samples from held-out images, on ones it has not seen: 0.5 if
        it can only guess.
    """

    name: str
    range_psnr: Tensor
    deconvolution_psnr: Tensor
    range_norm: float
    deconvolution_norm: float
    distance: float
    accuracy: float


class LinearModel:
    """``mean + basis · z`` with z ~ N(0, I): what principal components alone would give.

    Parameters
    ----------
    images : Tensor, shape (M, C, H, W), in [0, 1]
        To fit it on.
    latent_size : int
    """

    def __init__(self, images: Tensor, latent_size: int = 100) -> None:
        self.shape = images.shape[1:]
        mean, basis, spread = principal_components(images.flatten(1), latent_size)
        self.mean, self.basis = mean, basis * spread

    def __call__(self, z: Tensor) -> Tensor:
        """Map latents (N, d) to images (N, C, H, W), not clipped."""
        return (self.mean + z @ self.basis.T).view(-1, *self.shape)

    def nearest(self, x: Tensor, kernels: Tensor | None = None) -> Tensor:
        """Least squares: latents (N, d) of the images whose blur by ``kernels`` is nearest to x."""
        if kernels is None:
            return torch.linalg.lstsq(self.basis, (x.flatten(1) - self.mean).T).solution.T
        columns = self.basis.T.reshape(-1, *self.shape)
        found = []
        for one, kernel in zip(x, kernels, strict=True):
            transfer = transfer_function(kernel[None], (x.shape[-2], x.shape[-1])).unsqueeze(-3)
            matrix = apply_transfer(columns, transfer).flatten(1).T
            offset = apply_transfer(self.mean.view(1, *self.shape), transfer).flatten()
            found.append(torch.linalg.lstsq(matrix, (one.flatten() - offset)[:, None]).solution)
        return torch.stack(found)[:, :, 0]

    def sample(self, seed: int, count: int) -> Tensor:
        """Draw images (count, C, H, W) in [0, 1] by seed."""
        z = torch.randn(count, self.basis.shape[1], generator=seeds.generator("linear", seed))
        return self(z).clamp(0, 1)


@dataclasses.dataclass(frozen=True)
class Ground:
    """What generators of a class are compared on: ``images``, their blur, and more held out.

    Attributes
    ----------
    x, kernels, y : Tensor, shapes (N, 3, H, W), (N, kh, kw), (N, 3, H, W)
        Validation images, fresh kernels and observations with 1 % noise.
    held_out : Tensor, shape (M, 3, H, W)
        All validation images, to compare samples with.
    """

    x: Tensor
    kernels: Tensor
    y: Tensor
    held_out: Tensor


def ground(image_class: str, count: int) -> Ground:
    """Draw validation images of a class by seed, and blur them."""
    images = training_images(image_class, "val")
    order = torch.randperm(len(images), generator=seeds.generator("choice", image_class))
    held_out = to_unit_range(images[order], image_class)
    large = kernel_prior(image_class) != "motion-blur"
    size, lengths = (LARGE_SIZE, LARGE_LENGTHS) if large else (SIZE, LENGTHS)
    kernels = motion_blur_kernels(count, KERNEL_SEED, size=size, lengths=lengths)
    x = held_out[:count]
    return Ground(x, kernels, observed(x, kernels), held_out)


def linear_model(image_class: str, latent_size: int = 100) -> LinearModel:
    """Fit the linear model on the class's training images, or part of them."""
    images = training_images(image_class, "train")
    part = images[:: max(1, len(images) // TRAINING_IMAGES)][:TRAINING_IMAGES]
    return LinearModel(to_unit_range(part, image_class), latent_size)


def score(model: Prior | LinearModel, name: str, on: Ground) -> Scores:
    """Measure one generator, or the linear model."""
    if isinstance(model, LinearModel):
        near, sharp = model.nearest(on.x), model.nearest(on.y, on.kernels)
    else:
        near = fit_range(model, on.x, steps=STEPS).latent
        sharp = deconvolve(model, on.y, on.kernels, steps=STEPS).latent
    with torch.no_grad():
        samples = model.sample(1, len(on.held_out))
        return Scores(
            name,
            psnr(on.x, model(near)),
            psnr(on.x, model(sharp)),
            near.square().mean().item(),
            sharp.square().mean().item(),
            kernel_distance(samples, on.held_out),
            told_apart(samples, on.held_out),
        )


def told_apart(samples: Tensor, images: Tensor) -> float:
    """Accuracy of a logistic classifier of samples against images, on the half it has not seen.

    It works on 1,024 features of a fixed random network (:func:`features`), of the images and of
    their fine detail, which the former hardly answer to; standardised, with a ridge
    that keeps it from learning its few hundred examples by heart.

    Parameters
    ----------
    samples, images : Tensor, shape (N, 3, H, W), in [0, 1]
        As many of each.
    """
    both = torch.cat([images, samples])
    detail = (both - functional.avg_pool2d(both, 3, 1, 1)).abs()
    described = torch.cat([features(both), features(detail)], 1)
    x = (described - described.mean(0)) / described.std(0).clamp_min(1e-6)
    label = torch.cat([torch.ones(len(images)), torch.zeros(len(samples))])
    # Every second image and every second sample to learn from, the others to be judged on.
    learn = torch.cat([torch.arange(len(images)), torch.arange(len(samples))]) % 2 == 0
    weight = torch.zeros(x.shape[1] + 1, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight], max_iter=100, line_search_fn="strong_wolfe")

    def logits(rows: Tensor) -> Tensor:
        return rows @ weight[1:] + weight[0]

    def closure() -> Any:
        optimiser.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(logits(x[learn]), label[learn])
        loss = loss + 0.01 * weight.square().sum()
        loss.backward()
        return loss

    with torch.enable_grad():
        optimiser.step(closure)
    with torch.no_grad():
        right = (logits(x[~learn]) > 0) == (label[~learn] > 0.5)
    return right.float().mean().item()
