"""The method of pictures of text."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench.methods.deconvolution.tv import tuned_weight, tv_deconvolve
from bench.methods.photographs.choice import calms, least_ringing
from bench.methods.photographs.method import SparseEdges
from bench.methods.photographs.text import (
    REFINEMENT,
    TextSettings,
    estimate_text_kernel,
    tones,
)
from bench.methods.photographs.window import textured_window
from bench.protocol import Boundary, Knowledge, Task, check_observation

ITERATIONS = 40
"""Rounds of the deconvolution: a kernel that is nearly exact is worth more of them."""


class TextL0(SparseEdges):
    """Kernel from text of two tones under L0 penalties of pixels and gradients, image by TV.

    The kernel is that of the window with the most edges. Where the image that it restores rings
    more than the observation does, it is wrong; then a larger window is tried, and the kernel kept
    that rings less. The image is that of the whole picture.

    Parameters
    ----------
    task : Task
    iterations : int
        Turns of image and kernel on each level but the finest.
    weight : float
        Of the total variation, in units of the best one for a true kernel.
    """

    title = "Intensity and gradient prior for text"
    microseconds: ClassVar[tuple[float, float]] = (40, 8)
    chosen: ClassVar[TextSettings] = TextSettings()
    knows: ClassVar[Knowledge] = dataclasses.replace(
        SparseEdges.knows, training="parameters chosen on rendered pages of text"
    )
    reference: ClassVar[str] = (
        "J. Pan, Z. Hu, Z. Su, M.-H. Yang, Deblurring Text Images via L0-Regularized Intensity and "
        "Gradient Prior, CVPR 2014"
    )

    def __init__(
        self, task: Task, iterations: int = TextSettings.iterations, weight: float = 1.0
    ) -> None:
        super().__init__(task, iterations, weight)
        self.text = dataclasses.replace(self.chosen, iterations=iterations)

    @classmethod
    def depends_on(cls) -> tuple[Any, ...]:
        """Return what the kernel estimate depends on."""
        return (cls.chosen, REFINEMENT)

    def estimate_kernel(self, observation: Tensor) -> Tensor:
        """Estimate the kernels, shape (N, kh, kw), from observations (N, C, H, W)."""
        y = check_observation(observation, self.task).cpu()
        return torch.stack([self.estimate(picture) for picture in y]).to(observation)

    def estimate(self, grey: Tensor) -> Tensor:
        """Estimate the kernel, shape (kh, kw), of one observation (C, H, W) or (H, W)."""
        seen, size = tones(grey if grey.dim() == 3 else grey[None]), self.task.kernel_size
        noise, kernels = self.task.noise, list[Tensor]()
        for plane, boundary in self._windows(seen.plane):
            kernels.append(
                estimate_text_kernel(seen._replace(plane=plane), size, noise, boundary, self.text)
            )
            weight = tuned_weight("natural", noise / seen.span, boundary)
            if calms(plane, kernels[-1], weight, boundary):
                return kernels[-1]
        return least_ringing(plane, kernels, weight, boundary)

    def _windows(self, plane: Tensor) -> list[tuple[Tensor, Boundary]]:
        """Cut the windows; in a small picture, or with a large kernel, they are the same."""
        size, border = self.task.kernel_size, self.task.boundary
        cuts = [textured_window(plane, side, size, border) for side in self.text.windows]
        return list({cut[0].shape: cut for cut in cuts}.values())

    def restore(self, observation: Tensor, kernel: Tensor) -> Tensor:
        """Deconvolve observations (N, C, H, W) with kernels (N, kh, kw) from any estimator."""
        return tv_deconvolve(
            observation, kernel, self.weight, self.task.boundary, iterations=ITERATIONS
        )
