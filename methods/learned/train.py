"""Training the learned step: examples of each class in turn, fitted by their PSNR.

Every step mirrors the batch, permutes its colours and moves it around, inputs and images alike,
which leaves an example what it is.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.methods.feedforward.losses import negative_psnr
from bench.methods.feedforward.networks import UNet
from bench.methods.learned.examples import load_examples, load_plan
from bench.methods.learned.inputs import IMAGES
from bench.methods.learned.network import (
    STORE,
    NonBlindNetwork,
    build,
    calibrate,
    calibrated,
    load_network,
)
from bench.methods.training.arithmetic import mixed_precision
from bench.methods.training.muon import muon_and_adam
from bench.methods.training.recipe import NetworkRecipe, key
from bench.methods.training.trainer import Loss, Trainer
from bench.metrics import psnr

LARGE = 64
"""Pixels of a side below which a batch has twice the images."""
Pairs = tuple[Tensor, Tensor]
"""Inputs (N, 14, H, W) and images (N, 3, H, W) of a class, in half precision."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class NonBlindRecipe(NetworkRecipe):
    """How the learned step is trained.

    Attributes
    ----------
    classes : tuple of str
        Steps take them in turn; :func:`bench.methods.learned.examples.load_plan` knows their
        examples.
    width : int
        Of the network.
    depth : tuple of int
        Its blocks per level.
    """

    classes: tuple[str, ...] = key()
    width: int = key(32, least=1)
    depth: tuple[int, ...] = key((1, 2, 3, 2, 1))


class NonBlindTrainer(Trainer[NonBlindRecipe]):
    """Train the network on the examples of each class.

    ``images`` is a list of :data:`Pairs`, one per class, and ``held_out`` the same of images that
    are not trained on.
    """

    recipe_class = NonBlindRecipe
    store = STORE
    largest_gradient = 1.0

    @classmethod
    def data(cls, recipe: NonBlindRecipe) -> tuple[list[Pairs], list[Pairs]]:
        """Make or read the examples."""
        plans = [load_plan(name) for name in recipe.classes]
        held_out = [load_examples(plan, "val") for plan in plans]
        return [load_examples(plan, "train") for plan in plans], held_out

    def build(self, fresh: bool) -> NonBlindNetwork:
        """Make the network."""
        return build(self.recipe.width, self.recipe.depth)

    def make_optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """Muon for filters, Adam for the rest."""
        return muon_and_adam(self.model, self.recipe.lr, **self.adam)

    def loss(self) -> Loss:
        """Return minus the mean PSNR of a batch of one class."""
        inputs, images = self.images[self.step % len(self.images)]
        source = self.source("batch", self.step)
        count = self.recipe.batch * (2 if images.shape[-1] < LARGE else 1)
        chosen = torch.randint(len(images), (count,), generator=source)
        inputs, images = varied(inputs[chosen].float(), images[chosen].float(), source)
        with mixed_precision():
            restored = self.model(inputs.contiguous(memory_format=torch.channels_last))
        loss = negative_psnr(restored.float(), images)
        return Loss(loss, loss)

    def evaluate(self) -> dict[str, float]:
        """PSNR on held-out examples of each class."""
        return {
            name: psnr(restored(self.average, inputs.float()), images.float()).mean().item()
            for name, (inputs, images) in zip(self.recipe.classes, self.held_out, strict=True)
        }

    def describe(self) -> dict[str, Any]:
        """Return the number of examples of each class."""
        sizes = [len(images) for _, images in self.images]
        return {"training_set": dict(zip(self.recipe.classes, sizes, strict=True))}

    def validate(self, folder: Path) -> dict[str, Any]:
        """Calibrate and score what was exported, on held-out examples."""
        load_network.cache_clear()
        shipped = load_network(folder)
        return {
            name: _scores(shipped, inputs.float(), images.float())
            for name, (inputs, images) in zip(self.recipe.classes, self.held_out, strict=True)
        }


def varied(inputs: Tensor, images: Tensor, source: torch.Generator) -> tuple[Tensor, Tensor]:
    """Mirror a batch, permute its colours and move it circularly, inputs and images alike."""
    count = 3 * IMAGES
    colours = torch.randperm(3, generator=source)
    order = torch.cat([colours + 3 * i for i in range(IMAGES)])
    inputs = torch.cat([inputs[:, order], inputs[:, count:]], 1)
    images = images[:, colours]
    mirrored = [axis for axis in (2, 3) if float(torch.rand((), generator=source)) < 0.5]
    moves = torch.randint(UNet.multiple, (2,), generator=source).tolist()  # of the network's cells
    inputs, images = (x.flip(mirrored).roll(moves, (2, 3)) for x in (inputs, images))
    return inputs, images


@torch.no_grad()
def restored(network: NonBlindNetwork, inputs: Tensor) -> Tensor:
    """Restore in batches, clamped to [0, 1]."""
    return torch.cat([network(part).clamp(0, 1) for part in inputs.split(20)])


@torch.no_grad()
def _scores(network: NonBlindNetwork, inputs: Tensor, images: Tensor) -> dict[str, Any]:
    """PSNR of the network, of a mixture without it, and of the two images that it begins with."""
    shares = calibrate(network, inputs, images)
    mixed = inputs[:, :3].lerp(inputs[:, 3:6], shares[0])
    return {
        "images": len(images),
        "shares": shares,
        "psnr": psnr(calibrated(network, inputs, shares), images).mean().item(),
        "psnr_before_calibration": psnr(restored(network, inputs), images).mean().item(),
        "psnr_of_mixture": psnr(mixed.clamp(0, 1), images).mean().item(),
        "psnr_of_posterior_mean": psnr(inputs[:, :3], images).mean().item(),
        "psnr_of_total_variation": psnr(inputs[:, 3:6], images).mean().item(),
    }
