"""Training the U-Net for photographs end to end: fresh crops, kernels and noise in every step."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.methods.feedforward.loading import STORE
from bench.methods.feedforward.losses import negative_psnr
from bench.methods.feedforward.networks import UNet
from bench.methods.feedforward.photographs.network import build, load_network
from bench.methods.training.arithmetic import mixed_precision
from bench.methods.training.blurred import NOISE
from bench.methods.training.muon import muon_and_adam
from bench.methods.training.photographs import MOST_NOISE, PhotographTraining
from bench.methods.training.recipe import NetworkRecipe, key
from bench.methods.training.trainer import Loss
from bench.metrics import psnr


@dataclasses.dataclass(frozen=True, kw_only=True)
class PhotographRecipe(NetworkRecipe):
    """How the U-Net for photographs is trained.

    Attributes
    ----------
    image_size : int
        Side of the crops in pixels, a multiple of 8.
    width, depth : int, tuple of int
        Of :class:`bench.methods.feedforward.networks.UNet`.
    """

    image_size: int = key(128, least=8)
    width: int = key(32, least=1)
    depth: tuple[int, ...] = key((1, 2, 5, 2, 1))


class PhotographTrainer(PhotographTraining[PhotographRecipe]):
    """Train the U-Net from observed planes to sharp ones, by their PSNR."""

    recipe_class = PhotographRecipe
    store = STORE
    purpose = "unet-photographs validation"

    def build(self, fresh: bool) -> UNet:
        """Make the network."""
        return build(self.recipe.width, self.recipe.depth)

    def make_optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """Muon for filters, Adam for the rest."""
        return muon_and_adam(self.model, self.recipe.lr, **self.adam)

    def loss(self) -> Loss:
        """Return minus the mean PSNR of a batch."""
        sharp, observation, _ = self.batches.batch(self.step)
        with mixed_precision():
            restored = self.model(observation.contiguous(memory_format=torch.channels_last))
        loss = negative_psnr(restored.float(), sharp)
        return Loss(loss, loss)

    def evaluate(self) -> dict[str, float]:
        """Return the PSNR at 1 % noise and at the most."""
        levels = {"psnr": NOISE, "psnr_noisiest": MOST_NOISE}
        return {name: self._psnr(self.average, noise) for name, noise in levels.items()}

    def validate(self, folder: Path) -> dict[str, Any]:
        """Score what was exported, and what it was given, at 1 % noise."""
        load_network.cache_clear()
        sharp, observation, _ = self.validation()
        return {
            "images": len(sharp),
            "psnr": self._psnr(load_network(folder)),
            "psnr_of_observation": psnr(observation, sharp).mean().item(),
        }

    @torch.no_grad()
    def _psnr(self, network: UNet, noise: float = NOISE) -> float:
        sharp, observation, _ = self.validation(noise)
        restored: list[Tensor] = [network(part).clamp(0, 1) for part in observation.split(8)]
        return psnr(torch.cat(restored), sharp).mean().item()
