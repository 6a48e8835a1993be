"""The natural track: photographs without a class prior, and what their published numbers mean."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from bench.errors import BenchError
from bench.files import write_atomically
from bench.harness import scores
from bench.report import curves, layout, ratios, registration, sweeps
from bench.report.natural import ledger, success
from bench.report.summary import View, summarise
from bench.report.writers import markdown

__all__ = ["SETS", "build"]

SETS = ("levin", "text", "lai", "bsd68-levin", "bsd68-motion")
"""Data sets in the tables' order; photographs without a truth are not among them."""
STEM = "natural"
INTRODUCTION = f"""\
# Photographs without a class prior

Methods are told the kernel's size, the noise and that the boundary is free; none knows what the
photograph shows. Scores follow each set's procedure: a registration to the truth within a few
pixels, in quarters of one, and a cropped border. {layout.INTERVALS} {layout.LEADING}"""

SIZES = """\
## Kernel size unknown

Methods are told a bound in place of the kernel's size: so many times the true one."""


def build(results: Path, folder: Path) -> Iterator[Path]:
    """Write ``natural.md`` and the curves of error ratios.

    Parameters
    ----------
    results : Path
        With scores of some of :data:`SETS` and, for times per megapixel and the ledger, the
        ``registration.csv`` that ``python -m bench realign`` writes.
    folder : Path
        Where to.

    Yields
    ------
    Path
        Of every file, when it is written.

    Raises
    ------
    BenchError
        If the folder has no scores of these sets.

    Notes
    -----
    The same results give the same bytes.
    """
    frame = scores.read(results)
    frame = frame[frame["dataset"].isin(SETS)]
    if frame.empty:
        raise BenchError(
            f"{results} has no scores of photographs; run methods on {', '.join(SETS)} first."
        )
    summary = summarise(frame)
    views = sorted(summary.views, key=lambda view: SETS.index(view.dataset))
    registered = registration.read(results)
    table, sizes = layout.overview(summary, views), _sizes(results, frame)
    write_atomically(folder / f"{STEM}.md", _markdown(table, views, frame, registered, sizes))
    yield folder / f"{STEM}.md"
    yield from ratios.write(frame, views, folder, f"{STEM}-{ratios.STEM}")


def _sizes(results: Path, frame: pd.DataFrame) -> list[str]:
    """Show what it costs to know but a bound of the kernel's size, where that was measured."""
    cells = sweeps.of(results, frame, "kernel-size")
    cells = cells[cells["dataset"].isin(SETS)]
    if cells.empty:
        return []
    kinds = dict(zip(cells["method"], cells["kind"], strict=True))
    return [SIZES, *curves.tables(sweeps.points(cells), kinds, heading="###")]


def _markdown(
    table: layout.Table,
    views: list[View],
    frame: pd.DataFrame,
    registered: pd.DataFrame,
    sizes: list[str],
) -> str:
    sections = [
        INTRODUCTION,
        "## Table 2",
        *markdown.write_wide(table),
        *layout.notices(views),
        "## How often, how far and how fast",
        success.EXPLANATION,
        *success.tables(views, frame, registered),
        *sizes,
        "## Ledger of Levin's photographs",
        *ledger.sections(views, registered),
    ]
    return "\n\n".join(sections) + "\n"
