"""``image-mean``: the mean of the images that several blind methods restore."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from bench.methods.photographs.kernel_mean import KernelMean
from bench.methods.photographs.registration import registered_mean
from bench.protocol import Restoration, Task

MEMBERS = "selfdeblur-refined+refined"
"""One refinement from two starts that have nothing in common."""


class ImageMean(KernelMean):
    """Averages other methods' images, registered; its kernel is the mean of theirs.

    What methods get wrong in different ways an average makes smaller, and an image that no kernel
    gave may be nearer to the truth than any that one does. Parameters, and what is refused, are
    those of :class:`bench.methods.photographs.kernel_mean.KernelMean`; the weight, that of total
    variation in the registration of kernels, does not change the image.
    """

    title = "Mean of several methods' images"
    default: ClassVar[str] = MEMBERS
    reference: ClassVar[str] = ""

    def __init__(self, task: Task, kernels_from: str = MEMBERS, weight: float = 0.7) -> None:
        super().__init__(task, kernels_from, weight)

    def image(self, y: Tensor, kernel: Tensor, found: Sequence[Restoration]) -> Tensor:
        """Return the mean images, shape (N, C, H, W)."""
        each = zip(*(one.image for one in found), strict=True)
        return torch.stack([registered_mean(images, self.task.boundary) for images in each])
