"""Compute the project's own metrics, which are found by looking."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Collection, Mapping

from torch import Tensor

import bench.metrics
from bench.metrics._base import Comparison, Metric
from bench.protocol import Alignment


@functools.cache
def classes() -> Mapping[str, type[Metric]]:
    """Import the project's own metrics: those in modules whose names begin with an underscore."""
    for module in pkgutil.iter_modules(bench.metrics.__path__):
        if module.name.startswith("_"):
            importlib.import_module(f"{bench.metrics.__name__}.{module.name}")
    inside = f"{bench.metrics.__name__}."
    found = [kind for kind in Metric.__subclasses__() if kind.__module__.startswith(inside)]
    return {kind.name: kind for kind in sorted(found, key=lambda kind: kind.place)}


def score(
    image: Tensor,
    kernel: Tensor | None,
    truth_image: Tensor,
    truth_kernel: Tensor,
    alignment: Alignment,
    names: Collection[str] | None = None,
) -> dict[str, Tensor]:
    """Score restorations by all of the project's metrics, or some.

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
    return measure(Comparison(image, kernel, truth_image, truth_kernel, alignment), names)


def measure(comparison: Comparison, names: Collection[str] | None = None) -> dict[str, Tensor]:
    """Compute all of the project's metrics of a comparison, or some, as :func:`score` does."""
    return {
        name: kind().compute(comparison)
        if kind.needs_truth == comparison.has_truth
        else comparison.nothing
        for name, kind in classes().items()
        if names is None or name in names
    }
