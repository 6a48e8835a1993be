"""How a restoration is scored: one module per metric, found by looking.

All metrics take batches of images in [0, 1] and return one number per image. To add one, put a
module next to the others whose name begins with an underscore and define a subclass of
:class:`Metric` in it, or name the class of an installed package under the entry points
``bench.metrics``: the score table gains its column.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import pkgutil
import sys
from collections.abc import Collection, Iterator

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
    found = {metric.name: metric for metric in sorted(own, key=lambda metric: metric.place)}
    for metric in _installed():
        if found.setdefault(metric.name, metric) is not metric:
            print(f"bench: a second metric {metric.name!r} is left out.", file=sys.stderr)
    return found


def _installed() -> Iterator[Metric]:
    """Make the metrics of installed packages; one that cannot be had costs a line."""
    for point in importlib.metadata.entry_points(group="bench.metrics"):
        try:
            kind = point.load()
            if not (inspect.isclass(kind) and issubclass(kind, Metric)):
                raise TypeError("it is no subclass of bench.metrics.Metric")
            metric = kind()
            text = (metric.name, metric.heading, metric.version, metric.unit)
            if not all(isinstance(value, str) for value in text):
                raise TypeError("its name, heading, version and unit have to be texts")
            yield metric
        except (Exception, SystemExit) as error:  # other people's code may raise anything
            print(f"bench: the metric {point.name} is left out: {error}", file=sys.stderr)


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
        name: _computed(metric, comparison)
        if metric.needs_truth == comparison.has_truth
        else comparison.nothing
        for name, metric in METRICS.items()
        if names is None or name in names
    }


def _computed(metric: Metric, comparison: Comparison) -> Tensor:
    """Compute a metric; an installed package's that raises or errs costs its own column alone."""
    if type(metric).__module__.startswith(f"{__name__}."):
        return metric.compute(comparison)
    try:
        found = metric.compute(comparison)
        if found.shape != comparison.nothing.shape:
            raise ValueError(f"it gave shape {tuple(found.shape)}, not one number per image")
        return found.double()
    except Exception as error:  # other people's code may raise anything
        print(f"bench: the metric {metric.name} has no scores: {error}", file=sys.stderr)
        return comparison.nothing
