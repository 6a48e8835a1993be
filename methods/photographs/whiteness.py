"""How white what a kernel leaves unexplained is: a judgement of kernels that needs no truth.

Noise is white, and what a wrong kernel leaves beside it is not: it has the edges' shapes. So of two
kernels the better one is, more often than not, that whose residual is less correlated with itself.
The image between is a smooth one, of twice the usual weight: through a sharp one a wrong kernel
explains nearly everything.

References
----------
M. Almeida and M. Figueiredo, "Parameter Estimation for Blind and Non-Blind Deblurring Using
Residual Whiteness Measures", IEEE Transactions on Image Processing 22(7), 2013.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bench.methods.deconvolution.tv import tv_deconvolve
from bench.physics.forward import blur
from bench.protocol import Boundary

STRENGTH, LAGS = 2.0, 10
"""Weight of the total variation, in units of the true kernel's, and the farthest lag in pixels."""


def residual_colour(grey: Tensor, kernels: Tensor, weight: float, boundary: Boundary) -> Tensor:
    """Return the energy of the autocorrelation that each kernel leaves.

    That is the sum of its squares, normalised to 1 in the middle, over lags other than that, and
    no less than what white noise has on average.

    Parameters
    ----------
    grey : Tensor, shape (H, W), in [0, 1]
        The observation.
    kernels : Tensor, shape (M, kh, kw)
        Summing to 1.
    weight : float
        Of the total variation, as for a true kernel.
    boundary : {"circular", "free"}
        With a free one, what is nearer to the border than half the kernel is not looked at.

    Returns
    -------
    Tensor, shape (M,), float64
    """
    observed = grey.expand(len(kernels), 1, *grey.shape)
    smooth = tv_deconvolve(observed, kernels, STRENGTH * weight, boundary)
    again = blur(smooth, kernels, "circular" if boundary == "circular" else "replicate")
    left = (observed - again)[:, 0].double()
    if boundary == "free":
        rows, columns = (side // 2 for side in kernels.shape[-2:])
        left = left[:, rows : grey.shape[0] - rows, columns : grey.shape[1] - columns]
    left = left - left.mean((1, 2), keepdim=True)
    height, width = left.shape[-2:]
    power = torch.fft.rfft2(left, s=(2 * height, 2 * width)).abs().square()
    correlation = torch.fft.irfft2(power, s=(2 * height, 2 * width))
    correlation = correlation / correlation[:, :1, :1].clamp_min(torch.finfo(power.dtype).tiny)
    lags = [torch.arange(-most, most + 1) for most in (min(LAGS, height - 1), min(LAGS, width - 1))]
    near = correlation[:, lags[0][:, None], lags[1]]
    energy = near.square().sum((1, 2)) - 1
    return energy.clamp_min((near[0].numel() - 1) / (height * width))
