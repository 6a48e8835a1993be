"""``python -m bench table``."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLES = """\
examples:
  python -m bench table                     of the default run
  python -m bench table results/record
  python -m bench table results/record --dataset 'celeba*' --method 'd*'
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("folder", type=Path, nargs="?", default=Path("runs/default"))
    parser.add_argument("--dataset", default="*", help="a pattern; default: all")
    parser.add_argument("--method", default="*", help="a pattern; default: all")


def run(options: argparse.Namespace) -> int:
    """Print the table of a folder's scores, with the cells that its run has still to do."""
    from bench.harness import scores
    from bench.report import tables
    from bench.report.patterns import choose

    frame = scores.read_planned(options.folder)
    if len(frame):
        datasets = choose(frame["dataset"], options.dataset, "dataset")
        methods = choose(frame["method"], options.method, "method")
        frame = frame[frame["dataset"].isin(datasets) & frame["method"].isin(methods)]
    print(tables.markdown(frame))
    return 0
