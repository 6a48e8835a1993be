"""Training the features of the perceptual term: tell class and rotation of clean images.

Four rotations of three classes make twelve labels, which need no labelled data and no download.
"""

from __future__ import annotations

import copy
import datetime
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench import seeds
from bench.checkout import commit
from bench.datasets.archives import to_unit_range, training_images
from bench.methods.feedforward.loading import FEATURES, WEIGHTS
from bench.methods.feedforward.networks import Features
from bench.methods.training.loop import Progress, learning_rate, train, update_average
from bench.methods.training.weights import write_weights

CLASSES = ("svhn", "shoes", "celeba")
SIDE, BATCH, RATE = 32, 24, 1e-3


class Schedule:
    """What the training loop reads."""

    name, steps, look, save = FEATURES, 800, 200, 200

    def fingerprint(self) -> str:
        """Name the version of this training."""
        return "features-1"


class Trainer:
    """Steps of training; every draw depends on the step alone.

    Parameters
    ----------
    images : dict of str to Tensor, uint8, shape (N, 3, H, W)
    """

    def __init__(self, images: dict[str, Tensor]) -> None:
        self.recipe, self.images, self.step = Schedule(), images, 0
        torch.manual_seed(seeds.derive_seed("initialisation", 0) % 2**31)
        self.model = Features(4 * len(images))
        self.average = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.optimiser = torch.optim.Adam(self.model.parameters(), RATE)

    @property
    def parts(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        return {"model": self.model, "average": self.average, "optimiser": self.optimiser}

    def advance(self) -> float:
        """Take one step and return its loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(RATE, self.step, self.recipe.steps)
        x, labels = rotated(self.images, seeds.generator(FEATURES, "batch", self.step))
        loss = functional.cross_entropy(self.model(x), labels)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.step += 1
        update_average(self.average, self.model, min(0.99, self.step / (self.step + 9)))
        return float(loss.detach())


def rotated(images: dict[str, Tensor], source: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw a batch with equal shares of all labels: images (N, 3, 32, 32) and labels (N,)."""
    batches, labels = [], []
    for position, (name, all_images) in enumerate(images.items()):
        chosen = torch.randint(len(all_images), (BATCH,), generator=source)
        x = to_unit_range(all_images[chosen], name)
        x = functional.interpolate(x, (SIDE, SIDE), mode="bilinear", antialias=True)
        for turn, part in enumerate(x.chunk(4)):
            batches.append(part.rot90(turn, (2, 3)))
            labels.append(torch.full((len(part),), 4 * position + turn))
    return torch.cat(batches), torch.cat(labels)


@torch.no_grad()
def accuracy(network: nn.Module, images: dict[str, Tensor]) -> float:
    """Share of labels told right on drawn batches."""
    right = []
    for number in range(8):
        x, labels = rotated(images, seeds.generator(FEATURES, "validation", number))
        right.append((network(x).argmax(1) == labels).float().mean())
    return float(torch.stack(right).mean())


def run(folder: Path) -> None:
    """Train the features and write them with their card."""
    trainer = Trainer({name: training_images(name) for name in CLASSES})
    held_out = {name: training_images(name, "val") for name in CLASSES}
    progress: Progress = train(
        trainer, folder, lambda: {"accuracy": accuracy(trainer.average, held_out)}
    )
    card = {
        "name": FEATURES,
        "title": "Features of the perceptual term: class and rotation of clean images",
        "training": f"{trainer.step} steps of {BATCH * len(CLASSES)} images at {SIDE}×{SIDE}",
        "validation": {"accuracy": accuracy(trainer.average, held_out), "chance": 1 / 12},
        "duration_minutes": round(progress.seconds / 60, 1),
        "commit": commit(),
        "date": datetime.date.today().isoformat(),
        "licence_of_data": "non-commercial research only",
    }
    write_weights(FEATURES, {"network": trainer.average}, card, WEIGHTS)
    print(f"wrote methods/feedforward/weights/{card['file']}: {card['validation']}")
