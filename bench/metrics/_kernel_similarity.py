"""How alike two blur kernels are, whatever the shift between them."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.metrics._base import Comparison, Metric


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


class KernelSimilarity(Metric):
    """Similarity of the estimated kernel with the true one."""

    name, heading, place = "kernel_similarity", "kernel similarity", 60
    of_image = False

    def compute(self, comparison: Comparison) -> Tensor:
        """Return values of at most 1, shape (N,); NaN without a kernel."""
        if comparison.kernel is None:
            return comparison.nothing
        return kernel_similarity(comparison.kernel, comparison.true_kernel)
