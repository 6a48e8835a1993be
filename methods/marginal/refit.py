"""``marginal-refit``: as ``marginal-both``, and the kernels fitted to the learned step's image."""

from __future__ import annotations

from typing import ClassVar

from bench.methods.marginal.both import MarginalBoth
from bench.methods.marginal.steps import REFIT


class MarginalRefit(MarginalBoth):
    """Restores, fits the kernels to the image, restores with those, and mixes both images.

    The evidence takes images for Gaussian; the learned step knows better what they look like, and
    a kernel that explains the observation by its image is nearer to the true one. It is one turn of
    alternating minimisation with a learned image step.

    Parameters are those of :class:`bench.methods.marginal.both.MarginalBoth`.
    """

    title: ClassVar[str] = "Marginal likelihood, refitted kernels"
    step: ClassVar[str] = REFIT
