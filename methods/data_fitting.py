"""Blind deblurring with learned data fitting functions, computed in GNU Octave.

The algorithm and what it changes of the published one are described in
``methods/octave/data_fitting_kernel.m``; parameters stand in ``methods/octave_prior.toml``, the
learned weights in ``methods/data_fitting.toml``, written by ``methods.train_data_fitting``.
"""

from __future__ import annotations

from typing import ClassVar

from bench.protocol import Knowledge
from methods.octave_prior import OctavePrior


class DataFitting(OctavePrior):
    """Pan and others' method: kernel and image by learned weights of the residual's derivatives."""

    version: ClassVar[str] = "1"
    section: ClassVar[str] = "df"
    kernel_function: ClassVar[str] = "data_fitting_kernel"
    knows: ClassVar[Knowledge] = Knowledge(
        kernel_size=True,
        boundary=True,
        image_class=True,
        training="weights learned on 48 training images per class, parameters tuned on at most 80 "
        "development images",
    )
    reference: ClassVar[str] = (
        "J. Pan, J. Dong, Y.-W. Tai, Z. Su, M.-H. Yang, Learning Discriminative Data Fitting "
        "Functions for Blind Image Deblurring, ICCV 2017"
    )
