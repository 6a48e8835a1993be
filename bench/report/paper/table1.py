"""Table 1 as measured: Markdown, CSV and LaTeX."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bench.harness.columns import METRICS
from bench.report.layout import INTERVALS, LEADING, Column, Entry, Line, Table, entry
from bench.report.names import full_name
from bench.report.paper.record import (
    CONTENDERS,
    METHODS,
    ORACLES,
    RANGE,
    TEST_SETS,
    TITLES,
    Record,
)
from bench.report.summary import Mean, Row
from bench.report.writers import latex as latex_writer
from bench.report.writers.markdown import grid

SHOWN = ("psnr", "ssim")
GROUPS = {
    "blurry": "input",
    **dict.fromkeys(CONTENDERS, "blind"),
    RANGE: "range",
    **dict.fromkeys(ORACLES, "oracle"),
}
"""Every column and the group that it is of."""
EXPLANATION = f"""\
Means over the published test images at 1 % noise; SSIM is the paper's, of the RGB array as a
volume. {LEADING} Wilcoxon's test is in `table1.csv`. {INTERVALS} *range* is Deep Deblur on blurred
range images, scored against those, and oracles are given the truth: neither is ranked."""


def tidy(record: Record) -> pd.DataFrame:
    """One row per dataset and column, with means, intervals and the tests behind the bold.

    Returns
    -------
    DataFrame
        Columns dataset, column, group, n, wanted, psnr, psnr_low, psnr_high, ssim, ssim_low,
        ssim_high, leading, behind (dB below the best), p_permutation, p_holm, p_wilcoxon.
    """
    rows = []
    for dataset in TEST_SETS:
        for column, group in GROUPS.items():
            found = record.row(dataset, column)
            flat = {
                "dataset": dataset,
                "column": column,
                "group": group,
                "n": found.n if found else 0,
                "wanted": record.images(dataset, column),
            }
            for metric in SHOWN:
                mean = found.means[metric] if found and found.comparable else Mean()
                flat |= {metric: mean.value, f"{metric}_low": mean.low, f"{metric}_high": mean.high}
            if found:
                flat |= {
                    "leading": found.leading,
                    "behind": found.behind,
                    "p_permutation": found.p_permutation,
                    "p_holm": found.p_holm,
                    "p_wilcoxon": found.p_wilcoxon,
                }
            rows.append(flat)
    return pd.DataFrame(rows).round(4)


def markdown(record: Record) -> str:
    """Lay the table out as the paper does: a row per dataset and metric, a column per method."""
    blind = ["blurry", *CONTENDERS, RANGE]
    columns = [column for column in GROUPS if column != "blurry"]
    names = [f"- {column}: {full_name(METHODS[column])}" for column in columns]
    return (
        "\n\n".join(
            [
                "# Table 1 as measured",
                EXPLANATION,
                _block(record, blind[:9]),
                "Further blind methods, and *range*:",
                _block(record, blind[9:]),
                "Oracles, set apart:",
                _block(record, list(ORACLES)),
                "The columns are:",
                "\n".join(names),
            ]
        )
        + "\n"
    )


def _block(record: Record, columns: Sequence[str]) -> str:
    lines = []
    for dataset in TEST_SETS:
        for metric in SHOWN:
            cells = [cell(record.row(dataset, column), metric) for column in columns]
            texts = [stacked(found) for found in cells]
            lines.append([f"{TITLES[dataset]} {METRICS[metric].heading}", *texts])
    return grid(lines, ["", *columns])


def stacked(found: Entry) -> str:
    """Write a mean with its interval below it."""
    text = f"**{found.text}**" if found.bold else found.text
    return f"{text}<br>{found.interval}" if found.interval else text


def cell(row: Row | None, metric: str) -> Entry:
    """Write a mean over all images of the set; what is of fewer has none."""
    if row is None or (row.state == "whole" and not row.comparable):
        return Entry(row.count if row else "–")
    return entry(row.means[metric], metric, row)


def table(record: Record) -> Table:
    """Return methods down, datasets across."""
    columns = [
        Column(METRICS[metric].heading, span=TITLES[dataset])
        for dataset in TEST_SETS
        for metric in SHOWN
    ]
    lines = []
    for column, group in GROUPS.items():
        rows = [record.row(dataset, column) for dataset in TEST_SETS]
        entries = tuple(cell(row, metric) for row in rows for metric in SHOWN)
        lines.append(Line(column, full_name(METHODS[column]).partition(" (")[0], group, entries))
    return Table("Table 1", tuple(columns), tuple(lines))


def latex(record: Record) -> str:
    """Lay the table out for LaTeX with booktabs: methods down, datasets across."""
    return latex_writer.write(table(record))
