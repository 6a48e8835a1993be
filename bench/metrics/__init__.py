"""How a restoration is scored: one module per metric, found by looking.

All metrics take batches of images in [0, 1] and return one number per image. To add one, put a
module beside the others whose name begins with an underscore and define a subclass of
:class:`Metric` in it: the score table gains its column.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection

from torch import Tensor

from bench.metrics._base import Comparison, Metric
from bench.metrics._gmsd import gmsd
from bench.metrics._kernel_similarity import kernel_similarity
from bench.metrics._naturalness import naturalness
from bench.metrics._psnr import psnr
from bench.metrics._sharpness import sharpness_index
from bench.metrics._ssim import ssim, ssim_rgb
from bench.protocol import Alignment

__all__ = [
    "METRICS",
    "Comparison",
    "Metric",
    "gmsd",
    "kernel_similarity",
    "naturalness",
    "psnr",
    "score",
    "sharpness_index",
    "ssim",
    "ssim_rgb",
]


def _found() -> dict[str, Metric]:
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    own = [kind() for kind in Metric.__subclasses__() if kind.__module__.startswith(__name__)]
    return {metric.name: metric for metric in sorted(own, key=lambda metric: metric.place)}


METRICS: dict[str, Metric] = _found()
"""All metrics by name, in the order of the table's columns."""


def score(
    image: Tensor,
    kernel: Tensor | None,
    truth_image: Tensor,
    truth_kernel: Tensor,
    alignment: Alignment,
    names: Collection[str] | None = None,
) -> dict[str, Tensor]:
    """Score restorations by all metrics, or some.

    Parameters
    ----------
    image, truth_image : Tensor, shape (N, C, H, W), in [0, 1]
        A truth that nobody knows is NaN throughout.
    kernel : Tensor or None, shape (N, a, b)
    truth_kernel : Tensor, shape (N, c, d)
    alignment : Alignment
        How images are registered before they are compared.
    names : collection of str, optional
        Of the metrics to compute; None computes all.

    Returns
    -------
    dict of str to Tensor, shape (N,)
        By name; NaN where a metric needs a kernel and there is none, where it needs the truth and
        that is unknown, and where it needs none and there is one.
    """
    comparison = Comparison(image, kernel, truth_image, truth_kernel, alignment)
    return {
        name: metric.compute(comparison)
        if metric.needs_truth == comparison.has_truth
        else comparison.nothing
        for name, metric in METRICS.items()
        if names is None or name in names
    }
