"""Markdown tables of scores: every mean with its n and its interval, never over missing cells."""

from __future__ import annotations

import collections
import math
from collections.abc import Mapping

import pandas as pd
from tabulate import tabulate

from bench import interview
from bench.errors import BenchError
from bench.metrics import METRICS
from bench.registry import DATASETS, METHODS
from bench.statistics import bootstrap_mean

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
            "\n\n".join([title, *_notice(str(dataset)), _table(group), *_reasons(group)])
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
        found = rows[rows["status"] == "ok"]
        n, wanted = len(found), len(rows)
        missing = "–" if (rows["status"] == "not applicable").all() else f"{n}/{wanted}"
        line = [method, f"{n}" if n == wanted else missing]
        line += [
            _mean(found[name], 2 if "psnr" in name else 3, 0 < n == wanted, missing)
            for name in metrics
        ]
        timed = n and n == wanted and rows["kind"].iloc[0] != "replay"
        line += [f"{found['seconds'].mean():.2g}" if timed else "–", _knows(method, rows)]
        lines.append(line)
    return tabulate(
        lines,
        headers=["method", "n", *headings, "s/image", "is told or has learned"],
        tablefmt="github",
        disable_numparse=True,
    )


def method_order(kinds: Mapping[str, str]) -> list[str]:
    """Sort methods for display: the registry's order, then replays, then oracles.

    Parameters
    ----------
    kinds : Mapping
        From a method's label (``dd[preset=published]``) to its kind.
    """
    known = {name: position for position, name in enumerate(METHODS.names())}
    ranks = {"method": 0, "replay": 1, "oracle": 2}

    def key(label: str) -> tuple[int, int, str]:
        name = label.partition("[")[0]
        return ranks.get(kinds[label], 0), known.get(name, len(known)), label

    return sorted(kinds, key=key)


def _mean(values: pd.Series, digits: int, complete: bool, missing: str) -> str:
    if not complete:
        return missing
    if values.isna().any():
        return "–"
    if math.isinf(values.max()):
        return "∞"
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
        return interview.describe(name).knows
    except BenchError:
        return "?"


def _notice(dataset: str) -> list[str]:
    try:
        notice = DATASETS.load(dataset).notice
    except BenchError:  # a table outlives the plugin that brought its dataset
        return []
    return [notice] if notice else []


def _reasons(group: pd.DataFrame) -> list[str]:
    lost = group[~group["status"].isin(["ok"])]
    if lost.empty:
        return []
    texts = lost["reason"].fillna("")
    counts = collections.Counter(zip(lost["method"], lost["status"], texts, strict=True))
    return [
        "\n".join(
            f"- `{method}`: {count} {status}" + (f": {reason}" if reason else "")
            for (method, status, reason), count in sorted(counts.items())
        )
    ]
