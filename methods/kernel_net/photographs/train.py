"""Training the kernel network for photographs: fresh crops, kernels and noise in every step."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from bench.methods.kernel_net.loading import STORE
from bench.methods.kernel_net.network import kernels
from bench.methods.kernel_net.photographs.network import (
    WINDOW,
    WindowNetwork,
    build,
    load_network,
)
from bench.methods.kernel_net.train import kernel_loss, relative_errors
from bench.methods.training.arithmetic import mixed_precision
from bench.methods.training.photographs import PhotographTraining
from bench.methods.training.recipe import NetworkRecipe, key
from bench.methods.training.trainer import Loss


@dataclasses.dataclass(frozen=True, kw_only=True)
class WindowRecipe(NetworkRecipe):
    """How the kernel network for photographs is trained.

    Attributes
    ----------
    image_size : int
        Side of its windows in pixels, which the network takes as it is.
    width, blocks : int
        Of the network.
    """

    image_size: int = key(WINDOW, least=WINDOW, most=WINDOW)
    width: int = key(128, least=1)
    blocks: int = key(8, least=1)
    ema_decay: float = key(0.995, most=1.0, hashed="average")


class WindowTrainer(PhotographTraining[WindowRecipe]):
    """Train the network from observed windows to kernels."""

    recipe_class = WindowRecipe
    store = STORE
    adam = {"betas": (0.9, 0.99), "fused": True}  # noqa: RUF012
    purpose = "kernel-net-photographs validation"

    def build(self, fresh: bool) -> WindowNetwork:
        """Make the network."""
        return build(self.recipe.width, self.recipe.blocks)

    def loss(self) -> Loss:
        """Return :func:`bench.methods.kernel_net.train.kernel_loss` on fresh observations."""
        _, observation, kernel = self.batches.batch(self.step)
        with mixed_precision():
            logits = self.model(observation)
        loss = kernel_loss(kernels(logits), kernel)
        return Loss(loss, loss)

    def evaluate(self) -> dict[str, float]:
        """Return the mean and median error of estimates from single windows."""
        return self._scores(self.average)

    def validate(self, folder: Path) -> dict[str, Any]:
        """Score the network that was exported."""
        load_network.cache_clear()
        return {"images": len(self.validation()[0]), **self._scores(load_network(folder))}

    def _scores(self, network: WindowNetwork) -> dict[str, float]:
        _, observation, kernel = self.validation()
        errors = relative_errors(network, observation, kernel)
        return {"error": errors.mean().item(), "median": errors.median().item()}
