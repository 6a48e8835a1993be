"""``python -m bench merge``."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.cli import arguments

EXAMPLES = """\
examples:
  python -m bench merge runs/monday runs/tuesday -o runs/both
  python -m bench merge results/record runs/mine -o results/record --prefer runs/mine

Cells are merged one by one, with their restorations, scores and runs; a folder that comes without
its store, as results/record does in a clone, keeps the rows of its scores.csv. Cells that differ
between the two (another identity or other scores under one label) are refused by name, unless
--prefer says which folder wins. Of one cell, a success is taken over a failure. Of a run that was
stopped comes what it has computed: cells that it only planned are left out, until its command is
given again.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("first", type=Path, help="results folder")
    parser.add_argument("second", type=Path, help="results folder")
    arguments.add_output(parser, help="a new folder, or one of the two", required=True)
    parser.add_argument(
        "--prefer",
        type=Path,
        metavar="FOLDER",
        help="the folder whose cells win where the two differ",
    )


def run(options: argparse.Namespace) -> int:
    """Merge, and say how many rows came from where."""
    import bench

    merged = bench.merge(options.first, options.second, options.output, prefer=options.prefer)
    print(
        f"{len(merged.frame)} rows in {options.output / 'scores.csv'}: {merged.first} of "
        f"{options.first}, {merged.second} of {options.second}; {merged.both} were in both."
    )
    if merged.pending:
        print(f"{merged.pending} cells that were planned and never ran are left out.")
    return 0
