"""``kernel-net``: the network's kernel and total-variation deconvolution, with no generator.

It tells what the learned start gives apart from what the generative priors add to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from bench.checksums import values_checksum
from bench.errors import NotApplicable
from bench.methods.deconvolution.tv import PARAMETERS, tuned_weight, tv_deconvolve
from bench.methods.deep_deblur.grid import to_grid
from bench.methods.kernel_net.loading import STORE, load_card, load_network
from bench.physics.forward import blur
from bench.physics.noise import estimate_noise
from bench.protocol import Knowledge, Method, Restoration, Task, check_observation


class KernelNet(Method):
    """Kernel by :class:`bench.methods.kernel_net.network.KernelNetwork`, image by total variation.

    Parameters
    ----------
    task : Task
        Of a class with a trained network, circular, at the network's image size.
    """

    title = "Kernel network, total variation"
    version: ClassVar[str] = "1"
    batch_size: ClassVar[int] = 40
    knows: ClassVar[Knowledge] = Knowledge(
        boundary=True, image_class=True, training="class images with synthetic blur"
    )

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.check_available(task)
        self.network = load_network(task.image_class, device=task.device)

    @classmethod
    def check_available(cls, task: Task) -> None:
        """Ask for a trained network of the class and size, and a circular boundary."""
        size = load_card(task.image_class)["recipe"]["image_size"]
        check_size(task, (size, size), "The kernel network")
        STORE.weights(task.image_class)

    @classmethod
    def assets(cls, task: Task) -> Mapping[str, str]:
        """Return the network's weights and the tuned weights of its non-blind step."""
        card = load_card(task.image_class)
        return {card["name"]: card["sha256"], PARAMETERS.name: values_checksum(PARAMETERS)}

    def deblur(self, observation: Tensor) -> Restoration:
        """Estimate kernels in one pass, then deconvolve."""
        y = check_observation(observation, self.task)
        # One at a time: rounding in a batch would depend on its size.
        kernel = torch.cat([self.network.estimate(one) for one in y.split(1)])
        image = torch.cat(
            [
                tv_deconvolve(one, k, tuned_weight(self.task.image_class, noise))
                for one, k, noise in zip(
                    y.split(1), kernel.split(1), estimate_noise(y).tolist(), strict=True
                )
            ]
        )
        residual = (blur(image, kernel) - y).square().mean((1, 2, 3)).sqrt()
        return Restoration(image, to_grid(kernel, self.task.kernel_size), residual=residual)


def check_size(task: Task, size: tuple[int, int], what: str) -> None:
    """Raise ``NotApplicable`` unless the task is circular, in colour, and of a size."""
    if task.image_size != size or task.channels != 3 or task.boundary != "circular":
        raise NotApplicable(
            f"{what} of {task.image_class} takes circularly blurred colour images of "
            f"{size[0]}×{size[1]}; this task has {task.channels} channels of "
            f"{task.image_size[0]}×{task.image_size[1]} with a {task.boundary} boundary."
        )
