"""Leading groups: which methods are not significantly worse than the best."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bench.harness.introductions import DatasetIntroduction
from bench.report.statistics import above, holm

RANKED = "psnr"
"""The metric that leading groups are of."""
MARGIN = 0.1
"""Decibels that do not count as a difference."""
SIGNIFICANCE = 0.05
FEWEST = 20
"""Images, and kernels, below which no leading group is claimed."""


def objection(images: int, kernels: int, ranked: int, dataset: DatasetIntroduction | None) -> str:
    """Say why no leading group can be claimed.

    Parameters
    ----------
    images, kernels, ranked : int
        Their numbers; methods are ranked that have scores on all images.
    dataset : type of Dataset or None
        None if it is gone.

    Returns
    -------
    str
        "" if one can be claimed.
    """
    if dataset is not None and dataset.truth_unknown:
        return "there is no truth to be near to"
    if dataset is not None and dataset.in_range:
        return "a generator that methods use drew these images, so they do not rank methods"
    if ranked < 2:
        return "fewer than two blind methods have scores on all images"
    if images < FEWEST:
        return f"{images} images are too few to claim one (at least {FEWEST})"
    if 0 < kernels < min(images, FEWEST):
        return f"{images} images share {kernels} kernels, too few to claim one (at least {FEWEST})"
    return ""


def leading_group(ranked: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, Any]]:
    """Test every method against the best one, image by image.

    Parameters
    ----------
    ranked : Mapping
        From a method to its cells, all of the same images in the same order.

    Returns
    -------
    dict
        By method: ``leading``, ``behind`` and, but for the best, ``p_permutation``, ``p_holm`` and
        ``p_wilcoxon``.
    """
    if not ranked:
        return {}
    best = max(ranked, key=lambda method: ranked[method][RANKED].mean())
    others = [method for method in ranked if method != best]
    top = ranked[best]
    kernels = top["kernel_id"].tolist()
    named = all(isinstance(kernel, str) and kernel for kernel in kernels)
    clusters = kernels if named else top["image"].tolist()
    tests = {m: above(top[RANKED], ranked[m][RANKED], clusters, MARGIN) for m in others}
    adjusted = holm([tests[method][0].p_value for method in others])
    found: dict[str, dict[str, Any]] = {best: {"leading": True, "behind": 0.0}}
    for method, p_holm in zip(others, adjusted, strict=True):
        difference, wilcoxon = tests[method]
        found[method] = {
            "leading": p_holm >= SIGNIFICANCE,
            "behind": difference.mean,
            "p_permutation": difference.p_value,
            "p_holm": p_holm,
            "p_wilcoxon": wilcoxon,
        }
    return found
