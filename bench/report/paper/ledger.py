"""The ledger: every printed number next to the recomputed ones and ours, with a verdict."""

from __future__ import annotations

import math
from pathlib import Path

from bench.files import read_toml
from bench.harness.columns import METRICS
from bench.report.names import full_name
from bench.report.paper.record import COLUMNS, METHODS, TEST_SETS, TITLES, Record
from bench.report.paper.table1 import SHOWN
from bench.report.summary import Mean
from bench.report.writers.markdown import grid

REASONS = Path(__file__).with_name("reasons.toml")
AUTHORS = {"DD": "published-dd", "DDS": "published-dds"}
"""Columns of which the authors published their images."""
PROCEDURE = {"DD": "dd[preset=published]", "DDS": "dds[preset=published]"}
"""Columns that the published procedure was run for, with our generators."""
EXPLANATION = """\
Three ways to a number of the paper's: *authors' images* are their own outputs, scored here (of
other columns, the mean recomputed from what they published, where it is known); *published
procedure* is theirs to the letter with our generators (with its n where it is not of all images);
*ours* is our solver. The difference is ours minus the authors' images where there are any, else
minus the printed mean. *Higher* and *lower*: the 95 % interval of our mean leaves that number
outside."""


def markdown(record: Record) -> str:
    """Write the ledger."""
    settings = read_toml(REASONS)
    lines, reasons = [], []
    for dataset in TEST_SETS:
        for column in COLUMNS:
            printed = record.printed.get((dataset, column))
            if printed is None:
                continue
            for metric in SHOWN:
                recomputed = _recomputed(record, dataset, column, metric)
                theirs = printed[metric] if recomputed is None else recomputed
                mine = _mean(record, dataset, column, metric)
                verdict, worse = _verdict(mine, theirs)
                digits = METRICS[metric].table_digits
                lines.append(
                    [
                        TITLES[dataset],
                        column,
                        METRICS[metric].heading,
                        f"{printed[metric]:.2f}",
                        "–" if recomputed is None else f"{recomputed:.{digits}f}",
                        _procedure(record, dataset, column, metric),
                        _number(mine.value, digits),
                        _number(mine.value - theirs, digits, "+"),
                        verdict,
                    ]
                )
                if worse and metric == SHOWN[0]:
                    why = settings["lower"].get(dataset, {}).get(column, "no reason is known yet.")
                    reasons.append(f"- {TITLES[dataset]}, {column}: {why}")
    headers = [
        *("", "column", "metric", "printed", "authors' images", "published procedure"),
        *("ours", "difference", "verdict"),
    ]
    names = ", ".join(f"{column} is {full_name(METHODS[column])}" for column in COLUMNS)
    sections = [
        "# Ledger: printed, recomputed, ours",
        EXPLANATION,
        grid(lines, headers),
        f"{names}, on range images.",
        "## Where ours is lower",
        "\n".join(reasons) or "Nowhere.",
        "## What differs beside the numbers",
        "\n".join(f"- {text}" for text in settings["differs"]),
    ]
    return "\n\n".join(sections) + "\n"


def _mean(record: Record, dataset: str, column: str, metric: str) -> Mean:
    row = record.row(dataset, column)
    return row.means[metric] if row and row.comparable else Mean()


def _recomputed(record: Record, dataset: str, column: str, metric: str) -> float | None:
    if column in AUTHORS:
        found = _mean(record, dataset, AUTHORS[column], metric)
        if found.known:
            return found.value
    value = record.printed[dataset, column][f"recomputed_{metric}"]
    return None if math.isnan(value) else value


def _procedure(record: Record, dataset: str, column: str, metric: str) -> str:
    row = record.published(dataset, PROCEDURE[column]) if column in PROCEDURE else None
    if row is None or not row.means[metric].known:
        return "–"
    text = f"{row.means[metric].value:.{METRICS[metric].table_digits}f}"
    return text if row.n == record.images(dataset) else f"{text} (n = {row.n})"


def _verdict(mine: Mean, theirs: float) -> tuple[str, bool]:
    if not mine.known:
        return "not measured", False
    if mine.low > theirs:
        return "higher", False
    if mine.high < theirs:
        return "lower", True
    return "level", mine.value < theirs


def _number(value: float, digits: int, sign: str = "") -> str:
    return "–" if math.isnan(value) else f"{value:{sign}.{digits}f}"
