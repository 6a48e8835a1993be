"""``refined``: the kernel of another method, refined by marginal likelihood."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench.errors import InvalidInput
from bench.methods.learned.method import estimator, timed
from bench.methods.photographs.evidence import Refinement
from bench.methods.photographs.restoring import RestoresByVariation, variation_text
from bench.methods.photographs.softness import (
    SOFTNESSES,
    degrees,
    likely,
    refine_softly_on_window,
    refinement_checksum,
    restore_softly,
)
from bench.physics.forward import circular_residual
from bench.physics.intensity import luma
from bench.protocol import Knowledge, Method, Restoration, Task, check_observation

KERNELS = "l0"
"""Whose kernels are refined where nothing is said."""
CHOSEN = "refinement chosen on development photographs"


class Refined(RestoresByVariation):
    """Refines another method's kernel by the marginal likelihood of sparse gradients.

    What ``selfdeblur-refined`` does to its own, for every method that returns a kernel: how soft
    the photograph is of its own the observation does not say, and the image is the mean over what
    it may be.

    Parameters
    ----------
    task : Task
    kernel_from : str
        Name of a blind method that returns a kernel. It runs with its default parameters.
    turns : int
        Of gradients, their variances and the kernel. 0 leaves the refinement out, and softness
        with it.
    softnesses : int
        How many degrees of a photograph's own softness are tried; 1 takes it for sharp.
    weight : float
        Of the total variation, in units of the best one for a true kernel.

    Raises
    ------
    InvalidInput
        If the method is an oracle, a replay or this one, for counts out of range and a weight that
        is not positive.
    """

    title = "Another method's kernel, refined by marginal likelihood"
    batch_size: ClassVar[int] = 1
    microseconds: ClassVar[tuple[float, float]] = (300, 5)
    knows: ClassVar[Knowledge] = Knowledge(noise=True, boundary=True, training=CHOSEN)
    reference: ClassVar[str] = (
        "D. Wipf, H. Zhang, Revisiting Bayesian Blind Deconvolution, JMLR 15, 2014"
    )

    def __init__(
        self,
        task: Task,
        kernel_from: str = KERNELS,
        turns: int = Refinement.iterations,
        softnesses: int = len(SOFTNESSES),
        weight: float = 0.7,
    ) -> None:
        super().__init__(task)
        self.refinement, self.softnesses = Refinement.of(turns), degrees(softnesses, turns)
        self.weigh(weight)
        inner = estimator(kernel_from, Refined)
        inner.check_available(task)
        self.inner: Method = inner(task)

    @classmethod
    def stage(cls, parameters: Mapping[str, Any]) -> str:
        """Share what the other method shares."""
        return str(_inner(parameters).stage({}))

    @classmethod
    def assets_for(cls, task: Task, parameters: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the refinement's checksum, the weight of total variation, and the other method's
        checksums and version."""
        inner = _inner(parameters)
        return {
            "refinement": refinement_checksum(),
            "weight": variation_text(task),
            **inner.assets_for(task, {}),
            f"version of {parameters.get('kernel_from', KERNELS)}": inner.version,
        }

    @classmethod
    def assets(cls, task: Task) -> Mapping[str, str]:
        """Return what the default depends on."""
        return cls.assets_for(task, {})

    @classmethod
    def knowledge(cls, parameters: Mapping[str, Any]) -> Knowledge:
        """Return what the other method knows too."""
        known = _inner(parameters).knowledge({})
        training = ", ".join(filter(None, [known.training, CHOSEN]))
        return dataclasses.replace(known, noise=True, boundary=True, training=training)

    def deblur(self, observation: Tensor) -> Restoration:
        """Run the other method, refine its kernels, and restore.

        Parameters
        ----------
        observation : Tensor, float32, shape (N, C, H, W), in [0, 1]

        Returns
        -------
        Restoration
            With the kernel before the most concentrated.
        """
        y = check_observation(observation, self.task)
        found, spent = timed(self.inner, y, self.stages)
        began = time.perf_counter()
        kernels = self._refined(y, found)
        boundary = self.task.boundary
        pairs = zip(y, kernels, strict=True)
        image = torch.stack([restore_softly(*pair, self.restore, boundary) for pair in pairs])
        kernel = torch.stack([likely(each) for each in kernels])
        residual = circular_residual(y, image, kernel, boundary)
        return Restoration(
            image,
            kernel,
            seconds=(spent + time.perf_counter() - began) / len(y),
            generator_evaluations=found.generator_evaluations,
            iterations=found.iterations + self.refinement.iterations,
            restarts=found.restarts,
            residual=residual,
        )

    def estimate_kernel(self, observation: Tensor) -> Tensor:
        """Estimate the kernels, shape (N, kh, kw), from observations (N, C, H, W)."""
        y = check_observation(observation, self.task)
        found, _ = timed(self.inner, y, self.stages)
        return torch.stack([likely(each) for each in self._refined(y, found)])

    def _refined(self, y: Tensor, found: Restoration) -> list[list[Tensor]]:
        """Refine the kernel that the other method found of each observation (N, C, H, W)."""
        if found.kernel is None:
            raise InvalidInput(
                f"{type(self.inner).__name__} returned no kernel, and there is none to refine."
            )
        task, each = self.task, zip(luma(y)[:, 0].cpu(), found.kernel.cpu(), strict=True)
        refined = [
            refine_softly_on_window(
                grey, _kernel(start), task.noise, task.boundary, self.refinement, self.softnesses
            )
            for grey, start in each
        ]
        return [[kernel.to(y) for kernel in some] for some in refined]

    def close(self) -> None:
        """Release what the other method holds."""
        self.inner.close()


def _inner(parameters: Mapping[str, Any]) -> Any:
    return estimator(str(parameters.get("kernel_from", KERNELS)), Refined)


def _kernel(found: Tensor) -> Tensor:
    """Return what a method gave for a kernel as one: not negative, summing to 1."""
    found = found.clamp_min(0)
    return found / found.sum().clamp_min(1e-12)
