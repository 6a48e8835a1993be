"""Scores by image of every view, and every two methods compared on the same images.

The page shows what is computed here and computes nothing itself, so that its intervals are those
that ``bench compare`` prints.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bench.harness.columns import METRICS
from bench.protocol import Status
from bench.report.ranking import RANKED
from bench.report.statistics import bootstrap_means, by_cluster, flip_signs
from bench.report.summary import Row, Summary, View, clusters_of

FEWEST = 2
"""Images, and methods, that a view needs for a comparison."""
MOST = 40
"""Methods of a view that are compared: pairs grow with their square."""
MOST_SCORES = 200_000
"""Scores of one metric, of all views together, that the page holds."""


def encode(summary: Summary, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Lay out what the page needs to compare two methods.

    Parameters
    ----------
    summary : Summary
    ids : sequence of str
        What the page calls the views, in the summary's order.

    Returns
    -------
    list of dict
        Per view that holds at least two methods on all of at least two images: ``view`` (its id),
        ``images``, ``clusters`` (independent groups of images), ``left_out`` (which methods are
        compared, if not all) and ``metrics``. These hold, by metric, ``methods``, ``scores`` (a
        list per method, in the order of ``images``) and ``pairs``: of all methods *i* < *j* in
        order, ``[mean, low, high, p]`` of *i* − *j*.
    """
    room = MOST_SCORES // max(1, len(summary.views))
    found = [_view(view, name, room) for view, name in zip(summary.views, ids, strict=True)]
    return [entry for entry in found if entry["metrics"]]


def _view(view: View, name: str, room: int) -> dict[str, Any]:
    rows = [row for row in view.rows if row.comparable]
    most = min(MOST, room // max(1, view.images))
    best = {row.method for row in sorted(rows, key=_rank)[:most]}
    whole = [row.method for row in rows if row.method in best]
    done = view.cells[(view.cells["status"] == Status.OK) & view.cells["method"].isin(whole)]
    images = sorted(set(done["image"]))
    metrics: dict[str, Any] = {}
    groups: list[Hashable] | None = None
    if min(len(images), len(whole)) >= FEWEST:
        first = done[done["method"] == whole[0]].sort_values("image")
        groups = clusters_of(first)
        metrics = {
            metric: table
            for metric in METRICS
            if metric in done and (table := _metric(done, metric, whole, groups))
        }
    count = len(images) if groups is None else len(set(groups))
    left_out = ""
    if len(whole) < len(rows):
        left_out = f"of {len(rows)} methods the {len(whole)} with the best {RANKED.upper()}."
    about = {"view": name, "images": images, "clusters": count, "left_out": left_out}
    return {**about, "metrics": metrics}


def _rank(row: Row) -> tuple[bool, float]:
    """Sort the best first; whatever has no value is last."""
    mean = row.means[RANKED]
    return not mean.known, float("-inf") if mean.exact else -mean.value


def _metric(
    done: pd.DataFrame, metric: str, whole: Sequence[str], groups: list[Hashable] | None
) -> dict[str, Any] | None:
    """Return the scores and pairs of the methods that have a finite value for every image."""
    table = done.pivot(index="image", columns="method", values=metric).sort_index()
    scores = table[list(whole)].to_numpy(dtype=float)
    finite = np.isfinite(scores).all(axis=0)
    values = scores[:, finite]
    if values.shape[1] < FEWEST:
        return None
    first, second = np.triu_indices(values.shape[1], 1)
    differences = values[:, first] - values[:, second]
    mean, low, high = bootstrap_means(differences, groups)
    p_values = flip_signs(by_cluster(differences, groups)[0])
    digits = METRICS[metric].digits
    columns = [column.round(digits).tolist() for column in (mean, low, high)]
    return {
        "methods": [method for method, is_known in zip(whole, finite, strict=True) if is_known],
        "scores": values.round(digits).T.tolist(),
        "pairs": [list(row) for row in zip(*columns, p_values.round(4).tolist(), strict=True)],
    }
