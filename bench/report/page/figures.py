"""Numbers of the sweeps' charts: means with intervals over what was varied, per dataset."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bench.harness.columns import METRICS
from bench.registry import DATASETS
from bench.report.names import method_order
from bench.report.sweeps import AXES, points


def charts(cells: pd.DataFrame, sweep: str) -> list[dict[str, Any]]:
    """Summarise a sweep, one chart per dataset.

    Parameters
    ----------
    cells : DataFrame
        From :func:`bench.report.sweeps.find`.
    sweep : str
        Its name.

    Returns
    -------
    list of dict
        With ``sweep``, ``dataset``, ``label`` and ``curves``: by method ``x``, ``n``, ``short``
        (points left out since cells are missing) and for every metric ``[mean, low, high]``.
    """
    found = points(cells)
    order = [name for name in DATASETS.names() if name in set(found["dataset"])]
    order += sorted(set(found["dataset"]) - set(order))
    kinds = dict(zip(cells["method"], cells["kind"], strict=True))
    charts = []
    for dataset in order:
        here = found[found["dataset"] == dataset]
        there = method_order({m: kinds[m] for m in set(here["method"])})
        curves = [_curve(here[here["method"] == method], method) for method in there]
        label = AXES[sweep].label
        charts.append({"sweep": sweep, "dataset": dataset, "label": label, "curves": curves})
    return charts


def _curve(rows: pd.DataFrame, method: str) -> dict[str, Any]:
    """Return the means at every point whose cells are all there: nothing is averaged over missing
    ones."""
    metrics = list(dict.fromkeys(rows["metric"]))
    curve: dict[str, Any] = {"method": method, "x": [], "n": [], "short": []}
    curve |= {metric: [] for metric in metrics}
    for value, point in rows.groupby("value", sort=True):
        first = point.iloc[0]
        if point["mean"].isna().any():
            curve["short"].append([value, int(first["n"]), int(first["planned"])])
            continue
        curve["x"].append(value)
        curve["n"].append(int(first["n"]))
        for row in point.to_dict("records"):
            digits = METRICS[row["metric"]].table_digits + 1
            triple = [round(row[name], digits) for name in ("mean", "low", "high")]
            curve[row["metric"]].append(triple)
    return curve
