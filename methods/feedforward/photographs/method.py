"""``unet-natural``: one pass of a network over a photograph of any size, no kernel."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench.errors import NotApplicable
from bench.methods.feedforward.loading import STORE
from bench.methods.feedforward.methods import UNet
from bench.methods.feedforward.photographs.network import (
    NAME,
    load_card,
    load_network,
    reach,
    restore,
)
from bench.protocol import Knowledge, Method, Restoration, Task, check_observation


class UNetNatural(Method):
    """Restore photographs with a residual U-Net, colour by colour; it estimates no kernel.

    Parameters
    ----------
    task : Task
        Of images of any size, grey or in colour, and of no class that has a network of its own.
    """

    title = "Residual U-Net for photographs"
    version: ClassVar[str] = "1"
    reference: ClassVar[str] = UNet.reference
    knows: ClassVar[Knowledge] = Knowledge(
        boundary=True, training="photographs, synthetic blur of 13 to 45 pixels, 0.1 to 5 % noise"
    )

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.check_available(task)
        self.network: Any = copy.deepcopy(load_network()).to(task.device)
        self.margin = reach(tuple(load_card()["recipe"]["depth"]))

    @classmethod
    def check_available(cls, task: Task) -> None:
        """Ask for the weights, and for images of no class that has a network."""
        if UNet.weights(task) in STORE.names():
            raise NotApplicable(
                f"Images of class {task.image_class!r} have a network of their own: 'unet'."
            )
        STORE.weights(NAME)

    @classmethod
    def assets(cls, task: Task) -> Mapping[str, str]:
        """Return the weights' checksum."""
        card = load_card()
        return {card["name"]: card["sha256"]}

    @torch.no_grad()
    def deblur(self, observation: Tensor) -> Restoration:
        """Restore every colour of every image in one pass."""
        y = check_observation(observation, self.task)
        planes = y.transpose(0, 1).flatten(0, 1)[:, None]
        restored = restore(self.network, planes, self.task.boundary, self.margin)
        image = restored.clamp(0, 1).view(y.shape[1], y.shape[0], *y.shape[2:]).transpose(0, 1)
        return Restoration(image.contiguous(), iterations=1)
