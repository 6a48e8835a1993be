"""What methods of photographs have in common that restore with the kernel they have found."""

from __future__ import annotations

from torch import Tensor

from bench.errors import InvalidInput
from bench.methods.deconvolution.tv import (
    tuned_weight,
    tv_deconvolve,
    variation_parameters,
)
from bench.protocol import Method, Task


def variation_text(task: Task) -> str:
    """Return what the restoration of a photograph depends on, to be listed among assets."""
    found = variation_parameters("natural", task.noise, task.boundary)
    return " ".join(f"{value:.6g}" for value in found)


class RestoresByVariation(Method):
    """A blind method whose non-blind step is total variation, of the weight ``weight``."""

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
        return tv_deconvolve(observation, kernel, self.weight, self.task.boundary)
