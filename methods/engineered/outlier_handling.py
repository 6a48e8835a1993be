"""Blind deblurring with a robust data term, computed in GNU Octave.

The algorithm and what it changes of the published one are described in
``octave/outlier_kernel.m``; parameters stand in ``octave_prior.toml``.
"""

from __future__ import annotations

from typing import ClassVar

from bench.methods.engineered.octave_prior import OctavePrior


class OutlierHandling(OctavePrior):
    """Dong and others' method: residuals beyond the noise lose their say in kernel and image."""

    title = "Outlier handling"
    version: ClassVar[str] = "3"
    section: ClassVar[str] = "oh"
    kernel_function: ClassVar[str] = "outlier_kernel"
    reference: ClassVar[str] = (
        "J. Dong, J. Pan, Z. Su, M.-H. Yang, Blind Image Deblurring with Outlier Handling, "
        "ICCV 2017"
    )
