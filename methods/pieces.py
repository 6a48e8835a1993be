"""Single steps of the methods on fixed inputs, for the gate: what must agree on every processor.

A whole method may amplify a rounding error until it ends elsewhere; a single step of it may not.
Each piece computes one step, or one solve, on an input that needs no data and is the same to the
bit everywhere, and returns tensors. Any change of the code that is more than rounding shows in them
at once, whatever the whole method makes of it.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.metrics import score
from bench.physics.alignment import align, recentre
from bench.physics.forward import blur
from bench.protocol import Alignment, Task
from bench.registry import METHODS

Quantities = Mapping[str, Tensor]
ROUNDING, MIXED = 1e-4, 0.01
"""Relative tolerances: of computations in single precision or better, of which code for other
instructions changes the fifth digit at most (a gradient of the evidence; see reports/gate.md), and
of training steps, in bfloat16 where the processor has it and in float32 where not."""
SIZES = {"svhn": 32, "shoes": 64, "celeba": 64}
NOISE = 0.01


@dataclasses.dataclass(frozen=True)
class Piece:
    """A step of a method.

    Attributes
    ----------
    compute : callable
        Returns tensors by name.
    tolerance : float
        Relative, of each tensor's digest.
    """

    compute: Callable[[], Quantities]
    tolerance: float = ROUNDING


def scrambled(*shape: int) -> np.ndarray:
    """Return numbers in [0, 1) that look like noise, from integers by IEEE arithmetic alone.

    Random generators and cosines differ between libraries and processors in the last digit.
    """
    index = np.arange(int(np.prod(shape)), dtype=np.float64)
    return ((index * index * 0.6180339887498949) % 1.0).reshape(shape)


@functools.cache
def observed(size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return an image with edges and texture, a bent streak, and the image blurred by it with
    noise.

    Returns
    -------
    image, observation : Tensor, shape (1, 3, size, size)
    kernel : Tensor, shape (1, 28, 28)
    """
    row, col = np.mgrid[:size, :size] / size
    ramp = 0.25 + 0.4 * row * col + 0.1 * scrambled(size, size)
    disc = ((row - 0.45) ** 2 + (col - 0.55) ** 2 < 0.08) * 0.35
    bar = ((np.abs(row - 0.7 * col - 0.2) < 0.06) & (col > 0.1)) * 0.2
    image = np.stack([ramp + disc, ramp + bar, ramp + 0.5 * (disc + bar)])
    kernel = np.zeros((28, 28))
    for step in range(9):
        kernel[10 + step, 14 + step * (8 - step) // 4] = 1 + step % 3
    kernel /= kernel.sum()
    blurred = np.zeros_like(image)
    for r, c in zip(*np.nonzero(kernel), strict=True):  # a transform would round differently
        blurred += kernel[r, c] * np.roll(image, (r - 14, c - 14), (1, 2))
    noisy = blurred + NOISE * np.sqrt(12) * (scrambled(*image.shape) - 0.5)
    # Whole multiples of 1/4096: starts are drawn from a hash of the observation's bytes.
    return tuple(
        torch.from_numpy(np.round(array * 4096) / 4096 if array.ndim == 3 else array)[None].float()
        for array in (image, kernel, noisy)
    )  # type: ignore[return-value]


def latent(size: int, count: int = 2) -> Tensor:
    """Return latents (count, size) with about unit variance."""
    return torch.from_numpy(np.sqrt(12) * (scrambled(count, size) - 0.5)).float()


def task(image_class: str, **known: Any) -> Task:
    """Return the task of a class's observation."""
    size = SIZES[image_class]
    return Task(image_class, (size, size), noise=NOISE, **known)


def _forward() -> Quantities:
    image, kernel, _ = observed(64)
    moved, centred = recentre(image, kernel)
    return {"blurred": blur(image, kernel), "recentred": moved, "kernel": centred}


def _metrics() -> Quantities:
    image, kernel, y = observed(64)
    free = Alignment(max_shift=2, step=0.5, border=4)
    values = score(y, kernel.roll(1, -1), image, kernel, Alignment())
    return {**values, "aligned": align(y, image, free)[0]}


def _tv() -> Quantities:
    from bench.methods.deconvolution.tv import tuned_weight, tv_deconvolve

    _, kernel, y = observed(64)
    return {
        "circular": tv_deconvolve(y, kernel, tuned_weight("celeba", NOISE)),
        "free": tv_deconvolve(y, kernel, tuned_weight("natural", NOISE, "free"), "free"),
    }


def _lmmse() -> Quantities:
    from bench.methods.deconvolution.lmmse import learn_statistics, lmmse_deconvolve

    images = torch.from_numpy(scrambled(40, 3, 16, 16)).float()
    images = torch.nn.functional.avg_pool2d(images, 3, 1, 1)
    statistics = learn_statistics(images, 0.1)
    _, _, y = observed(16)
    kernel = torch.zeros(1, 5, 5)
    kernel[0, 1, 1:4] = kernel[0, 2, 2] = 0.25
    return {
        "covariance": statistics.covariance,
        "restored": lmmse_deconvolve(y, kernel, NOISE, statistics),
    }


def _noise() -> Quantities:
    from bench.physics.noise import estimate_noise

    return {f"{size} pixels": estimate_noise(observed(size)[2]) for size in (32, 64)}


def _generator(name: str) -> Quantities:
    from bench.methods.generators.loading import load_generator

    generator = load_generator(name)
    z = latent(generator.latent_size).requires_grad_()
    drawn = generator(z)
    weights = torch.from_numpy(scrambled(*drawn.shape)).float()
    (gradient,) = torch.autograd.grad((drawn.square() * weights).sum(), z)
    return {"drawn": drawn.detach(), "gradient": gradient}


def _evidence(image_class: str) -> Quantities:
    from bench.methods.marginal.likelihood import MarginalLikelihood
    from bench.methods.marginal.model import load_model

    _, kernel, y = observed(SIZES[image_class])
    likelihood = MarginalLikelihood(load_model(image_class), NOISE)
    spectrum = likelihood.observe(y)[0]
    wrong = (kernel + kernel.roll((2, -1), (1, 2))) / 2
    candidates = torch.cat([kernel, wrong]).requires_grad_()
    value = likelihood(spectrum, candidates)
    (gradient,) = torch.autograd.grad(value.sum(), candidates)
    with torch.no_grad():
        mean = likelihood.posterior_mean(spectrum, candidates)
    return {"value": value.detach(), "gradient": gradient, "posterior mean": mean}


def _learned(image_class: str) -> Quantities:
    from bench.methods.learned.step import learned_deconvolve

    _, kernel, y = observed(SIZES[image_class])
    return {"restored": learned_deconvolve(y, kernel, image_class)}


def _learned_photograph() -> Quantities:
    from bench.methods.learned.photographs.step import photograph_deconvolve

    _, kernel, y = observed(64)
    return {"free": photograph_deconvolve(y, kernel, "free")}


def _objective(image_class: str) -> Quantities:
    """Return equations 4 and 5, the former's gradient, and the free image, which is a convex
    problem."""
    from bench.methods.deep_deblur.objective import (
        Weights,
        best_free_image,
        deep_deblur,
        slack_terms,
    )
    from bench.methods.generators.loading import load_generator

    image_prior = load_generator(image_class)
    kernel_prior = load_generator("motion-blur")
    weights = Weights(latent=1e-3, slack=0.02, range=0.5, variation=5e-3)
    y = observed(SIZES[image_class])[2].expand(2, -1, -1, -1)
    latents = (
        latent(image_prior.latent_size).requires_grad_(),
        latent(kernel_prior.latent_size).requires_grad_(),
    )
    generated = image_prior(latents[0])
    drawn = kernel_prior(latents[1])[:, 0]
    kernel = drawn / drawn.sum((1, 2), keepdim=True)
    value = deep_deblur(y, generated, kernel, latents, weights)
    by_image, by_kernel = torch.autograd.grad(value.sum(), latents)
    with torch.no_grad():
        free = best_free_image(y, generated, kernel, weights)
        slack = slack_terms(y, free, generated, kernel, weights)
    return {
        "equation 4": value.detach(),
        "by the image's latent": by_image,
        "by the kernel's latent": by_kernel,
        "what equation 5 adds": slack,
        "free image": free,
    }


def _few_steps(method: str, image_class: str, **parameters: Any) -> Quantities:
    """Return a search and a descent cut short: every stage is passed, none can amplify anything."""
    solver: Any = METHODS.load(method)
    found = solver(task(image_class), **parameters).deblur(observed(SIZES[image_class])[2])
    return {"image": found.image, "kernel": found.kernel}


def _kernel_step(method: str, boundary: str = "circular") -> Quantities:
    """Return the finest level alone, one turn: latent image, strong gradients, kernel, pruning.

    With a free boundary the frame is continued, and the non-blind step knows nothing of the border.
    """
    cls: Any = METHODS.load(method)
    prior = cls(task("celeba", boundary=boundary), iterations=1, coarsest=28)
    _, kernel, y = observed(64)
    return {"kernel": prior.estimate_kernel(y), "restored": prior.restore(y, kernel)}


def _bytes(*shape: int) -> Tensor:
    return torch.from_numpy(np.floor(256 * scrambled(*shape))).to(torch.uint8)


def _losses(trainer: Any) -> Quantities:
    """Two steps: the second loss is that of what the first one made."""
    return {"losses": torch.tensor([trainer.advance() for _ in range(2)])}


def _train_generator() -> Quantities:
    from bench.methods.generators.autoencoder import AutoencoderTrainer
    from bench.methods.training.recipe import load_recipe

    recipe = load_recipe("motion-blur", steps=50, batch=4, augment=())
    kernels = observed(64)[1] * torch.from_numpy(0.5 + scrambled(8, 28, 28)).float()
    return _losses(AutoencoderTrainer(recipe, kernels[:, None]))


def _train_kernel_network() -> Quantities:
    from bench.methods.kernel_net.train import KernelTrainer
    from bench.methods.training.recipe import load_recipe

    recipe = load_recipe("kernel-net-svhn", width=16, blocks=1, batch=4, steps=50)
    return _losses(KernelTrainer(recipe, _bytes(8, 3, 32, 32)))


def _train_network() -> Quantities:
    from bench.methods.feedforward.train import FeedForwardTrainer
    from bench.methods.training.recipe import load_recipe

    recipe = load_recipe("unet-svhn", width=8, batch=4, steps=50, start="")
    return _losses(FeedForwardTrainer(recipe, _bytes(8, 3, 32, 32)))


def pieces() -> dict[str, Piece]:
    """Return all pieces by name."""
    found = {
        "forward model": Piece(_forward),
        "metrics": Piece(_metrics),
        "noise level": Piece(_noise),
        "tv": Piece(_tv),
        "lmmse": Piece(_lmmse),
    }
    for name in (*SIZES, "motion-blur"):
        found[f"generator of {name}"] = Piece(functools.partial(_generator, name))
    for name in SIZES:
        found[f"evidence of {name}"] = Piece(functools.partial(_evidence, name))
        found[f"learned step on {name}"] = Piece(functools.partial(_learned, name))
        found[f"objective on {name}"] = Piece(functools.partial(_objective, name))
    found["learned step on photographs"] = Piece(_learned_photograph)
    few = {"restarts": 2, "steps": 2, "search_steps": 2}
    for name in ("dd", "dds"):
        found[f"steps of {name}"] = Piece(functools.partial(_few_steps, name, "celeba", **few))
    for name in ("l0", "dp", "ep", "oh", "df"):
        found[f"step of {name}"] = Piece(functools.partial(_kernel_step, name))
    found |= {
        "free step of dp": Piece(functools.partial(_kernel_step, "dp", "free")),
        "training of a generator": Piece(_train_generator),
        "training of a kernel network": Piece(_train_kernel_network, MIXED),
        "training of a network": Piece(_train_network, MIXED),
    }
    return found
