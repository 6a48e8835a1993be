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
from bench.report.statistics import bootstrap_means, by_cluster, flip_signs
from bench.report.summary import Summary, View, clusters_of

FEWEST = 2
"""Images, and methods, that a view needs for a comparison."""


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
        ``images``, ``clusters`` (independent groups of images) and ``metrics``. These hold, by
        metric, ``methods``, ``scores`` (a list per method, in the order of ``images``) and
        ``pairs``: of all methods *i* < *j* in order, ``[mean, low, high, p]`` of *i* − *j*.
    """
    found = [_view(view, name) for view, name in zip(summary.views, ids, strict=True)]
    return [entry for entry in found if entry["metrics"]]


def _view(view: View, name: str) -> dict[str, Any]:
    whole = [row.method for row in view.rows if row.comparable]
    done = view.cells[(view.cells["status"] == Status.OK) & view.cells["method"].isin(whole)]
    images = sorted(set(done["image"]))
    metrics: dict[str, Any] = {}
    groups: list[Hashable] | None = None
    if len(images) >= FEWEST:
        first = done[done["method"] == whole[0]].sort_values("image")
        groups = clusters_of(first)
        metrics = {
            metric: table
            for metric in METRICS
            if metric in done and (table := _metric(done, metric, whole, groups))
        }
    count = len(images) if groups is None else len(set(groups))
    return {"view": name, "images": images, "clusters": count, "metrics": metrics}


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
