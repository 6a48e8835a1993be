"""All files under ``reports/`` that come from the run of record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.files import write_atomically
from bench.harness import scores
from bench.report import claims, curves, details, figures, ledger, ratios, readme, table1
from bench.report.page import build_page
from bench.report.record import Record


def build(results: Path, reports: Path) -> Iterator[Path]:
    """Write tables, figures and the page.

    Parameters
    ----------
    results : Path
        A results folder with the published test sets, such as ``results/record``.
    reports : Path
        The README beside it, if there is one, has its table replaced.

    Yields
    ------
    Path
        Of every file, when it is written.

    Notes
    -----
    Nothing is read but the results folder, and the same results give the same bytes.
    """
    record = Record(results)
    table = table1.tidy(record)
    texts = {
        "table1.md": table1.markdown(table),
        "table1.csv": table.to_csv(index=False, lineterminator="\n"),
        "table1.tex": table1.latex(table),
        "ledger.md": ledger.markdown(record, table),
        "claims.md": claims.markdown(record),
        "details.md": details.markdown(record),
    }
    for name, text in texts.items():
        write_atomically(reports / name, text)
        yield reports / name
    for sweep, stem in (("noise", "figure9"), ("blur-length", "blur-length")):
        path = results / "sweeps" / sweep
        if path.is_dir():
            yield from curves.write(scores.read(path), sweep, reports, stem)
    yield from figures.write(record, reports)
    yield from ratios.write(record, reports)
    if readme.refresh(reports.parent / "README.md", record, table):
        yield reports.parent / "README.md"
    write_atomically(reports / "index.html", build_page(results))
    yield reports / "index.html"
