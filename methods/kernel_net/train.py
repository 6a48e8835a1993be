"""Training a kernel network: images of a class, fresh kernels and noise in every step.

The loss of an estimate ``k̂`` is ``‖k̂ − k‖² / ‖k‖² + 0.2 ‖k̂ − k‖₁``: the first term is what
deconvolution suffers from, the second keeps faint tails of long kernels. Most observations have
the benchmark's 1 % noise; a quarter have 1 to 10 %, so that one network serves every noise level
without knowing which it is.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.methods.kernel_net.loading import STORE, build
from bench.methods.kernel_net.network import NETWORKS, KernelNetwork, kernels
from bench.methods.training.arithmetic import mixed_precision
from bench.methods.training.blurred import NOISE, BlurredTrainer
from bench.methods.training.recipe import NetworkRecipe, key
from bench.methods.training.trainer import AnyRecipe, Loss

NOISIEST, NOISY_SHARE = 0.1, 0.25
ABSOLUTE = 0.2


@dataclasses.dataclass(frozen=True, kw_only=True)
class KernelRecipe(NetworkRecipe):
    """How a kernel network is trained.

    Attributes
    ----------
    image_size : int
    network : {"maps", "lags"}
        Which of :mod:`bench.methods.kernel_net.network`.
    width, blocks : int
        Of the network.
    """

    image_size: int = key(least=1)
    network: str = key("maps", among=NETWORKS)
    width: int = key(128, least=1)
    blocks: int = key(8, least=1)
    ema_decay: float = key(0.995, most=1.0, hashed="average")


class KernelTraining(BlurredTrainer[AnyRecipe]):
    """Training from observations to kernels; a family adds its network and what is blurred."""

    store = STORE
    adam = {"betas": (0.9, 0.99), "fused": True}  # noqa: RUF012

    def loss(self) -> Loss:
        """Return :func:`kernel_loss` on fresh observations."""
        _, observation, kernel = self.batches.batch(self.step)
        with mixed_precision():
            logits = self.model(observation)
        loss = kernel_loss(kernels(logits), kernel)
        return Loss(loss, loss)

    def evaluate(self) -> dict[str, float]:
        """Return the mean and median error of estimates from validation images."""
        return self._scores(self.average)

    def _scores(self, network: KernelNetwork) -> dict[str, float]:
        _, observation, kernel = self.validation()
        errors = relative_errors(network, observation, kernel)
        return {"error": errors.mean().item(), "median": errors.median().item()}


class KernelTrainer(KernelTraining[KernelRecipe]):
    """Train a network on images of a class."""

    recipe_class = KernelRecipe
    purpose = "kernel-net validation"

    def build(self, fresh: bool) -> KernelNetwork:
        """Make the network."""
        return build(dataclasses.asdict(self.recipe))

    def noise_levels(self, uniform: Tensor, coin: Tensor) -> Tensor:
        """Draw 1 % for three images in four, 1 to 10 % for the fourth."""
        return torch.where(coin < NOISY_SHARE, NOISE * (NOISIEST / NOISE) ** uniform, NOISE)

    def validate(self, folder: Path) -> dict[str, Any]:
        """Score the network that was exported."""
        name = self.recipe.name.removeprefix(STORE.prefix)
        written = STORE.at(folder).load(lambda card: build(card["recipe"]), name)
        return {"images": 240, **self._scores(written)}


def kernel_loss(estimate: Tensor, kernel: Tensor) -> Tensor:
    """Relative squared error plus 0.2 times the absolute error, mean over the batch."""
    difference = (estimate - kernel).flatten(1)
    relative = difference.square().sum(1) / kernel.flatten(1).square().sum(1)
    return (relative + ABSOLUTE * difference.abs().sum(1)).mean()


def relative_errors(network: KernelNetwork, observation: Tensor, kernel: Tensor) -> Tensor:
    """``‖k̂ − k‖ / ‖k‖`` of a network's estimates, shape (N,)."""
    estimate = torch.cat([network.estimate(part) for part in observation.split(40)])
    return (estimate - kernel).flatten(1).norm(dim=1) / kernel.flatten(1).norm(dim=1)
