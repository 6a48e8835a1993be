"""What methods of photographs have in common that restore with the kernel they have found."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from bench.methods.deconvolution.tv import tv_deconvolve
from bench.protocol import Method


class RestoresByVariation(Method):
    """A blind method whose non-blind step is total variation, of the weight ``weight``."""

    rounds: ClassVar[int] = 25
    """Of the deconvolution; more change next to nothing with a kernel that is estimated."""
    weight: float

    def restore(self, observation: Tensor, kernel: Tensor) -> Tensor:
        """Deconvolve observations (N, C, H, W) with kernels (N, kh, kw) from any estimator."""
        return tv_deconvolve(
            observation, kernel, self.weight, self.task.boundary, iterations=self.rounds
        )
