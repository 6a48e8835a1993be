"""Intensities: the grey of a coloured image, and the stretch to [0, 1]."""

from __future__ import annotations

from torch import Tensor

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (ITU-R BT.601)."""


def luma(image: Tensor) -> Tensor:
    """Return the grey of images (N, 3, H, W), shape (N, 1, H, W); grey images as they are."""
    if image.shape[1] == 1:
        return image
    return (image * image.new_tensor(LUMA)[:, None, None]).sum(1, keepdim=True)


def stretch(image: Tensor, least: float = 1e-3) -> Tensor:
    """Stretch each image (C, H, W) of a batch to span [0, 1], as the published test images do.

    Parameters
    ----------
    image : Tensor, shape (N, C, H, W)
    least : float
        A smaller span is taken for this, so that a flat image stays flat.
    """
    low, high = image.amin((1, 2, 3), keepdim=True), image.amax((1, 2, 3), keepdim=True)
    return (image - low) / (high - low).clamp_min(least)
