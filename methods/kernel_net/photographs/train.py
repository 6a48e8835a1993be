"""Training the kernel network for photographs: fresh crops, kernels and noise in every step."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from bench.methods.kernel_net.photographs.network import (
    WINDOW,
    WindowNetwork,
    load_network,
)
from bench.methods.kernel_net.train import KernelTraining
from bench.methods.training.photographs import PhotographTraining
from bench.methods.training.recipe import NetworkRecipe, key


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


class WindowTrainer(PhotographTraining[WindowRecipe], KernelTraining[WindowRecipe]):
    """Train the network on windows of photographs."""

    recipe_class = WindowRecipe
    purpose = "kernel-net-photographs validation"

    def build(self, fresh: bool) -> WindowNetwork:
        """Make the network."""
        return WindowNetwork(self.recipe.width, self.recipe.blocks)

    def validate(self, folder: Path) -> dict[str, Any]:
        """Score the network that was exported."""
        load_network.cache_clear()
        return {"images": len(self.validation()[0]), **self._scores(load_network(folder))}
