"""``kernel-net-natural``: a network's kernel and total variation, on photographs of any size."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from bench.errors import NotApplicable
from bench.methods.kernel_net.loading import STORE, load_card
from bench.methods.kernel_net.photographs.network import (
    CLASS,
    WINDOW,
    estimate_kernel,
    load_network,
    shrinking,
)
from bench.methods.photographs.restoring import RestoresByVariation, variation_text
from bench.physics.forward import circular_residual
from bench.physics.intensity import luma
from bench.protocol import Knowledge, Restoration, Task, check_observation

WEIGHT = 8.0


class KernelNetNatural(RestoresByVariation):
    """Kernel from windows of the photograph in one pass, image by total variation.

    Parameters
    ----------
    task : Task
        Of images of any size above a window of 128 pixels, and of no class that has a network of
        its own.
    weight : float
        Of the total variation, in units of the best one for a true kernel: what one pass finds is
        further from it than what others estimate.

    Raises
    ------
    InvalidInput
        If the weight is not positive.
    """

    title = "Kernel network for photographs, total variation"
    version: ClassVar[str] = "1"
    knows: ClassVar[Knowledge] = Knowledge(
        noise=True,
        kernel_size=True,
        boundary=True,
        training="photographs, synthetic blur of 13 to 45 pixels, 0.1 to 5 % noise",
    )

    def __init__(self, task: Task, weight: float = WEIGHT) -> None:
        super().__init__(task)
        self.weigh(weight)
        self.check_available(task)
        self.network = copy.deepcopy(load_network()).to(task.device)

    @classmethod
    def check_available(cls, task: Task) -> None:
        """Ask for the weights, an image that holds a window, and no class that has a network."""
        if task.image_class in STORE.names():
            raise NotApplicable(
                f"Images of class {task.image_class!r} have a network of their own: 'kernel-net'."
            )
        seen = [round(shrinking(task.kernel_size) * side) for side in task.image_size]
        if min(seen) < WINDOW:
            raise NotApplicable(
                f"The kernel network for photographs takes windows of {WINDOW}×{WINDOW}; an image "
                f"of {task.image_size[0]}×{task.image_size[1]} with kernels of up to "
                f"{task.kernel_size[0]}×{task.kernel_size[1]} is {seen[0]}×{seen[1]} to it."
            )
        STORE.weights(CLASS)

    @classmethod
    def assets(cls, task: Task) -> Mapping[str, str]:
        """Return the network's weights and what the non-blind step depends on."""
        card = load_card(CLASS)
        return {card["name"]: card["sha256"], "weight": variation_text(task)}

    def deblur(self, observation: Tensor) -> Restoration:
        """Estimate the kernels, then deconvolve."""
        y = check_observation(observation, self.task)
        grey, size, boundary = luma(y.cpu())[:, 0], self.task.kernel_size, self.task.boundary
        kernel = torch.stack([estimate_kernel(self.network, plane, size) for plane in grey]).to(y)
        image = self.restore(y, kernel)
        residual = circular_residual(y, image, kernel, boundary)
        return Restoration(image, kernel, residual=residual)
