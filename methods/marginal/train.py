"""Fitting a class's Gaussian model to its training split: one pass, no steps."""

from __future__ import annotations

import dataclasses
import datetime
import time
from pathlib import Path

from bench.checkout import commit
from bench.checksums import checksum
from bench.datasets.archives import to_unit_range, training_images
from bench.methods.marginal.model import WEIGHTS, learn_model, save_model
from bench.methods.training.augment import AUGMENTATIONS
from bench.methods.training.cards import write_card
from bench.methods.training.recipe import Recipe, key
from bench.seeds import generator

PREFIX = "gaussian-"
"""Begins the names of recipes; those of the models go on from there."""
LARGEST = 20_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class GaussianRecipe(Recipe):
    """How a Gaussian model is fitted.

    Attributes
    ----------
    ranks : (int, int, int)
        Components kept of luminance and of each chroma.
    """

    ranks: tuple[int, ...] = key(least=1)


class GaussianFit:
    """Fits a Gaussian model by a recipe."""

    recipe_class = GaussianRecipe

    @classmethod
    def run(
        cls, recipe: GaussianRecipe, folder: Path, *, trial: bool = False, finish: bool = False
    ) -> None:
        """Fit and write a model; checkpoints and an early finish mean nothing here."""
        started = time.monotonic()
        name = recipe.name.removeprefix(PREFIX)
        images = to_unit_range(training_images(recipe.image_class)[:LARGEST], recipe.image_class)
        for augmentation in recipe.augment:
            images = AUGMENTATIONS[augmentation](images, generator(recipe.name, augmentation))
        path = WEIGHTS / f"{name}.safetensors"
        first, second, third = recipe.ranks
        save_model(learn_model(images, (first, second, third)), path)
        card = {
            "name": recipe.name,
            "title": recipe.title,
            "image_class": recipe.image_class,
            "file": path.name,
            "sha256": checksum(path),
            "bytes": path.stat().st_size,
            "ranks": recipe.ranks,
            "training_set": len(images),
            "augment": recipe.augment,
            "seconds": round(time.monotonic() - started, 1),
            "commit": commit(),
            "date": datetime.date.today().isoformat(),
            "licence_of_data": recipe.licence,
        }
        write_card(name, card, WEIGHTS)
        print(f"wrote {path} in {card['seconds']} s")
