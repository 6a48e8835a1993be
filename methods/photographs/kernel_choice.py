"""``kernel-choice``: of several blind methods' kernels the one whose image rings least."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from bench.methods.deconvolution.tv import tuned_weight
from bench.methods.photographs.choice import least_ringing
from bench.methods.photographs.kernel_mean import KernelMean
from bench.physics.intensity import luma
from bench.protocol import Task

MEMBERS = "selfdeblur-refined+marginal-natural"
"""A refinement from two starts, of which the first grants photographs their softness."""


class KernelChoice(KernelMean):
    """Restores by total variation with that of other methods' kernels whose image rings least.

    Parameters, and what is refused, are those of
    :class:`bench.methods.photographs.kernel_mean.KernelMean`.
    """

    title = "Of several methods' kernels the one that rings least"
    default: ClassVar[str] = MEMBERS
    reference: ClassVar[str] = ""

    def __init__(self, task: Task, kernels_from: str = MEMBERS, weight: float = 0.7) -> None:
        super().__init__(task, kernels_from, weight)

    def combined(self, y: Tensor, kernels: Tensor, shares: Tensor) -> Tensor:
        """Return the kernel, shape (kh, kw), of one observation's (M, kh, kw) that is taken."""
        task = self.task
        weight = tuned_weight("natural", task.noise, task.boundary)
        return least_ringing(luma(y[None])[0, 0], list(kernels), weight, task.boundary)
