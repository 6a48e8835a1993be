"""What the page's tables say: one view per dataset and condition, and the overview of them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

from bench.files import slug
from bench.harness.columns import METRICS
from bench.report import layout
from bench.report.names import method_order, prior_information
from bench.report.ranking import RANKED
from bench.report.summary import Mean, Row, Summary, View

CODE = re.compile(r"`([^`]*)`")
STRONG = re.compile(r"\*\*([^*]*)\*\*")


def views(summary: Summary) -> list[dict[str, Any]]:
    """Lay every view out for the page.

    Returns
    -------
    list of dict
        With ``id``, ``dataset``, ``condition``, ``title``, ``notice``, ``label``, ``claim``,
        ``rows``, ``marks`` (by method, in HTML) and ``axis``, the range that all PSNR intervals of
        the view fit in.
    """
    found = []
    for view, name in zip(summary.views, labels(summary.views), strict=True):
        lines = [_row(row, summary.metrics) for row in view.rows]
        means = [row.means[RANKED] for row in view.rows]
        ends = [end for mean in means if mean.low == mean.low for end in (mean.low, mean.high)]
        found.append(
            {
                "id": slug(f"view-{view.dataset}-{view.condition}"),
                "dataset": view.dataset,
                "condition": view.condition,
                "label": name,
                "title": view.title,
                "notice": view.notice,
                "claim": view.claim,
                "images": view.images,
                "clustered": view.clustered,
                "kernels": view.kernels,
                "rows": lines,
                "marks": [(mark.method, _html(mark.markdown)) for mark in view.marks],
                "axis": (math.floor(min(ends)), math.ceil(max(ends) + 1e-9)) if ends else (0, 1),
            }
        )
    return found


def labels(views: Sequence[View]) -> list[str]:
    """Name views apart: by their data set, and by whatever its conditions do not share."""
    parts = [view.condition.split(", ") for view in views]
    names = []
    for view, own in zip(views, parts, strict=True):
        same = [p for v, p in zip(views, parts, strict=True) if v.dataset == view.dataset]
        apart = [part for part in own if not all(part in other for other in same)]
        names.append(", ".join([view.dataset, *apart]))
    return names


def overview(summary: Summary, laid_out: list[dict[str, Any]]) -> dict[str, Any]:
    """Lay the views out as the paper's Table 1: a row per method, columns per dataset."""
    shown = layout.shown(summary)
    by_view = dict(zip(map(id, summary.views), laid_out, strict=True))
    columns = [by_view[id(view)] for view in shown]
    lines = [{row["method"]: row for row in column["rows"]} for column in columns]
    kinds = {name: row["kind"] for rows in lines for name, row in rows.items()}
    rows = [
        {
            "method": method,
            "kind": kinds[method],
            "cells": [beside(found.get(method)) for found in lines],
        }
        for method in method_order(kinds)
    ]
    return {"columns": columns, "rows": rows}


def beside(row: dict[str, Any] | None) -> dict[str, Any] | None:
    """Withhold a mean over fewer images than those that it stands next to."""
    if row is None or row["comparable"] or not row["complete"]:
        return row
    return {**row, "means": dict.fromkeys(row["means"]), "complete": False}


def _row(row: Row, metrics: tuple[str, ...]) -> dict[str, Any]:
    return {
        "method": row.method,
        "kind": row.kind,
        "n": row.n,
        "missing": row.count,
        "complete": row.state == "whole",
        "comparable": row.comparable,
        "leading": row.leading is True,
        "best": row.leading is True and row.behind == 0,
        "means": {name: _mean(row.means[name], name) for name in metrics},
        "seconds": row.seconds,
        "contended": row.contended,
        "marks": [mark.short for mark in row.marks if mark.short],
        "knows": prior_information(row.method, row.kind, row.origin),
    }


def _mean(mean: Mean, metric: str) -> dict[str, Any] | None:
    if not mean.known:
        return None
    digits = METRICS[metric].table_digits
    if mean.exact:
        return {"text": "∞", "value": 1e9, "interval": "", "low": None, "high": None}
    return {
        "text": f"{mean.value:.{digits}f}",
        "interval": f"[{mean.low:.{digits}f}, {mean.high:.{digits}f}]",
        "value": mean.value,
        "low": mean.low,
        "high": mean.high,
    }


def _html(text: str) -> Markup:
    """Turn the few marks of Markdown that sentences use into HTML."""
    safe = str(escape(text.replace("&lt;", "<").replace(r"\|", "|")))
    safe = CODE.sub(r"<code>\1</code>", safe)
    return Markup(STRONG.sub(r"<strong>\1</strong>", safe))


def view_of(summary: Summary, dataset: str, condition: str) -> View | None:
    """Find a view."""
    same = [v for v in summary.views if (v.dataset, v.condition) == (dataset, condition)]
    return same[0] if same else None
