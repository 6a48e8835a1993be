"""Recipes of generators, and the data that they name."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import torch
from torch import Tensor

from bench import seeds
from bench.datasets.archives import SHOES_SHARP, training_images
from bench.datasets.motion_blur import (
    LARGE_LENGTHS,
    LARGE_SIZE,
    LENGTHS,
    SIZE,
    motion_blur_kernels,
)
from bench.methods.generators.architectures import DECODERS
from bench.methods.training.recipe import NetworkRecipe, key
from bench.physics.intensity import stretch

KERNELS = 80_000
BLURS = {"motion-blur": (SIZE, LENGTHS), "motion-blur-32": (LARGE_SIZE, LARGE_LENGTHS)}
"""Sides of the kernel grid, and the shortest and longest trajectory, of the classes of kernels."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class GeneratorRecipe(NetworkRecipe):
    """How a generator is trained, whatever by.

    Attributes
    ----------
    decoder : str
        A name in :mod:`bench.methods.generators.architectures`.
    start : {"linear", "random"}
        Whether the networks begin at the principal components.
    sources : tuple of str
        Subfolders of the archive to use; empty for all. One that is named twice counts twice in
        training, never in validation.
    precision : {"float32", "bfloat16"}
        Of matrix products during training; float32 also where the processor cannot multiply
        bfloat16 (:mod:`bench.methods.training.arithmetic`).
    validation : int
        Held-out kernels used for the curve.
    """

    decoder: str = key(among=DECODERS)
    start: str = key("random", among=("linear", "random"))
    sources: tuple[str, ...] = key(())
    precision: str = key("float32", among=("float32", "bfloat16"))
    validation: int = key(128, least=1, hashed=None)
    batch: int = key(64, least=1)
    lr: float = key(1e-3, hashed="rate")
    ema_decay: float = key(0.999, most=1.0, hashed="average")


@dataclasses.dataclass(frozen=True, kw_only=True)
class AdversarialRecipe(GeneratorRecipe):
    """How a generator is trained against a discriminator, at a constant learning rate.

    Attributes
    ----------
    discriminator_width : int
        Channels of its first layer; 64 mirrors the decoder.
    discriminator_lr, momentum : float
        Learning rate of its Adam, and the first moment's decay of both.
    discriminator_lead : int
        Steps of the discriminator alone before the decoder plays: a linear start is ahead of a
        discriminator that knows nothing, which then learns noise that fools it.
    real_label : float
        Label of training images for the discriminator: 1, or less against overconfidence.
    instance_noise : float
        Standard deviation of the noise on all that the discriminator sees, in [−1, 1], at the
        start; it falls linearly to 0 at the last step.
    matching : float
        Weight of the mismatch of the discriminator's filters in the decoder's loss.
    """

    discriminator_width: int = key(64, least=1, hashed="critic_width")
    discriminator_lr: float = key(2e-4, hashed="critic_rate")
    discriminator_lead: int = key(0, hashed="critic_lead")
    momentum: float = key(0.5, most=1.0)
    real_label: float = key(1.0, most=1.0)
    instance_noise: float = key(0.0)
    matching: float = key(0.0)

    # Once one class had the keys of both trainings, and checkpoints hold hashes of them all.
    constants: ClassVar = {
        "method": "adversarial",
        "encoder": "",
        "latent_noise": 0.05,
        "squared": 1.0,
        "absolute": 0.0,
        "edges": 0.0,
        "relative": 0.0,
        "scale": 1.0,
    }


def training_data(recipe: GeneratorRecipe) -> tuple[Tensor, Tensor]:
    """Return the training and the held-out set of a recipe.

    Returns
    -------
    images, held_out : Tensor, uint8, shape (N, 3, H, W)
        Kernels are float32 of shape (N, 1, k, k), each summing to 1.

    Raises
    ------
    Unavailable
        If the archive is not there.
    """
    if recipe.image_class in BLURS:
        size, lengths = BLURS[recipe.image_class]
        draws = (seeds.generator("train-kernels", recipe.seed), seeds.generator("val-kernels", 0))
        kernels, held_out = (
            motion_blur_kernels(count, draw, size=size, lengths=lengths)[:, None]
            for count, draw in zip((KERNELS, recipe.validation), draws, strict=True)
        )
        return kernels, held_out
    name, sources = recipe.image_class, recipe.sources or None
    images = training_images(name, "train", sources)
    once = None if sources is None else [source for source in SHOES_SHARP if source in sources]
    return images, training_images(name, "val", once)


def as_float(images: Tensor) -> Tensor:
    """Turn bytes into floats in [0, 1]; floats stay."""
    return images.float() / 255 if images.dtype == torch.uint8 else images


def prepared(images: Tensor, recipe: GeneratorRecipe) -> Tensor:
    """Held-out images as the test set is: floats, stretched where the recipe stretches."""
    x = as_float(images)
    return stretch(x) if "stretch" in recipe.augment else x
