"""``marginal-both``: random starts and the kernel network's together, and the learned step."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench.methods.learned.method import check_network
from bench.methods.marginal.warm import MarginalWarm
from bench.protocol import Task


class MarginalBoth(MarginalWarm):
    """Kernels by marginal likelihood, half of the starts random and half from the network's kernel.

    Where one kind of start misses the right valley the other may find it. Kernels of both count by
    their evidence, and the image is by the learned step.

    Parameters
    ----------
    task : Task
        As :class:`bench.methods.marginal.warm.MarginalWarm` takes.
    final_step : str
        See :class:`bench.methods.marginal.method.Marginal`.
    restarts : int
        Starts of each kind; 0 takes the class's, or half of them where none is dropped early.
        Twice as many as of one kind are kept.
    search_steps : int
        As of :class:`bench.methods.marginal.method.Marginal`.
    """

    title: ClassVar[str] = "Marginal likelihood, random and warm starts"
    step: ClassVar[str] = "learned"

    def __init__(
        self, task: Task, final_step: str = "", restarts: int = 0, search_steps: int = 0
    ) -> None:
        super().__init__(task, final_step, restarts, search_steps)
        self.each, halving = self.settings.restarts, self.settings.halving
        if not restarts and halving.survivors >= self.each:
            # None is dropped early, so every start costs a whole search.
            self.each //= 2
        self.settings = dataclasses.replace(
            self.settings,
            restarts=2 * self.each,
            halving=dataclasses.replace(halving, survivors=2 * halving.survivors),
        )
        self.estimator = dataclasses.replace(self.estimator, settings=self.settings)

    @classmethod
    def check_available(cls, task: Task) -> None:
        """Ask for the learned step's network too."""
        super().check_available(task)
        check_network(task)

    @classmethod
    def stage(cls, parameters: Mapping[str, Any]) -> str:
        """Rows that differ in the non-blind step alone share one search."""
        return f"random and {super().stage(parameters)}"

    def starts(self, observation: Tensor, source: torch.Generator) -> Tensor:
        """Return random latents and then those around the network's kernel, as many of each."""
        drawn = torch.randn(self.each, self.kernel_prior.latent_size, generator=source)
        near = self.near_network(observation, source, self.each)
        return torch.cat([drawn.to(near), near])
