"""Training the features of the perceptual term: tell class and rotation of clean images.

Four rotations of three classes make twelve labels, which need no labelled data and no download.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench import seeds
from bench.datasets.archives import to_unit_range, training_images
from bench.methods.feedforward.loading import FEATURES, STORE
from bench.methods.feedforward.networks import Features
from bench.methods.training.recipe import NetworkRecipe
from bench.methods.training.trainer import Loss, Trainer

CLASSES = ("svhn", "shoes", "celeba")
SIDE = 32


class FeaturesTrainer(Trainer[NetworkRecipe]):
    """Train a classifier of images by class and rotation, whose layers are the features."""

    store = STORE
    adam = {"betas": (0.9, 0.999)}  # noqa: RUF012
    export_precision = "float16"

    @classmethod
    def data(cls, recipe: NetworkRecipe) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Load training and validation images of all classes, uint8 (N, 3, H, W), by class."""
        train = {name: training_images(name) for name in CLASSES}
        return train, {name: training_images(name, "val") for name in CLASSES}

    def build(self, fresh: bool) -> Features:
        """Make the network."""
        return Features(4 * len(self.images))

    def loss(self) -> Loss:
        """Return the cross-entropy of a batch with equal shares of all labels."""
        each = self.recipe.batch // len(self.images)
        x, labels = rotated(self.images, each, seeds.generator(FEATURES, "batch", self.step))
        loss = functional.cross_entropy(self.model(x), labels)
        return Loss(loss, loss)

    def evaluate(self) -> dict[str, float]:
        """Return the share of validation images whose label is found."""
        each = self.recipe.batch // len(self.images)
        return {"accuracy": accuracy(self.average, self.held_out, each)}

    def describe(self) -> dict[str, Any]:
        """Say how many images there were: ``training_set`` counts classes here."""
        return {"training_set": sum(len(images) for images in self.images.values())}


def rotated(images: dict[str, Tensor], each: int, source: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw ``each`` images of every class: images (N, 3, 32, 32) and labels (N,)."""
    batches, labels = [], []
    for position, (name, all_images) in enumerate(images.items()):
        chosen = torch.randint(len(all_images), (each,), generator=source)
        x = to_unit_range(all_images[chosen], name)
        x = functional.interpolate(x, (SIDE, SIDE), mode="bilinear", antialias=True)
        for turn, part in enumerate(x.chunk(4)):
            batches.append(part.rot90(turn, (2, 3)))
            labels.append(torch.full((len(part),), 4 * position + turn))
    return torch.cat(batches), torch.cat(labels)


@torch.no_grad()
def accuracy(network: nn.Module, images: dict[str, Tensor], each: int) -> float:
    """Return the share of labels that are found on drawn batches."""
    right = []
    for number in range(8):
        x, labels = rotated(images, each, seeds.generator(FEATURES, "validation", number))
        right.append((network(x).argmax(1) == labels).float().mean())
    return float(torch.stack(right).mean())
