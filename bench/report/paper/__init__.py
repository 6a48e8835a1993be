"""The paper's reproduction: Table 1 as printed and as measured, the ledger, claims and figures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.files import write_atomically
from bench.report.paper import claims, figures, ledger, pggan, readme, table1
from bench.report.paper.record import Record

__all__ = ["Record", "build"]


def build(results: Path, folder: Path) -> Iterator[Path]:
    """Write the paper's table, ledger, claims and figures.

    Parameters
    ----------
    results : Path
        A results folder with the published test sets, such as ``results/record``; the folder
        ``published`` beside it, if there is one, has rows by the published procedure.
    folder : Path
        Where to; the README beside it, if there is one, has its table replaced.

    Yields
    ------
    Path
        Of every file, when it is written.

    Notes
    -----
    The same results give the same bytes.
    """
    record = Record(results)
    texts = {
        "table1.md": table1.markdown(record),
        "table1.csv": table1.tidy(record).to_csv(index=False, lineterminator="\n"),
        "table1.tex": table1.latex(record),
        "ledger.md": ledger.markdown(record),
        "claims.md": claims.markdown(record),
    }
    if large := pggan.markdown(record):
        texts["pggan.md"] = large
    for name, text in texts.items():
        write_atomically(folder / name, text)
        yield folder / name
    yield from figures.write(record, folder)
    if readme.refresh(folder.parent / "README.md", record):
        yield folder.parent / "README.md"
