"""Gradient magnitude similarity deviation.

References
----------
W. Xue, L. Zhang, X. Mou and A. C. Bovik, "Gradient Magnitude Similarity Deviation", IEEE
Transactions on Image Processing 23(2), 2014.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from bench.metrics._base import Comparison, Metric
from bench.physics.intensity import luma

GMSD_CONSTANT = 170 / 255**2
"""The authors' constant for images in [0, 255], here for [0, 1]."""


def gmsd(image: Tensor, truth: Tensor) -> Tensor:
    """Gradient magnitude similarity deviation on luminance (Xue et al. 2014); lower is better.

    As published: both images are averaged over 2×2 pixels and halved, gradients are Prewitt's
    divided by 3, ``GMS = (2 m_x m_y + c) / (m_x² + m_y² + c)`` with c = 170 for images in
    [0, 255], and the score is the standard deviation of GMS over the pixels. Unlike the authors'
    code, edges are replicated instead of padded with zeros, which would draw a frame of strong
    gradients around both images; the last row or column of an odd size is left out.

    Parameters
    ----------
    image, truth : Tensor, shape (N, C, H, W), in [0, 1]

    Returns
    -------
    Tensor, shape (N,)
    """
    x, y = _gradient_magnitude(image), _gradient_magnitude(truth)
    similarity = (2 * x * y + GMSD_CONSTANT) / (x**2 + y**2 + GMSD_CONSTANT)
    return similarity.std((1, 2, 3), correction=0)


def _gradient_magnitude(image: Tensor) -> Tensor:
    half = functional.avg_pool2d(luma(image.double()), 2)
    prewitt = torch.tensor([[1.0, 0.0, -1.0]] * 3, dtype=torch.float64) / 3
    filters = torch.stack([prewitt, prewitt.T])[:, None]
    gradients = functional.conv2d(functional.pad(half, (1, 1, 1, 1), mode="replicate"), filters)
    return gradients.square().sum(1, keepdim=True).sqrt()


class GMSD(Metric):
    """GMSD of the luminance; lower is better."""

    name, heading, larger_is_better, place = "gmsd", "GMSD", False, 50

    def compute(self, comparison: Comparison) -> Tensor:
        """Return non-negative values, shape (N,)."""
        return gmsd(*comparison.aligned)
