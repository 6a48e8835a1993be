"""Blind deblurring with the dark channel prior, computed in GNU Octave.

The algorithm and what it changes of the published one are described in
``octave/dark_channel_kernel.m``; parameters stand in ``octave_prior.toml``.
"""

from __future__ import annotations

from typing import ClassVar

from bench.methods.engineered.octave_prior import OctavePrior


class DarkChannel(OctavePrior):
    """Pan, Sun, Pfister and Yang's method: kernel by dark channel, image by total variation."""

    title = "Dark channel prior"
    microseconds = (218, 24)
    version: ClassVar[str] = "4"
    section: ClassVar[str] = "dp"
    kernel_function: ClassVar[str] = "dark_channel_kernel"
    reference: ClassVar[str] = (
        "J. Pan, D. Sun, H. Pfister, M.-H. Yang, Blind Image Deblurring Using Dark Channel Prior, "
        "CVPR 2016"
    )
