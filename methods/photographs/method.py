"""Methods of the fast kernel estimate: alone, with a prior, and the best of several."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench.checksums import checksum
from bench.errors import InvalidInput
from bench.methods.deconvolution.tv import tuned_weight, variation_parameters
from bench.methods.photographs import sparse_gradients
from bench.methods.photographs.choice import least_ringing
from bench.methods.photographs.restoring import RestoresByVariation
from bench.methods.photographs.sparse_edges import Additions, Settings, estimate_kernel
from bench.methods.photographs.sparse_gradients import GradientSettings
from bench.methods.photographs.window import WINDOW, textured_window
from bench.physics.forward import circular_residual
from bench.physics.intensity import luma
from bench.protocol import Knowledge, Restoration, Task, check_observation

DETAILED = Settings(gradient=0.006, edges=20.0, ridge=5.0, floor=0.08, coarsest=3)
"""More edges and a weaker ridge, from a smaller start: finer kernels, and more that go wrong."""
ROUNDS = 2
DARK = 0.1
LITTLE_NOISE = 0.007
"""Below it the turns of ``l0`` are worth their time; at 1 % as many fit the noise."""


class SparseEdges(RestoresByVariation):
    """Kernel from strong edges under an L0 penalty of gradients, image by total variation.

    What ``l0`` computes in Octave, some twenty times faster: fewer and larger steps of the
    splitting, single precision, and the kernel's normal equations as the Toeplitz system that they
    are.

    Parameters
    ----------
    task : Task
    iterations : int
        Turns of image and kernel on each level.
    weight : float
        Of the total variation, in units of the best one for a true kernel.
    """

    title = "Sparse edges"
    microseconds: ClassVar[tuple[float, float]] = (4.5, 5)
    chosen: ClassVar[Settings] = Settings()
    version: ClassVar[str] = "1"
    knows: ClassVar[Knowledge] = Knowledge(
        noise=True,
        kernel_size=True,
        boundary=True,
        training="parameters chosen on development photographs",
    )
    reference: ClassVar[str] = (
        "L. Xu, S. Zheng, J. Jia, Unnatural L0 Sparse Representation for Natural Image Deblurring, "
        "CVPR 2013; S. Cho, S. Lee, Fast Motion Deblurring, ACM Transactions on Graphics 2009"
    )

    def __init__(
        self, task: Task, iterations: int = Settings.iterations, weight: float = 1.0
    ) -> None:
        super().__init__(task)
        if iterations < 1 or not weight > 0:
            raise InvalidInput(
                f"iterations = {iterations} and weight = {weight:g}; both must be positive."
            )
        self.settings = dataclasses.replace(self.chosen, iterations=iterations)
        self.weight = weight * tuned_weight("natural", task.noise, task.boundary)

    @classmethod
    def assets(cls, task: Task) -> Mapping[str, str]:
        """Return the checksum of the parameters."""
        last = variation_parameters("natural", task.noise, task.boundary)
        text = json.dumps([*map(dataclasses.asdict, cls.depends_on()), *last])
        return {"settings": checksum(text)}

    @classmethod
    def depends_on(cls) -> tuple[Any, ...]:
        """Return what the kernel estimate depends on."""
        return (cls.chosen,)

    def deblur(self, observation: Tensor) -> Restoration:
        """Estimate the kernels, then restore the images.

        Parameters
        ----------
        observation : Tensor, float32, shape (N, C, H, W), in [0, 1]

        Returns
        -------
        Restoration
        """
        y = check_observation(observation, self.task)
        kernel = self.estimate_kernel(y)
        image = self.restore(y, kernel)
        residual = circular_residual(y, image, kernel, self.task.boundary)
        return Restoration(image, kernel, iterations=self.settings.iterations, residual=residual)

    def estimate_kernel(self, observation: Tensor) -> Tensor:
        """Estimate the kernels, shape (N, kh, kw), from observations (N, C, H, W)."""
        grey = luma(check_observation(observation, self.task).cpu())[:, 0]
        return torch.stack([self.estimate(plane) for plane in grey]).to(observation)

    def estimate(self, grey: Tensor) -> Tensor:
        """Estimate the kernel, shape (kh, kw), of one grey observation (H, W)."""
        return estimate_kernel(grey, self.task.kernel_size, self.settings)


class PatchMinimalPixels(SparseEdges):
    """The estimate of ``l0`` in PyTorch, with the darkest pixels of patches pulled to black.

    Parameters
    ----------
    task : Task
    iterations, weight
        As those of :class:`SparseEdges`. Where the noise is below 0.7 %, there are twice as many
        turns, on the most textured window of large photographs.
    dark : float
        Intensity below which the darkest pixel of a patch becomes black, at the start of a level;
        0 leaves the prior out.
    """

    title = "Patch-wise minimal pixels"
    microseconds = (80, 5)
    version: ClassVar[str] = "3"
    chosen: ClassVar[GradientSettings] = GradientSettings()
    reference: ClassVar[str] = (
        "F. Wen, R. Ying, Y. Liu, P. Liu, T.-K. Truong, A Simple Local Minimal Intensity Prior and "
        "an Improved Algorithm for Blind Image Deblurring, IEEE TCSVT 31(8), 2021"
    )

    def __init__(
        self,
        task: Task,
        iterations: int = GradientSettings.iterations,
        weight: float = 1.0,
        dark: float = DARK,
    ) -> None:
        self.thorough = task.noise < LITTLE_NOISE
        super().__init__(task, 2 * iterations if self.thorough else iterations, weight)
        if not 0 <= dark < 1:
            raise InvalidInput(f"dark = {dark:g}; give an intensity in [0, 1), such as {DARK:g}.")
        self.dark = dark

    def estimate(self, grey: Tensor) -> Tensor:
        """Estimate the kernel, shape (kh, kw), of one grey observation (H, W)."""
        settings = dataclasses.replace(self.chosen, iterations=self.settings.iterations)
        size, boundary = self.task.kernel_size, self.task.boundary
        if self.thorough:
            grey, boundary = textured_window(grey, WINDOW, size, boundary)
        return sparse_gradients.estimate_kernel(grey, size, boundary, settings, self.dark)


class ChosenEdges(SparseEdges):
    """Takes of three estimates the one whose restored image rings least.

    The plain estimate from a smaller start, the detailed one, and the detailed one with minimal
    pixels go wrong on different photographs.

    Parameters
    ----------
    task : Task
    iterations, weight
        As those of :class:`SparseEdges`.
    """

    title = "Sparse edges, the best of three"
    microseconds = (74, 5)
    equals = "sparse-edges"  # on images so small that all start alike, where that one is chosen
    chosen = dataclasses.replace(Settings(), coarsest=DETAILED.coarsest)
    candidates: ClassVar[tuple[tuple[Settings, Additions], ...]] = (
        (chosen, Additions()),
        (DETAILED, Additions(ROUNDS)),
        (DETAILED, Additions(ROUNDS, DARK)),
    )

    @classmethod
    def depends_on(cls) -> tuple[Any, ...]:
        """Return what the kernel estimates depend on."""
        return tuple(part for candidate in cls.candidates for part in candidate)

    def estimate(self, grey: Tensor) -> Tensor:
        """Estimate the kernel, shape (kh, kw), of one grey observation (H, W)."""
        size, turns = self.task.kernel_size, self.settings.iterations
        kernels = [
            estimate_kernel(grey, size, dataclasses.replace(settings, iterations=turns), additions)
            for settings, additions in self.candidates
        ]
        weight = tuned_weight("natural", self.task.noise, self.task.boundary)
        return least_ringing(grey, kernels, weight, self.task.boundary)
