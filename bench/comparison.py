"""Comparing two results folders, or the methods of one, image by image."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy.stats
from tabulate import tabulate

from bench.errors import BenchError
from bench.metrics import METRICS
from bench.statistics import Difference, paired_difference

GROUP = ["dataset", "condition", "method"]
SIGNIFICANCE = 0.05


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for having asked several questions at once (Holm's step-down method).

    Returns
    -------
    list of float
        In the order given, each at most 1.
    """
    order = np.argsort(p_values, kind="stable")
    adjusted, running = np.empty(len(p_values)), 0.0
    for rank, position in enumerate(order):
        running = max(running, (len(p_values) - rank) * p_values[position])
        adjusted[position] = min(1.0, running)
    return adjusted.tolist()


@dataclasses.dataclass(frozen=True)
class Change:
    """How a method's scores on a dataset differ between two folders.

    ``p_value`` is adjusted for all comparisons made together.
    """

    dataset: str
    condition: str
    method: str
    metric: str
    old: float
    new: float
    difference: Difference
    p_value: float

    @property
    def worse(self) -> bool:
        """Whether the new scores are the worse ones."""
        return (self.difference.mean < 0) == METRICS[self.metric].larger_is_better


def compare(
    old: pd.DataFrame, new: pd.DataFrame, metrics: Sequence[str] = ("psnr", "ssim")
) -> tuple[list[Change], int]:
    """Compare two tables of scores on the images that both have.

    Parameters
    ----------
    old, new : DataFrame
        As ``scores.read`` returns them.
    metrics : sequence of str

    Returns
    -------
    changes : list of Change
        One per dataset, condition, method and metric, significant or not; Holm's correction is
        over all of them.
    compared : int
        Pairs of images.

    Raises
    ------
    BenchError
        If the two have no image in common.
    """
    keys = [*GROUP, "image"]
    both = old[old["status"] == "ok"].merge(
        new[new["status"] == "ok"], on=keys, suffixes=("_old", "_new")
    )
    if both.empty:
        raise BenchError(
            "The two have no finished cell in common (same dataset, condition, method and image); "
            "run the same methods on the same images in both."
        )
    found = []
    for group, rows in both.groupby(GROUP, sort=True):
        for metric in metrics:
            pair = rows[[f"{metric}_old", f"{metric}_new", "kernel_id_new"]].dropna()
            before, after = (pair[f"{metric}_{side}"].to_numpy(float) for side in ("old", "new"))
            if len(pair) < 2 or not np.isfinite([before, after]).all():
                continue
            difference = paired_difference(after, before, pair["kernel_id_new"].tolist())
            found.append((group, metric, before.mean(), after.mean(), difference))
    adjusted = holm([item[-1].p_value for item in found])
    changes = [
        Change(str(a), str(b), str(c), metric, float(before), float(after), difference, p_value)
        for ((a, b, c), metric, before, after, difference), p_value in zip(
            found, adjusted, strict=True
        )
    ]
    return changes, len(both)


def markdown(changes: Sequence[Change]) -> str:
    """Lay out changes as a table."""
    return tabulate(
        [
            (
                change.dataset,
                change.condition,
                change.method,
                METRICS[change.metric].heading,
                f"{change.old:.3f}",
                f"{change.new:.3f}",
                f"{change.difference.mean:+.3f} "
                f"[{change.difference.low:+.3f}, {change.difference.high:+.3f}]",
                f"{change.p_value:.4f}",
                change.difference.n,
            )
            for change in changes
        ],
        headers=["dataset", "condition", "method", "metric", "old", "new", "change", "p", "n"],
        tablefmt="github",
        disable_numparse=True,
    )


def above(
    first: pd.Series, second: pd.Series, clusters: Sequence[str], margin: float = 0.0
) -> tuple[Difference, float]:
    """Test whether one method's scores are above another's by more than a margin.

    Parameters
    ----------
    first, second : Series
        Scores of the same images in the same order.
    clusters : sequence of str
        Kernel ids.
    margin : float

    Returns
    -------
    difference : Difference
        Of ``first − second``; its p-value is of the permutation test about the margin.
    wilcoxon : float
        p-value of Wilcoxon's signed-rank test about the margin, one-sided.
    """
    a, b = first.to_numpy(float), second.to_numpy(float)
    about = paired_difference(a - margin, b, clusters)
    # The permutation test is two-sided; the claim is one-sided.
    one_sided = about.p_value / 2 if about.mean > 0 else 1 - about.p_value / 2
    shifted = a - b - margin
    rank = scipy.stats.wilcoxon(shifted, alternative="greater").pvalue if np.any(shifted) else 1.0
    difference = dataclasses.replace(
        about,
        mean=about.mean + margin,
        low=about.low + margin,
        high=about.high + margin,
        p_value=one_sided,
    )
    return difference, float(rank)
