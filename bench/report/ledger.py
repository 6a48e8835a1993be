"""The ledger: every printed number beside the recomputed one and ours, with a verdict."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any

import pandas as pd
from tabulate import tabulate

from bench.report.record import COLUMNS, TEST_SETS, TITLES, Record
from bench.report.statistics import bootstrap_mean
from bench.report.table1 import by_cell

REASONS = Path(__file__).with_name("reasons.toml")
DIGITS = {"psnr": 2, "ssim": 3}
AUTHORS = {"DD": "published-dd", "DDS": "published-dds"}


def markdown(record: Record, table: pd.DataFrame) -> str:
    """Write the ledger.

    Parameters
    ----------
    record : Record
    table : DataFrame
        From :func:`bench.report.table1.tidy`.
    """
    settings = tomllib.loads(REASONS.read_text())
    lines, reasons = [], []
    ours = by_cell(table)
    for dataset in TEST_SETS:
        for column in COLUMNS:
            printed = record.printed.get((dataset, column))
            if printed is None:
                continue
            for metric, digits in DIGITS.items():
                recomputed = _recomputed(record, dataset, column, metric)
                theirs = printed[metric] if recomputed is None else recomputed
                mine = ours[dataset, column]
                verdict, worse = _verdict(mine, metric, theirs)
                lines.append(
                    [
                        TITLES[dataset],
                        column,
                        "PSNR" if metric == "psnr" else "SSIM",
                        f"{printed[metric]:.2f}",
                        "–" if recomputed is None else f"{recomputed:.{digits}f}",
                        _number(mine[metric], digits),
                        _number(mine[metric] - theirs, digits, "+"),
                        verdict,
                    ]
                )
                if worse and metric == "psnr":
                    why = settings["lower"].get(dataset, {}).get(column, "no reason is known yet.")
                    reasons.append(f"- {TITLES[dataset]}, {column}: {why}")
    headers = ["", "column", "metric", "printed", "recomputed", "ours", "difference", "verdict"]
    sections = [
        "# Ledger: printed, recomputed, ours",
        "*Recomputed* is scored here from the authors' own images; the printed means of DD and DDS "
        "are reproduced by it. The difference is ours minus the recomputed number where there is "
        "one, else minus the printed. *Higher* and *lower*: the 95 % interval of our mean leaves "
        "that number outside.",
        tabulate(lines, headers=headers, tablefmt="github", disable_numparse=True),
        "## Where ours is lower",
        "\n".join(reasons) or "Nowhere.",
        "## What differs beside the numbers",
        "\n".join(f"- {text}" for text in settings["differs"]),
    ]
    return "\n\n".join(sections) + "\n"


def _recomputed(record: Record, dataset: str, column: str, metric: str) -> float | None:
    if column in AUTHORS:
        cells = record.cells(dataset, AUTHORS[column])
        if record.whole(dataset, cells):
            return bootstrap_mean(cells[metric].to_numpy(float))[0]
    value = record.printed[dataset, column][f"recomputed_{metric}"]
    return None if math.isnan(value) else value


def _verdict(mine: dict[str, Any], metric: str, theirs: float) -> tuple[str, bool]:
    if math.isnan(mine[metric]):
        return "not measured", False
    if mine[f"{metric}_low"] > theirs:
        return "higher", False
    if mine[f"{metric}_high"] < theirs:
        return "lower", True
    return "level", mine[metric] < theirs


def _number(value: float, digits: int, sign: str = "") -> str:
    return "–" if math.isnan(value) else f"{value:{sign}.{digits}f}"
