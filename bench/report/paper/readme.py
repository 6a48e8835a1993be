"""The README's table, kept true by the report."""

from __future__ import annotations

from pathlib import Path

from bench.errors import BenchError
from bench.files import write_atomically
from bench.report.names import title
from bench.report.paper.record import METHODS, ORACLES, RANGE, TEST_SETS, TITLES, Record
from bench.report.paper.table1 import GROUPS, SHOWN, cell
from bench.report.writers.markdown import grid

BEGIN, END = "<!-- table: made by python -m bench report -->", "<!-- end of table -->"
REPLAYS = ("published-dd", "published-dds")


def refresh(path: Path, record: Record) -> bool:
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
    write_atomically(path, f"{before}{BEGIN}\n{short_table(record)}\n{END}{after}")
    return True


def short_table(record: Record) -> str:
    """Return methods down, datasets across: mean PSNR and SSIM, leading group bold, n once."""
    lines = []
    for column in (*GROUPS, *REPLAYS):
        texts = [_text(record, dataset, column) for dataset in TEST_SETS]
        if any(text != "–" for text in texts):
            lines.append([_name(column), *texts])
    headers = ["PSNR (dB) / SSIM", *(f"{TITLES[d]} ({record.images(d)})" for d in TEST_SETS)]
    return grid(lines, headers)


def _name(column: str) -> str:
    method = METHODS.get(column, column)
    name = f"{title(method)} (`{method}`)" if title(method) else f"`{method}`"
    if column == RANGE:
        return f"{name} on range images"
    return f"{name}, oracle" if column in ORACLES else name


def _text(record: Record, dataset: str, column: str) -> str:
    cells = [cell(record.row(dataset, column), metric) for metric in SHOWN]
    if any("/" in found.text or found.text == "–" for found in cells):
        return "–"
    text = " / ".join(found.text for found in cells)
    return f"**{text}**" if cells[0].bold else text
