"""Blind deblurring with sparse gradients alone, computed in GNU Octave.

The core that ``dp``, ``ep``, ``oh`` and ``df`` share, without a prior of its own: what each of them
adds is its difference to this. The algorithm is described in
``octave/sparse_gradients_kernel.m``; parameters stand in ``octave_prior.toml``.
"""

from __future__ import annotations

from typing import ClassVar

from bench.methods.engineered.octave_prior import OctavePrior


class SparseGradients(OctavePrior):
    """Kernel by an L0 penalty of the image's gradients, image by total variation.

    The reference adds an L0 penalty of the intensities for text, which is left out here.
    """

    title = "Sparse gradients"
    version: ClassVar[str] = "1"
    section: ClassVar[str] = "l0"
    kernel_function: ClassVar[str] = "sparse_gradients_kernel"
    reference: ClassVar[str] = (
        "J. Pan, Z. Hu, Z. Su, M.-H. Yang, Deblurring Text Images via L0-Regularized Intensity and "
        "Gradient Prior, CVPR 2014 (the gradient term alone)"
    )
