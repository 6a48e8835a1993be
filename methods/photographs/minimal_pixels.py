"""The local minimal intensity prior: the darkest pixel of a patch is black in most sharp images.

Blur mixes a dark pixel with its neighbours, so that the darkest pixels of a blurred image are
brighter. Pulling them back to black favours the sharp image. Patches do not overlap, which makes
this far cheaper than the dark channel.

References
----------
F. Wen, R. Ying, Y. Liu, P. Liu and T.-K. Truong, "A Simple Local Minimal Intensity Prior and an
Improved Algorithm for Blind Image Deblurring", IEEE TCSVT 31(8), 2021.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bench.methods.photographs.thresholds import firm


def darkened(image: Tensor, shown: tuple[int, int], threshold: float, side: int) -> Tensor:
    """Make the darkest pixel of each patch black where it is nearly so.

    Parameters
    ----------
    image : Tensor, shape (H, W)
        A photograph in the top left corner, and what continues it.
    shown : (int, int)
        Size of the photograph: beyond it nothing changes.
    threshold : float
        Intensities up to 1/√2 of it become 0, those from √2 times it on stay, and the ones between
        fall without a step, which a rounding error could cross. 0 returns the image.
    side : int
        Of the patches, in pixels.

    Returns
    -------
    Tensor, shape (H, W)
    """
    if threshold <= 0:
        return image
    photograph = image[: shown[0], : shown[1]]
    negated, places = torch.nn.functional.max_pool2d(
        -photograph[None, None], side, ceil_mode=True, return_indices=True
    )
    lowest = -negated.flatten()
    black = lowest * firm(lowest.abs(), threshold)
    flat = photograph.flatten().index_copy(0, places.flatten(), black)
    darker = image.clone()
    darker[: shown[0], : shown[1]] = flat.view_as(photograph)
    return darker
