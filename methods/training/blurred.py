"""Training on freshly blurred images: new kernels and noise in every step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench import seeds
from bench.datasets.archives import to_unit_range, training_images
from bench.datasets.development import KERNEL_SEED
from bench.datasets.motion_blur import motion_blur_kernels
from bench.methods.training.augment import AUGMENTATIONS
from bench.methods.training.trainer import AnyRecipe, Trainer
from bench.physics.forward import blur

NOISE = 0.01
DRAWN_AHEAD = 64
"""Batches whose kernels are drawn at once: the walk is a loop over time, not over kernels."""

NoiseLevels = Callable[[Tensor, Tensor], Tensor]
"""Maps two uniform draws of shape (N, 1, 1, 1) to the noise's standard deviations."""


class BlurredBatches:
    """Sharp images, kernels and observations by step; every draw depends on seed and step alone.

    Parameters
    ----------
    name : str
    seed : int
    images : Tensor, uint8, shape (N, 3, H, W)
    image_class : str
    batch : int
    augment : sequence of str
        Names in :mod:`bench.methods.training.augment`.
    noise : callable
        See :data:`NoiseLevels`.
    """

    def __init__(
        self,
        name: str,
        seed: int,
        images: Tensor,
        image_class: str,
        batch: int,
        augment: Sequence[str],
        noise: NoiseLevels,
    ) -> None:
        self.name, self.seed, self.images, self.image_class = name, seed, images, image_class
        self.size, self.augment, self.noise = batch, augment, noise
        self._drawn = (-1, torch.empty(0))

    def batch(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return sharp images, observations (N, 3, H, W) in [0, 1] and kernels (N, 28, 28)."""
        source = self._source("batch", step)
        chosen = torch.randint(len(self.images), (self.size,), generator=source)
        x = to_unit_range(self.images[chosen], self.image_class)
        for name in self.augment:
            x = AUGMENTATIONS[name](x, source)
        kernel = self._kernels(step)
        uniform, coin = torch.rand(2, len(x), 1, 1, 1, generator=source)
        noise = self.noise(uniform, coin) * torch.randn(x.shape, generator=source)
        return x, (blur(x, kernel) + noise).clamp(0, 1), kernel

    def _kernels(self, step: int) -> Tensor:
        part, position = divmod(step, DRAWN_AHEAD)
        if self._drawn[0] != part:
            count = DRAWN_AHEAD * self.size
            self._drawn = (part, motion_blur_kernels(count, self._source("kernels", part)))
        return self._drawn[1][position * self.size :][: self.size]

    def _source(self, *parts: object) -> torch.Generator:
        return seeds.generator(self.name, self.seed, *parts)


def validation(
    purpose: str, images: Tensor, image_class: str, noise: float = NOISE, count: int = 240
) -> tuple[Tensor, Tensor, Tensor]:
    """Blur validation images: sharp images, observations and kernels.

    Their kernels are drawn by another seed than those of the development sets.

    Parameters
    ----------
    purpose : str
        Seeds the noise.
    images : Tensor, uint8, shape (N, 3, H, W)
    image_class : str
    noise : float
    count : int
        At most so many images, spread evenly.
    """
    x = to_unit_range(images[:: max(1, len(images) // count)][:count], image_class)
    kernel = motion_blur_kernels(len(x), KERNEL_SEED + 1)
    source = seeds.generator(purpose, image_class)
    drawn = noise * torch.randn(x.shape, generator=source)
    return x, (blur(x, kernel) + drawn).clamp(0, 1), kernel


class BlurredTrainer(Trainer[AnyRecipe]):
    """Training on freshly blurred images of a class; a family adds its network and loss."""

    largest_gradient = 1.0
    purpose: ClassVar[str] = "validation"
    """Seeds the noise of the held-out observations."""

    def __init__(
        self, recipe: AnyRecipe, images: Tensor, held_out: Any = None, *, fresh: bool = True
    ) -> None:
        super().__init__(recipe, images, held_out, fresh=fresh)
        self.batches = self.make_batches()

    @classmethod
    def data(cls, recipe: AnyRecipe) -> tuple[Tensor, Tensor]:
        """Load the class's training and validation images, uint8 (N, 3, H, W)."""
        return training_images(recipe.image_class), training_images(recipe.image_class, "val")

    def make_batches(self) -> Any:
        """Make what has a method ``batch``, such as :class:`BlurredBatches`."""
        recipe = self.recipe
        return BlurredBatches(
            recipe.name,
            recipe.seed,
            self.images,
            recipe.image_class,
            recipe.batch,
            recipe.augment,
            self.noise_levels,
        )

    def noise_levels(self, uniform: Tensor, coin: Tensor) -> Tensor:
        """Standard deviations of the noise; see :data:`NoiseLevels`."""
        return torch.full_like(uniform, NOISE)

    def validation(self, noise: float = NOISE) -> tuple[Tensor, Tensor, Tensor]:
        """Held-out images, observations and kernels; see :func:`validation`."""
        return validation(self.purpose, self.held_out, self.recipe.image_class, noise)
