"""``python -m bench report``."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLES = """\
examples:
  python -m bench report                    reports/ from results/record
  python -m bench report --results runs/mine --out runs/mine/reports

The same results give the same files, byte for byte.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--results", type=Path, default=Path("results/record"), help="default: %(default)s"
    )
    parser.add_argument("--out", type=Path, default=Path("reports"), help="default: %(default)s")


def run(options: argparse.Namespace) -> int:
    """Write the reports and name them."""
    from bench.report.build import build

    for path in build(options.results, options.out):
        print(path)
    return 0
