"""Markdown tables of scores: every mean with its n and its interval, never over missing cells."""

from __future__ import annotations

import numpy as np
import pandas as pd
from tabulate import tabulate

from bench.errors import BenchError
from bench.harness import interview
from bench.harness.guests import dataset_class
from bench.metrics import METRICS
from bench.protocol import Status
from bench.registry import METHODS
from bench.report.remarks import escape, method_order, mixed, remarks
from bench.report.statistics import bootstrap_mean

KIND_NOTES = {
    "oracle": "oracle: is given the truth",
    "replay": "replay: the authors' own outputs",
}


def markdown(frame: pd.DataFrame) -> str:
    """Lay out scores as Markdown, one table per dataset and condition.

    Parameters
    ----------
    frame : DataFrame
        As ``scores.collect`` or ``scores.read`` returns it.

    Returns
    -------
    str
        Means over images with n and a 95 % bootstrap interval. Where cells are missing the mean
        is withheld and ``n/N`` stands in its place, with the reasons below the table.
    """
    if frame.empty:
        raise BenchError("There are no cells to tabulate; start a run first.")
    sections = []
    for (dataset, condition), group in frame.groupby(["dataset", "condition"], sort=True):
        title = f"## {dataset}, {condition}"
        sections.append(
            "\n\n".join([escape(title), *_notice(str(dataset)), _table(group), *remarks(group)])
        )
    explanation = (
        "Means over images with their 95 % bootstrap intervals; arrows say which way is better. "
        "*PSNR centred* is taken after recentring image and kernel jointly, without the truth. "
        "Seconds are per image, amortised over a batch, on the machine that `provenance.json` "
        "names. *n/N* in place of a mean: cells are missing, and nothing is averaged over them."
    )
    return "\n\n".join(["# Scores", explanation, *sections]) + "\n"


def _table(group: pd.DataFrame) -> str:
    metrics = [name for name in METRICS if name in group]
    headings = [
        f"{METRICS[name].heading} {'↑' if METRICS[name].larger_is_better else '↓'}"
        for name in metrics
    ]
    lines = []
    for method in method_order(dict(zip(group["method"], group["kind"], strict=True))):
        rows = group[group["method"] == method]
        found = rows[rows["status"] == Status.OK]
        n, wanted = len(found), len(rows)
        whole = 0 < n == wanted and not mixed(rows)
        missing = "–" if (rows["status"] == Status.NOT_APPLICABLE).all() else f"{n}/{wanted}"
        line = [escape(method), f"{n}" if whole else missing]
        line += [_mean(found[name], METRICS[name].table_digits, whole, missing) for name in metrics]
        timed = whole and rows["kind"].iloc[0] != "replay" and found["seconds"].notna().all()
        line += [f"{found['seconds'].mean():.2g}" if timed else "–", escape(_knows(method, rows))]
        lines.append(line)
    return tabulate(
        lines,
        headers=["method", "n", *headings, "s/image", "is told or has learned"],
        tablefmt="github",
        disable_numparse=True,
    )


def _mean(values: pd.Series, digits: int, complete: bool, missing: str) -> str:
    if not complete:
        return missing
    if values.isna().any():
        return "–"
    if exact := int(np.isinf(values.astype(float)).sum()):
        if exact == len(values):
            return "∞"
        rest = values[np.isfinite(values.astype(float))].mean()
        return f"∞ ({exact} of {len(values)} exact, else {rest:.{digits}f})"
    mean, low, high = bootstrap_mean(values.to_numpy(dtype=float))
    return f"{mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def _knows(method: str, rows: pd.DataFrame) -> str:
    kind = str(rows["kind"].iloc[0])
    if kind in KIND_NOTES:
        return KIND_NOTES[kind]
    name = method.partition("[")[0]
    if name not in METHODS.entries:  # restored elsewhere, or by a plugin that is gone
        return f"origin: {rows['origin'].iloc[0]}"
    try:
        return interview.knowledge(method)
    except BenchError:
        return "?"


def _notice(dataset: str) -> list[str]:
    try:
        notice = dataset_class(dataset).notice
    except BenchError:  # a table outlives the plugin that brought its dataset
        return []
    return [notice] if notice else []
