"""``marginal-learned``: the kernels of the largest evidence, and the learned step."""

from __future__ import annotations

from typing import ClassVar

from bench.methods.learned.method import check_network
from bench.methods.marginal.method import Marginal
from bench.protocol import Task


class MarginalLearned(Marginal):
    """Kernels by marginal likelihood, image by a network trained on such kernels.

    Parameters are those of :class:`bench.methods.marginal.method.Marginal`.
    """

    title: ClassVar[str] = "Marginal likelihood, learned step"
    step: ClassVar[str] = "learned"

    @classmethod
    def check_available(cls, task: Task) -> None:
        """Ask for the learned step's network too."""
        super().check_available(task)
        check_network(task)
