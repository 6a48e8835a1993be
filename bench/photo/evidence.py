"""How well a kernel explains a blurred photograph, the photograph itself being unknown.

The photograph is taken for Gaussian with a spectrum of a / f², as photographs have on average. With
a kernel and noise the observation is Gaussian too, and its likelihood, the *evidence* of the
kernel, needs no restored image. A point explains an observation badly whose fine detail is missing,
a kernel too large badly one that has it; a residual alone would always praise the point.
"""

from __future__ import annotations

import math

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from bench.physics.forward import transfer_function
from bench.physics.periodic import periodic_component

AMPLITUDES = (-7.0, 1.0)
"""Decimal logarithms of a between which the best is sought."""
NOISES = (0.7, 1.0, 1.4)
"""Tried in place of the noise that is told, in units of it."""


class Evidence:
    """The evidence of kernels for one observation.

    Parameters
    ----------
    grey : Tensor, shape (H, W), in [0, 1]
    noise : float
        Standard deviation in units of the image range.
    """

    def __init__(self, grey: Tensor, noise: float) -> None:
        plane = periodic_component(grey.double())
        self._size = height, width = int(plane.shape[0]), int(plane.shape[1])
        self._noise = noise
        self._power = torch.fft.rfft2(plane, norm="ortho").abs().square()
        rows = torch.fft.fftfreq(height, dtype=torch.float64)[:, None]
        cols = torch.fft.rfftfreq(width, dtype=torch.float64)
        self._prior = 1 / (rows.square() + cols.square()).clamp_min(1 / max(height, width) ** 2)
        weight = torch.full_like(self._power, 2.0)  # the other half of the spectrum
        weight[:, 0] = 1
        if width % 2 == 0:
            weight[:, -1] = 1
        weight[0, 0] = 0  # the mean is free
        self._weight = weight / weight.sum()

    def of(self, kernel: Tensor | None) -> float:
        """Return the logarithm of the evidence per pixel; None is the kernel that blurs nothing.

        Parameters
        ----------
        kernel : Tensor or None, shape (kh, kw), summing to 1
        """
        signal = self._prior
        if kernel is not None:
            signal = signal * transfer_function(kernel.double(), self._size).abs().square()

        def lack(amplitude: float, noise: float) -> float:
            variance = signal * 10**amplitude + noise**2
            return float((self._weight * (self._power / variance + variance.log())).sum()) / 2

        best = min(
            minimize_scalar(
                lack, bounds=AMPLITUDES, args=(share * self._noise,), options={"xatol": 0.02},
                method="bounded",
            ).fun
            for share in NOISES
        )  # fmt: skip
        return -float(best) - math.log(2 * math.pi) / 2
