"""``marginal-warm``: the search by evidence from the kernel network's estimate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench.methods.kernel_net.loading import load_card, load_network
from bench.methods.marginal.method import Marginal
from bench.protocol import Knowledge, Task

SPREAD = 0.3
"""Standard deviation of the noise on the latents of all starts but the first."""


class MarginalWarm(Marginal):
    """Kernel by marginal likelihood from the network's kernel and perturbations of it.

    Parameters are those of :class:`bench.methods.marginal.method.Marginal`; the starts are as many.
    """

    title = "Marginal likelihood, warm start"
    warm: ClassVar[bool] = True
    knows: ClassVar[Knowledge] = Knowledge(
        boundary=True,
        image_class=True,
        training=f"{Marginal.knows.training}, kernel network",
    )

    @classmethod
    def check_available(cls, task: Task) -> None:
        """Ask for a trained network of the class too."""
        super().check_available(task)
        load_card(task.image_class)

    @classmethod
    def assets_for(cls, task: Task, parameters: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the checksum of the network too."""
        network = load_card(task.image_class)
        return {**super().assets_for(task, parameters), network["name"]: network["sha256"]}

    def starts(self, observation: Tensor, source: torch.Generator) -> Tensor:
        """Return the latent of the network's kernel, and perturbations of it."""
        return self.near_network(observation, source, self.settings.restarts)

    def near_network(self, observation: Tensor, source: torch.Generator, count: int) -> Tensor:
        """Return so many latents (R, d): that of the network's kernel, and perturbations of it."""
        network = load_network(self.task.image_class, device=observation.device)
        kernel = network.estimate(observation[None])
        with torch.no_grad():
            latent = self.kernel_prior.encode(kernel[:, None])
        spread = torch.randn(count - 1, self.kernel_prior.latent_size, generator=source).to(latent)
        return torch.cat([latent, latent + SPREAD * spread])
