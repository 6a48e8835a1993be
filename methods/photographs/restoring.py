"""What methods of photographs have in common that restore with the kernel they have found."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from bench.errors import InvalidInput
from bench.methods.deconvolution.tv import tuned_weight, tv_deconvolve
from bench.protocol import Method


class RestoresByVariation(Method):
    """A blind method whose non-blind step is total variation, of the weight ``weight``."""

    rounds: ClassVar[int] = 25
    """Of the deconvolution; at free boundaries 60 are worth 0.1 dB more (docs/methods.md)."""
    weight: float

    def weigh(self, weight: float) -> None:
        """Set the weight, given in units of the best one for a true kernel.

        Raises
        ------
        InvalidInput
            If it is not positive.
        """
        if not weight > 0:
            raise InvalidInput(f"weight = {weight:g}; it must be positive.")
        self.weight = weight * tuned_weight("natural", self.task.noise, self.task.boundary)

    def restore(self, observation: Tensor, kernel: Tensor) -> Tensor:
        """Deconvolve observations (N, C, H, W) with kernels (N, kh, kw) from any estimator."""
        return tv_deconvolve(
            observation, kernel, self.weight, self.task.boundary, iterations=self.rounds
        )
