"""Training the photographs' step: random parts of the examples, fitted by their PSNR.

Every step mirrors and transposes its parts, inputs and images alike, which leaves an example what
it is.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench.methods.feedforward.losses import negative_psnr
from bench.methods.learned.network import STORE, calibrate, calibrated
from bench.methods.learned.photographs.examples import Examples, load_examples, load_plan
from bench.methods.learned.photographs.network import PlaneNetwork, build, load_network
from bench.methods.training.arithmetic import mixed_precision
from bench.methods.training.muon import muon_and_adam
from bench.methods.training.recipe import NetworkRecipe, key
from bench.methods.training.trainer import Loss, Trainer
from bench.methods.training.weights import Precision
from bench.metrics import psnr

BORDER = 15
"""Pixels along the border that held-out examples are not scored on, as of Levin's set."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PhotographRecipe(NetworkRecipe):
    """How the photographs' step is trained.

    Attributes
    ----------
    width : int
        Of the network.
    depth : tuple of int
        Its blocks per level.
    part : int
        Side of the parts of examples, in pixels, a multiple of 8.
    """

    width: int = key(32, least=1)
    depth: tuple[int, ...] = key((1, 2, 3, 2, 1))
    part: int = key(128, least=8)


class PhotographTrainer(Trainer[PhotographRecipe]):
    """Train the network on :class:`Examples`; ``held_out`` are of other photographs."""

    recipe_class = PhotographRecipe
    store = STORE
    largest_gradient = 1.0
    export_precision: ClassVar[Precision] = "float16"
    """Corrections are a few hundredths, and what eight bits would save is half a megabyte."""

    @classmethod
    def data(cls, recipe: PhotographRecipe) -> tuple[Examples, Examples]:
        """Make or read the examples."""
        plan = load_plan()
        held_out = load_examples(plan, "val")
        return load_examples(plan, "train"), held_out

    def build(self, fresh: bool) -> PlaneNetwork:
        """Make the network."""
        return build(self.recipe.width, self.recipe.depth)

    def make_optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """Muon for filters, Adam for the rest."""
        return muon_and_adam(self.model, self.recipe.lr, **self.adam)

    def loss(self) -> Loss:
        """Return minus the mean PSNR of a batch."""
        source = self.source("batch", self.step)
        inputs, images = parts(self.images, self.recipe.batch, self.recipe.part, source)
        with mixed_precision():
            restored = self.model(inputs.contiguous(memory_format=torch.channels_last))
        loss = negative_psnr(restored.float(), images)
        return Loss(loss, loss)

    def evaluate(self) -> dict[str, float]:
        """PSNR on held-out examples, with estimated kernels and with true ones."""
        return {name: _psnr(restored(self.average, e), e) for name, e in self._held_out().items()}

    def describe(self) -> dict[str, Any]:
        """Return the number of examples."""
        return {"training_set": len(self.images)}

    def validate(self, folder: Path) -> dict[str, Any]:
        """Calibrate what was exported, for estimated kernels and for true ones, and score it."""
        load_network.cache_clear()
        shipped = load_network(folder)
        return {name: _scores(shipped, examples) for name, examples in self._held_out().items()}

    def _held_out(self) -> dict[str, Examples]:
        known = self.held_out.known
        parted = {"estimated": self.held_out.where(~known), "true": self.held_out.where(known)}
        return {name: examples for name, examples in parted.items() if len(examples)}


def parts(
    examples: Examples, count: int, side: int, source: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Cut random parts of random examples, mirrored and transposed at random.

    Returns
    -------
    inputs : Tensor, float32, shape (count, 5, side, side)
    images : Tensor, float32, shape (count, 1, side, side)
    """
    extent = examples.images.shape[-1]
    chosen = torch.randint(len(examples), (count,), generator=source).tolist()
    corners = torch.randint(extent - side + 1, (count, 2), generator=source).tolist()
    turns = torch.randint(8, (count,), generator=source).tolist()
    found = []
    for number, (top, left), turn in zip(chosen, corners, turns, strict=True):
        both = torch.cat([examples.inputs[number], examples.images[number]])
        part = both[:, top : top + side, left : left + side].float()
        part = part.rot90(turn % 4, (1, 2))
        found.append(part.flip(2) if turn >= 4 else part)
    stacked = torch.stack(found)
    return stacked[:, :-1], stacked[:, -1:]


@torch.no_grad()
def restored(network: PlaneNetwork, examples: Examples) -> Tensor:
    """Restore one by one, clamped to [0, 1]."""
    with mixed_precision():
        return torch.cat([network(part.float()).clamp(0, 1) for part in examples.inputs.split(1)])


def _psnr(images: Tensor, examples: Examples) -> float:
    """Return the mean PSNR inside the border."""
    inner = (..., *(slice(BORDER, -BORDER),) * 2)
    return psnr(images.float()[inner], examples.images.float()[inner]).mean().item()


@torch.no_grad()
def _scores(network: PlaneNetwork, examples: Examples) -> dict[str, Any]:
    """PSNR of the network, of a mixture without it, and of the images that it begins with."""
    shares = calibrate(network, examples.inputs.float(), examples.images.float())
    rows = [part.float() for part in examples.inputs.split(1)]
    sharp, smooth, observation = (examples.inputs[:, i : i + 1].float() for i in range(3))
    return {
        "images": len(examples),
        "shares": shares,
        "psnr": _psnr(torch.cat([calibrated(network, row, shares) for row in rows]), examples),
        "psnr_before_calibration": _psnr(restored(network, examples), examples),
        "psnr_of_mixture": _psnr(sharp.lerp(smooth, shares[0]).clamp(0, 1), examples),
        "psnr_of_sharp": _psnr(sharp, examples),
        "psnr_of_smooth": _psnr(smooth, examples),
        "psnr_of_observation": _psnr(observation, examples),
    }
