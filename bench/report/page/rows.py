"""What the page's tables say: one view per dataset and condition, and Table 1 over datasets."""

from __future__ import annotations

import collections
import math
from typing import Any

import pandas as pd

from bench.errors import BenchError
from bench.harness import interview
from bench.harness.guests import dataset_class
from bench.protocol import Status
from bench.registry import DATASETS
from bench.report.remarks import method_order, twins
from bench.report.statistics import bootstrap_mean
from bench.report.tables import KIND_NOTES

DIGITS = {"psnr": 2, "ssim": 3}


def views(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Summarise every dataset and condition.

    Parameters
    ----------
    frame : DataFrame
        As ``scores.read`` returns it.

    Returns
    -------
    list of dict
        With ``id``, ``dataset``, ``condition``, ``title``, ``notice``, ``rows``, ``reasons`` and
        ``axis``, the range that all PSNR intervals of the view fit in.
    """
    known = {name: position for position, name in enumerate(DATASETS.names())}
    keys = sorted(
        {tuple(key) for key in frame[["dataset", "condition"]].itertuples(index=False)},
        key=lambda key: (known.get(key[0], len(known)), *key),
    )
    found = []
    for number, (dataset, condition) in enumerate(keys):
        group = frame[(frame["dataset"] == dataset) & (frame["condition"] == condition)]
        kinds = dict(zip(group["method"], group["kind"], strict=True))
        lines = [_row(group[group["method"] == name], name) for name in method_order(kinds)]
        title, notice = _about(dataset)
        ends = [
            end
            for line in lines
            if line["psnr"] and math.isfinite(line["psnr"]["high"])
            for end in (line["psnr"]["low"], line["psnr"]["high"])
        ]
        found.append(
            {
                "id": f"view-{number}",
                "dataset": dataset,
                "condition": condition,
                "title": title,
                "notice": notice,
                "rows": lines,
                "reasons": _reasons(group),
                "twins": twins(group),
                "axis": (math.floor(min(ends)), math.ceil(max(ends) + 1e-9)) if ends else (0, 1),
            }
        )
    several = collections.Counter(view["dataset"] for view in found)
    for view in found:
        alone = several[view["dataset"]] == 1
        view["label"] = view["dataset"] if alone else f"{view['dataset']}, {view['condition']}"
    return found


def overview(all_views: list[dict[str, Any]]) -> dict[str, Any]:
    """Lay the views out as the paper's Table 1: a row per method, a column per dataset.

    A dataset with a notice (generated images, which do not rank methods) has no column, and of
    several conditions the first stands.
    """
    columns: dict[str, dict[str, Any]] = {}
    for view in all_views:
        if not view["notice"]:
            columns.setdefault(view["dataset"], view)
    lines = {name: {row["method"]: row for row in view["rows"]} for name, view in columns.items()}
    kinds = {name: row["kind"] for rows in lines.values() for name, row in rows.items()}
    table = [
        {
            "method": method,
            "kind": kinds[method],
            "cells": [lines[dataset].get(method) for dataset in columns],
        }
        for method in method_order(kinds)
    ]
    return {"columns": list(columns.values()), "rows": table}


def knows(method: str, kind: str) -> str:
    """What a method is told or has learned; oracles and replays say what they are."""
    if kind in KIND_NOTES:
        return KIND_NOTES[kind]
    try:
        return interview.knowledge(method)
    except BenchError:  # the scores may be of a plugin that is not installed here
        return "?"


def _row(rows: pd.DataFrame, method: str) -> dict[str, Any]:
    kind = str(rows["kind"].iloc[0])
    found = rows[rows["status"] == Status.OK]
    complete = 0 < len(found) == len(rows)
    not_applicable = bool((rows["status"] == Status.NOT_APPLICABLE).all())
    return {
        "method": method,
        "kind": kind,
        "n": len(found),
        "wanted": len(rows),
        "missing": "–" if not_applicable else f"{len(found)}/{len(rows)}",
        "complete": complete,
        "psnr": _interval(found["psnr"]) if complete else None,
        "ssim": _interval(found["ssim"]) if complete else None,
        "seconds": _seconds(found) if complete and kind != "replay" else None,
        "knows": knows(method, kind),
    }


def _seconds(found: pd.DataFrame) -> float | None:
    """Mean seconds per image; None of what was restored elsewhere, which nobody timed."""
    return float(found["seconds"].mean()) if found["seconds"].notna().all() else None


def _interval(values: pd.Series) -> dict[str, float] | None:
    if values.isna().any():
        return None
    if math.isinf(values.max()):
        return dict.fromkeys(("mean", "low", "high"), math.inf)
    return dict(
        zip(("mean", "low", "high"), bootstrap_mean(values.to_numpy(dtype=float)), strict=True)
    )


def _about(dataset: str) -> tuple[str, str]:
    try:
        found = dataset_class(dataset)
    except BenchError:
        return "", ""
    return found.title.rstrip("."), found.notice


def _reasons(group: pd.DataFrame) -> list[dict[str, Any]]:
    lost = group[group["status"] != Status.OK]
    texts = lost["reason"].fillna("")
    counts = collections.Counter(zip(lost["method"], lost["status"], texts, strict=True))
    return [
        {"method": method, "status": status, "reason": reason, "count": count}
        for (method, status, reason), count in sorted(counts.items())
    ]
