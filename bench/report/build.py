"""What a report holds: tables, figures and the page of whatever a results folder has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.files import write_atomically
from bench.harness import scores
from bench.report import curves, decomposition, details, layout, pictures, ratios, sweeps
from bench.report.names import escape
from bench.report.page import build_page
from bench.report.summary import summarise
from bench.report.writers import latex, markdown

HEADLINES = (
    "Means over images. SSIM (volume) is the paper's, of the RGB array as a volume. "
    f"{layout.INTERVALS} {layout.LEADING} Oracles are given the truth and replays are published "
    "images: neither is ranked. All metrics are in [details.md](details.md)."
)


def build(results: Path, folder: Path) -> Iterator[Path]:
    """Write the tables, figures and the page of a results folder.

    Parameters
    ----------
    results : Path
        With ``scores.csv`` and, where they exist, ``gallery``, ``sweeps`` and
        ``decomposition.csv``.
    folder : Path
        Where to.

    Yields
    ------
    Path
        Of every file, when it is written.

    Notes
    -----
    Nothing is read but the results folder, and the same results give the same bytes.
    """
    frame = scores.read(results)
    summary = summarise(frame)
    overview = layout.overview(summary)
    texts = {
        "table.md": _overview(overview),
        "table.csv": summary.frame().round(6).to_csv(index=False, lineterminator="\n"),
        "table.tex": latex.write(overview),
        "details.md": details.markdown(frame, summary),
    }
    for name, text in texts.items():
        write_atomically(folder / name, text)
        yield folder / name
    for name, cells in sweeps.find(results, frame).items():
        yield from curves.write(cells, name, folder, name)
    yield from ratios.write(frame, layout.shown(summary), folder)
    yield from pictures.write(results, summary, folder)
    yield from decomposition.write(results, frame, folder)
    write_atomically(folder / "index.html", build_page(results, summary))
    yield folder / "index.html"


def _overview(table: layout.Table) -> str:
    return "\n\n".join([f"# {escape(table.title)}", HEADLINES, *markdown.write_wide(table)]) + "\n"
