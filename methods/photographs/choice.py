"""Which of several kernels of one observation is the best, the sharp image being unknown.

A wrong kernel leaves ringing in the image that is restored with it, and ringing is many small
gradients. Their heavy-tailed cost, the mean square root of their magnitude, weighs it more than the
few large gradients of true edges.

References
----------
D. Krishnan and R. Fergus, "Fast Image Deconvolution using Hyper-Laplacian Priors", NIPS 2009.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bench.methods.deconvolution.tv import tv_deconvolve
from bench.protocol import Boundary

STRENGTH, ITERATIONS = 2.0, 12
"""Weight of the judged deconvolution, in units of the true kernel's, and its rounds."""


def ringing(image: Tensor) -> float:
    """Return the mean square root of the gradients' magnitudes.

    Parameters
    ----------
    image : Tensor, shape (H, W), in [0, 1]
    """
    down, right = image[1:] - image[:-1], image[:, 1:] - image[:, :-1]
    roots = [step.abs().sqrt().mean() for step in (down, right)]
    return float(sum(roots)) / 2


def least_ringing(
    grey: Tensor, kernels: Sequence[Tensor], weight: float, boundary: Boundary
) -> Tensor:
    """Choose the kernel whose restored image rings least.

    Parameters
    ----------
    grey : Tensor, shape (H, W), in [0, 1]
        The observation.
    kernels : sequence of Tensor, shape (kh, kw)
    weight : float
        Of the total variation, as for a true kernel.
    boundary : {"circular", "free"}

    Returns
    -------
    Tensor, shape (kh, kw)
    """
    found = torch.stack(list(kernels))
    costs = _costs(grey, found, weight, boundary)
    return found[costs.index(min(costs))]


def restored_ringing(grey: Tensor, kernel: Tensor, weight: float, boundary: Boundary) -> float:
    """Return the :func:`ringing` of the image that a kernel restores.

    Parameters
    ----------
    grey, weight, boundary
        As those of :func:`least_ringing`.
    kernel : Tensor, shape (kh, kw)
    """
    return _costs(grey, kernel[None], weight, boundary)[0]


def _costs(grey: Tensor, kernels: Tensor, weight: float, boundary: Boundary) -> list[float]:
    observed = grey.expand(len(kernels), 1, *grey.shape)
    images = tv_deconvolve(observed, kernels, STRENGTH * weight, boundary, iterations=ITERATIONS)
    return [ringing(image[0]) for image in images]
