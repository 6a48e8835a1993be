"""``marginal-tv``: the kernel of the largest evidence, and total-variation deconvolution."""

from __future__ import annotations

from typing import ClassVar

from bench.methods.marginal.method import Marginal


class MarginalTV(Marginal):
    """Kernel by marginal likelihood, image by total variation.

    Parameters are those of :class:`bench.methods.marginal.method.Marginal`.
    """

    title = "Marginal likelihood, total variation"
    step: ClassVar[str] = "tv"
