"""``image-mean``: the mean of the images that several blind methods restore."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench.errors import InvalidInput
from bench.methods.deconvolution.tv import tuned_weight
from bench.methods.photographs.kernel_mean import KernelMean
from bench.methods.photographs.registration import registered_mean
from bench.methods.photographs.whiteness import LAGS, STRENGTH, residual_colour
from bench.physics.intensity import luma
from bench.protocol import Restoration, Task

MEMBERS = "selfdeblur-refined+refined+selfdeblur+l0"
"""One refinement from two starts that have nothing in common, and the starts."""
POWER = 2.0


class ImageMean(KernelMean):
    """Averages other methods' images, registered, those more whose kernels leave white residuals.

    What methods get wrong in different ways an average makes smaller, and an image that no kernel
    gave may be nearer to the truth than any that one does. An image's share is the inverse of its
    :func:`bench.methods.photographs.whiteness.residual_colour` to a power. The kernel is the mean
    of the members', with the same shares.

    Parameters
    ----------
    task : Task
    kernels_from : str
        Names of blind methods that return kernels, joined by ``+``. They run with their default
        parameters; the first one's place is everybody's.
    power : float
        Of the whiteness in the shares; 0 gives equal ones.

    Raises
    ------
    InvalidInput
        If one of them is an oracle, a replay or such a mean itself, for fewer than two names, or
        for a power that is negative or not finite.
    """

    title = "Mean of several methods' images, by whiteness"
    version: ClassVar[str] = "2"
    default: ClassVar[str] = MEMBERS
    reference: ClassVar[str] = (
        "M. Almeida, M. Figueiredo, Parameter Estimation for Blind and Non-Blind Deblurring Using "
        "Residual Whiteness Measures, IEEE TIP 22(7), 2013 (the measure)"
    )

    def __init__(self, task: Task, kernels_from: str = MEMBERS, power: float = POWER) -> None:
        if not 0 <= power < float("inf"):
            raise InvalidInput(f"power = {power:g}; it must be finite and not negative.")
        super().__init__(task, kernels_from)
        self.power = power

    @classmethod
    def assets_for(cls, task: Task, parameters: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the other methods' checksums and versions, and how whiteness is measured."""
        measure = {"whiteness": f"{STRENGTH:g} {LAGS} {POWER:g}"}
        return {**super().assets_for(task, parameters), **measure}

    def shares(self, y: Tensor, kernels: Tensor) -> Tensor:
        """Return the members' shares, shape (M,), in the mean of one observation (C, H, W)."""
        weight = tuned_weight("natural", self.task.noise, self.task.boundary)
        colour = residual_colour(luma(y[None])[0, 0], kernels, weight, self.task.boundary)
        shares = (colour / colour.min()) ** -self.power
        return (shares / shares.sum()).to(y)

    def image(
        self, y: Tensor, kernel: Tensor, found: Sequence[Restoration], shares: Tensor
    ) -> Tensor:
        """Return the mean images, shape (N, C, H, W)."""
        each = zip(*(one.image for one in found), strict=True)
        boundary = self.task.boundary
        pairs = zip(each, shares, strict=True)
        return torch.stack([registered_mean(images, boundary, some) for images, some in pairs])
