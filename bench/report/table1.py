"""Table 1 as measured: Markdown, CSV and LaTeX."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
from tabulate import tabulate

from bench.report.record import COLUMNS, ORACLES, OURS, TEST_SETS, TITLES, Record
from bench.report.statistics import above, bootstrap_mean, holm

MARGIN = 0.1
"""Decibels that do not count as a difference."""
LEVEL = 0.05
METRICS = {"psnr": ("PSNR", 2), "ssim": ("SSIM", 3)}
CONTENDERS = [*(column for column in COLUMNS if column != "range"), *OURS]
EXPLANATION = f"""\
Means over the published test images at 1 % noise, with 95 % bootstrap intervals; SSIM is the
paper's, of the RGB array as a volume. **Bold**: the leading group among the blind methods, which is
the best mean and whatever is not more than {MARGIN:g} dB below it by a paired permutation test
(5 %, Holm's correction over the methods of a row; Wilcoxon's test is in `table1.csv`). *range* is
Deep Deblur on blurred range images, scored against those, and oracles are given the truth: neither
is ranked. *n/N*: cells are missing and nothing is averaged."""


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
        groups = {"blurry": "input", **dict.fromkeys(CONTENDERS, "blind"), "range": "range"}
        groups |= dict.fromkeys(ORACLES, "oracle")
        cells = {column: record.column(dataset, column) for column in groups}
        tests = _leading(record, dataset, {c: cells[c] for c in CONTENDERS})
        for column, group in groups.items():
            where = f"{dataset}-range" if column == "range" else dataset
            found = cells[column]
            row = {
                "dataset": dataset,
                "column": column,
                "group": group,
                "n": len(found),
                "wanted": record.frame[record.frame["dataset"] == where]["image"].nunique(),
            }
            if record.whole(where, found):
                for metric in METRICS:
                    mean, low, high = bootstrap_mean(found[metric].to_numpy(float))
                    row |= {metric: mean, f"{metric}_low": low, f"{metric}_high": high}
            rows.append(row | tests.get(column, {}))
    return pd.DataFrame(rows).round(4)


def _leading(
    record: Record, dataset: str, cells: dict[str, pd.DataFrame]
) -> dict[str, dict[str, float | bool]]:
    """Test every blind method against the best one on a dataset."""
    complete = {c: f for c, f in cells.items() if record.whole(dataset, f)}
    if not complete:
        return {}
    best = max(complete, key=lambda column: complete[column]["psnr"].mean())
    others = [column for column in complete if column != best]
    top = complete[best]
    tests = {
        column: above(top["psnr"], complete[column]["psnr"], top["kernel_id"].tolist(), MARGIN)
        for column in others
    }
    adjusted = dict(zip(others, holm([tests[c][0].p_value for c in others]), strict=True))
    found: dict[str, dict[str, float | bool]] = {best: {"leading": True, "behind": 0.0}}
    for column in others:
        difference, wilcoxon = tests[column]
        found[column] = {
            "leading": adjusted[column] >= LEVEL,
            "behind": difference.mean,
            "p_permutation": difference.p_value,
            "p_holm": adjusted[column],
            "p_wilcoxon": wilcoxon,
        }
    return found


def markdown(table: pd.DataFrame) -> str:
    """Lay the table out as the paper does: a row per dataset and metric, a column per method."""
    blind = ["blurry", *CONTENDERS, "range"]
    return (
        "\n\n".join(
            [
                "# Table 1 as measured",
                EXPLANATION,
                _block(table, blind[:9]),
                "Further blind methods, and *range*:",
                _block(table, [*blind[9:]]),
                "Oracles, set apart:",
                _block(table, list(ORACLES)),
            ]
        )
        + "\n"
    )


def _block(table: pd.DataFrame, columns: Sequence[str]) -> str:
    cell = by_cell(table)
    lines = [
        [f"{TITLES[dataset]} {name}", *(_cell(cell[dataset, c], metric) for c in columns)]
        for dataset in TEST_SETS
        for metric, (name, _) in METRICS.items()
    ]
    return tabulate(lines, headers=["", *columns], tablefmt="github", disable_numparse=True)


def by_cell(table: pd.DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
    """Rows of :func:`tidy` by dataset and column."""
    return {(row["dataset"], row["column"]): row for row in table.to_dict("records")}  # type: ignore[misc]


def _cell(row: dict[str, Any], metric: str) -> str:
    digits = METRICS[metric][1]
    if math.isnan(row[metric]):
        return f"{row['n']}/{row['wanted']}" if row["n"] > 0 else "–"
    text = f"{row[metric]:.{digits}f}"
    if row.get("leading") is True and metric == "psnr":
        text = f"**{text}**"
    return f"{text}<br>[{row[f'{metric}_low']:.{digits}f}, {row[f'{metric}_high']:.{digits}f}]"


def latex(table: pd.DataFrame) -> str:
    """Lay the table out for LaTeX with booktabs: methods down, datasets across."""
    cell = by_cell(table)
    lines = [
        r"% Made by 'python -m bench report'; needs \usepackage{booktabs}.",
        r"\begin{tabular}{l" + "rr" * len(TEST_SETS) + "}",
        r"\toprule",
        " & ".join(["", *(rf"\multicolumn{{2}}{{c}}{{{TITLES[d]}}}" for d in TEST_SETS)]) + r" \\",
        " & ".join(["", *["PSNR & SSIM"] * len(TEST_SETS)]) + r" \\",
    ]
    for group in ("input", "blind", "range", "oracle"):
        lines.append(r"\midrule")
        for column in dict.fromkeys(table[table["group"] == group]["column"]):
            cells = [column]
            for dataset in TEST_SETS:
                row = cell[dataset, column]
                for metric, (_, digits) in METRICS.items():
                    value = row[metric]
                    text = "--" if math.isnan(value) else f"{value:.{digits}f}"
                    bold = row.get("leading") is True and metric == "psnr"
                    cells.append(rf"\textbf{{{text}}}" if bold else text)
            lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"
