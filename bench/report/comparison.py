"""Comparing two results folders, or the methods of one, image by image."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd
from tabulate import tabulate

from bench.errors import BenchError
from bench.harness.columns import METRICS
from bench.protocol import Status
from bench.report.statistics import Difference, holm, paired_difference

GROUP = ["dataset", "condition", "method"]
SIGNIFICANCE = 0.05


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


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What two tables of scores have in common, and how they differ.

    Attributes
    ----------
    changes : list of Change
        One per dataset, condition, method and metric, significant or not; Holm's correction is
        over all of them.
    pairs : int
        Pairs of images.
    notices : list of str
        What no mean can say: images restored exactly on one side only, and pairs that are left
        out.
    lost : bool
        Whether an image has become worse in a way that no mean can say.
    """

    changes: list[Change]
    pairs: int
    notices: list[str]
    lost: bool

    @property
    def worse(self) -> bool:
        """Whether the new scores are worse somewhere."""
        significant = [change for change in self.changes if change.p_value < SIGNIFICANCE]
        return self.lost or any(change.worse for change in significant)


def compare(
    old: pd.DataFrame, new: pd.DataFrame, metrics: Sequence[str] = ("psnr", "ssim")
) -> Comparison:
    """Compare two tables of scores on the images that both have.

    Parameters
    ----------
    old, new : DataFrame
        As ``scores.read`` returns them.
    metrics : sequence of str

    Returns
    -------
    Comparison

    Raises
    ------
    BenchError
        If the two have no image in common.
    """
    keys = [*GROUP, "image"]
    both = old[old["status"] == Status.OK].merge(
        new[new["status"] == Status.OK], on=keys, suffixes=("_old", "_new")
    )
    if both.empty:
        raise BenchError(
            "The two have no finished cell in common (same dataset, condition, method and image); "
            "run the same methods on the same images in both."
        )
    found, notices, lost = [], [], False
    for group, rows in both.groupby(GROUP, sort=True):
        for metric in metrics:
            before, after = (rows[f"{metric}_{side}"].to_numpy(float) for side in ("old", "new"))
            left_out, worse = _left_out(before, after, METRICS[metric].larger_is_better)
            finite = np.isfinite(before) & np.isfinite(after)
            if finite.sum() < 2 and not (np.isnan(before) & np.isnan(after)).all():
                left_out.append(f"{finite.sum()} finite pairs are too few to compare")
            lost |= worse
            if left_out:
                name = f"{' / '.join(map(str, group))}, {METRICS[metric].label}"
                notices.append(f"{name}: {'; '.join(left_out)}.")
            if finite.sum() < 2:
                continue
            before, after = before[finite], after[finite]
            clusters = rows["kernel_id_new"][finite].tolist()
            difference = paired_difference(after, before, clusters)
            found.append((group, metric, before.mean(), after.mean(), difference))
    adjusted = holm([item[-1].p_value for item in found])
    changes = [
        Change(str(a), str(b), str(c), metric, float(before), float(after), difference, p_value)
        for ((a, b, c), metric, before, after, difference), p_value in zip(
            found, adjusted, strict=True
        )
    ]
    return Comparison(changes, len(both), notices, lost)


def _left_out(
    before: np.ndarray, after: np.ndarray, larger_is_better: bool
) -> tuple[list[str], bool]:
    """Say which pairs have no difference that is a number, and whether one is for the worse."""
    lost = np.isnan(after) & ~np.isnan(before)
    fell = (after < before) if larger_is_better else (after > before)
    lost |= fell & (np.isinf(before) | np.isinf(after))
    counts = {
        "exact in both": (np.isinf(before) & (before == after)).sum(),
        "exact only in the old": (np.isposinf(before) & (after != before)).sum(),
        "exact only in the new": (np.isposinf(after) & (after != before)).sum(),
        "without a value in the old": (np.isnan(before) & ~np.isnan(after)).sum(),
        "without a value in the new": (np.isnan(after) & ~np.isnan(before)).sum(),
    }
    texts = [f"{count} of {len(before)} images {what}" for what, count in counts.items() if count]
    return texts, bool(lost.any())


def markdown(changes: Sequence[Change]) -> str:
    """Lay out changes as a table."""
    return tabulate(
        [
            (
                change.dataset,
                change.condition,
                change.method,
                METRICS[change.metric].label,
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
