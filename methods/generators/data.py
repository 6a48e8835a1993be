"""Training and held-out images of a recipe."""

from __future__ import annotations

from torch import Tensor

from bench import seeds
from bench.datasets.archives import SHOES_SHARP, training_images
from bench.datasets.motion_blur import motion_blur_kernels
from bench.methods.generators.recipe import Recipe

KERNELS = 80_000


def training_data(recipe: Recipe) -> tuple[Tensor, Tensor]:
    """Return the training and the held-out set of a recipe.

    Parameters
    ----------
    recipe : Recipe
        For shoes, a source named twice in ``sources`` counts twice in training, never in
        validation.

    Returns
    -------
    images, held_out : Tensor, uint8, shape (N, 3, H, W)
        Kernels are float32 of shape (N, 1, 28, 28), each summing to 1.

    Raises
    ------
    Unavailable
        If the archive is not there.
    """
    if recipe.image_class == "motion-blur":
        kernels = motion_blur_kernels(KERNELS, seeds.generator("train-kernels", recipe.seed))
        held_out = motion_blur_kernels(recipe.validation, seeds.generator("val-kernels", 0))
        return kernels[:, None], held_out[:, None]
    name, sources = recipe.image_class, recipe.sources or None
    images = training_images(name, "train", sources)
    once = None if sources is None else [source for source in SHOES_SHARP if source in sources]
    return images, training_images(name, "val", once)
