"""Score one restored image."""

from __future__ import annotations

import torch

from bench import metrics
from bench.api._images import ImageLike, as_image, as_kernel
from bench.errors import InvalidInput
from bench.protocol import Alignment


def score(
    restored: ImageLike,
    truth: ImageLike,
    *,
    kernel: ImageLike | None = None,
    true_kernel: ImageLike | None = None,
    alignment: Alignment | None = None,
) -> dict[str, float]:
    """Score one restored image by all metrics.

    Parameters
    ----------
    restored, truth : image
        As for :func:`deblur`, of one size.
    kernel, true_kernel : array or tensor (h, w), optional
        Without them, the metrics that need a kernel are NaN.
    alignment : Alignment, optional
        How the image is registered first; None compares pixel by pixel.

    Returns
    -------
    dict of str to float
    """
    image, goal = as_image(restored), as_image(truth)
    if image.shape != goal.shape:
        raise InvalidInput(
            f"The restored image has shape {tuple(image.shape)}, the truth {tuple(goal.shape)}."
        )
    both = kernel is not None and true_kernel is not None
    values = metrics.score(
        image[None],
        as_kernel(kernel) if both else None,
        goal[None],
        as_kernel(true_kernel) if both else torch.ones(1, 1, 1),
        alignment or Alignment(),
    )
    return {name: float(value[0]) for name, value in values.items()}
