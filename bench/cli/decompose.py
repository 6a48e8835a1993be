"""``python -m bench decompose``."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.cli import arguments

EXAMPLES = """\
examples:
  python -m bench decompose results/record              writes results/record/decomposition.csv
  python -m bench decompose runs/mine --images 24

Every finished cell of a blind method that returned a kernel takes part, third parties' included.
'python -m bench report' makes reports/decomposition.md and a figure of it.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("folder", type=Path, help="results folder with its store")
    parser.add_argument(
        "-n", "--images", type=arguments.positive, metavar="N", help="only the first N"
    )


def run(options: argparse.Namespace) -> int:
    """Measure and write."""
    from bench.harness.session import Datasets
    from bench.report.decompose import FILE, decompose

    frame = decompose(options.folder, Datasets(), options.images or 0)
    print(f"{options.folder / FILE}: {len(frame)} cells of {frame['method'].nunique()} methods")
    return 0
