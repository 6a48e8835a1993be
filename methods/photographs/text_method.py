"""The method of pictures of text."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench.methods.photographs.method import SparseEdges
from bench.methods.photographs.text import TextSettings, tones
from bench.methods.photographs.text_search import Search, search_kernel
from bench.protocol import Knowledge, Task, check_observation


class TextL0(SparseEdges):
    """Kernel from text of two tones under L0 penalties of pixels and gradients, image by TV.

    The kernel is searched for in windows with many edges: what one climb of the pyramid finds goes
    through others, and the kernel is kept whose image rings least. The image is that of the whole
    picture.

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
    version: ClassVar[str] = "2"
    chosen: ClassVar[TextSettings] = TextSettings()
    search: ClassVar[Search] = Search()
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
        return (cls.chosen, cls.search)

    def estimate_kernel(self, observation: Tensor) -> Tensor:
        """Estimate the kernels, shape (N, kh, kw), from observations (N, C, H, W)."""
        y = check_observation(observation, self.task).cpu()
        return torch.stack([self.estimate(picture) for picture in y]).to(observation)

    def estimate(self, grey: Tensor) -> Tensor:
        """Estimate the kernel, shape (kh, kw), of one observation (C, H, W) or (H, W)."""
        seen = tones(grey if grey.dim() == 3 else grey[None])
        size, noise, boundary = self.task.kernel_size, self.task.noise, self.task.boundary
        return search_kernel(seen, size, noise, boundary, self.text, self.search)
