"""Peak signal-to-noise ratio, plain and centroid-aligned."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.metrics._base import Comparison, Metric


def psnr(image: Tensor, truth: Tensor) -> Tensor:
    """Peak signal-to-noise ratio over all pixels and channels, peak 1.

    Parameters
    ----------
    image, truth : Tensor, shape (N, C, H, W), in [0, 1]

    Returns
    -------
    Tensor, shape (N,), in dB
        Infinite for equal images.
    """
    return -10 * torch.log10((image.double() - truth.double()).square().mean((1, 2, 3)))


class PSNR(Metric):
    """PSNR of the image, registered as its data set's procedure says."""

    name, heading, unit, digits, table_digits, place = "psnr", "PSNR", "dB", 4, 2, 10
    headline = True

    def compute(self, comparison: Comparison) -> Tensor:
        """Return dB, shape (N,)."""
        return psnr(*comparison.aligned)


class CentredPSNR(Metric):
    """PSNR after image and kernel were shifted oppositely, without looking at the truth.

    Where images are registered to the truth anyway, it says little: it equals the plain PSNR up to
    the registration's steps, and lies far below it for text, whose edges do not survive fractions
    of a pixel twice.
    """

    name, heading, unit = "psnr_centred", "centroid-aligned PSNR", "dB"
    digits, table_digits, place = 4, 2, 20
    of_image = False

    def compute(self, comparison: Comparison) -> Tensor:
        """Return dB, shape (N,); NaN without a kernel."""
        return comparison.nothing if comparison.centred is None else psnr(*comparison.centred)
