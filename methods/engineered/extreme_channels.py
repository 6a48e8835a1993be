"""Blind deblurring with the extreme channels prior, computed in GNU Octave.

The algorithm and what it changes of the published one are described in
``octave/extreme_channels_kernel.m``; parameters stand in ``octave_prior.toml``.
"""

from __future__ import annotations

from typing import ClassVar

from bench.methods.engineered.octave_prior import OctavePrior


class ExtremeChannels(OctavePrior):
    """Yan and others' method: kernel by dark and bright channel, image by total variation."""

    title = "Extreme channels prior"
    microseconds = (246, 24)
    version: ClassVar[str] = "3"
    section: ClassVar[str] = "ep"
    kernel_function: ClassVar[str] = "extreme_channels_kernel"
    reference: ClassVar[str] = (
        "Y. Yan, W. Ren, Y. Guo, R. Wang, X. Cao, Image Deblurring via Extreme Channels Prior, "
        "CVPR 2017"
    )
