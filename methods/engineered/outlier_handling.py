"""Blind deblurring with a robust data term, computed in GNU Octave.

The algorithm and what it changes of the published one are described in
``octave/outlier_kernel.m``; parameters stand in ``octave_prior.toml``.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from bench.methods.engineered.octave_prior import OctavePrior

END = 0.002
"""How near to black or white an impulse lies."""
STEP = 0.1
"""How far it lies from the median of its neighbourhood, and from all but ``ALIKE`` of it."""
ALIKE = 2


def find_impulses(observation: Tensor) -> tuple[Tensor, Tensor]:
    """Find lone black and white pixels, of which a blurred image has none.

    Parameters
    ----------
    observation : Tensor, shape (N, C, H, W), in [0, 1]

    Returns
    -------
    found : Tensor of bool, shape (N, C, H, W)
    median : Tensor, shape (N, C, H, W)
        Of the 3×3 pixels around each, continued by their neighbours at the border.
    """
    padded = torch.nn.functional.pad(observation, (1, 1, 1, 1), mode="replicate")
    around = padded.unfold(2, 3, 1).unfold(3, 3, 1).flatten(4)
    median = around.median(-1).values
    at_an_end = (observation <= END) | (observation >= 1 - END)
    alike = ((around - observation[..., None]).abs() <= STEP).sum(-1) - 1  # less itself
    return at_an_end & ((observation - median).abs() > STEP) & (alike <= ALIKE), median


class OutlierHandling(OctavePrior):
    """Dong and others' method: residuals beyond the noise lose their say in kernel and image."""

    title = "Outlier handling"
    microseconds = (1160, 24)
    version: ClassVar[str] = "4"
    section: ClassVar[str] = "oh"
    kernel_function: ClassVar[str] = "outlier_kernel"
    reference: ClassVar[str] = (
        "J. Dong, J. Pan, Z. Su, M.-H. Yang, Blind Image Deblurring with Outlier Handling, "
        "ICCV 2017"
    )

    def prepared(self, observation: Tensor) -> tuple[Tensor, dict[str, Any]]:
        """Put the neighbourhood's median in place of impulses, and say what else not to trust.

        On coarse levels an impulse is spread over its neighbours before any residual could tell
        it, so impulses are replaced first; in the non-blind step they have no say, nor has a
        saturated pixel that is predicted brighter. The weights of ``octave/outlier_weight.m`` do
        the rest.

        Parameters
        ----------
        observation : Tensor, float32, shape (N, C, H, W), in [0, 1]

        Returns
        -------
        observation : Tensor, shape (N, C, H, W)
        settings : dict
            ``trusted`` and ``saturated``, float64 arrays of 0 and 1, shape (H, W, C, N).
        """
        found, median = find_impulses(observation)
        cleaned = torch.where(found, median, observation)
        masks = {"trusted": ~found, "saturated": cleaned >= 1 - END}
        return cleaned, {k: m.permute(2, 3, 1, 0).double().numpy() for k, m in masks.items()}
