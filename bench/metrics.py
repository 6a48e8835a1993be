"""How a restoration is scored.

All metrics take batches of images in [0, 1] and return one number per image. Each has a version
that goes with every score: raise it whenever a change makes a difference in any digit.

References
----------
W. Xue, L. Zhang, X. Mou and A. C. Bovik, "Gradient Magnitude Similarity Deviation", IEEE
Transactions on Image Processing 23(2), 2014.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import skimage.metrics
import torch
from torch import Tensor
from torch.nn import functional

from bench.alignment import align, recentre
from bench.protocol import Alignment


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


def ssim(image: Tensor, truth: Tensor) -> Tensor:
    """The paper's SSIM: MATLAB's ``ssim`` called on the RGB array as a volume.

    An 11×11×11 Gaussian window with σ = 1.5 also runs across the three channels, edges are
    replicated, K = (0.01, 0.03), L = 1, and the mean is over all voxels. For grey images this is
    the ordinary two-dimensional SSIM with the same window.

    Parameters
    ----------
    image, truth : Tensor, shape (N, C, H, W), in [0, 1]

    Returns
    -------
    Tensor, shape (N,), at most 1
    """
    x, y = image.double(), truth.double()
    mean_x, mean_y = _window(x), _window(y)
    variance_x = _window(x * x) - mean_x**2
    variance_y = _window(y * y) - mean_y**2
    covariance = _window(x * y) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    structure = (2 * covariance + c2) / (variance_x + variance_y + c2)
    return (luminance * structure).mean((1, 2, 3))


def _window(volume: Tensor) -> Tensor:
    """Gaussian window over channels, rows and columns; one channel is left a plane."""
    channels, height, width = volume.shape[-3:]
    planes = _banded(height) @ volume @ _banded(width).T
    return planes if channels == 1 else torch.einsum("dc,nchw->ndhw", _banded(channels), planes)


@functools.lru_cache(maxsize=16)
def _banded(size: int) -> Tensor:
    """The window along an axis, edges replicated, as a matrix: a product is quicker than taps."""
    position = torch.arange(-5, 6)
    weights = torch.exp(-(position.double() ** 2) / (2 * 1.5**2))
    taps = (torch.arange(size)[:, None] + position).clamp(0, size - 1)
    matrix = torch.zeros(size, size, dtype=torch.float64)
    return matrix.scatter_add_(1, taps, (weights / weights.sum()).expand(size, -1))


def ssim_rgb(image: Tensor, truth: Tensor) -> Tensor:
    """The usual SSIM: scikit-image's, per channel with the Gaussian window, then the mean.

    Parameters
    ----------
    image, truth : Tensor, shape (N, C, H, W), in [0, 1]

    Returns
    -------
    Tensor, shape (N,), at most 1
    """
    values = [
        skimage.metrics.structural_similarity(
            x.double().numpy(),
            y.double().numpy(),
            channel_axis=0,
            data_range=1.0,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        for x, y in zip(image, truth, strict=True)
    ]
    return torch.tensor(values, dtype=torch.float64)


LUMINANCE = (0.299, 0.587, 0.114)
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
    weights = torch.tensor(LUMINANCE, dtype=torch.float64) if image.shape[1] == 3 else None
    grey = (
        image.double()
        if weights is None
        else (image.double() * weights[:, None, None]).sum(1, True)
    )
    half = functional.avg_pool2d(grey, 2)
    prewitt = torch.tensor([[1.0, 0.0, -1.0]] * 3, dtype=torch.float64) / 3
    filters = torch.stack([prewitt, prewitt.T])[:, None]
    gradients = functional.conv2d(functional.pad(half, (1, 1, 1, 1), mode="replicate"), filters)
    return gradients.square().sum(1, keepdim=True).sqrt()


def kernel_similarity(kernel: Tensor, truth: Tensor) -> Tensor:
    """Maximum over all shifts of the normalised cross-correlation of two kernels.

    Parameters
    ----------
    kernel : Tensor, shape (N, a, b)
    truth : Tensor, shape (N, c, d)

    Returns
    -------
    Tensor, shape (N,), at most 1
        ``max_s Σ k(p) t(p + s) / (‖k‖ ‖t‖)``; 0 for a kernel that vanishes.
    """
    size = [a + b - 1 for a, b in zip(kernel.shape[-2:], truth.shape[-2:], strict=True)]
    spectrum = torch.fft.rfft2(kernel.double(), s=size).conj() * torch.fft.rfft2(
        truth.double(), s=size
    )
    correlation = torch.fft.irfft2(spectrum, s=size).amax((-2, -1))
    norms = kernel.double().norm(dim=(-2, -1)) * truth.double().norm(dim=(-2, -1))
    return correlation / norms.clamp_min(torch.finfo(torch.float64).tiny)


@dataclasses.dataclass(frozen=True)
class Metric:
    """A column of the score table.

    Attributes
    ----------
    version : str
    larger_is_better : bool
    digits : int
        Decimals kept in ``scores.csv``.
    heading : str
        What tables call it.
    """

    version: str
    larger_is_better: bool
    digits: int
    heading: str


METRICS: dict[str, Metric] = {
    "psnr": Metric("1", True, 4, "PSNR (dB)"),
    "psnr_centred": Metric("1", True, 4, "PSNR centred (dB)"),
    "ssim": Metric("1", True, 5, "SSIM (volume)"),
    "ssim_rgb": Metric("1", True, 5, "SSIM (per channel)"),
    "gmsd": Metric("1", False, 5, "GMSD"),
    "kernel_similarity": Metric("1", True, 5, "kernel similarity"),
}
"""All metrics of :func:`score`, in the order of the table's columns."""


def score(
    image: Tensor,
    kernel: Tensor | None,
    truth_image: Tensor,
    truth_kernel: Tensor,
    alignment: Alignment,
) -> dict[str, Tensor]:
    """Score restorations by all metrics.

    Parameters
    ----------
    image, truth_image : Tensor, shape (N, C, H, W), in [0, 1]
    kernel : Tensor or None, shape (N, a, b)
    truth_kernel : Tensor, shape (N, c, d)
    alignment : Alignment
        How images are registered before they are compared.

    Returns
    -------
    dict of str to Tensor, shape (N,)
        NaN where a metric needs a kernel and there is none. Where images are registered anyway,
        the centred PSNR says little: it equals the plain one up to the registration's steps, and
        lies far below it for text, whose edges do not survive fractions of a pixel twice.
    """
    nothing = torch.full((len(image),), float("nan"), dtype=torch.float64)
    compare: Callable[[Tensor], tuple[Tensor, Tensor]] = functools.partial(
        align, truth=truth_image, alignment=alignment
    )
    aligned, truth = compare(image)
    centred = nothing
    if kernel is not None:
        centred = psnr(*compare(recentre(image, kernel)[0].clamp(0, 1)))
    return {
        "psnr": psnr(aligned, truth),
        "psnr_centred": centred,
        "ssim": ssim(aligned, truth),
        "ssim_rgb": ssim_rgb(aligned, truth),
        "gmsd": gmsd(aligned, truth),
        "kernel_similarity": nothing if kernel is None else kernel_similarity(kernel, truth_kernel),
    }
