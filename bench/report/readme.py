"""The README's table, kept true by the report."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
from tabulate import tabulate

from bench.errors import BenchError
from bench.files import write_atomically
from bench.report.record import COLUMNS, ORACLES, OURS, TEST_SETS, TITLES, Record
from bench.report.table1 import by_cell

BEGIN, END = "<!-- table: made by python -m bench report -->", "<!-- end of table -->"
NAMES = {**COLUMNS, **OURS, **ORACLES, "blurry": "blurry"}
REPLAYS = {"published-dd": "the authors' images, replayed", "published-dds": "likewise"}


def refresh(path: Path, record: Record, table: pd.DataFrame) -> bool:
    """Replace the table between the markers of a README; False if there is no such file.

    Raises
    ------
    BenchError
        If the file has lost its markers.
    """
    if not path.is_file():
        return False
    text = path.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise BenchError(
            f"{path} has no {BEGIN!r} … {END!r}; put the markers where the table goes."
        )
    write_atomically(path, f"{before}{BEGIN}\n{short_table(record, table)}\n{END}{after}")
    return True


def short_table(record: Record, table: pd.DataFrame) -> str:
    """Methods down, datasets across: mean PSNR and SSIM, leading group bold, n once."""
    cells = by_cell(table)
    counts = {d: int(cells[d, "blurry"]["wanted"]) for d in TEST_SETS}
    lines = []
    for column, method in NAMES.items():
        row = [_name(column, method)]
        for dataset in TEST_SETS:
            cell = cells.get((dataset, column))
            row.append("–" if cell is None or math.isnan(cell["psnr"]) else _text(cell))
        if any(text != "–" for text in row[1:]):
            lines.append(row)
    for method, words in REPLAYS.items():
        found = [record.cells(dataset, method) for dataset in TEST_SETS]
        row = [f"{f['psnr'].mean():.2f} / {f['ssim'].mean():.3f}" if len(f) else "–" for f in found]
        lines.append([f"`{method}` ({words})", *row])
    lines.sort(key=lambda row: not row[0].startswith("`blurry`"))
    return tabulate(
        lines,
        headers=["PSNR (dB) / SSIM", *(f"{TITLES[d]} ({counts[d]})" for d in TEST_SETS)],
        tablefmt="github",
        disable_numparse=True,
    )


def _name(column: str, method: str) -> str:
    if column in ORACLES:
        return f"`{method}` (oracle)"
    return "`dd` on range images" if column == "range" else f"`{method}`"


def _text(cell: dict) -> str:
    text = f"{cell['psnr']:.2f} / {cell['ssim']:.3f}"
    return f"**{text}**" if cell.get("leading") is True else text
