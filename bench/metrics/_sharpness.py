"""How sharp an image is, judged without the truth by the phases of its Fourier transform.

References
----------
A. Leclaire and L. Moisan, "No-Reference Image Quality Assessment and Blind Deblurring with
Sharpness Metrics Exploiting Fourier Phase Information", Journal of Mathematical Imaging and
Vision 52(1), 2015.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bench.metrics._base import Comparison, Metric
from bench.physics.intensity import luma
from bench.physics.periodic import periodic_component


def sharpness_index(image: Tensor) -> Tensor:
    """Return the sharpness index S of Leclaire and Moisan on luminance, per thousand pixels.

    An image whose phases are drawn at random has the same spectrum, but no edges, and a larger
    total variation. S is minus the decimal logarithm of the probability that such an image has a
    total variation as small as this one's; blur, noise and ringing all make it smaller.

    Parameters
    ----------
    image : Tensor, shape (N, C, H, W), in [0, 1]

    Returns
    -------
    Tensor, shape (N,), non-negative
        In proportion to the number of pixels if not divided by it, so it is.
    """
    plane = periodic_component(luma(image.double())[:, 0])
    slopes = torch.stack([plane.roll(-1, -2) - plane, plane.roll(-1, -1) - plane], 1)
    pixels = plane.shape[-2] * plane.shape[-1]
    variation = slopes.abs().sum((1, 2, 3))
    norms = slopes.square().sum((-2, -1)).sqrt().clamp_min(1e-12)
    expected = math.sqrt(2 * pixels / math.pi) * norms.sum(1)
    spectra = torch.fft.fft2(slopes)
    variance = torch.zeros_like(expected)
    for one in (0, 1):
        for other in (0, 1):
            cross = (spectra[:, one] * spectra[:, other].conj()).abs().square().sum((-2, -1))
            variance += cross / pixels / (norms[:, one] * norms[:, other]) / math.pi
    score = (expected - variation) / variance.sqrt().clamp_min(1e-12)
    return -torch.special.log_ndtr(-score) / math.log(10) / (pixels / 1000)


class SharpnessIndex(Metric):
    """The sharpness index of a restored photograph, where there is no truth."""

    name, heading, unit, place = "sharpness", "sharpness index", "per 1,000 pixels", 90
    needs_truth = False
    table_digits = 2

    def compute(self, comparison: Comparison) -> Tensor:
        """Return non-negative values, shape (N,)."""
        return sharpness_index(comparison.image)
