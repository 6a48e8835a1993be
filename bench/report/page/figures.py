"""Numbers of the sweeps' charts: means with intervals over what was varied, per dataset."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bench.protocol import Status
from bench.registry import DATASETS
from bench.report.remarks import method_order
from bench.report.statistics import bootstrap_mean

METRICS = {"psnr": 3, "ssim": 4}
"""Metrics that a chart can show, and the digits the page keeps of each."""


def charts(frame: pd.DataFrame, sweep: str, column: str, label: str) -> list[dict[str, Any]]:
    """Summarise a sweep, one chart per dataset.

    Parameters
    ----------
    frame : DataFrame
        As ``scores.read`` returns it.
    sweep : str
        Its name.
    column : str
        What was varied; rows without a value are left out.
    label : str
        Of the axis.

    Returns
    -------
    list of dict
        With ``sweep``, ``dataset``, ``label`` and ``curves``: by method ``x``, ``n``, ``short``
        (points left out since cells are missing) and for every metric ``[mean, low, high]``.
    """
    frame = frame[frame[column].notna()]
    order = [name for name in DATASETS.names() if name in set(frame["dataset"])]
    order += sorted(set(frame["dataset"]) - set(order))
    found = []
    for dataset in order:
        group = frame[frame["dataset"] == dataset]
        kinds = dict(zip(group["method"], group["kind"], strict=True))
        curves = [
            _curve(group[group["method"] == method], method, column)
            for method in method_order(kinds)
        ]
        curves = [curve for curve in curves if curve["x"] or curve["short"]]
        found.append({"sweep": sweep, "dataset": dataset, "label": label, "curves": curves})
    return found


def _curve(rows: pd.DataFrame, method: str, column: str) -> dict[str, Any]:
    """Means at every point whose cells are all there: nothing is averaged over missing ones."""
    curve: dict[str, Any] = {"method": method, "x": [], "n": [], "short": []}
    curve |= {metric: [] for metric in METRICS}
    for value, point in rows.groupby(column, sort=True):
        shown = round(float(value) * 100, 4) if column == "noise" else int(value)  # type: ignore[arg-type]
        done = point[point["status"] == Status.OK]
        if (point["status"] == Status.NOT_APPLICABLE).all():
            continue
        if len(done) < len(point) or done[list(METRICS)].isna().to_numpy().any():
            curve["short"].append([shown, len(done), len(point)])
            continue
        # Several seeds of an image are no independent images.
        clusters = list(done["image"]) if done["seed"].nunique() > 1 else None
        curve["x"].append(shown)
        curve["n"].append(len(done))
        for metric, digits in METRICS.items():
            triple = bootstrap_mean(done[metric].to_numpy(dtype=float), clusters=clusters)
            curve[metric].append([round(number, digits) for number in triple])
    return curve
